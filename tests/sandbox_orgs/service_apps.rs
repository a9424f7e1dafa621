//! Clients that were registered over the API: tokens with their own keys or with those of a spoke, what grants and roles
//! let them do, and proofs (API.md §6, §7).

use okta_rollout::sandbox::{Drift, Switches};
use serde_json::{Value, json};

use crate::pair::{CLIENTS, Pair};
use crate::raw::{Org, settings};
use crate::signer::{Proof, Signer};

const READ: &str = "okta.apps.read";

/// Registers a client with a key of its own.
async fn register(pair: &Pair, signer: &Signer) -> String {
    let mut body = pair.service("with a key");
    body.as_object_mut().unwrap().remove("jwks_uri");
    body["jwks"] = json!({ "keys": [signer.jwk()] });
    let made = pair.hub.post(CLIENTS, &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["client_id"].as_str().unwrap().to_owned()
}

/// What a refused call for a token says.
fn refusal(reply: &crate::raw::Reply) -> (u16, String, String) {
    let body = reply.json();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    (reply.status, text("error"), text("error_description"))
}

/// The hub, as who has this token sees it.
fn with_token(hub: &Org, token: &Value) -> Org {
    let mut org = hub.clone();
    org.authorization = format!("Bearer {}", token["access_token"].as_str().unwrap());
    org
}

#[tokio::test]
async fn a_client_gets_a_token_for_what_is_granted_and_does_what_its_roles_allow() {
    let pair = Pair::with(settings("")).await;
    let signer = Signer::new("k1");
    let client = register(&pair, &signer).await;
    let none = signer.ask(&pair.hub, &client, READ).await;
    assert_eq!(refusal(&none).1, "consent_required");
    pair.grant(&client, READ).await;
    pair.grant(&client, "okta.clients.read").await;
    let asked = format!("{READ} okta.apps.manage okta.clients.read");
    let token = signer.ask(&pair.hub, &client, &asked).await.json();
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["scope"], "okta.apps.read okta.clients.read");

    let app = with_token(&pair.hub, &token);
    let path = format!("/api/v1/apps/{client}");
    assert_eq!(
        app.get(&path).await.outcome(),
        "403 E0000006",
        "no role yet"
    );
    for (role, apps, clients) in [
        ("USER_ADMIN", "403 E0000006", "403 E0000006"),
        ("API_ACCESS_MANAGEMENT_ADMIN", "200", "200"),
    ] {
        pair.assign(&client, &json!({ "type": role })).await;
        assert_eq!(app.get(&path).await.outcome(), apps, "{role}");
        assert_eq!(app.get(CLIENTS).await.outcome(), clients, "{role}");
    }
    // What it did not ask for or was not granted.
    let roles = app.get(&format!("{CLIENTS}/{client}/roles")).await;
    assert_eq!((roles.status, roles.text.as_str()), (403, ""));
    let challenge = roles.header("www-authenticate");
    assert!(
        challenge.contains("scope=\"okta.roles.read\""),
        "{challenge}"
    );
    pair.drift("hub", &Drift::Deleted { id: client });
    let gone = app.get("/api/v1/apps").await;
    assert_eq!(gone.outcome(), "401 E0000011");
    assert!(gone.header("www-authenticate").contains("invalid_token"));
}

#[tokio::test]
async fn only_a_super_administrator_changes_the_keys_of_a_client_with_scopes() {
    let pair = Pair::with(settings("")).await;
    let signer = Signer::new("k1");
    let client = register(&pair, &signer).await;
    for scope in ["okta.clients.manage", "okta.apps.manage"] {
        pair.grant(&client, scope).await;
    }
    pair.assign(&client, &json!({ "type": "APP_ADMIN" })).await;
    let asked = "okta.clients.manage okta.apps.manage";
    let token = signer.ask(&pair.hub, &client, asked).await.json();
    let app = with_token(&pair.hub, &token);
    let spoke = pair.whole("spoke").await;
    let path = format!("{CLIENTS}/{spoke}");
    let same = pair.service("renamed").to_string();
    assert_eq!(app.put(&path, &same).await.outcome(), "200");
    let mut other = pair.service("renamed");
    other["jwks"] = json!({ "keys": [signer.jwk()] });
    let other = other.to_string();
    assert_eq!(app.put(&path, &other).await.outcome(), "403 E0000006");
    let whole = format!("/api/v1/apps/{spoke}");
    let mut shown = app.get(&whole).await.json();
    shown["settings"]["oauthClient"]["dpop_bound_access_tokens"] = json!(true);
    assert_eq!(app.put(&whole, &shown.to_string()).await.outcome(), "200");
    shown["settings"]["oauthClient"]["jwks_uri"] = json!("https://elsewhere.example");
    let refused = app.put(&whole, &shown.to_string()).await;
    assert_eq!(refused.outcome(), "403 E0000006");
    pair.assign(&client, &json!({ "type": "SUPER_ADMIN" }))
        .await;
    assert_eq!(app.put(&path, &other).await.outcome(), "200");
}

