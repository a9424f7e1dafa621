//! Keys of connections that are rotated by hand (API.md §6).

use serde_json::{Value, json};

use crate::pair::{CLIENTS, Pair};
use crate::raw::settings;

impl Pair {
    fn credentials(&self) -> String {
        format!("/api/v1/apps/{}/credentials/keys", self.app)
    }

    async fn generate(&self) -> Value {
        let path = format!("{}/generate?validityYears=2", self.credentials());
        let made = self.spoke.post(&path, "").await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()
    }

    /// Registers these keys with the hub's client, and no others.
    async fn tell(&self, client: &str, keys: &[&Value]) -> String {
        let mut body = self.service("spoke");
        body.as_object_mut().unwrap().remove("jwks_uri");
        let public = |key: &&Value| json!({ "kty": "RSA", "use": "sig", "kid": key["kid"], "n": key["n"], "e": key["e"] });
        body["jwks"] = json!({ "keys": keys.iter().map(public).collect::<Vec<_>>() });
        let put = self
            .hub
            .put(&format!("{CLIENTS}/{client}"), &body.to_string())
            .await;
        put.outcome()
    }

    /// Lets the spoke sign with another key.
    async fn switch(&self, kid: &Value) -> String {
        let body = json!({ "name": "okta_org2org", "label": "To the hub", "credentials": { "signing": { "kid": kid } } });
        let path = format!("/api/v1/apps/{}", self.app);
        self.spoke.put(&path, &body.to_string()).await.outcome()
    }
}

#[tokio::test]
async fn keys_are_made_for_two_to_ten_years() {
    let pair = Pair::with(settings("")).await;
    let path = format!("{}/generate", pair.credentials());
    for (query, outcome) in [
        ("", "400 E0000028"),
        ("?validityYears=", "400 E0000028"),
        ("?validityYears=soon", "400 E0000037"),
        ("?validityYears=1", "400 E0000001"),
        ("?validityYears=11", "400 E0000001"),
        ("?validityYears=-3", "400 E0000001"),
        ("?validityYears=2", "201"),
        ("?validityYears=10", "201"),
    ] {
        let made = pair.spoke.post(&format!("{path}{query}"), "").await;
        assert_eq!(made.outcome(), outcome, "{query}");
    }
    let refused = pair
        .spoke
        .post(&format!("{path}?validityYears=1"), "")
        .await
        .json();
    assert_eq!(
        refused["errorSummary"],
        "Api validation failed: generateKey"
    );
    let cause = &refused["errorCauses"][0]["errorSummary"];
    assert_eq!(
        cause,
        "Validity years out of range. It should be 2 - 10 years."
    );
    let keys = pair.spoke.get(&pair.credentials()).await.json();
    let keys = keys.as_array().unwrap();
    assert_eq!(keys.len(), 3, "with the one that it was made with");
    for key in keys {
        assert_eq!((&key["kty"], &key["use"]), (&json!("RSA"), &json!("sig")));
        assert!(key["expiresAt"].as_str() > key["created"].as_str());
    }
    let nobody = "/api/v1/apps/0oanobody/credentials/keys";
    assert_eq!(pair.spoke.get(nobody).await.outcome(), "404 E0000007");
    let generate = format!("{nobody}/generate?validityYears=2");
    assert_eq!(
        pair.spoke.post(&generate, "").await.outcome(),
        "404 E0000007"
    );
}

#[tokio::test]
async fn a_key_that_the_hub_does_not_know_shuts_the_connection_out() {
    let pair = Pair::with(settings("")).await;
    let client = pair.whole("spoke").await;
    let first = pair.spoke.get(&pair.credentials()).await.json()[0].clone();
    assert_eq!(pair.tell(&client, &[&first]).await, "200");
    assert_eq!(pair.connect_with(&client, "MANUAL").await, "200");
    let second = pair.generate().await;
    assert_eq!(
        pair.fares(),
        (json!("accepted"), 0),
        "made, and not used yet"
    );
    assert_eq!(pair.switch(&json!("no such key")).await, "400 E0000001");
    assert_eq!(pair.switch(&second["kid"]).await, "200");
    assert_eq!(pair.fares(), (json!({ "refused": "key" }), 1));
    assert_eq!(pair.connect_with(&client, "MANUAL").await, "400 E0000001");
    let connection = format!("/api/v1/apps/{}/connections/default", pair.app);
    let lifecycle = |verb: &str| format!("{connection}/lifecycle/{verb}");
    assert_eq!(
        pair.spoke.post(&lifecycle("deactivate"), "").await.status,
        204
    );
    let refused = pair.spoke.post(&lifecycle("activate"), "").await;
    assert_eq!(refused.outcome(), "400 E0000001");
    let body = refused.json();
    assert_eq!(body["errorSummary"], "Api validation failed: credential");
    assert_eq!(pair.tell(&client, &[&second]).await, "200");
    assert_eq!(
        pair.spoke.post(&lifecycle("activate"), "").await.status,
        204
    );
    assert_eq!(pair.fares(), (json!("accepted"), 1));
}

