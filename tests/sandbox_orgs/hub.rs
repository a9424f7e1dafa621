//! What a simulated hub and its spokes answer: service apps, their roles and scopes, and connections that sign in as one
//! (API.md §6).

use okta_rollout::sandbox::{Sandbox, SandboxSettings};
use serde_json::{Value, json};

use crate::raw::{Org, settings};

const CLIENTS: &str = "/oauth2/v1/clients";

/// A hub and a spoke with an app that leads to it.
struct Pair {
    sandbox: Sandbox,
    hub: Org,
    spoke: Org,
    /// The spoke's app.
    app: String,
}

impl Pair {
    async fn with(settings: SandboxSettings) -> Self {
        let sandbox = Sandbox::start(settings, None, None).await.unwrap();
        for org in ["hub", "spoke"] {
            sandbox.add_org(org).unwrap();
        }
        let [hub, spoke] = ["hub", "spoke"].map(|org| Org::of(&sandbox, org));
        let body = json!({ "name": "okta_org2org", "label": "To the hub", "signOnMode": "SAML_2_0",
            "settings": { "app": { "baseUrl": sandbox.url("hub") } } });
        let made = spoke.post("/api/v1/apps", &body.to_string()).await.json();
        Self {
            app: made["id"].as_str().unwrap().to_owned(),
            sandbox,
            hub,
            spoke,
        }
    }

