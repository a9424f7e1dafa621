//! `activate_connection`: the last call of a three-legged set-up. A feature that follows proves that it
//! worked; without one, a GET does.

use super::connection::{activate, read};
use super::set_connection::not_enabled;
use super::start_consent::note_activation;
use super::{Context, Outcome, StepError};
use crate::apps::AuthScheme;
use crate::plan::wanted_scheme;

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let app_id = context.app_id()?;
    note_activation(context).await?;
    match activate(context, &app_id).await {
        // Okta took the consent's answer but holds nothing it can activate: the 2xx was no proof.
        Err(error) if error.is_refused() && context.row.entry.app.needs_consent() => {
            return Ok(Outcome::ConsentLost {
                why: error.describe(context.step).details.message,
            });
        }
        activated => activated?,
    }
    if context.is_last() {
        prove(context, &app_id).await?;
    }
    Ok(Outcome::Done { changed: true })
}

/// Makes sure that Okta shows the connection as active.
pub(super) async fn prove(context: &mut Context<'_>, app_id: &str) -> Result<(), StepError> {
    let scheme = wanted_scheme(&context.row.entry).unwrap_or(AuthScheme::Oauth2);
    let found = read(context, app_id).await?.live;
    if found.is_enabled_with(scheme) {
        Ok(())
    } else {
        Err(not_enabled(&found))
    }
}
