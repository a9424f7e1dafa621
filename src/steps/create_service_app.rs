//! `create_service_app`: the service app in the hub that the connection signs in as, found by its id where the ledger knows
//! it, else by its name among the hub's, and made when there is none. Once only: when an answer is lost, the hub's are
//! listed again before anything is sent again. One that is there and differs is mended.

use super::hub::Lacking;
use super::listing::Since;
use super::outside::Outside;
use super::supposition::Supposition;
use super::{Basis, Context, Outcome, Pages, StepError};
use crate::manifest::Hub;
use crate::model::{Changed, Why};
use crate::okta::clients::{self, ServiceClient, WholeClient};
use crate::okta::service_app::{self, ServiceApp};
use crate::pacing::Idempotency;
use crate::plan::{Difference, Part, client_differences, found_client};

/// How a service app was found.
struct Found {
    client: ServiceClient,
    /// All of it, where it was read as a client.
    whole: Option<WholeClient>,
}

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let (hub, uri) = (context.hub()?, context.jwks_uri()?);
    let known = context.known_client().await?;
    if let Some(id) = &known
        && let Some(found) = look(context, &hub, id).await?
    {
        return take(context, &hub, &uri, found).await;
    }
    let found = named(context, &hub).await?;
    if let Some(client) = found_client(&hub, &uri, &found)? {
        let found = Found {
            client: client.clone(),
            whole: None,
        };
        return take(context, &hub, &uri, found).await;
    }
    if known.is_some() && is_left(context, &hub).await? {
        return Ok(Outcome::LeftAlone);
    }
    create(context, &hub, &uri).await
}

/// Looks at the one that the ledger knows; `None` = it is not there any more. Where its tokens are to be bound to a key
/// it is looked at as an app, which shows that, too.
async fn look(context: &mut Context<'_>, hub: &Hub, id: &str) -> Result<Option<Found>, StepError> {
    let looked = if hub.dpop {
        let call = service_app::get(id);
        let shown = context.read(&call, Some, |supposed| Ok(supposed.read_service_app()));
        shown.await.map(|app: Option<ServiceApp>| {
            let app = app?;
            let client = app.client.clone();
            context.in_hub().app = Some(app);
            Some(Found {
                client,
                whole: None,
            })
        })
    } else {
        let call = clients::get(id);
        let shown = context.read(&call, Some, |supposed| Ok(supposed.read_client()));
        shown.await.map(|whole: Option<WholeClient>| {
            let whole = whole?;
            Some(Found {
                client: whole.client.clone(),
                whole: Some(whole),
            })
        })
    };
    match looked {
        Err(StepError::Call { error, .. }) if error.http_status == Some(404) => Ok(None),
        looked => looked,
    }
}

/// The hub's service apps with the name. One entry lists, the others with theirs there wait for it.
async fn named(context: &mut Context<'_>, hub: &Hub) -> Result<Vec<ServiceClient>, StepError> {
    let lost = context.may_have_been_sent();
    if let Outside::Supposed(supposed) = &context.outside {
        let listed = supposed.seen.hub.listed.clone();
        if let Some(org) = context.rehearsed() {
            let by = context.by_entry();
            // Boxed, so that entries of a run, which never come here, take no memory for it.
            if lost {
                Box::pin(org.list_clients_again(by)).await?;
            } else {
                Box::pin(org.list_clients(by)).await?;
            }
        }
        return Ok(listed);
    }
    let (access, priority) = (context.live()?.access, context.priority());
    let mut caller = context.reading();
    let named = |pages: &Pages<ServiceClient>| pages.named(&hub.client_name);
    let since = if lost { Since::Now } else { Since::Run };
    let by = (&access.reader, priority);
    access.clients.find(since, by, &mut caller, named).await
}

/// Takes one that is there, and makes it what the entry wants.
async fn take(
    context: &mut Context<'_>,
    hub: &Hub,
    uri: &str,
    found: Found,
) -> Result<Outcome, StepError> {
    let differences = client_differences(hub, uri, &found.client)?;
    let id = found.client.id.clone();
    let made_by_us = context.may_have_been_sent() && differences.is_empty();
    context.choose_client(id.clone()).await?;
    if made_by_us {
        return Ok(made(context, hub));
    }
    if differences.is_empty() || context.lacks(&differences).await? == Lacking::Leave {
        return Ok(Outcome::Done { changed: false });
    }
    let whole = if let Some(whole) = found.whole {
        whole
    } else {
        let supposed =
            |supposed: &mut Supposition<'_>| Ok(supposed.read_found_client(found.client));
        let call = clients::get(&id);
        context.read(&call, |whole| whole, supposed).await?
    };
    let has = |path: &str| differences.iter().any(|found| found.path == path);
    let new_uri = has("jwksUri").then_some(uri);
    let call = clients::replace(&whole, &hub.client_name, new_uri);
    let fits = |client: ServiceClient| {
        let differs = client_differences(hub, uri, &client);
        differs.is_ok_and(|differs| differs.is_empty())
    };
    let as_wanted = |shown: Option<ServiceClient>| shown.is_some_and(fits);
    let obeyed = |supposed: &mut Supposition<'_>| {
        supposed.replace_client(&differences);
        true
    };
    // What was read of it as an app is not what it is from here on.
    context.in_hub().app = None;
    let sent = context.write(&call, Idempotency::Idempotent, as_wanted, obeyed);
    if sent.await? {
        return Ok(Outcome::Done { changed: true });
    }
    // A 2xx proves nothing by itself.
    let shown = context.read_live(&clients::get(&id)).await?;
    if fits(shown.client) {
        return Ok(Outcome::Done { changed: true });
    }
    Err(StepError::failed(
        format!(
            "Okta accepted the change of service app {id} in {} but does not show it",
            hub.org
        ),
        "look at the service app in the hub's Admin Console",
    ))
}

/// Whether one that somebody removed by hand stays so.
async fn is_left(context: &mut Context<'_>, hub: &Hub) -> Result<bool, StepError> {
    let gone = Difference::text("clientName", None, &hub.client_name);
    let lacking = context.lacks(&[gone]).await?;
    Ok(lacking == Lacking::Leave)
}

async fn create(context: &mut Context<'_>, hub: &Hub, uri: &str) -> Result<Outcome, StepError> {
    let call = clients::create(&hub.client_name, uri);
    let obeyed = Supposition::create_service_app;
    let sent = context.write(&call, Idempotency::OnceOnly, |made| made.id, obeyed);
    let id = sent.await?;
    context.choose_client(id).await?;
    let in_hub = context.in_hub();
    (in_hub.app, in_hub.roles, in_hub.scopes) = (None, Some(Vec::new()), Some(Vec::new()));
    Ok(made(context, hub))
}

/// The service app that is there now is the change, unless what it makes good is noted already.
fn made(context: &mut Context<'_>, hub: &Hub) -> Outcome {
    if context.row.progress.changing.is_empty() {
        let change = Changed {
            field: format!("{}.clientName", Part::Hub),
            why: Why::New,
            values: Some((None, hub.client_name.as_str().into())),
        };
        context.changing(vec![change], Basis::Ledger);
    }
    Outcome::Done { changed: true }
}
