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
        let known = context.known_client().await?;
        if let Some(client_id) = client_of(&live, known)? {
            context.choose_client(client_id).await?;
        }
        context.client_id()?;
        let rotation = look(context, &app_id).await?;
        context.row.progress.rotation = Some(Box::new(rotation));
        // Whoever looks after a lost answer has to know which keys there were.
        context.memory.unsaved = true;
    } else if let Some(made) = made(context, &app_id).await? {
        return adopt(context, &app_id, made);
    }
    let years = context
        .row
        .entry
        .rotation
        .map_or(2, |rotation| rotation.validity_years);
    let call = keys::generate(&app_id, years);
    let nothing = |_: &mut _| PublicKey {
        kid: String::new(),
        jwk: None,
    };
    let sent = context.write(&call, Idempotency::OnceOnly, |made| made, nothing);
    let made = sent.await?;
    adopt(context, &app_id, made)
}

/// One that cannot be used is not made good by another, and is found again by whoever tries again.
fn adopt(context: &mut Context<'_>, app_id: &str, made: PublicKey) -> Result<Outcome, StepError> {
    if made.jwk.is_none() {
        return Err(StepError::failed(
            format!(
                "Okta made a key for app {app_id} but does not show all of it: the connection signs as before"
            ),
            "look at the keys on the app's Sign On tab in the Admin Console",
        ));
    }
    if let Some(rotation) = &mut context.row.progress.rotation {
        rotation.new = made.jwk;
    }
    Ok(Outcome::Done { changed: true })
}

/// The service app that the connection signs in as; `known`: the entry's, as far as that is known.
fn client_of(live: &LiveConnection, known: Option<String>) -> Result<Option<String>, StepError> {
    match (live.client_id.as_ref().map(Told::word), known) {
        (Some(shown), Some(known)) if shown != known => Err(StepError::failed(
            format!(
                "the connection signs in as service app {shown}, and that of this entry is {known}"
            ),
            "if that is not as it should be, make it so first: okta-rollout run FILE",
        )),
        (shown, known) => Ok(shown.or(known)),
    }
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
    let Some(old) = signing.and_then(|key| key.jwk.clone()) else {
        return Err(StepError::failed(
            format!("Okta does not show which key app {app_id} signs with"),
            "look at the app's Sign On tab in the Admin Console",
        ));
    };
    Ok(RotatedKeys {
        old,
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
