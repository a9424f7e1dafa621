//! `set_connection`: saves a TOKEN or two-legged connection and activates it in the same call, or
//! starts a three-legged consent ([`super::start_consent`]). What is already as wanted is not written.

use super::connection::{post, read};
use super::token::{Looked, Token};
use super::{Context, Outcome, StepError, start_consent};
use crate::apps::AuthScheme;
use crate::failure::Remedy;
use crate::manifest::Connection;
use crate::okta::connections::{Activate, ConnectionBody};
use crate::pacing::Idempotency;
use crate::plan::{
    Fate, LiveConnection, LiveStatus, Look, Part, TokenPost, differences, unsupported,
};

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let Some(mut wanted) = context.row.entry.connection.clone() else {
        return Err(StepError::failed(
            "the entry has no connection",
            "give `connection`",
        ));
    };
    if context.row.entry.hub.is_some() {
        wanted.profile.client_id = Some(context.client_id()?);
    }
    if context.row.entry.app.needs_consent() {
        // Boxed, so that entries without a consent take less memory.
        Box::pin(start_consent::run(context, &wanted)).await
    } else if wanted.profile.auth_scheme == AuthScheme::Token {
        set_token(context, &wanted).await
    } else {
        set_client(context, &wanted).await
    }
}

// A token is never shown, so that whether it is as wanted is known from its fingerprint only.
async fn set_token(context: &mut Context<'_>, wanted: &Connection) -> Result<Outcome, StepError> {
    let app_id = context.app_id()?;
    let token = Token::read(context, wanted, &app_id).await?;
    let post = token.post;
    let looks = !post.is_due() || context.look().await? == Look::Always;
    if looks {
        let live = read(context, &app_id).await?.live;
        if let Some(outcome) = is_settled(context, &live, wanted, Some(post)).await? {
            token.leave(context);
            return Ok(outcome);
        }
    }
    let looked = if looks { Looked::Yes } else { Looked::No };
    token.note_changes(context, looked).await?;
    token.forget_other(context);
    let (value, fingerprint) = token.into_parts();
    let body = ConnectionBody::Token {
        base_url: wanted.base_url.clone(),
        token: value,
    };
    let outcome = match post_and_prove(context, &app_id, &body, wanted).await {
        Err(error) if !looks => return Err(explain(context, &app_id, error).await),
        posted => posted?,
    };
    context.fingerprint = fingerprint;
    Ok(outcome)
}

// Two-legged OAuth 2.0: everything but the keys is shown, so that it is read first.
async fn set_client(context: &mut Context<'_>, wanted: &Connection) -> Result<Outcome, StepError> {
    let app_id = context.app_id()?;
    let live = read(context, &app_id).await?.live;
    if let Some(outcome) = is_settled(context, &live, wanted, None).await? {
        return Ok(outcome);
    }
    let Some(client_id) = wanted.profile.client_id.clone() else {
        return Err(StepError::failed(
            "the entry has no clientId",
            "give `connection.profile.clientId`",
        ));
    };
    let rotation_mode = wanted
        .profile
        .signing
        .as_ref()
        .map(|signing| signing.rotation_mode);
    let body = ConnectionBody::Org2Org {
        client_id,
        rotation_mode,
    };
    match post_and_prove(context, &app_id, &body, wanted).await {
        Err(error) => Err(explain_client(context, error)),
        connected => connected,
    }
}

// The hub does not let the service app in: what to look at is there, and is named.
fn explain_client(context: &Context<'_>, refused: StepError) -> StepError {
    let Some(hub) = &context.row.entry.hub else {
        return refused;
    };
    let StepError::Call {
        mut error,
        idempotency,
    } = refused
    else {
        return refused;
    };
    if error.http_status == Some(400) && error.message.contains("credential") {
        let client_id = context
            .row
            .progress
            .client_id
            .as_deref()
            .unwrap_or_default();
        let uri = context.jwks_uri().unwrap_or_default();
        error.hint = Some(format!(
            "look at service app {client_id} in {}: it needs its admin roles and scopes, and the hub must be able to read {uri}",
            hub.org
        ));
        error.remedy = Remedy::Outside;
    }
    StepError::Call { error, idempotency }
}

async fn post_and_prove(
    context: &mut Context<'_>,
    app_id: &str,
    body: &ConnectionBody,
    wanted: &Connection,
) -> Result<Outcome, StepError> {
    let shown = post(
        context,
        app_id,
        body,
        Activate::Yes,
        Idempotency::Idempotent,
    )
    .await?;
    let scheme = wanted.profile.auth_scheme;
    if shown.is_some_and(|shown| shown.live.is_enabled_with(scheme)) {
        return Ok(Outcome::Connected { changed: true });
    }
    let proof = read(context, app_id).await?.live;
    if proof.is_enabled_with(scheme) {
        return Ok(Outcome::Connected { changed: true });
    }
    Err(not_enabled(&proof))
}

// An app that Okta cannot provision refuses every credential: then the credential is not to blame.
async fn explain(context: &mut Context<'_>, app_id: &str, refused: StepError) -> StepError {
    let is_400 =
        matches!(&refused, StepError::Call { error, .. } if error.http_status == Some(400));
    if !is_400 || !refused.is_refused() {
        return refused;
    }
    match read(context, app_id).await.map(|found| found.live) {
        Ok(found) if found.status == LiveStatus::Unknown => unsupported(&found).into(),
        // What it was refused for is all that is known.
        Ok(_) | Err(StepError::Call { .. }) => refused,
        Err(other) => other,
    }
}

/// How the step ends without a write; `None` = the connection has to be written. `token`: of a TOKEN connection.
async fn is_settled(
    context: &mut Context<'_>,
    live: &LiveConnection,
    wanted: &Connection,
    token: Option<TokenPost>,
) -> Result<Option<Outcome>, StepError> {
    let differences = differences(live, wanted)?;
    let (fate, judged) = context.fate(&differences, token).await?;
    Ok(match fate {
        Fate::AsWanted | Fate::LeftActive => Some(Outcome::Connected { changed: false }),
        Fate::LeftAlone => Some(Outcome::LeftAlone),
        Fate::Write => {
            context
                .changing_judged(Part::Connection, &judged, &[])
                .await?;
            None
        }
    })
}

/// The 2xx that proved nothing.
pub(super) fn not_enabled(found: &LiveConnection) -> StepError {
    if found.status == LiveStatus::Unknown {
        return unsupported(found).into();
    }
    StepError::failed(
        format!("Okta accepted the call but shows {}", found.describe()),
        "look at the app's Provisioning tab in the Admin Console",
    )
}
