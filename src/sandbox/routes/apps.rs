//! `/api/v1/apps`: listing with cursors, creating, reading one (API.md §9).

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use axum::http::Uri;
use serde_json::{Value, json};

use super::super::answer::{self, Answer, Refusal};
use super::super::capabilities::Feature;
use super::super::catalog::{self, Kind};
use super::super::filter::Filter;
use super::super::hub;
use super::super::model::App;
use super::super::org::{Changed, Org};
use super::super::rights::Rights;
use super::super::service::Service;
use super::super::world::{World, now_ms};
use super::fields::{blank, required, when};
use super::listing::Listing;
use super::{json_body, text_at};
use crate::sandbox::caller::Caller;

/// Longest label, in characters.
const LABEL_MAX: usize = 100;

/// `GET /api/v1/apps`.
pub(super) async fn list(
    caller: Caller,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    if let Some(expand) = query.get("expand")
        && (!expand.starts_with("user/") || expand.contains(','))
    {
        return Err(Refusal::invalid(
            "RequestParams",
            "Expand query is malformed.",
        ));
    }
    let filter = query.get("filter").map(|text| Filter::parse(text));
    let filter = filter.transpose()?;
    let starts = query.get("q").map(|text| text.to_lowercase());
    let seed = caller.org.repeats();
    let fits = |app: &&App| {
        filter.as_ref().is_none_or(|filter| filter.fits(app, seed))
            && starts.as_ref().is_none_or(|start| {
                app.name.to_lowercase().starts_with(start)
                    || app.label.to_lowercase().starts_with(start)
            })
    };
    paged(&caller, &uri, &query, fits, show)
}

/// A page of those of the org's apps that fit, with where the list continues.
pub(super) fn paged(
    caller: &Caller,
    uri: &Uri,
    query: &HashMap<String, String>,
    fits: impl Fn(&&App) -> bool,
    show: impl Fn(&App, &Caller) -> Value,
) -> Answer {
    let listing = Listing::of(&caller.origin, uri, query)?;
    let page = caller.org.list(listing.after(), |apps| {
        let found = apps.iter().filter(&fits);
        listing.cut(found, |app| &app.id, |app| show(app, caller))
    })?;
    listing.answer(page)
}

