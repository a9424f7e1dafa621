//! `assign_role`: one admin role of the service app. What it has is listed once, unless it was just made; one that it has
//! is not assigned again.

use super::hub::Lacking;
use super::supposition::Supposition;
use super::{Context, Outcome, StepError};
use crate::manifest::AdminRole;
use crate::okta::clients::{self, AssignedRole};
use crate::pacing::Idempotency;
use crate::plan::missing_role;

/// It has the role already (API.md §8).
const HAS_IT: &str = "E0000263";

pub(super) async fn run(context: &mut Context<'_>, index: u16) -> Result<Outcome, StepError> {
    let (hub, client_id) = (context.hub()?, context.client_id()?);
    let Some(role) = hub.roles.get(usize::from(index)) else {
        return Ok(Outcome::Done { changed: false });
    };
    let mut assigned = match context.in_hub().roles.take() {
        Some(assigned) => assigned,
        None => list(context, &client_id).await?,
    };
    let missing = missing_role(role, &assigned);
    if missing.is_empty() || context.lacks(&missing).await? == Lacking::Leave {
        context.in_hub().roles = Some(assigned);
        return Ok(Outcome::Done { changed: false });
    }
    let call = clients::assign(&client_id, role);
    let is_it = |shown: Option<AssignedRole>| shown.filter(|shown| shown.is(role));
    let obeyed = |supposed: &mut Supposition<'_>| Some(supposed.assign_role(role, &missing));
    let sent = context.write(&call, Idempotency::Idempotent, is_it, obeyed);
    let shown = match sent.await {
        Err(StepError::Call { error, .. }) if error.okta_error_code.as_deref() == Some(HAS_IT) => {
            None
        }
        sent => sent?,
    };
    if let Some(shown) = shown {
        assigned.push(shown);
    } else {
        // A 2xx proves nothing by itself.
        assigned = list(context, &client_id).await?;
        if !assigned.iter().any(|assigned| assigned.is(role)) {
            return Err(not_shown(role, &client_id, &hub.org));
        }
    }
    context.in_hub().roles = Some(assigned);
    Ok(Outcome::Done { changed: true })
}

fn not_shown(role: &AdminRole, client_id: &str, hub: &str) -> StepError {
    StepError::failed(
        format!(
            "Okta accepted the role {role} of service app {client_id} in {hub} but does not show it"
        ),
        "look at the service app's Admin roles tab in the hub's Admin Console",
    )
}

async fn list(context: &mut Context<'_>, client_id: &str) -> Result<Vec<AssignedRole>, StepError> {
    let supposed = |supposed: &mut Supposition<'_>| Ok(supposed.list_roles());
    let call = clients::roles(client_id);
    context.read(&call, |assigned| assigned, supposed).await
}
