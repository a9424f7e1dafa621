//! `/api/v1/idps`: the identity providers of a hub, of the type that stands for another org (API.md §6, rows 1 and 3).

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::Uri;
use serde_json::{Value, json};

use super::super::answer::{self, Answer, Refusal};
use super::super::idp::Idp;
use super::super::names;
use super::super::world::{World, now_ms};
use super::fields::{required, when};
use super::json_body;
use super::listing::Listing;
use crate::sandbox::caller::Caller;

/// The only type that is simulated.
const TYPE: &str = "OKTA_INTEGRATION";

/// Longest name, in characters.
const NAME_MAX: usize = 100;

/// `GET /api/v1/idps`.
pub(super) async fn list(
    caller: Caller,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let listing = Listing::of(&caller.origin, &uri, &query)?;
    let starts = query.get("q").map(|text| text.to_lowercase());
    let is_type = query.get("type").is_none_or(|of| of == TYPE);
    let page = caller.org.idps(|idps| {
        let place = |id: &str| idps.iter().position(|idp| *idp.id == *id);
        let start = match listing.after() {
            None => 0,
            Some(id) => place(id).ok_or_else(Refusal::bad_cursor)? + 1,
        };
        let fits = |idp: &&Idp| {
            let named = |start: &String| idp.name.to_lowercase().starts_with(start);
            is_type && starts.as_ref().is_none_or(named)
        };
        let found = idps[start..].iter().filter(fits);
        let page = listing.cut(found, |idp| &idp.id, |idp| show(idp, &caller.origin));
        Ok((page, None))
    })?;
    listing.answer(page)
}

/// `POST /api/v1/idps`.
pub(super) async fn create(State(world): State<Arc<World>>, caller: Caller, body: Bytes) -> Answer {
    let wanted = Wanted::read(json_body(&body)?)?;
    let shown = caller.org.idps(|idps| {
        wanted.has_a_name_of_its_own(idps, None)?;
        let id = free_id(world.settings.seed, &caller.org.name, &wanted.name, idps);
        let idp = wanted.stored(id, now_ms());
        Ok((show(&idp, &caller.origin), Some(idp)))
    })?;
    answer::json(&shown)
}

/// `GET /api/v1/idps/{id}`.
pub(super) async fn get(caller: Caller, Path(id): Path<String>) -> Answer {
    let shown = caller.org.idps(|idps| {
        let idp = find(idps, &id)?;
        Ok((show(idp, &caller.origin), None))
    })?;
    answer::json(&shown)
}

/// `PUT /api/v1/idps/{id}`: replaces everything, a policy that is not sent is gone.
pub(super) async fn replace(caller: Caller, Path(id): Path<String>, body: Bytes) -> Answer {
    let wanted = Wanted::read(json_body(&body)?)?;
    let shown = caller.org.idps(|idps| {
        let known = find(idps, &id)?;
        wanted.has_a_name_of_its_own(idps, Some(&id))?;
        let idp = wanted.stored(id.clone(), known.created_ms);
        Ok((show(&idp, &caller.origin), Some(idp)))
    })?;
    answer::json(&shown)
}

fn find<'a>(idps: &'a [Idp], id: &str) -> Result<&'a Idp, Refusal> {
    let found = idps.iter().find(|idp| *idp.id == *id);
    found.ok_or_else(|| Refusal::not_found(id, "IdpProvider"))
}

/// Depends on the name only, as long as nobody else has it.
fn free_id(seed: u64, org: &str, name: &str, idps: &[Idp]) -> String {
    let mut turn = 0_u32;
    loop {
        let id = names::app_id(seed, &["idp", org, name, &turn.to_string()]);
        if find(idps, &id).is_err() {
            return id;
        }
        turn += 1;
    }
}

/// An identity provider as a request describes it.
struct Wanted {
    name: String,
    protocol: Value,
    policy: Option<Value>,
}