/// `POST /api/v1/apps?activate=`.
pub(super) async fn create(
    State(world): State<Arc<World>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Answer {
    let body = json_body(&body)?;
    let inactive = query
        .get("activate")
        .is_some_and(|text| text.eq_ignore_ascii_case("false"));
    let wanted = Wanted::read(&body)?;
    is_idp_there(&world, wanted.name, &wanted.settings)?;
    let id = caller.org.create(wanted.name, wanted.label, |id| App {
        inactive,
        sign_on_mode: Some(wanted.sign_on_mode.into()),
        settings: Some(wanted.settings.to_string().into()),
        ..App::new(id, wanted.name, wanted.label, now_ms())
    })?;
    tracing::debug!(org = %caller.org.name, port = world.port, id, "sandbox app created");
    let shown = caller.org.read(&id, |app| show(app, &caller))?;
    answer::json(&shown)
}

/// `PUT /api/v1/apps/{id}`: replaces what can be replaced; system fields are ignored (API.md §9).
pub(super) async fn replace(
    State(world): State<Arc<World>>,
    Extension(rights): Extension<Rights>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let body = json_body(&body)?;
    let label = required(&body, &["label"], "label")?;
    let settings = body.pointer("/settings/app").cloned();
    let client = body.pointer("/settings/oauthClient");
    let kid = text_at(&body, &["credentials", "signing", "kid"])?;
    if let Some(settings) = &settings {
        let name = text_at(&body, &["name"])?.unwrap_or_default();
        is_idp_there(&world, name, settings)?;
    }
    let (shown, is_client) = caller.org.change(&id, |app| {
        let name = required(&body, &["name"], "name")?;
        if *app.name != *name {
            return Err(Refusal::invalid(
                "name",
                "name: The name of an app cannot be changed.",
            ));
        }
        if let Some(service) = &mut app.service {
            let client = client.ok_or_else(|| blank("settings.oauthClient"))?;
            replace_client(service, client, &rights)?;
        } else {
            if let Some(kid) = kid {
                sign_with(app, kid, world.settings.seed)?;
            }
            if let Some(settings) = settings {
                app.settings = Some(without_secrets(settings).to_string().into());
            }
        }
        app.label = label.into();
        let is_client = app.service.is_some();
        Ok(((show(app, &caller), is_client), Changed::Yes))
    })?;
    if is_client {
        hub::client_changed(&world, &id);
    } else if kid.is_some() {
        hub::app_changed(&world, &caller.org, &id);
    }
    answer::json(&shown)
}

/// Another of its keys is the one it signs with.
fn sign_with(app: &mut App, kid: &str, seed: u64) -> Result<(), Refusal> {
    if app.kid(seed) == kid {
        return Ok(());
    }
    if !app.keys(seed).iter().any(|key| key.kid == kid) {
        return Err(Refusal::invalid(
            "credentials.signing.kid",
            "credentials.signing.kid: The app has no key with this kid.",
        ));
    }
    app.signing.get_or_insert_default().switch(kid);
    Ok(())
}

/// An app that leads to another org may name an identity provider there. Nothing is known of orgs that are not simulated.
fn is_idp_there(world: &World, name: &str, settings: &Value) -> Result<(), Refusal> {
    if catalog::facts(name).kind != Kind::Org2Org {
        return Ok(());
    }
    let Some(idp) = text_at(settings, &["idpId"])? else {
        return Ok(());
    };
    let hub = settings["baseUrl"]
        .as_str()
        .and_then(|url| world.at_url(url));
    let has = |hub: &Arc<Org>| {
        let found = hub.idps(|idps| Ok((idps.iter().any(|known| *known.id == *idp), None)));
        found.unwrap_or_default()
    };
    if hub.as_ref().is_none_or(has) {
        return Ok(());
    }
    Err(Refusal::invalid(
        "settings.app.idpId",
        "settings.app.idpId: The target org has no such identity provider.",
    ))
}

/// What is left out is gone.
fn replace_client(service: &mut Service, client: &Value, rights: &Rights) -> Result<(), Refusal> {
    let has = |key: &str| client.get(key).is_some_and(Value::is_array);
    for key in ["grant_types", "response_types"] {
        if !has(key) {
            return Err(blank(key));
        }
    }
    let uri = text_at(client, &["jwks_uri"])?;
    let keys = client.pointer("/jwks/keys").filter(|keys| keys.is_array());
    let wanted = Service {
        jwks_uri: uri.map(Into::into),
        keys: keys.map(|keys| keys.to_string().into()),
        ..Service::default()
    };
    if !rights.allow_keys(service, &wanted) {
        return Err(Refusal::forbidden());
    }
    service.jwks_uri = wanted.jwks_uri;
    service.keys = wanted.keys;
    let dpop = client.get("dpop_bound_access_tokens");
    service.dpop = dpop.and_then(Value::as_bool).unwrap_or_default();
    Ok(())
}

/// `GET /api/v1/apps/{id}`.
pub(super) async fn get(caller: Caller, Path(id): Path<String>) -> Answer {
    let shown = caller.org.read(&id, |app| show(app, &caller))?;
    answer::json(&shown)
}

/// An app to create.
struct Wanted<'a> {
    name: &'a str,
    label: &'a str,
    sign_on_mode: &'a str,
    settings: Value,
}

impl<'a> Wanted<'a> {
    fn read(body: &'a Value) -> Result<Self, Refusal> {
        let name = required(body, &["name"], "name")?;
        let label = required(body, &["label"], "label")?;
        // Okta stores characters of up to three UTF-8 bytes (API.md §9).
        if label.chars().count() > LABEL_MAX || label.chars().any(|c| c.len_utf8() > 3) {
            return Err(Refusal::invalid("label", "label: The field is not valid."));
        }
        let facts = catalog::facts(name);
        let default = facts.sign_on_modes.first().copied().unwrap_or_default();
        let mode = text_at(body, &["signOnMode"])?.unwrap_or(default);
        if !facts.sign_on_modes.contains(&mode) {
            return Err(Refusal::invalid(
                "signOnMode",
                format!("signOnMode: {mode} is not supported by {name}."),
            ));
        }
        let settings = match (body.get("settings"), facts.kind) {
            (Some(Value::Object(settings)), _) => {
                settings.get("app").cloned().unwrap_or_else(|| json!({}))
            }
            (None | Some(Value::Null), Kind::Unsupported) => json!({}),
            (None | Some(Value::Null), _) => return Err(blank("settings")),
            _ => return Err(Refusal::malformed()),
        };
        for key in facts.required {
            required(&settings, &[key], key)?;
        }
        Ok(Self {
            name,
            label,
            sign_on_mode: match (facts.kind, mode) {
                (Kind::Office365, "AUTO_LOGIN") => "BROWSER_PLUGIN",
                _ => mode,
            },
            settings: without_secrets(settings),
        })
    }
}

