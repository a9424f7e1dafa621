//! `generate_key`: one more key for a connection whose keys Okta does not rotate. Once only: when an answer is lost, the app's
//! keys are listed again, and one that was not there before is taken.

use super::connection::read;
use super::{Context, Outcome, StepError};
use crate::apps::AuthScheme;
use crate::ledger::RotatedKeys;
use crate::okta::keys::{self, PublicKey};
use crate::pacing::Idempotency;
use crate::plan::LiveConnection;
use crate::text::Told;

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let app_id = context.app_id()?;
    if !context.may_have_been_sent() {
        let live = read(context, &app_id).await?.live;
        if is_rotated_by_okta(&live) && !is_wanted_by_hand(context) {
            return Ok(Outcome::LeftAlone);
        }
        refuse_other(&live)?;
        if let Some(client_id) = live.client_id.as_ref().map(Told::word) {
            context.choose_client(client_id).await?;
        } else if let Some(known) = context.known_client().await? {
            context.choose_client(known).await?;
        }
        context.client_id()?;
        let rotation = look(context, &app_id).await?;
        context.row.progress.rotation = Some(Box::new(rotation));
        // Whoever looks after a lost answer has to know which keys there were.
        context.memory.unsaved = true;
    } else if let Some(made) = made(context, &app_id).await? {
        return Ok(adopt(context, made));
    }
    let years = context
        .row
        .entry
        .rotation
        .map_or(2, |rotation| rotation.validity_years);
    let call = keys::generate(&app_id, years);
    let nothing = |_: &mut _| PublicKey {
        kid: String::new(),
        jwk: serde_json::Value::Null,
    };
    let sent = context.write(&call, Idempotency::OnceOnly, |made| made, nothing);
    let made = sent.await?;
    Ok(adopt(context, made))
}

fn adopt(context: &mut Context<'_>, made: PublicKey) -> Outcome {
    if let Some(rotation) = &mut context.row.progress.rotation {
        rotation.new = Some(made.jwk);
    }
    Outcome::Done { changed: true }
}

/// The key that a call made whose answer was lost.
async fn made(context: &mut Context<'_>, app_id: &str) -> Result<Option<PublicKey>, StepError> {
    let before = context.rotation()?.before;
    let all = context.read_live(&keys::list(app_id)).await?;
    let mut new = all.into_iter().filter(|key| !before.contains(&key.kid));
    Ok(new.next_back())
}

/// The keys that there are, and the one that the app signs with.
async fn look(context: &mut Context<'_>, app_id: &str) -> Result<RotatedKeys, StepError> {
    let app = context.read_live(&keys::app(app_id)).await?;
    let all = context.read_live(&keys::list(app_id)).await?;
    let signing = match &app.kid {
        Some(kid) => all.iter().find(|key| key.kid == *kid),
        None => all.first().filter(|_| all.len() == 1),
    };
    let Some(signing) = signing else {
        return Err(StepError::failed(
            format!("Okta does not show which key app {app_id} signs with"),
            "look at the app's Sign On tab in the Admin Console",
        ));
    };
    Ok(RotatedKeys {
        old: signing.jwk.clone(),
        before: all.iter().map(|key| key.kid.clone()).collect(),
        new: None,
    })
}

fn is_rotated_by_okta(live: &LiveConnection) -> bool {
    live.rotation_mode.as_deref() == Some("AUTO")
}

fn is_wanted_by_hand(context: &Context<'_>) -> bool {
    let connection = context.row.entry.connection.as_ref();
    connection.is_some_and(|wanted| wanted.profile.signing.is_some())
}

/// Only a connection that works has keys to rotate, and only one whose keys Okta does not rotate itself.
fn refuse_other(live: &LiveConnection) -> Result<(), StepError> {
    if !live.is_enabled_with(AuthScheme::Oauth2) {
        return Err(StepError::failed(
            format!(
                "there are no keys to rotate: the connection shows {}",
                live.describe()
            ),
            "set it up first: okta-rollout run FILE",
        ));
    }
    if is_rotated_by_okta(live) {
        return Err(StepError::failed(
            "Okta rotates the keys of this connection itself: its rotationMode is AUTO",
            "if that is not as the manifest wants it, make it so first: okta-rollout run FILE",
        ));
    }
    Ok(())
}