impl Wanted {
    fn read(mut body: Value) -> Result<Self, Refusal> {
        let of = required(&body, &["type"], "type")?;
        if of != TYPE {
            return Err(Refusal::invalid(
                "type",
                format!("type: {of} is not simulated, only {TYPE}."),
            ));
        }
        let name = required(&body, &["name"], "name")?.to_owned();
        if name.chars().count() > NAME_MAX {
            return Err(Refusal::invalid("name", "name: The field is too long."));
        }
        if required(&body, &["protocol", "type"], "protocol.type")? != "OIDC" {
            return Err(Refusal::invalid(
                "protocol.type",
                format!("protocol.type: must be OIDC for an IdP of type {TYPE}."),
            ));
        }
        let org = required(
            &body,
            &["protocol", "oktaIdpOrgUrl"],
            "protocol.oktaIdpOrgUrl",
        )?;
        if !url::Url::parse(org).is_ok_and(|url| url.has_host()) {
            return Err(Refusal::invalid(
                "protocol.oktaIdpOrgUrl",
                "protocol.oktaIdpOrgUrl: must be the URL of an org.",
            ));
        }
        let client = ["protocol", "credentials", "client"];
        let at = |key| [&client[..], &[key]].concat();
        required(
            &body,
            &at("client_id"),
            "protocol.credentials.client.client_id",
        )?;
        let method = "token_endpoint_auth_method";
        if required(&body, &at(method), method)? != "private_key_jwt" {
            return Err(Refusal::invalid(
                method,
                format!("{method}: must be private_key_jwt."),
            ));
        }
        let policy = match body["policy"].take() {
            Value::Null => None,
            Value::Object(policy) => Some(Value::Object(policy)),
            _ => return Err(Refusal::malformed()),
        };
        let mut protocol = body["protocol"].take();
        let client = protocol.pointer_mut("/credentials/client");
        if let Some(client) = client.and_then(Value::as_object_mut) {
            client.remove("client_secret");
        }
        Ok(Self {
            name,
            protocol,
            policy,
        })
    }

    /// Names are unique, says Okta's description.
    fn has_a_name_of_its_own(&self, idps: &[Idp], own: Option<&str>) -> Result<(), Refusal> {
        let is_other = |idp: &&Idp| *idp.name == *self.name && own != Some(&*idp.id);
        match idps.iter().find(is_other) {
            None => Ok(()),
            Some(_) => Err(Refusal::invalid(
                "name",
                "name: An identity provider with this name already exists.",
            )),
        }
    }

    fn stored(&self, id: String, created_ms: i64) -> Idp {
        Idp {
            id: id.into(),
            name: self.name.as_str().into(),
            protocol: self.protocol.to_string().into(),
            policy: self.policy.as_ref().map(|policy| policy.to_string().into()),
            created_ms,
            updated_ms: now_ms(),
        }
    }
}

/// An identity provider as Okta shows it.
fn show(idp: &Idp, origin: &str) -> Value {
    let here = format!("{origin}/api/v1/idps/{}", idp.id);
    let protocol = Idp::part(&idp.protocol);
    let client = protocol.pointer("/credentials/client/client_id").cloned();
    let authorize = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("idp", &idp.id)
        .append_pair(
            "client_id",
            client.as_ref().and_then(Value::as_str).unwrap_or_default(),
        )
        .finish();
    let mut shown = json!({
        "id": idp.id,
        "type": TYPE,
        "issuerMode": "DYNAMIC",
        "name": idp.name,
        "status": "ACTIVE",
        "created": when(idp.created_ms),
        "lastUpdated": when(idp.updated_ms),
        "protocol": protocol,
        "_links": {
            "self": { "href": here, "hints": { "allow": ["GET", "PUT"] } },
            "authorize": { "href": format!("{origin}/oauth2/v1/authorize?{authorize}") },
            "clientRedirectUri": { "href": format!("{origin}/oauth2/v1/authorize/callback") },
        },
    });
    if let Some(policy) = &idp.policy {
        shown["policy"] = Idp::part(policy);
    }
    shown
}