/// `token` and `tokenEncrypted` of Org2Org are taken and never shown.
fn without_secrets(mut settings: Value) -> Value {
    if let Some(settings) = settings.as_object_mut() {
        settings.retain(|key, _| !key.starts_with("token"));
    }
    settings
}

/// An app as Okta shows it.
fn show(app: &App, caller: &Caller) -> Value {
    let facts = app.facts();
    let origin = &caller.origin;
    let here = format!("{origin}/api/v1/apps/{}", app.id);
    let settings = app
        .settings
        .as_ref()
        .and_then(|text| serde_json::from_str::<Value>(text).ok())
        .unwrap_or_else(|| {
            let example = |key: &&str| ((*key).to_owned(), json!(format!("{key}.example.com")));
            Value::Object(facts.required.iter().map(example).collect())
        });
    let default = facts.sign_on_modes.first().copied().unwrap_or_default();
    let when = when(app.created_ms);
    let verb = if app.inactive {
        "activate"
    } else {
        "deactivate"
    };
    let mut shown = json!({
        "id": app.id,
        "orn": format!("orn:okta:idp:00osandbox:apps:{}:{}", app.name, app.id),
        "name": app.name,
        "label": app.label,
        "status": if app.inactive { "INACTIVE" } else { "ACTIVE" },
        "created": when,
        "lastUpdated": when,
        "features": features(app),
        "signOnMode": app.sign_on_mode.as_deref().unwrap_or(default),
        "accessibility": { "selfService": false },
        "visibility": { "autoSubmitToolbar": false, "hide": { "iOS": false, "web": false } },
        "credentials": { "userNameTemplate": { "template": "${source.login}", "type": "BUILT_IN" } },
        "settings": { "app": settings },
        "_links": {
            "self": { "href": here },
            "users": { "href": format!("{here}/users") },
            "groups": { "href": format!("{here}/groups") },
            verb: { "href": format!("{here}/lifecycle/{verb}") },
        },
    });
    match &app.service {
        Some(service) => show_client(&mut shown, &app.id, service),
        None => show_signing(&mut shown, app, caller.org.repeats()),
    }
    shown
}

/// What an app shows that signs.
fn show_signing(shown: &mut Value, app: &App, seed: u64) {
    let mode = shown["signOnMode"].as_str().unwrap_or_default();
    let is_client = mode == "OPENID_CONNECT";
    if is_client || mode.starts_with("SAML") {
        shown["credentials"]["signing"] = json!({ "kid": app.kid(seed) });
    }
    if is_client {
        shown["credentials"]["oauthClient"] = json!({
            "client_id": app.id,
            "autoKeyRotation": true,
            "token_endpoint_auth_method": "private_key_jwt",
        });
    }
}

/// What an app shows besides that is an OAuth client.
fn show_client(shown: &mut Value, id: &str, service: &Service) {
    shown["credentials"]["oauthClient"] = json!({
        "client_id": id,
        "autoKeyRotation": true,
        "token_endpoint_auth_method": "private_key_jwt",
    });
    let mut client = json!({
        "application_type": "service",
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
        "consent_method": "REQUIRED",
        "dpop_bound_access_tokens": service.dpop,
    });
    if let Some(uri) = &service.jwks_uri {
        client["jwks_uri"] = json!(uri);
    }
    let keys = service.keys.as_deref().map(serde_json::from_str::<Value>);
    if let Some(Ok(keys)) = keys {
        client["jwks"] = json!({ "keys": keys });
    }
    shown["settings"]["oauthClient"] = client;
}

/// What an enabled connection switches on, in the app's own list.
fn features(app: &App) -> Vec<&'static str> {
    let mut on = Vec::new();
    if !app.connection.enabled {
        return on;
    }
    let user = app.shown_capabilities(Feature::User);
    for (pointer, name) in [
        ("/create/lifecycleCreate/status", "PUSH_NEW_USERS"),
        ("/update/profile/status", "PUSH_PROFILE_UPDATES"),
        (
            "/update/lifecycleDeactivate/status",
            "PUSH_USER_DEACTIVATION",
        ),
        ("/update/password/status", "PUSH_PASSWORD_UPDATES"),
    ] {
        if user.pointer(pointer).and_then(Value::as_str) == Some("ENABLED") {
            on.push(name);
        }
    }
    let inbound = app.shown_capabilities(Feature::Inbound);
    let imports = inbound.pointer("/importSettings/schedule/status");
    if imports.and_then(Value::as_str) == Some("ENABLED") {
        on.extend(["IMPORT_NEW_USERS", "IMPORT_PROFILE_UPDATES"]);
    }
    on
}
