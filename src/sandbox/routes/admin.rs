//! A view for tests and people into what the orgs were asked and what came of it, the switches of single orgs, and what
//! somebody changes in them. No secret is in it, so it asks for none.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::answer::{self, Answer, Refusal};
use super::super::drift::{self, Drift};
use super::super::hub;
use super::super::org::Org;
use super::super::settings::Switches;
use super::super::world::World;

/// Nothing but 404 goes wrong with what is only shown.
type Shown<T> = Result<Json<T>, StatusCode>;

fn find(world: &World, name: &str) -> Result<Arc<Org>, StatusCode> {
    world.named(name).ok_or(StatusCode::NOT_FOUND)
}

/// `GET /_sandbox/orgs`.
pub(super) async fn orgs(State(world): State<Arc<World>>) -> Json<Vec<String>> {
    Json(world.names())
}

/// `GET /_sandbox/orgs/{org}/requests`.
pub(super) async fn requests(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
) -> Shown<Value> {
    let org = find(&world, &name)?;
    Ok(Json(
        json!({ "counts": org.counts(), "requests": org.calls() }),
    ))
}

/// `GET /_sandbox/orgs/{org}/state`.
pub(super) async fn state(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
) -> Shown<Value> {
    let org = find(&world, &name)?;
    Ok(Json(hub::state(&world, &org)))
}

/// `GET /_sandbox/orgs/{org}/switches`.
pub(super) async fn switches(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
) -> Shown<Switches> {
    Ok(Json(find(&world, &name)?.switches().as_ref().clone()))
}

/// `PUT /_sandbox/orgs/{org}/switches`.
pub(super) async fn switch(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    Json(switches): Json<Switches>,
) -> Result<StatusCode, StatusCode> {
    find(&world, &name)?.switch(switches);
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /_sandbox/orgs/{org}/drift`.
pub(super) async fn drift(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    Json(drift): Json<Drift>,
) -> Answer {
    let org = find(&world, &name).map_err(|_| Refusal::no_such_path())?;
    drift::apply(&world, &org, &drift)?;
    Ok(answer::no_content())
}