    fn service(&self, name: &str) -> Value {
        let uri = format!(
            "{}/api/v1/apps/{}/connections/default/jwks",
            self.sandbox.url("spoke"),
            self.app
        );
        json!({ "client_name": name, "application_type": "service", "grant_types": ["client_credentials"],
            "response_types": ["token"], "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri })
    }

    async fn register(&self, name: &str) -> String {
        let body = self.service(name).to_string();
        let made = self.hub.post(CLIENTS, &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["client_id"].as_str().unwrap().to_owned()
    }

    async fn assign(&self, client: &str, role: &Value) -> String {
        let path = format!("{CLIENTS}/{client}/roles");
        self.hub.post(&path, &role.to_string()).await.outcome()
    }

    async fn grant(&self, client: &str, scope: &str) -> String {
        let path = format!("/api/v1/apps/{client}/grants");
        let body = json!({ "issuer": self.sandbox.url("hub"), "scopeId": scope });
        self.hub.post(&path, &body.to_string()).await.outcome()
    }

    async fn connect(&self, client: &str) -> String {
        let path = format!(
            "/api/v1/apps/{}/connections/default?activate=true",
            self.app
        );
        let body = json!({ "profile": { "authScheme": "OAUTH2", "clientId": client,
            "signing": { "rotationMode": "AUTO" } } });
        self.spoke.post(&path, &body.to_string()).await.outcome()
    }
}

#[tokio::test]
async fn a_connection_needs_a_client_with_its_keys_roles_and_scopes() {
    let pair = Pair::with(settings("")).await;
    assert_eq!(pair.connect("0oanobody").await, "400 E0000001");
    let client = pair.register("spoke").await;
    assert_eq!(pair.connect(&client).await, "400 E0000001");
    let role = json!({ "type": "USER_ADMIN" });
    assert_eq!(pair.assign(&client, &role).await, "201");
    assert_eq!(pair.connect(&client).await, "400 E0000001");
    assert_eq!(pair.grant(&client, "okta.users.manage").await, "201");
    assert_eq!(pair.connect(&client).await, "200");
    // One that signs with the keys of somebody else.
    let mut other = pair.service("other");
    other["jwks_uri"] = json!("https://elsewhere.example/keys");
    let put = pair
        .hub
        .put(&format!("{CLIENTS}/{client}"), &other.to_string())
        .await;
    assert_eq!(put.json()["client_name"], "other");
    assert_eq!(pair.connect(&client).await, "400 E0000001");
}

#[tokio::test]
async fn rights_take_as_long_as_they_are_said_to_until_they_hold() {
    let pair = Pair::with(settings("[assume]\nhubSettles = '1h'")).await;
    let client = pair.register("spoke").await;
    pair.assign(&client, &json!({ "type": "USER_ADMIN" })).await;
    pair.grant(&client, "okta.users.manage").await;
    assert_eq!(pair.connect(&client).await, "400 E0000001");
}

#[tokio::test]
async fn roles_and_scopes_are_given_once() {
    let pair = Pair::with(settings("")).await;
    let client = pair.register("spoke").await;
    let custom = |set: &str| json!({ "type": "CUSTOM", "role": "cr1", "resource-set": set });
    for (role, outcome) in [
        (json!({ "type": "USER_ADMIN" }), "201"),
        (json!({ "type": "USER_ADMIN" }), "409 E0000263"),
        (json!({ "type": "GROUP_MEMBERSHIP_ADMIN" }), "201"),
        (custom("iam1"), "201"),
        (custom("iam2"), "201"),
        (custom("iam1"), "409 E0000263"),
        (json!({ "type": "CUSTOM", "role": "cr1" }), "400 E0000001"),
        (json!({ "type": "KING" }), "400 E0000001"),
        (json!({}), "400 E0000001"),
    ] {
        assert_eq!(pair.assign(&client, &role).await, outcome, "{role}");
    }
    assert_eq!(
        pair.assign("0oanobody", &json!({ "type": "USER_ADMIN" }))
            .await,
        "404 E0000007"
    );
    for (scope, outcome) in [
        ("okta.users.manage", "201"),
        ("okta.users.manage", "201"),
        ("okta.groups.manage", "201"),
        ("openid", "400 E0000001"),
    ] {
        assert_eq!(pair.grant(&client, scope).await, outcome, "{scope}");
    }
    let elsewhere = json!({ "issuer": pair.sandbox.url("spoke"), "scopeId": "okta.users.manage" });
    let path = format!("/api/v1/apps/{client}/grants");
    let refused = pair.hub.post(&path, &elsewhere.to_string()).await;
    assert_eq!(refused.outcome(), "400 E0000001");
    let granted = pair.hub.get(&path).await.json();
    let scopes: Vec<_> = granted
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| &grant["scopeId"])
        .collect();
    assert_eq!(scopes, ["okta.users.manage", "okta.groups.manage"]);
    let roles = pair
        .hub
        .get(&format!("{CLIENTS}/{client}/roles"))
        .await
        .json();
    let kinds: Vec<_> = roles
        .as_array()
        .unwrap()
        .iter()
        .map(|role| &role["type"])
        .collect();
    assert_eq!(
        kinds,
        ["USER_ADMIN", "GROUP_MEMBERSHIP_ADMIN", "CUSTOM", "CUSTOM"]
    );
}

#[tokio::test]
async fn clients_are_found_by_how_their_names_begin_and_are_apps_too() {
    let pair = Pair::with(settings("")).await;
    let mut ids = Vec::new();
    // As often as one asks.
    for name in ["spoke one", "spoke two", "spoke two", "other"] {
        ids.push(pair.register(name).await);
    }
    let names = |found: Value| -> Vec<String> {
        let found = found.as_array().unwrap().iter();
        found
            .map(|client| client["client_name"].as_str().unwrap().to_owned())
            .collect()
    };
    let found = pair.hub.get(&format!("{CLIENTS}?q=Spoke%20t")).await.json();
    assert_eq!(names(found), ["spoke two", "spoke two"]);
    let page = pair.hub.get(&format!("{CLIENTS}?limit=3")).await;
    let links = page.headers.get_all("link").iter();
    let next = links.filter_map(|link| link.to_str().unwrap().strip_suffix("; rel=\"next\""));
    let next = next
        .map(|link| link.trim_matches(['<', '>']))
        .next()
        .unwrap();
    assert_eq!(names(page.json()).len(), 3);
    let rest = next.split_once(&pair.hub.host).unwrap().1;
    assert_eq!(names(pair.hub.get(rest).await.json()), ["other"]);

    let path = format!("/api/v1/apps/{}", ids[0]);
    let mut app = pair.hub.get(&path).await.json();
    assert_eq!(
        (&app["name"], &app["label"]),
        (&json!("oidc_client"), &json!("spoke one"))
    );
    let dpop = "/settings/oauthClient/dpop_bound_access_tokens";
    assert_eq!(app.pointer(dpop), Some(&json!(false)));
    *app.pointer_mut(dpop).unwrap() = json!(true);
    let put = pair.hub.put(&path, &app.to_string()).await;
    assert_eq!(
        (put.status, put.json().pointer(dpop)),
        (200, Some(&json!(true)))
    );
    // Whatever is left out is gone.
    app["settings"]["oauthClient"]
        .as_object_mut()
        .unwrap()
        .remove("jwks_uri");
    pair.hub.put(&path, &app.to_string()).await;
    let client = pair.hub.get(&format!("{CLIENTS}/{}", ids[0])).await.json();
    assert_eq!(client["jwks_uri"], Value::Null);
    let spoke = pair.hub.get(&format!("{CLIENTS}/{}", pair.app)).await;
    assert_eq!(spoke.outcome(), "404 E0000007");
}

#[tokio::test]
async fn a_client_is_registered_whole_or_not_at_all() {
    let pair = Pair::with(settings("")).await;
    let key = |kid: &str| json!({ "kty": "RSA", "kid": kid, "e": "AQAB", "n": "AQ" });
    let keys = |ids: &[&str]| json!({ "keys": ids.iter().map(|id| key(id)).collect::<Vec<_>>() });
    let many: Vec<String> = (0..51).map(|no| no.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (field, value, status) in [
        ("client_name", json!(" "), 400),
        ("application_type", json!("web"), 400),
        ("grant_types", json!(["authorization_code"]), 400),
        ("response_types", json!([]), 400),
        (
            "token_endpoint_auth_method",
            json!("client_secret_basic"),
            400,
        ),
        ("jwks_uri", Value::Null, 400),
        ("jwks", keys(&["a", "b"]), 201),
        ("jwks", keys(&["a", "a"]), 400),
        ("jwks", keys(&many), 400),
        ("jwks", keys(&many[..50]), 201),
    ] {
        let mut body = pair.service("spoke");
        body[field] = value;
        let made = pair.hub.post(CLIENTS, &body.to_string()).await;
        assert_eq!(made.status, status, "{field}: {}", made.text);
    }
}
