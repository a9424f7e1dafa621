//! `switch_key`: the connection signs with the new key, which the hub knows by now. One that somebody gave another key since
//! the rotation began keeps that.

use super::connection::read;
use super::set_connection::not_enabled;
use super::{Basis, Context, Outcome, StepError};
use crate::apps::AuthScheme;
use crate::model::{Changed, Why};
use crate::okta::keys;
use crate::pacing::Idempotency;

const KID: &str = "connection.profile.signing.kid";

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let (app_id, kid) = (context.app_id()?, context.new_kid()?);
    let app = context.read_live(&keys::app(&app_id)).await?;
    let old = context.rotation()?.old_kid().to_owned();
    if let Some(other) = app
        .kid
        .as_ref()
        .filter(|shown| **shown != kid && **shown != old)
    {
        return Err(StepError::failed(
            format!(
                "app {app_id} signs with key {other}, which it did not when this rotation began: nothing was changed"
            ),
            "rotate its keys anew",
        ));
    }
    let change = Changed {
        field: KID.to_owned(),
        why: Why::New,
        values: Some((Some(old.into()), kid.as_str().into())),
    };
    if app.kid.as_ref() != Some(&kid) {
        let call = keys::sign_with(&app, &kid);
        let is_it = |shown: Option<String>| shown.as_ref() == Some(&kid);
        let sent = context.write(&call, Idempotency::Idempotent, is_it, |_| true);
        // A 2xx proves nothing by itself.
        if !sent.await? {
            let shown = context.read_live(&keys::app(&app_id)).await?.kid;
            if shown.as_ref() != Some(&kid) {
                return Err(StepError::failed(
                    format!("Okta accepted key {kid} for app {app_id} but does not show it"),
                    "look at the app's Sign On tab in the Admin Console; both keys are good until one is removed",
                ));
            }
        }
    }
    let live = read(context, &app_id).await?.live;
    if !live.is_enabled_with(AuthScheme::Oauth2) {
        return Err(not_enabled(&live));
    }
    context.changing(vec![change], Basis::Ledger);
    Ok(Outcome::Done { changed: true })
}
