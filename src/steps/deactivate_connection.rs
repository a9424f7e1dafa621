//! `deactivate_connection`: what `status: DISABLED` asks for. The 204 says nothing, so a GET proves it.

use super::connection::{deactivate, read};
use super::{Context, Outcome, StepError};
use crate::plan::{Active, Difference, Fate, LiveStatus, Part, active};

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let app_id = context.app_id()?;
    let found = read(context, &app_id).await?.live;
    if active(&found)? == Active::No {
        return Ok(Outcome::Done { changed: false });
    }
    let on = Difference::text("status", found.status.name(), "DISABLED");
    let (fate, judged) = context.fate(&[on], None).await?;
    if fate == Fate::LeftAlone {
        return Ok(Outcome::LeftAlone);
    }
    context
        .changing_judged(Part::Connection, &judged, &[])
        .await?;
    deactivate(context, &app_id).await?;
    let found = read(context, &app_id).await?.live;
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
