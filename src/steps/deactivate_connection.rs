//! `deactivate_connection`: what `status: DISABLED` asks for. The 204 says nothing, so a GET proves it.

use super::set_connection::read;
use super::{Context, Outcome, StepError};
use crate::okta::connections;
use crate::pacing::Effect;
use crate::plan::{Active, Difference, Fate, LiveStatus, Part, active};

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let app_id = context.app_id()?;
    let found = read(context, &app_id).await?;
    if active(&found)? == Active::No {
        return Ok(Outcome::Done { changed: false });
    }
    let on = Difference::text("status", found.status.name(), "DISABLED");
    let judged = context.judge(Part::Connection, &[on]).await?;
    if judged.connection(context.access.on_drift) == Fate::LeftAlone {
        return Ok(Outcome::LeftAlone);
    }
    context
        .changing_judged(Part::Connection, &judged, &[])
        .await?;
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
