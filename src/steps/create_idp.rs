//! `create_idp`: the identity provider in the hub that stands for the entry's org, found by its name, or by the app that it
//! serves, among the hub's, and made when there is none and the app is still to be created, which names it. Once only: when
//! an answer is lost, the hub's are listed again before anything is sent again.

use super::federation::listed_idps;
use super::listing::Since;
use super::outside::Outside;
use super::supposition::Supposition;
use super::{Basis, Context, Outcome, StepError};
use crate::manifest::Hub;
use crate::model::{Changed, Why};
use crate::okta::idps::{self, IdentityProvider};
use crate::pacing::Idempotency;
use crate::plan::{IDP_NAME, Part, found_idp, is_new, may_be};

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let (hub, app_id) = (context.hub()?, context.app_there());
    let origin = context.own_origin();
    let since = if context.may_have_been_sent() {
        Since::Now
    } else {
        Since::Run
    };
    let name = hub.idp_name().unwrap_or_default();
    let may_be = |idp: &IdentityProvider| may_be(idp, name, app_id.as_deref());
    let listed = listed_idps(context, since, may_be).await?;
    let found = found_idp(&hub, &origin, app_id.as_deref(), &listed)?;
    let belongs = match &app_id {
        Some(app_id) => context.earlier().await?.belongs(found, app_id),
        None => false,
    };
    match (found, app_id) {
        (Some(found), app_id) => {
            let is_made = context.may_have_been_sent() && is_new(found);
            let client_id = app_id.filter(|_| belongs);
            context.choose_idp(found.id.clone(), client_id);
            if is_made {
                return Ok(made(context, &hub));
            }
            Ok(Outcome::Done { changed: false })
        }
        // Which one it names is seen with the app.
        (None, Some(_)) => Ok(Outcome::Done { changed: false }),
        (None, None) => create(context, &hub, &origin).await,
    }
}

async fn create(context: &mut Context<'_>, hub: &Hub, origin: &str) -> Result<Outcome, StepError> {
    let name = hub.idp_name().unwrap_or_default();
    let call = idps::create(name, origin);
    let obeyed = |supposed: &mut Supposition<'_>| supposed.create_idp(name);
    let sent = context.write(&call, Idempotency::OnceOnly, |made| made.id, obeyed);
    let id = sent.await?;
    if let Outside::Live(live) = &context.outside {
        live.access.idps.note_made(&id);
    }
    context.choose_idp(id, None);
    Ok(made(context, hub))
}

/// The provider that is there now is the change.
fn made(context: &mut Context<'_>, hub: &Hub) -> Outcome {
    let change = Changed {
        field: format!("{}.{IDP_NAME}", Part::Hub),
        why: Why::New,
        values: Some((None, hub.idp_name().unwrap_or_default().into())),
    };
    context.changing(vec![change], Basis::Ledger);
    Outcome::Done { changed: true }
}