#[tokio::test]
async fn keys_are_rotated_without_a_gap() {
    let pair = Pair::with(settings("")).await;
    let client = pair.whole("spoke").await;
    let old = pair.spoke.get(&pair.credentials()).await.json()[0].clone();
    pair.tell(&client, &[&old]).await;
    pair.connect_with(&client, "MANUAL").await;
    let new = pair.generate().await;
    for outcome in [
        pair.tell(&client, &[&old, &new]).await,
        pair.switch(&new["kid"]).await,
        pair.tell(&client, &[&new]).await,
    ] {
        assert_eq!(outcome, "200");
    }
    assert_eq!(pair.fares(), (json!("accepted"), 0));
    let shown = pair
        .spoke
        .get(&format!("/api/v1/apps/{}", pair.app))
        .await
        .json();
    assert_eq!(shown["credentials"]["signing"]["kid"], new["kid"]);
    let filter = format!(
        "credentials.signing.kid eq \"{}\"",
        new["kid"].as_str().unwrap()
    );
    let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let found = pair
        .spoke
        .get(&format!("/api/v1/apps?filter={filter}"))
        .await
        .json();
    assert_eq!(found.as_array().unwrap().len(), 1);
    let jwks = format!("/api/v1/apps/{}/connections/default/jwks", pair.app);
    let jwks = pair.spoke.get(&jwks).await.json();
    let listed = jwks["jwks"]["keys"].as_array().unwrap().iter();
    let pairs: Vec<_> = listed.map(|key| (&key["kid"], &key["n"])).collect();
    let wanted = [&old, &new].map(|key| (&key["kid"], &key["n"]));
    assert_eq!(pairs, wanted);
    // The old one taken away too early: somebody will want to know.
    pair.tell(&client, &[&old]).await;
    assert_eq!(pair.fares(), (json!({ "refused": "key" }), 1));
}

#[tokio::test]
async fn connections_whose_keys_the_hub_reads_always_fit() {
    let pair = Pair::with(settings("")).await;
    let client = pair.whole("spoke").await;
    assert_eq!(pair.connect(&client).await, "200");
    let new = pair.generate().await;
    assert_eq!(pair.switch(&new["kid"]).await, "200");
    assert_eq!(pair.fares(), (json!("accepted"), 0));
    assert_eq!(pair.connect(&client).await, "200");
}

#[tokio::test]
async fn a_client_is_replaced_whole_by_what_is_its_own() {
    let pair = Pair::with(settings("")).await;
    let client = pair.register("spoke").await;
    let path = format!("{CLIENTS}/{client}");
    let shown = pair.hub.get(&path).await.json();
    let key = json!({ "kty": "RSA", "kid": "k", "e": "AQAB", "n": "AQ" });
    let mut private = key.clone();
    private["d"] = json!("AQ");
    for (field, value, outcome) in [
        ("client_id", json!(client), "200"),
        ("client_id", json!("0oaother"), "400 E0000001"),
        (
            "client_id_issued_at",
            shown["client_id_issued_at"].clone(),
            "400 E0000001",
        ),
        ("client_secret_expires_at", json!(0), "400 E0000001"),
        ("client_name", Value::Null, "400 E0000001"),
        ("grant_types", Value::Null, "400 E0000001"),
        ("response_types", Value::Null, "400 E0000001"),
        ("token_endpoint_auth_method", Value::Null, "400 E0000001"),
        ("jwks", json!({ "keys": [key] }), "200"),
        ("jwks", json!({ "keys": [private] }), "400 E0000001"),
        (
            "jwks",
            json!({ "keys": [{ "kty": "RSA", "kid": "k" }] }),
            "400 E0000001",
        ),
    ] {
        let mut body = pair.service("spoke");
        body[field] = value.clone();
        let put = pair.hub.put(&path, &body.to_string()).await;
        assert_eq!(put.outcome(), outcome, "{field}: {value}");
    }
    let nobody = pair
        .hub
        .put(
            &format!("{CLIENTS}/0oanobody"),
            &pair.service("x").to_string(),
        )
        .await;
    assert_eq!(nobody.outcome(), "404 E0000007");
    // A spoke's app is none.
    let app = pair
        .spoke
        .put(
            &format!("{CLIENTS}/{}", pair.app),
            &pair.service("x").to_string(),
        )
        .await;
    assert_eq!(app.outcome(), "404 E0000007");
}
