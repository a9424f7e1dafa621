//! `…/features`: readable and writable only while the connection is ENABLED (API.md §5.4).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::super::answer::{self, Answer, Refusal};
use super::super::capabilities::{self, Feature};
use super::super::catalog::Kind;
use super::super::model::App;
use super::super::org::Changed;
use super::super::world::World;
use super::json_body;
use crate::sandbox::caller::Caller;

/// `GET …/features`.
pub(super) async fn list(caller: Caller, Path(id): Path<String>) -> Answer {
    let shown: Vec<_> = caller.org.read(&id, |app| {
        is_open(app)?;
        Ok(Feature::ALL
            .into_iter()
            .filter(|feature| has(app, *feature).is_ok())
            .map(|feature| show(app, feature, &caller.origin))
            .collect())
    })??;
    answer::json(&shown)
}

/// `GET …/features/{feature}`.
pub(super) async fn get(caller: Caller, Path((id, name)): Path<(String, String)>) -> Answer {
    let feature = named(&name)?;
    let shown: Value = caller.org.read(&id, |app| {
        has(app, feature)?;
        is_open(app)?;
        Ok(show(app, feature, &caller.origin))
    })??;
    answer::json(&shown)
}

/// `PUT …/features/{feature}`: name, then body, then app, then support, as recorded.
pub(super) async fn put(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let feature = named(&name)?;
    let patch = json_body(&body)?;
    let shown = caller.org.change(&id, |app| {
        has(app, feature)?;
        is_open(app)?;
        let stored = app.capabilities(feature);
        let changed =
            capabilities::changed(feature, stored.as_ref(), &patch, &world.settings.assume)?;
        *stored = Some(changed);
        Ok((show(app, feature, &caller.origin), Changed::Yes))
    })?;
    answer::json(&shown)
}

fn named(name: &str) -> Result<Feature, Refusal> {
    Feature::named(name)
        .ok_or_else(|| Refusal::not_found("INVALID_FEATURE_TYPE", "PublicAppFeatureSetName"))
}

/// Whether the integration has the feature at all. What Okta answers to INBOUND of zscalerbyz is
/// undocumented; here it is what any unsupported app answers.
fn has(app: &App, feature: Feature) -> Result<(), Refusal> {
    match (app.facts().kind, feature) {
        (Kind::Unsupported, _) | (Kind::Zscaler, Feature::Inbound) => Err(Refusal::invalid(
            "feature",
            "Provisioning is not supported.",
        )),
        _ => Ok(()),
    }
}

fn is_open(app: &App) -> Result<(), Refusal> {
    has(app, Feature::User)?;
    if app.connection.enabled {
        Ok(())
    } else {
        Err(Refusal::invalid(
            "feature",
            "Provisioning is not enabled for the app instance.",
        ))
    }
}

/// The whole feature. Its `status` says that it can be configured, not what is switched on (§5.3).
fn show(app: &App, feature: Feature, origin: &str) -> Value {
    let name = feature.name();
    json!({
        "name": name,
        "status": "ENABLED",
        "description": feature.description(),
        "capabilities": app.shown_capabilities(feature),
        "_links": { "self": {
            "href": format!("{origin}/api/v1/apps/{}/features/{name}", app.id),
            "hints": { "allow": ["GET", "PUT"] }
        } },
    })
}
