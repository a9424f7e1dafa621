//! `…/connections/default`: the state machine of API.md §3.4 and §4, and what hubs say to connections (§6).

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use serde_json::{Value, json};

use super::super::answer::{self, Answer, Refusal};
use super::super::catalog::Kind;
use super::super::client_keys;
use super::super::model::{App, Connection, OpenConsent, Rotation, Scheme};
use super::super::names;
use super::super::org::Changed;
use super::super::settings::{Assumptions, SandboxSettings};
use super::super::world::{World, now_ms};
use super::fields::blank;
use super::hub::{NOT_AUTHORIZED, asks_hub};
use super::{json_body, text_at};
use crate::sandbox::caller::Caller;

/// `GET …/connections/default`.
pub(super) async fn get(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let assume = &world.settings.assume;
    let shown = caller.org.read(&id, |app| {
        let link = (!assume.authorize_only_on_post)
            .then(|| live_consent(app, assume))
            .flatten();
        show(app, &caller.origin, link)
    })?;
    answer::json(&shown)
}

/// `POST …/connections/default?activate=`.
pub(super) async fn set(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Answer {
    let body = json_body(&body)?;
    let activate = asked_to_activate(&query)?;
    let settings = &world.settings;
    let leads_to_an_org = caller
        .org
        .read(&id, |app| app.facts().kind == Kind::Org2Org)?;
    if leads_to_an_org
        && text_at(&body, &["profile", "authScheme"])? == Some("OAUTH2")
        && let Some(client) = text_at(&body, &["profile", "clientId"])?
    {
        asks_hub(&world, &caller, &id, client)?;
    }
    let shown = caller.org.change(&id, |app| {
        if app.facts().kind == Kind::Unsupported {
            return Ok((unknown(), Changed::No));
        }
        let wanted = read_request(app, &body, settings)?;
        store(app, wanted, activate, settings)?;
        let link = live_consent(app, &settings.assume);
        Ok((show(app, &caller.origin, link), Changed::Yes))
    })?;
    answer::json(&shown)
}

/// `POST …/lifecycle/activate`.
pub(super) async fn activate(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let assume = &world.settings.assume;
    let client = caller.org.read(&id, |app| {
        let client = app.connection.client_id.as_deref();
        let asks = app.signs_in() && !app.connection.enabled;
        client.filter(|_| asks).map(str::to_owned)
    })?;
    if let Some(client) = client {
        asks_hub(&world, &caller, &id, &client)?;
    }
    caller.org.change(&id, |app| {
        let kind = app.facts().kind;
        if kind == Kind::Unsupported || app.connection.enabled {
            return Ok(((), Changed::No));
        }
        if !app.connection.is_complete(kind) && !assume.activate_without_details {
            return Err(Refusal::credential(NOT_AUTHORIZED));
        }
        app.connection.enabled = true;
        Ok(((), Changed::Yes))
    })?;
    Ok(answer::no_content())
}

/// `POST …/lifecycle/deactivate`.
pub(super) async fn deactivate(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    caller.org.change(&id, |app| {
        if !app.connection.enabled {
            return Ok(((), Changed::No));
        }
        app.connection.enabled = false;
        if world.settings.assume.deactivate_resets_features {
            app.user = None;
            app.inbound = None;
        }
        Ok(((), Changed::Yes))
    })?;
    Ok(answer::no_content())
}

/// `GET …/connections/default/jwks`: the keys an Org2Org connection signs with.
pub(super) async fn jwks(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let shows = caller.org.read(&id, App::signs_in)?;
    let set = client_keys::key_set(&world, &caller.org, &id).filter(|_| shows);
    answer::json(&set.ok_or_else(|| Refusal::not_found(&id, "AppInstance"))?)
}

/// `?activate=`, in any case of letters; absent is false.
fn asked_to_activate(query: &HashMap<String, String>) -> Result<Activate, Refusal> {
    match query.get("activate").map(|text| text.to_ascii_lowercase()) {
        None => Ok(Activate::No),
        Some(text) if text == "true" => Ok(Activate::Yes),
        Some(text) if text == "false" || text.is_empty() => Ok(Activate::No),
        Some(_) => Err(Refusal::type_mismatch("activate")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Activate {
    Yes,
    No,
}

/// The connection a request describes, verified as far as Okta verifies before storing.
fn read_request(
    app: &App,
    body: &Value,
    settings: &SandboxSettings,
) -> Result<Connection, Refusal> {
    if !body.is_object() {
        return Err(Refusal::malformed());
    }
    let scheme = match text_at(body, &["profile", "authScheme"])? {
        Some("TOKEN") => Scheme::Token,
        Some("OAUTH2") => Scheme::Oauth2,
        Some(other) => {
            return Err(Refusal::invalid(
                "authScheme",
                format!("authScheme: {other} is not one of [TOKEN, OAUTH2]."),
            ));
        }
        None => return Err(blank("profile.authScheme")),
    };
    let kind = app.facts().kind;
    let fits = match kind {
        Kind::Org2Org => true,
        Kind::Zscaler => scheme == Scheme::Token,
        Kind::ThreeLegged | Kind::Office365 => scheme == Scheme::Oauth2,
        Kind::Unsupported => false,
    };
    if !fits {
        return Err(Refusal::invalid(
            "authScheme",
            "authScheme: The authentication scheme is not supported by the app.",
        ));
    }
    let mut connection = Connection {
        scheme: Some(scheme),
        ..Connection::default()
    };
    match scheme {
        Scheme::Token => read_token(&mut connection, kind, body, settings)?,
        Scheme::Oauth2 => read_oauth(&mut connection, kind, body, settings)?,
    }
    Ok(connection)
}

fn read_token(
    connection: &mut Connection,
    kind: Kind,
    body: &Value,
    settings: &SandboxSettings,
) -> Result<(), Refusal> {
    let base_url = text_at(body, &["baseUrl"])?;
    if let Some(text) = base_url
        && !is_web_url(text)
    {
        return Err(Refusal::invalid("baseUrl", "baseUrl: must be a valid URL."));
    }
    if kind == Kind::Zscaler && base_url.is_none() {
        return Err(blank("baseUrl"));
    }
    let token = text_at(body, &["profile", "token"])?
        .filter(|token| !token.is_empty())
        .ok_or_else(|| blank("profile.token"))?;
    connection.credential = Some(verified(token, settings)?);
    if !(kind == Kind::Org2Org && settings.assume.ignore_org2org_base_url) {
        connection.base_url = base_url.map(Into::into);
    }
    Ok(())
}

fn read_oauth(
    connection: &mut Connection,
    kind: Kind,
    body: &Value,
    settings: &SandboxSettings,
) -> Result<(), Refusal> {
    match kind {
        Kind::Org2Org => {
            let client = text_at(body, &["profile", "clientId"])?
                .filter(|client| !client.is_empty())
                .ok_or_else(|| blank("profile.clientId"))?;
            connection.credential = Some(verified(client, settings)?);
            connection.client_id = Some(client.into());
            connection.rotation = Some(
                match text_at(body, &["profile", "signing", "rotationMode"])? {
                    Some("AUTO") => Rotation::Auto,
                    Some("MANUAL") | None => Rotation::Manual,
                    Some(_) => {
                        return Err(Refusal::invalid(
                            "rotationMode",
                            "rotationMode: must be one of [AUTO, MANUAL].",
                        ));
                    }
                },
            );
        }
        Kind::Office365 => {
            let user = text_at(body, &["profile", "settings", "adminUsername"])?;
            let password = text_at(body, &["profile", "settings", "adminPassword"])?;
            match (user, password) {
                (Some(user), Some(password)) if !user.is_empty() && !password.is_empty() => {
                    connection.credential = Some(verified(password, settings)?);
                }
                _ if settings.assume.office365_without_settings => {}
                (None | Some(""), _) => return Err(blank("profile.settings.adminUsername")),
                _ => return Err(blank("profile.settings.adminPassword")),
            }
        }
        Kind::ThreeLegged | Kind::Zscaler | Kind::Unsupported => {}
    }
    Ok(())
}

/// The secret's digest, if the target takes it: a value that begins with `bad` or contains `invalid`
/// stands for one it does not take.
fn verified(secret: &str, settings: &SandboxSettings) -> Result<Box<str>, Refusal> {
    if secret.starts_with("bad") || secret.contains("invalid") {
        return Err(Refusal::credential(NOT_AUTHORIZED));
    }
    let digest = names::digest(settings.seed, &["credential", secret]);
    Ok(hex::encode(&digest[..8]).into())
}

fn is_web_url(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Puts what was asked for in place of what was there.
fn store(
    app: &mut App,
    mut wanted: Connection,
    activate: Activate,
    settings: &SandboxSettings,
) -> Result<(), Refusal> {
    let kind = app.facts().kind;
    let assume = &settings.assume;
    if assume.repost_keeps_enabled {
        wanted.enabled = app.connection.enabled;
        wanted.granted = app.connection.granted;
    }
    if activate == Activate::Yes {
        if !wanted.is_complete(kind) {
            return Err(Refusal::credential("Not authorized."));
        }
        wanted.enabled = true;
    }
    app.connection = wanted;
    if kind.needs_consent() {
        if !assume.repost_keeps_links {
            app.consents.clear();
        }
        app.consents.push(OpenConsent {
            // Unguessable even to who knows the seed, as a state has to be.
            state: format!("{:032x}", rand::random::<u128>()).into(),
            since_ms: now_ms(),
        });
    }
    Ok(())
}

/// The newest consent link that is still good.
fn live_consent<'a>(app: &'a App, assume: &Assumptions) -> Option<&'a str> {
    app.consents
        .last()
        .filter(|consent| !app.connection.granted && consent.is_live(assume, now_ms()))
        .map(|consent| &*consent.state)
}

/// What Okta shows of an app it cannot provision.
fn unknown() -> Value {
    json!({ "status": "UNKNOWN", "profile": { "authScheme": "UNKNOWN" } })
}

/// What Okta shows of a connection; `state` of the consent link, if one is to be shown.
fn show(app: &App, origin: &str, state: Option<&str>) -> Value {
    if app.facts().kind == Kind::Unsupported {
        return unknown();
    }
    let connection = &app.connection;
    let scheme = app.shown_scheme();
    let here = format!("{origin}/api/v1/apps/{}/connections/default", app.id);
    let mut links = json!({ "self": { "href": here, "hints": { "allow": ["POST", "GET"] } } });
    let verb = if connection.enabled {
        "deactivate"
    } else {
        "activate"
    };
    links[verb] = json!({
        "href": format!("{here}/lifecycle/{verb}"), "hints": { "allow": ["POST"] }
    });
    if let Some(state) = state {
        links["authorize"] = json!({
            "href": authorize_url(app, origin, state),
            "hints": {
                "allow": ["GET"],
                "guidance": ["Specifies the URI to invoke in a browser for granting scope consent \
                              required to complete the OAuth 2.0 connection."]
            }
        });
    }
    let mut shown = json!({
        "status": if connection.enabled { "ENABLED" } else { "DISABLED" },
        "profile": { "authScheme": scheme },
        "_links": links,
    });
    // Beside the profile only a TOKEN is named; Okta's Python SDK does not read OAUTH2 there.
    if scheme == Scheme::Token {
        shown["authScheme"] = json!(scheme);
    }
    if let Some(base_url) = &connection.base_url {
        shown["baseUrl"] = json!(base_url);
    }
    if let Some(client) = &connection.client_id {
        shown["clientId"] = json!(client);
        shown["profile"]["clientId"] = json!(client);
        shown["profile"]["signing"] =
            json!({ "rotationMode": connection.rotation.unwrap_or_default() });
    }
    shown
}

/// The third party's page, where a person consents.
fn authorize_url(app: &App, origin: &str, state: &str) -> String {
    let redirect = format!("{origin}/admin/app/{}/{}/oauth2/redirect", app.name, app.id);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", &format!("sandbox-{}", app.name))
        .append_pair("redirect_uri", &redirect)
        .append_pair("scope", "provisioning.users provisioning.groups")
        .append_pair("state", state)
        .finish();
    format!("{origin}/_third-party/{}/authorize?{query}", app.name)
}
