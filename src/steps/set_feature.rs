//! `set_feature`: one feature's capabilities. They are read first (one list serves both features)
//! unless the connection was just written and everything is given; what is right is not written, nor what is to stay
//! as somebody made it.

use std::borrow::Cow;

use super::connection::read;
use super::shown::Listed;
use super::supposition::Supposition;
use super::{Basis, Context, Outcome, StepError};
use crate::apps::Feature;
use crate::model::Changed;
use crate::okta::Body;
use crate::okta::features::{self, FeatureState};
use crate::pacing::Idempotency;
use crate::plan::{
    BeforeFeature, Difference, LiveStatus, Part, compare, merge, no_feature, without,
};

pub(super) async fn run(context: &mut Context<'_>, feature: Feature) -> Result<Outcome, StepError> {
    let app_id = context.app_id()?;
    let all = context.wanted();
    let (Some(wanted), Some(whole)) = (all.get(feature), all.body(feature)) else {
        return Ok(Outcome::Done { changed: false });
    };
    let mut wanted = Cow::Borrowed(wanted);
    let before = before(context).await?;
    let mut shown = None;
    if before.reads(all.is_complete()) {
        shown = live(context, &app_id, feature).await?;
    }
    let body = if let Some(live) = shown {
        let differences = compare(&live, &wanted);
        if differences.is_empty() {
            return Ok(Outcome::Done { changed: false });
        }
        let part = Part::Feature(feature);
        let judged = context.judge(part, &differences).await?;
        let left = judged.left(context.on_drift());
        context.leave(part, left);
        if left.len() == differences.len() {
            context.row.progress.changing.clear();
            return Ok(Outcome::Done { changed: false });
        }
        wanted = Cow::Owned(without(&wanted, left));
        context.changing_judged(part, &judged, left).await?;
        features::body(&merge(&live.capabilities, &wanted))
    } else {
        let whole_feature =
            Changed::unseen(Part::Feature(feature).to_string(), context.why().await?);
        context.changing(vec![whole_feature], Basis::Ledger);
        whole.clone()
    };
    let put = features::put(&app_id, feature, body);
    let as_wanted =
        |answer: &Body| features::shown(answer, |shown| compare(shown, &wanted).is_empty());
    let supposed = |supposed: &mut Supposition<'_>| {
        supposed.set_feature(feature, &wanted);
        Some(true)
    };
    match context
        .write_and(&put, Idempotency::Idempotent, as_wanted, supposed)
        .await
    {
        Ok(Some(true)) => return Ok(Outcome::Done { changed: true }),
        Err(error) if error.is_refused() => return Err(explain(context, &app_id, error).await),
        unproven => unproven?,
    };
    let differs = |found: FeatureState| compare(&found, &wanted);
    let differences = context
        .read(
            &features::get(&app_id, feature),
            differs,
            |_| Ok(Vec::new()),
        )
        .await?;
    if differences.is_empty() {
        Ok(Outcome::Done { changed: true })
    } else {
        Err(not_taken(feature, &differences))
    }
}

async fn before(context: &mut Context<'_>) -> Result<BeforeFeature, StepError> {
    Ok(BeforeFeature {
        listed: context.memory.features.is_some(),
        written: context.connection_was_written(),
        look: context.look().await?,
        had: context.had_features().await?,
    })
}

// `None` = it is not shown yet.
async fn live(
    context: &mut Context<'_>,
    app_id: &str,
    feature: Feature,
) -> Result<Option<FeatureState>, StepError> {
    if context.memory.features.is_none() {
        let call = features::list(app_id);
        let listed = context.read(&call, Listed::Shown, Supposition::list_features);
        let listed = match listed.await {
            Err(error) if error.is_refused() => return Err(explain(context, app_id, error).await),
            listed => listed?,
        };
        context.memory.features = Some(listed);
    }
    let Some(Listed::Shown(listed)) = &context.memory.features else {
        return Ok(None);
    };
    let found = listed.iter().find(|state| state.name == feature.name());
    let found = found.cloned().ok_or_else(|| no_feature(feature))?;
    Ok(Some(found))
}

// Okta gives "not enabled" and "not supported" the same code: the connection's status tells them apart (API.md §5.4).
async fn explain(context: &mut Context<'_>, app_id: &str, refused: StepError) -> StepError {
    let StepError::Call {
        mut error,
        idempotency,
    } = refused
    else {
        return refused;
    };
    if error.http_status != Some(400) {
        return StepError::Call { error, idempotency };
    }
    match read(context, app_id).await.map(|found| found.live) {
        Ok(found) if found.status != LiveStatus::Enabled => {
            let message = format!(
                "{} (the connection shows {})",
                error.message,
                found.describe()
            );
            error.message = message;
            error.hint = Some("the connection must be ENABLED before features can be set".into());
            StepError::Call { error, idempotency }
        }
        Ok(_) => StepError::Call { error, idempotency },
        Err(unreadable) => unreadable,
    }
}

fn not_taken(feature: Feature, differences: &[Difference]) -> StepError {
    let fields: Vec<String> = differences.iter().map(ToString::to_string).collect();
    StepError::failed(
        format!(
            "Okta accepted {feature} but does not show it: {}",
            fields.join("; ")
        ),
        "look at the app's Provisioning tab in the Admin Console",
    )
}
