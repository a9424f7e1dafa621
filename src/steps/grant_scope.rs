//! `grant_scope`: one scope of the service app. What it has is listed once, unless it was just made; one that it has is not
//! granted again.

use super::hub::Lacking;
use super::supposition::Supposition;
use super::{Context, Outcome, Outside, StepError};
use crate::okta::grants;
use crate::pacing::Idempotency;
use crate::plan::missing_scope;
use crate::text::Told;

pub(super) async fn run(context: &mut Context<'_>, index: u16) -> Result<Outcome, StepError> {
    let (hub, client_id) = (context.hub()?, context.client_id()?);
    let Some(scope) = hub.scopes.get(usize::from(index)) else {
        return Ok(Outcome::Done { changed: false });
    };
    let mut granted = match context.in_hub().scopes.take() {
        Some(granted) => granted,
        None => list(context, &client_id).await?,
    };
    let missing = missing_scope(scope, &granted);
    if missing.is_empty() || context.lacks(&missing).await? == Lacking::Leave {
        context.in_hub().scopes = Some(granted);
        return Ok(Outcome::Done { changed: false });
    }
    // Exactly the hub's own URL (API.md §6).
    let issuer = match &context.outside {
        Outside::Live(live) => live.access.client.origin().to_owned(),
        Outside::Supposed(_) => String::new(),
    };
    let call = grants::grant(&client_id, scope, &issuer);
    let is_it = |shown: Option<Told>| shown.filter(|shown| shown.raw() == scope);
    let obeyed = |supposed: &mut Supposition<'_>| Some(supposed.grant_scope(scope, &missing));
    let sent = context.write(&call, Idempotency::Idempotent, is_it, obeyed);
    if let Some(shown) = sent.await? {
        granted.push(shown);
    } else {
        // A 2xx proves nothing by itself.
        granted = list(context, &client_id).await?;
        if !granted.iter().any(|granted| granted.raw() == scope) {
            return Err(not_shown(scope, &client_id, &hub.org));
        }
    }
    context.in_hub().scopes = Some(granted);
    Ok(Outcome::Done { changed: true })
}

fn not_shown(scope: &str, client_id: &str, hub: &str) -> StepError {
    StepError::failed(
        format!(
            "Okta accepted the scope {scope} of service app {client_id} in {hub} but does not show it"
        ),
        "look at the service app's Okta API Scopes tab in the hub's Admin Console",
    )
}

async fn list(context: &mut Context<'_>, client_id: &str) -> Result<Vec<Told>, StepError> {
    let supposed = |supposed: &mut Supposition<'_>| Ok(supposed.list_grants());
    let call = grants::list(client_id);
    context.read(&call, |granted| granted, supposed).await
}
