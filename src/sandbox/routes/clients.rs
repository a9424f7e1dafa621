//! `/oauth2/v1/clients`: the org's service apps as OAuth clients (API.md §1, rows 17 and 18; §6).

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::super::answer::{self, Answer, Refusal};
use super::super::hub;
use super::super::model::App;
use super::super::org::Changed;
use super::super::rights::Rights;
use super::super::service::{OIDC_CLIENT, Service};
use super::super::world::{World, now_ms};
use super::apps::paged;
use super::fields::{blank, required};
use super::{json_body, text_at};
use crate::sandbox::caller::Caller;

/// Keys of one client at most.
const KEYS_MAX: usize = 50;

/// `GET /oauth2/v1/clients`.
pub(super) async fn list(
    caller: Caller,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let starts = query.get("q").map(|text| text.to_lowercase());
    let fits = |app: &&App| {
        let named = |start: &String| app.label.to_lowercase().starts_with(start);
        app.service.is_some() && starts.as_ref().is_none_or(named)
    };
    paged(&caller, &uri, &query, fits, |app, _| show(app))
}

/// `POST /oauth2/v1/clients`.
pub(super) async fn create(caller: Caller, body: Bytes) -> Answer {
    let body = json_body(&body)?;
    let (name, service) = read(&body)?;
    let id = caller.org.create(OIDC_CLIENT, name, |id| {
        App::client(id, name, service, now_ms())
    })?;
    let shown = caller.org.read(&id, show)?;
    answer::json_as(StatusCode::CREATED, &shown)
}

/// `GET /oauth2/v1/clients/{id}`.
pub(super) async fn get(caller: Caller, Path(id): Path<String>) -> Answer {
    let shown = caller
        .org
        .read(&id, |app| app.service.as_ref().map(|_| show(app)));
    let shown = shown.ok().flatten();
    answer::json(&shown.ok_or_else(|| no_client(&id))?)
}

/// `PUT /oauth2/v1/clients/{id}`: replaces everything, keys that are not listed are gone.
pub(super) async fn replace(
    State(world): State<Arc<World>>,
    Extension(rights): Extension<Rights>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let body = json_body(&body)?;
    is_of(&body, &id)?;
    let (name, wanted) = read(&body)?;
    let is_client = caller.org.read(&id, |app| app.service.is_some());
    if !is_client.unwrap_or_default() {
        return Err(no_client(&id));
    }
    let shown = caller.org.change(&id, |app| {
        let Some(service) = &mut app.service else {
            return Err(no_client(&id));
        };
        if !rights.allow_keys(service, &wanted) {
            return Err(Refusal::forbidden());
        }
        service.jwks_uri = wanted.jwks_uri;
        service.keys = wanted.keys;
        app.label = name.into();
        Ok((show(app), Changed::Yes))
    })?;
    hub::client_changed(&world, &id);
    answer::json(&shown)
}

/// A client is replaced whole, but not by another, and not what Okta itself says of it.
fn is_of(body: &Value, id: &str) -> Result<(), Refusal> {
    if text_at(body, &["client_id"])?.is_some_and(|given| given != id) {
        return Err(Refusal::invalid(
            "client_id",
            "client_id: The client_id cannot be changed.",
        ));
    }
    for key in ["client_id_issued_at", "client_secret_expires_at"] {
        if !body[key].is_null() {
            return Err(Refusal::invalid(
                key,
                format!("{key}: The field cannot be included in the request."),
            ));
        }
    }
    Ok(())
}

/// 404 of a client that is not there.
pub(super) fn no_client(id: &str) -> Refusal {
    Refusal::not_found(id, "PublicClientApp")
}

/// A service app as a request describes it: its name, and what it signs with.
fn read(body: &Value) -> Result<(&str, Service), Refusal> {
    let name = required(body, &["client_name"], "client_name")?;
    let has = |key: &str, wanted: &str| match body.get(key) {
        Some(Value::Array(values)) => values.iter().any(|value| value == wanted),
        _ => false,
    };
    let is_service = text_at(body, &["application_type"])? == Some("service");
    if !is_service || !has("grant_types", "client_credentials") {
        return Err(Refusal::invalid(
            "grant_types",
            "'client_credentials' must be specified for clients of application_type 'service'.",
        ));
    }
    if !has("response_types", "token") {
        return Err(blank("response_types"));
    }
    let jwks_uri = text_at(body, &["jwks_uri"])?.map(Into::into);
    let keys = match body.pointer("/jwks/keys") {
        None | Some(Value::Null) => None,
        Some(Value::Array(keys)) if keys.len() <= KEYS_MAX => Some(distinct(keys)?),
        Some(_) => return Err(Refusal::invalid("jwks", "jwks: The field is not valid.")),
    };
    let signs = text_at(body, &["token_endpoint_auth_method"])? == Some("private_key_jwt");
    if !signs || (jwks_uri.is_none() && keys.is_none()) {
        return Err(Refusal::invalid(
            "token_endpoint_auth_method",
            "'jwks' or 'jwks_uri' is required for 'private_key_jwt'.",
        ));
    }
    let service = Service {
        jwks_uri,
        keys,
        ..Service::default()
    };
    Ok((name, service))
}

/// Each has an id of its own, and none is private.
fn distinct(keys: &[Value]) -> Result<Box<str>, Refusal> {
    if !keys.iter().all(is_public) {
        return Err(Refusal::invalid("jwks", "jwks: The field is not valid."));
    }
    let ids: Vec<&str> = keys.iter().filter_map(|key| key["kid"].as_str()).collect();
    let mut known = std::collections::HashSet::new();
    if ids.len() < keys.len() && keys.len() > 1 || !ids.iter().all(|id| known.insert(*id)) {
        return Err(Refusal::invalid("jwks", "Each key must have a unique kid."));
    }
    Ok(Value::from(keys).to_string().into())
}

fn is_public(key: &Value) -> bool {
    let has = |names: &[&str]| names.iter().all(|name| key[*name].is_string());
    let is_whole = match key["kty"].as_str() {
        Some("RSA") => has(&["n", "e"]),
        Some("EC") => has(&["crv", "x", "y"]),
        _ => false,
    };
    is_whole && key["d"].is_null()
}

/// A client as Okta shows it.
fn show(app: &App) -> Value {
    let mut shown = json!({
        "client_id": app.id,
        "client_id_issued_at": app.created_ms / 1000,
        "client_name": app.label,
        "client_uri": null,
        "logo_uri": null,
        "redirect_uris": [],
        "response_types": ["token"],
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "application_type": "service",
    });
    let Some(service) = &app.service else {
        return shown;
    };
    if let Some(uri) = &service.jwks_uri {
        shown["jwks_uri"] = json!(uri);
    }
    let keys = service.keys.as_deref().map(serde_json::from_str::<Value>);
    if let Some(Ok(keys)) = keys {
        shown["jwks"] = json!({ "keys": keys });
    }
    shown
}
