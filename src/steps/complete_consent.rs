//! `complete_consent`: hands Okta what the person's consent produced. Once only: the code is spent by
//! the first call that arrives, so a lost answer is followed by a look, never by a second call.

use super::activate_connection::prove;
use super::connection::{activate, read};
use super::start_consent::note_activation;
use super::supposition::Supposition;
use super::{Context, Outcome, StepError};
use crate::apps::AuthScheme;
use crate::okta::callback;
use crate::okta::error::is_oktas;
use crate::pacing::Idempotency;

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    if context.may_have_been_sent() {
        return look(context).await;
    }
    let Some(answer) = context.answer.take() else {
        // Its process died, or gave up, before the call: the link and its answer are as good as before.
        return match context.row.progress.consent.clone() {
            Some(consent) => Ok(Outcome::Waiting(consent)),
            None => Ok(Outcome::ConsentLost {
                why: "the link is not known any more".to_owned(),
            }),
        };
    };
    let app_id = context.app_id()?;
    let call = callback::complete(context.row.entry.app, &app_id, &answer.code, &answer.state);
    let obeyed = Supposition::complete_consent;
    let sent = context.write(&call, Idempotency::OnceOnly, |()| (), obeyed);
    match sent.await {
        Ok(()) => Ok(Outcome::Done { changed: true }),
        Err(error) if error.is_refused() || is_forbidden(&error) => Ok(Outcome::ConsentLost {
            why: error.describe(context.step).details.message,
        }),
        Err(error) => {
            if context.row.progress.in_flight.is_none() {
                // It was certainly not carried out: the code can be handed in again.
                context.answer = Some(answer);
            }
            Err(error)
        }
    }
}

// For a wrong, used or expired state, 403 is as likely as 400 (API.md §4), and the role it speaks of was
// enough to get the link. A missing scope has no error code: the answer stays good until that is fixed.
fn is_forbidden(error: &StepError) -> bool {
    matches!(error, StepError::Call { error, .. }
        if error.http_status == Some(403)
            && error.okta_error_code.as_deref().is_some_and(is_oktas))
}

// The call may have gone through. If the connection can be activated it has, else the consent is lost.
async fn look(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let app_id = context.app_id()?;
    note_activation(context).await?;
    let found = read(context, &app_id).await?;
    if found.live.is_enabled_with(AuthScheme::Oauth2) {
        let awaited = context.row.progress.consent.clone();
        return Ok(match (awaited, found.consent()) {
            // Of one that is renewed the connection may have stayed active: a link that is still there was not used.
            (Some(awaited), Some(shown))
                if context.row.progress.renewing && awaited.state == shown.state =>
            {
                Outcome::Waiting(awaited)
            }
            _ => Outcome::Connected { changed: true },
        });
    }
    match activate(context, &app_id).await {
        Ok(()) => {
            // API.md §3.4: an activation can be accepted without effect.
            match prove(context, &app_id).await {
                Ok(()) => Ok(Outcome::Connected { changed: true }),
                Err(StepError::Failed { message, .. }) => Ok(Outcome::ConsentLost { why: message }),
                Err(error) => Err(error),
            }
        }
        Err(error) if error.is_refused() => Ok(Outcome::ConsentLost {
            why: error.describe(context.step).details.message,
        }),
        Err(error) => Err(error),
    }
}
