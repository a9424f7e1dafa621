//! A service app as one of its org's apps: `/api/v1/apps/{appId}`, which alone says whether its tokens are bound to a key
//! (API.md §6, rows 7a and 7b).

use serde_json::Value;

use super::clients::{KeySet, ServiceClient, client_keys};
use super::fields::{self, fields};
use super::request::{Bucket, Method, Read, Request, RequestBody, Write, segment};
use crate::text::Veil;

/// Where an app has it.
const DPOP: &str = "/settings/oauthClient/dpop_bound_access_tokens";

/// A service app with all that Okta shows of it: only for sending it back.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceApp {
    /// What it is as a client.
    pub client: ServiceClient,
    /// Whether its access tokens are bound to a key (`DPoP`); `None` = Okta does not show it.
    pub dpop: Option<bool>,
    whole: Value,
}

/// Reads it, from a bucket of its own (API.md §10.1).
pub fn get(app_id: &str) -> Read<ServiceApp> {
    Read::new(Bucket::AppById, path(app_id), ServiceApp::read)
}

/// Replaces it with what it is but for its access tokens, which are bound to a key from then on. Gives what the answer
/// shows of that.
pub fn require_dpop(found: &ServiceApp) -> Write<Option<bool>> {
    let mut whole = found.whole.clone();
    // What was read is an object; a part of it that is none is replaced.
    let settings = &mut whole["settings"];
    if !settings.is_object() {
        *settings = Value::Object(serde_json::Map::new());
    }
    let client = &mut settings["oauthClient"];
    if !client.is_object() {
        *client = Value::Object(serde_json::Map::new());
    }
    client["dpop_bound_access_tokens"] = true.into();
    let request = Request::new(Method::Put, Bucket::AppById, path(&found.client.id));
    Write::new(
        request.with_body(RequestBody::json(&whole)),
        |answer, veil| Some(ServiceApp::read(answer, veil).and_then(|shown| shown.dpop)),
    )
}

fn path(app_id: &str) -> String {
    format!("/api/v1/apps/{}", segment(app_id))
}

impl ServiceApp {
    fn read(answer: &[u8], veil: &Veil) -> Option<Self> {
        let shown: Shown = fields::object(answer)?;
        let whole = fields::whole(answer)?;
        let client = shown.settings.and_then(|settings| settings.client);
        let client = client.unwrap_or_default();
        let keys = client_keys(client.jwks_uri, client.jwks.as_ref(), veil);
        Some(Self {
            client: ServiceClient {
                id: veil.word(&shown.id?)?,
                name: veil.told(&shown.label.unwrap_or_default()),
                keys,
            },
            dpop: whole.pointer(DPOP).and_then(Value::as_bool),
            whole,
        })
    }

    /// One of which no more is known, for whoever sends nothing.
    pub const fn supposed(client: ServiceClient, dpop: Option<bool>) -> Self {
        Self {
            client,
            dpop,
            whole: Value::Null,
        }
    }
}

/// An app as it comes.
#[derive(Default)]
struct Shown {
    id: Option<String>,
    label: Option<String>,
    settings: Option<Settings>,
}

fields!(Shown {
    "id" => text(id),
    "label" => text(label),
    "settings" => inner(settings),
});

#[derive(Default)]
struct Settings {
    client: Option<Client>,
}

fields!(Settings { "oauthClient" => inner(client) });

#[derive(Default)]
struct Client {
    jwks_uri: Option<String>,
    jwks: Option<KeySet>,
}

fields!(Client {
    "jwks_uri" => text(jwks_uri),
    "jwks" => inner(jwks),
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::clients::ClientKeys;
    use super::*;

    fn read(answer: &Value) -> Option<ServiceApp> {
        ServiceApp::read(answer.to_string().as_bytes(), &Veil::default())
    }

    #[test]
    fn an_app_is_sent_back_whole_with_one_field_changed() {
        let mut shown = json!({ "id": "0oa9", "name": "oidc_client", "label": "spoke", "_links": { "x": 1 },
            "settings": { "app": {}, "oauthClient": { "jwks_uri": "https://a", "grant_types": ["client_credentials"],
                "dpop_bound_access_tokens": false } } });
        let found = read(&shown).unwrap();
        assert_eq!(found.dpop, Some(false));
        assert_eq!(found.client.keys, ClientKeys::At("https://a".into()));
        assert_eq!(found.client.name.raw(), "spoke");
        let put = require_dpop(&found);
        assert_eq!(put.request().label(), "PUT /api/v1/apps/0oa9");
        let sent: Value = serde_json::from_slice(&put.request().body().unwrap().bytes()).unwrap();
        shown["settings"]["oauthClient"]["dpop_bound_access_tokens"] = json!(true);
        assert_eq!(sent, shown);
    }

    #[test]
    fn what_is_not_shown_is_not_known() {
        let bare = read(&json!({ "id": "0oa9" })).unwrap();
        assert_eq!(
            (bare.dpop, &bare.client.keys),
            (None, &ClientKeys::NotShown)
        );
        let sent = require_dpop(&bare).request().body().unwrap().bytes();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(sent.pointer(DPOP), Some(&json!(true)));
        for answer in [json!({ "label": "x" }), json!([]), json!({ "id": "a b" })] {
            assert_eq!(read(&answer), None, "{answer}");
        }
    }
}
