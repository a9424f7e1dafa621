//! What a service app's signatures are verified with: keys that were registered, or those behind its `jwks_uri`, which are
//! read within this sandbox from the org that has them (API.md §3.5).

use std::collections::HashSet;

use serde_json::{Value, json};

use super::catalog::Kind;
use super::model::App;
use super::oauth::Known;
use super::org::Org;
use super::service::Service;
use super::signing::PublicKey;
use super::world::World;

const UNREACHABLE: &str = "Error retrieving the client JWKSet from jwks_uri.";
const AMBIGUOUS: &str = "All keys in the client JWKSet from jwks_uri must have a unique kid.";

/// A connection that asks to be let in: its keys can be read before it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spoke<'a> {
    pub org: &'a Org,
    pub app: &'a str,
    /// How its org was called, if somebody did: a proxy's address is its own, too.
    pub origin: Option<&'a str>,
}

/// The service app of this id, as its org knows it for a token.
pub(super) fn known(world: &World, org: &Org, id: &str, now_ms: i64) -> Option<Known> {
    if let Some(client) = org.client(id) {
        return Some(client.into());
    }
    let service = org.read(id, |app| app.service.as_deref().cloned());
    let service = service.ok().flatten()?;
    Some(Known {
        keys: keys(world, &service, None),
        scopes: service.scopes_held(org.holds(now_ms)),
        dpop: service.dpop,
    })
}

/// All keys of a client, or in Okta's words why there are none.
pub(super) fn keys(
    world: &World,
    service: &Service,
    spoke: Option<Spoke<'_>>,
) -> Result<Vec<Value>, &'static str> {
    let mut keys = service.own_keys();
    if let Some(uri) = service.jwks_uri.as_deref() {
        match fetched(world, uri, spoke) {
            Some(found) if are_distinct(&found) => keys.extend(found),
            Some(_) => return Err(AMBIGUOUS),
            None if keys.is_empty() => return Err(UNREACHABLE),
            None => {}
        }
    }
    Ok(keys)
}

/// The set behind a URL, in either of the shapes that it may have.
fn fetched(world: &World, uri: &str, spoke: Option<Spoke<'_>>) -> Option<Vec<Value>> {
    if let Some(spoke) = spoke
        && spoke
            .origin
            .is_some_and(|origin| uri == address(origin, spoke.app))
    {
        return key_set(world, spoke.org, spoke.app).and_then(members);
    }
    let org = world.at_url(uri)?;
    let path = url::Url::parse(uri).ok()?;
    let app = path.path().strip_prefix("/api/v1/apps/")?;
    let app = app.strip_suffix("/connections/default/jwks")?;
    let is_being_set = spoke.is_some_and(|spoke| spoke.org.name == org.name && spoke.app == app);
    if !is_being_set && !org.read(app, App::signs_in).unwrap_or_default() {
        return None;
    }
    key_set(world, &org, app).and_then(members)
}

/// The keys of an app's connection as its org shows them; only connections to other orgs have any.
pub(super) fn key_set(world: &World, org: &Org, app: &str) -> Option<Value> {
    let keys = org.read(app, |app| {
        let keys = app.keys(world.settings.seed);
        (app.facts().kind == Kind::Org2Org).then_some(keys)
    });
    let keys = keys.ok().flatten()?;
    let set = json!({ "keys": keys.iter().map(PublicKey::jwk).collect::<Vec<_>>() });
    Some(if world.settings.assume.bare_jwks {
        set
    } else {
        json!({ "jwks": set })
    })
}

/// Where a connection shows its keys.
fn address(origin: &str, app: &str) -> String {
    format!("{origin}/api/v1/apps/{app}/connections/default/jwks")
}

/// Okta wraps the set that RFC 7517 describes.
fn members(mut document: Value) -> Option<Vec<Value>> {
    let set = match document.get_mut("jwks") {
        Some(wrapped) => wrapped,
        None => &mut document,
    };
    match set["keys"].take() {
        Value::Array(keys) => Some(keys),
        _ => None,
    }
}

fn are_distinct(keys: &[Value]) -> bool {
    let mut known = HashSet::new();
    let mut ids = keys.iter().map(|key| key["kid"].as_str());
    ids.all(|kid| kid.is_some_and(|kid| known.insert(kid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_read_wrapped_and_bare() {
        let key = json!({ "kid": "k" });
        for (document, found) in [
            (json!({ "keys": [key] }), Some(vec![key.clone()])),
            (
                json!({ "jwks": { "keys": [key] } }),
                Some(vec![key.clone()]),
            ),
            (json!({ "jwks": null }), None),
            (json!({}), None),
            (json!({ "keys": {} }), None),
        ] {
            assert_eq!(members(document.clone()), found, "{document}");
        }
        assert!(are_distinct(&[key.clone(), json!({ "kid": "l" })]));
        assert!(!are_distinct(&[key.clone(), key]));
        assert!(!are_distinct(&[json!({})]));
    }
}