#[tokio::test]
async fn who_lacks_the_role_may_see_empty_lists_instead_of_a_refusal() {
    let pair = Pair::with(settings("")).await;
    let signer = Signer::new("k1");
    let client = register(&pair, &signer).await;
    pair.grant(&client, READ).await;
    let token = signer.ask(&pair.hub, &client, READ).await.json();
    let app = with_token(&pair.hub, &token);
    let switches = Switches {
        empty_without_role: true,
        ..Switches::default()
    };
    pair.sandbox.switch("hub", switches).unwrap();
    let list = app.get("/api/v1/apps").await;
    assert_eq!((list.status, list.json()), (200, json!([])));
    let one = app.get(&format!("/api/v1/apps/{client}")).await;
    assert_eq!(one.outcome(), "403 E0000006");
    let missing = Switches {
        empty_without_role: true,
        missing_role: true,
        ..Switches::default()
    };
    pair.sandbox.switch("hub", missing).unwrap();
    let list = pair.hub.get("/api/v1/apps").await;
    assert_eq!((list.status, list.json()), (200, json!([])));
}

#[tokio::test]
async fn grants_and_roles_take_as_long_for_tokens_as_for_connections() {
    let pair = Pair::with(settings("[assume]\nhubSettles = '1h'")).await;
    let signer = Signer::new("k1");
    let client = register(&pair, &signer).await;
    pair.grant(&client, READ).await;
    let refused = signer.ask(&pair.hub, &client, READ).await;
    assert_eq!(refusal(&refused).1, "consent_required");
}

#[tokio::test]
async fn a_client_that_has_to_prove_gets_a_token_only_with_a_proof() {
    let pair = Pair::with(settings("")).await;
    let signer = Signer::new("k1");
    let client = register(&pair, &signer).await;
    pair.grant(&client, READ).await;
    pair.assign(&client, &json!({ "type": "APP_ADMIN" })).await;
    let path = format!("/api/v1/apps/{client}");
    let mut app = pair.hub.get(&path).await.json();
    app["settings"]["oauthClient"]["dpop_bound_access_tokens"] = json!(true);
    assert_eq!(pair.hub.put(&path, &app.to_string()).await.status, 200);
    let refused = signer.ask(&pair.hub, &client, READ).await;
    let missing = "The DPoP proof JWT header is missing.".to_owned();
    assert_eq!(
        refusal(&refused),
        (400, "invalid_dpop_proof".to_owned(), missing)
    );
    let mut proof = Proof::new();
    let first = signer.ask_bound(&pair.hub, &client, READ, &proof).await;
    assert_eq!(refusal(&first).1, "use_dpop_nonce");
    proof.nonce = Some(first.header("dpop-nonce").to_owned());
    let token = signer
        .ask_bound(&pair.hub, &client, READ, &proof)
        .await
        .json();
    assert_eq!(token["token_type"], "DPoP", "{token}");

    let token = token["access_token"].as_str().unwrap();
    let url = format!("http://{}{path}", pair.hub.host);
    let mut caller = pair.hub.clone();
    caller.authorization = format!("DPoP {token}");
    let proven = proof.of("GET", &url, Some(token));
    let request = caller.request(reqwest::Method::GET, &path);
    let read = caller.send(request.header("dpop", proven)).await.unwrap();
    assert_eq!(read.outcome(), "200");
    caller.authorization = format!("Bearer {token}");
    assert_eq!(caller.get(&path).await.outcome(), "401 E0000011");
}

#[tokio::test]
async fn a_client_is_verified_with_the_keys_of_its_spoke_in_either_shape() {
    for table in ["", "[assume]\nbareJwks = true"] {
        let pair = Pair::with(settings(table)).await;
        let signer = Signer::new("spoke's own");
        let client = pair.whole("spoke").await;
        let unreachable = "Error retrieving the client JWKSet from jwks_uri.";
        let refused = signer.ask(&pair.hub, &client, "okta.users.manage").await;
        assert_eq!(refusal(&refused).2, unreachable, "no connection yet");
        assert_eq!(pair.connect(&client).await, "200");
        let refused = signer.ask(&pair.hub, &client, "okta.users.manage").await;
        assert!(refusal(&refused).2.contains("kid is invalid"));
        let drift = Drift::ChangedKey {
            app: pair.app.clone(),
            key: signer.jwk(),
        };
        pair.drift("spoke", &drift);
        let keys = format!("/api/v1/apps/{}/connections/default/jwks", pair.app);
        let shown = pair.spoke.get(&keys).await.json();
        let keys = if table.is_empty() {
            &shown["jwks"]["keys"]
        } else {
            &shown["keys"]
        };
        assert_eq!(keys[1]["kid"], "spoke's own", "{shown}");
        let token = signer.ask(&pair.hub, &client, "okta.users.manage").await;
        assert_eq!(token.json()["scope"], "okta.users.manage", "{}", token.text);
        assert_eq!(pair.fares(), (json!("accepted"), 0));
    }
}

#[tokio::test]
async fn keys_that_nobody_here_has_cannot_be_read() {
    let pair = Pair::with(settings("")).await;
    let signer = Signer::new("k1");
    let mut body = pair.service("elsewhere");
    for uri in [
        "https://elsewhere.example/keys".to_owned(),
        format!("{}/keys", pair.sandbox.url("spoke")),
        format!(
            "{}/api/v1/apps/0oanobody/connections/default/jwks",
            pair.sandbox.url("spoke")
        ),
    ] {
        body["jwks_uri"] = json!(uri);
        let made = pair.hub.post(CLIENTS, &body.to_string()).await.json();
        let client = made["client_id"].as_str().unwrap();
        let refused = signer.ask(&pair.hub, client, READ).await;
        let (status, error, why) = refusal(&refused);
        assert_eq!((status, error.as_str()), (401, "invalid_client"));
        assert_eq!(
            why, "Error retrieving the client JWKSet from jwks_uri.",
            "{uri}"
        );
    }
}
