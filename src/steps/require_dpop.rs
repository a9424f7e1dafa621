//! `require_dpop`: the service app's access tokens are bound to a key. Only its app says so, and a PUT replaces all of it
//! (API.md §6): it is read, one field is changed, and it is sent back. What was read of it by a step before tells whether
//! that is needed, and is never sent: somebody may have changed the app since.

use super::hub::Lacking;
use super::supposition::Supposition;
use super::{Context, Outcome, StepError};
use crate::okta::service_app::{self, ServiceApp};
use crate::pacing::Idempotency;
use crate::plan::missing_dpop;

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let client_id = context.client_id()?;
    let before = context.in_hub().app.take();
    let is_old = before.is_some();
    let mut app = match before {
        Some(app) => app,
        None => read(context, &client_id).await?,
    };
    let missing = missing_dpop(app.dpop);
    if missing.is_empty() || context.lacks(&missing).await? == Lacking::Leave {
        return Ok(Outcome::Done { changed: false });
    }
    if is_old {
        app = read(context, &client_id).await?;
        if app.dpop == Some(true) {
            context.row.progress.changing.clear();
            return Ok(Outcome::Done { changed: false });
        }
    }
    let call = service_app::require_dpop(&app);
    let obeyed = |supposed: &mut Supposition<'_>| Some(supposed.require_dpop(&missing));
    let sent = context.write(&call, Idempotency::Idempotent, |shown| shown, obeyed);
    let is_bound = match sent.await? {
        Some(true) => true,
        // A 2xx proves nothing by itself.
        _ => read(context, &client_id).await?.dpop == Some(true),
    };
    if is_bound {
        return Ok(Outcome::Done { changed: true });
    }
    Err(StepError::failed(
        format!(
            "Okta accepted that tokens of service app {client_id} are bound to a key (DPoP) but does not show it"
        ),
        "look at the service app's General tab in the hub's Admin Console",
    ))
}

async fn read(context: &mut Context<'_>, client_id: &str) -> Result<ServiceApp, StepError> {
    let supposed = |supposed: &mut Supposition<'_>| Ok(supposed.read_app_of_client());
    context
        .read(&service_app::get(client_id), |app| app, supposed)
        .await
}
