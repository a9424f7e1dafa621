//! `update_idp`: the identity provider lets in those whom the app signs in, and is otherwise as it should be. A PUT replaces
//! all of it (API.md §6, row 3): it is sent back whole, its policy with it.

use super::federation::listed_idps;
use super::hub::Lacking;
use super::listing::Since;
use super::outside::Outside;
use super::supposition::Supposition;
use super::{Context, Outcome, StepError};
use crate::manifest::Hub;
use crate::model::Step;
use crate::okta::idps::{self, IdentityProvider, WholeProvider};
use crate::pacing::Idempotency;
use crate::plan::{idp_differences, no_idp};

/// It as it was found.
struct Found {
    idp: IdentityProvider,
    /// All of it, where that is known.
    whole: Option<WholeProvider>,
}

impl Found {
    fn of(whole: WholeProvider) -> Self {
        Self {
            idp: whole.provider.clone(),
            whole: Some(whole),
        }
    }
}

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let (hub, app_id, origin) = (context.hub()?, context.app_id()?, context.own_origin());
    let Some(federation) = context.row.progress.idp.as_deref().cloned() else {
        return Err(StepError::failed(
            "the identity provider's id is not known",
            "run again with --new",
        ));
    };
    let id = federation.id;
    // Okta gives the client of an app that it creates the app's id.
    let client_id = federation.client_id.unwrap_or_else(|| app_id.clone());
    let Found { idp, whole } = match known(context, &hub, &id).await? {
        Some(found) => found,
        None => look(context, &hub, &app_id, &id).await?,
    };
    let differences = idp_differences(&hub, &origin, &client_id, &idp)?;
    if differences.is_empty() || context.lacks(&differences).await? == Lacking::Leave {
        return Ok(Outcome::Done { changed: false });
    }
    let whole = match whole {
        Some(whole) => whole,
        None => read(context, &id, |_| Some(WholeProvider::supposed(idp)))
            .await?
            .ok_or_else(|| no_idp(&hub, &app_id, &id))?,
    };
    let name = hub.idp_name().unwrap_or_default();
    let call = idps::replace(&whole, name, &client_id);
    let fits = |shown: &IdentityProvider| {
        let differs = idp_differences(&hub, &origin, &client_id, shown);
        differs.is_ok_and(|differs| differs.is_empty())
    };
    let as_wanted = |shown: Option<IdentityProvider>| shown.as_ref().is_some_and(fits);
    let obeyed = |supposed: &mut Supposition<'_>| {
        supposed.update_idp(&differences);
        true
    };
    let sent = context.write(&call, Idempotency::Idempotent, as_wanted, obeyed);
    if sent.await? {
        return Ok(Outcome::Done { changed: true });
    }
    // A 2xx proves nothing by itself.
    if fits(&context.read_live(&idps::get(&id)).await?.provider) {
        return Ok(Outcome::Done { changed: true });
    }
    Err(StepError::failed(
        format!(
            "Okta accepted the change of identity provider {id} in {} but does not show it",
            hub.org
        ),
        "look at the identity provider in the hub's Admin Console (Security, Identity Providers)",
    ))
}

/// What is known of it without a look at it: this process just made it, or listed it with the others. Nothing once a
/// change may have been made since: what a run made before it was interrupted, somebody may have changed.
async fn known(context: &mut Context<'_>, hub: &Hub, id: &str) -> Result<Option<Found>, StepError> {
    if context.row.progress.attempts > 0 {
        return Ok(None);
    }
    let is_as_made = match &context.outside {
        Outside::Live(live) => live.access.idps.was_made(id),
        Outside::Supposed(_) => was_made(context),
    };
    if is_as_made {
        let name = hub.idp_name().unwrap_or_default();
        let whole = idps::created(id, name, &context.own_origin());
        return Ok(Some(Found::of(whole)));
    }
    let listed = listed_idps(context, Since::Run, |idp| idp.id == id).await?;
    let listed = listed.into_iter().next();
    Ok(listed.map(|idp| Found { idp, whole: None }))
}

/// Whether this run made it.
fn was_made(context: &Context<'_>) -> bool {
    let mut records = context.row.progress.steps.iter();
    records.any(|record| record.step == Step::CreateIdp && record.changed)
}

async fn look(
    context: &mut Context<'_>,
    hub: &Hub,
    app_id: &str,
    id: &str,
) -> Result<Found, StepError> {
    let was_made = was_made(context);
    let supposed = |supposed: &mut Supposition<'_>| supposed.named_idp();
    let whole = match read(context, id, supposed).await {
        // One that was just made may not be found at once.
        Err(StepError::Call { error, .. }) if error.http_status == Some(404) && !was_made => None,
        read => read?,
    };
    Ok(Found::of(whole.ok_or_else(|| no_idp(hub, app_id, id))?))
}

async fn read<'a>(
    context: &mut Context<'a>,
    id: &str,
    supposed: impl FnOnce(&mut Supposition<'a>) -> Option<WholeProvider>,
) -> Result<Option<WholeProvider>, StepError> {
    let supposed = |supposition: &mut Supposition<'a>| {
        supposition.read_idp();
        Ok(supposed(supposition))
    };
    context.read(&idps::get(id), Some, supposed).await
}
