//! The operations of a simulated org and the pages around them.

mod admin;
mod apps;
mod callback;
mod clients;
mod connections;
mod features;
mod fields;
mod grants;
mod hub;
mod idps;
mod keys;
mod listing;
mod pages;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use serde_json::Value;

use super::answer::Refusal;
use super::gate;
use super::world::World;
use crate::sandbox::caller::Caller;

pub(super) use pages::approve;

/// Everything a sandbox serves.
pub(super) fn router(world: &Arc<World>) -> Router {
    Router::new()
        .route("/_sandbox/orgs", get(admin::orgs))
        .route("/_sandbox/orgs/{org}/requests", get(admin::requests))
        .route("/_sandbox/orgs/{org}/state", get(admin::state))
        .route(
            "/_sandbox/orgs/{org}/switches",
            get(admin::switches).put(admin::switch),
        )
        .route("/_sandbox/orgs/{org}/drift", post(admin::drift))
        .route(
            "/_third-party/{app}/authorize",
            get(pages::consent).post(pages::decide),
        )
        .route(
            "/admin/app/{name}/{id}/oauth2/redirect",
            get(callback::page),
        )
        .with_state(Arc::clone(world))
        .fallback_service(api(world))
}

/// What orgs answer.
fn api(world: &Arc<World>) -> Router {
    Router::new()
        .route("/api/v1/apps", get(apps::list).post(apps::create))
        .route("/api/v1/apps/{id}", get(apps::get).put(apps::replace))
        .route(
            "/api/v1/apps/{id}/connections/default",
            get(connections::get).post(connections::set),
        )
        .route(
            "/api/v1/apps/{id}/connections/default/lifecycle/activate",
            post(connections::activate),
        )
        .route(
            "/api/v1/apps/{id}/connections/default/lifecycle/deactivate",
            post(connections::deactivate),
        )
        .route(
            "/api/v1/apps/{id}/connections/default/jwks",
            get(connections::jwks),
        )
        .route("/api/v1/apps/{id}/features", get(features::list))
        .route(
            "/api/v1/apps/{id}/features/{feature}",
            get(features::get).put(features::put),
        )
        .route(
            "/api/v1/apps/{name}/{id}/oauth2/callback",
            post(callback::complete),
        )
        .route(
            "/api/v1/apps/{id}/grants",
            get(grants::grants).post(grants::grant),
        )
        .route("/api/v1/apps/{id}/credentials/keys", get(keys::list))
        .route(
            "/api/v1/apps/{id}/credentials/keys/generate",
            post(keys::generate),
        )
        .route("/api/v1/idps", get(idps::list).post(idps::create))
        .route("/api/v1/idps/{id}", get(idps::get).put(idps::replace))
        .route(
            "/oauth2/v1/clients",
            get(clients::list).post(clients::create),
        )
        .route(
            "/oauth2/v1/clients/{id}",
            get(clients::get).put(clients::replace),
        )
        .route(
            "/oauth2/v1/clients/{id}/roles",
            get(grants::roles).post(grants::assign),
        )
        .route("/oauth2/v1/token", post(token::issue))
        .fallback(gate::no_such_path)
        .method_not_allowed_fallback(gate::wrong_method)
        .layer(from_fn_with_state(Arc::clone(world), gate::gate))
        .with_state(Arc::clone(world))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // The gate puts it there before any handler runs.
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(Refusal::internal)
    }
}

/// The JSON body of a request; none, or none that is JSON, is E0000003.
fn json_body(body: &Bytes) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::malformed())
}

/// What `object` says at `path`, as text; null and absent are the same, other types are malformed.
fn text_at<'a>(object: &'a Value, path: &[&str]) -> Result<Option<&'a str>, Refusal> {
    let mut at = object;
    for key in path {
        match at {
            Value::Object(fields) => match fields.get(*key) {
                Some(inner) => at = inner,
                None => return Ok(None),
            },
            Value::Null => return Ok(None),
            _ => return Err(Refusal::malformed()),
        }
    }
    match at {
        Value::String(text) => Ok(Some(text)),
        Value::Null => Ok(None),
        _ => Err(Refusal::malformed()),
    }
}
