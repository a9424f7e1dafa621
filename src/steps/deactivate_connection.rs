//! `deactivate_connection`: what `status: DISABLED` asks for. The 204 says nothing, so a GET proves it.

use super::set_connection::read;
use super::{Context, Outcome, StepError};
use crate::job::OnDrift;
use crate::okta::connections;
use crate::plan::{Difference, LiveStatus};
use crate::run::Effect;

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let app_id = context.app_id()?;
    let found = read(context, &app_id).await?;
    match found.status {
        LiveStatus::Disabled => return Ok(Outcome::Done { changed: false }),
        LiveStatus::Unknown => {
            return Err(StepError::failed(
                "this app has no provisioning connection in Okta's API (status UNKNOWN)",
                "check that the id or label is that of a supported app",
            ));
        }
        LiveStatus::Enabled | LiveStatus::Missing => {}
    }
    if context.app_memory().await?.applied.is_some() {
        let on = Difference::text("status", found.status.name(), "DISABLED");
        if context.on_drift("connection", &[on]).await? == OnDrift::Report {
            return Ok(Outcome::LeftAlone);
        }
    }
    context
        .write(&connections::deactivate(&app_id), Effect::Idempotent)
        .await?;
    let found = read(context, &app_id).await?;
    if found.status == LiveStatus::Disabled {
        return Ok(Outcome::Done { changed: true });
    }
    Err(StepError::failed(
        format!(
            "Okta accepted the deactivation but shows {}",
            found.describe()
        ),
        "look at the app's Provisioning tab in the Admin Console",
    ))
}
