//! What a simulated hub and its spokes answer: service apps, their roles and scopes, and connections that sign in as one
//! (API.md §6).

use std::time::Duration;

use okta_rollout::sandbox::{Drift, Sandbox};
use serde_json::{Value, json};

use crate::pair::{CLIENTS, Pair};
use crate::raw::settings;

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
async fn a_connection_is_let_in_once_its_rights_hold() {
    let pair = Pair::with(settings("[assume]\nhubSettles = '1s'")).await;
    let client = pair.whole("spoke").await;
    let mut outcomes = vec![pair.connect(&client).await];
    let settled = tokio::time::timeout(Duration::from_secs(30), async {
        while outcomes.last().unwrap() != "200" {
            outcomes.push(pair.connect(&client).await);
        }
    });
    settled.await.expect("rights settle");
    assert_eq!(outcomes[0], "400 E0000001");
    assert_eq!(pair.fares(), (json!("accepted"), 0));
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

#[tokio::test]
async fn two_role_edits_at_once_on_one_client_are_one_too_many() {
    let pair = Pair::with(settings("")).await;
    let (one, other) = (pair.register("one").await, pair.register("other").await);
    let [user, group] = ["USER_ADMIN", "GROUP_MEMBERSHIP_ADMIN"].map(|of| json!({ "type": of }));
    pair.slow("hub", Some("1s"));
    let (first, second, elsewhere) = tokio::join!(
        pair.assign(&one, &user),
        pair.assign(&one, &group),
        pair.assign(&other, &user),
    );
    let mut outcomes = [first, second];
    outcomes.sort();
    assert_eq!(outcomes, ["201", "409 E0000268"]);
    assert_eq!(elsewhere, "201");
    // Once it is over, it can be said again.
    pair.slow("hub", None);
    let (user, group) = (
        pair.assign(&one, &user).await,
        pair.assign(&one, &group).await,
    );
    let mut again = [user, group];
    again.sort();
    assert_eq!(again, ["201", "409 E0000263"]);
}

#[tokio::test]
async fn a_role_edit_goes_on_when_its_client_hangs_up() {
    let pair = Pair::with(settings("")).await;
    let client = pair.register("spoke").await;
    let path = format!("{CLIENTS}/{client}/roles");
    let role = json!({ "type": "USER_ADMIN" });
    pair.slow("hub", Some("1s"));
    let request = pair
        .hub
        .request(reqwest::Method::POST, &path)
        .header("content-type", "application/json")
        .timeout(Duration::from_millis(100))
        .body(role.to_string());
    assert!(request.send().await.unwrap_err().is_timeout());
    pair.slow("hub", None);
    let mut outcomes = vec![pair.assign(&client, &role).await];
    let over = tokio::time::timeout(Duration::from_secs(30), async {
        while outcomes.last().unwrap() == "409 E0000268" {
            outcomes.push(pair.assign(&client, &role).await);
        }
    });
    over.await.expect("an edit ends");
    assert_eq!(outcomes[0], "409 E0000268", "the first is under way");
    assert_eq!(outcomes.last().unwrap(), "409 E0000263");
}

#[tokio::test]
async fn roles_and_grants_are_shown_as_okta_shows_them() {
    let pair = Pair::with(settings("")).await;
    let client = pair.register("spoke").await;
    for role in [
        json!({ "type": "HELP_DESK_ADMIN" }),
        json!({ "type": "CUSTOM", "role": "cr1", "resource-set": "iam1" }),
        json!({ "type": "ACCESS_CERTIFICATIONS_ADMIN" }),
    ] {
        assert_eq!(pair.assign(&client, &role).await, "201");
    }
    let path = format!("{CLIENTS}/{client}/roles");
    let roles = pair.hub.get(&path).await.json();
    let of = |field: &str| -> Vec<Value> {
        let roles = roles.as_array().unwrap().iter();
        roles.map(|role| role[field].clone()).collect()
    };
    assert_eq!(
        of("label"),
        [
            "Help Desk Administrator",
            "cr1",
            "Access Certifications Administrator"
        ]
    );
    let none = Value::Null;
    let [custom, own] = ["cr1", "ACCESS_CERTIFICATIONS_ADMIN"].map(|role| json!(role));
    assert_eq!(of("role"), [none.clone(), custom, own]);
    let [custom, own] = ["iam1", "ACCESS_CERTIFICATIONS_IAM_POLICY"].map(|set| json!(set));
    assert_eq!(of("resource-set"), [none, custom, own]);
    let base = pair.sandbox.url("hub");
    let href = format!("{base}/api/v1/iam/resource-sets/iam1");
    assert_eq!(roles[1]["_links"]["resource-set"]["href"], href.as_str());

    pair.grant(&client, "okta.users.manage").await;
    let path = format!("/api/v1/apps/{client}/grants");
    let plain = pair.hub.get(&path).await.json();
    let whole = pair.hub.get(&format!("{path}?expand=scope")).await.json();
    assert_eq!(plain[0]["_embedded"], Value::Null);
    assert_eq!(whole[0]["_embedded"]["scope"]["id"], "okta.users.manage");
    let own = format!("{base}{path}/{}", plain[0]["id"].as_str().unwrap());
    assert_eq!(plain[0]["_links"]["self"]["href"], own.as_str());
}

#[tokio::test]
async fn what_somebody_takes_away_shuts_a_connection_out() {
    let pair = Pair::with(settings("")).await;
    let client = pair.whole("spoke").await;
    assert_eq!(pair.connect(&client).await, "200");
    assert_eq!(pair.fares(), (json!("accepted"), 0));
    let named = |client: &str, role: &str| Drift::RevokedRole {
        client: client.to_owned(),
        role: role.to_owned(),
    };
    pair.drift("hub", &named(&client, "USER_ADMIN"));
    assert_eq!(pair.fares(), (json!({ "refused": "role" }), 1));
    assert_eq!(pair.connect(&client).await, "400 E0000001");
    pair.assign(&client, &json!({ "type": "USER_ADMIN" })).await;
    assert_eq!(pair.fares(), (json!("accepted"), 1));
    let scope = Drift::RevokedScope {
        client: client.clone(),
        scope: "okta.users.manage".to_owned(),
    };
    pair.drift("hub", &scope);
    assert_eq!(pair.fares(), (json!({ "refused": "scope" }), 2));
    let grants = format!("/api/v1/apps/{client}/grants");
    assert_eq!(pair.hub.get(&grants).await.json(), json!([]));
    pair.grant(&client, "okta.users.manage").await;
    pair.drift("hub", &Drift::Deleted { id: client.clone() });
    assert_eq!(pair.fares(), (json!({ "refused": "client" }), 3));
    let gone = pair.hub.get(&format!("{CLIENTS}/{client}")).await;
    assert_eq!(gone.outcome(), "404 E0000007");
    // What is not there cannot be taken away.
    for drift in [
        named(&client, "USER_ADMIN"),
        scope,
        Drift::Deleted { id: client },
    ] {
        assert!(pair.sandbox.drift("hub", &drift).is_err(), "{drift:?}");
    }
}

#[tokio::test]
async fn connections_and_apps_change_behind_everybodys_back() {
    let pair = Pair::with(settings("")).await;
    let (client, other) = (pair.whole("one").await, pair.register("other").await);
    assert_eq!(pair.connect(&client).await, "200");
    let body = json!({ "changedConnection": { "app": pair.app, "clientId": other, "rotationMode": "MANUAL" } });
    let path = "/_sandbox/orgs/spoke/drift";
    assert_eq!(pair.spoke.post(path, &body.to_string()).await.status, 204);
    let connection = format!("/api/v1/apps/{}/connections/default", pair.app);
    let shown = pair.spoke.get(&connection).await.json();
    assert_eq!(shown["profile"]["clientId"], other.as_str());
    assert_eq!(shown["profile"]["signing"]["rotationMode"], "MANUAL");
    assert_eq!(pair.fares(), (json!({ "refused": "role" }), 1));
    for (body, outcome) in [
        (json!({ "deleted": { "id": pair.app } }), "204"),
        (json!({ "deleted": { "id": pair.app } }), "404 E0000007"),
        (
            json!({ "changedConnection": { "app": "0oanobody" } }),
            "404 E0000007",
        ),
    ] {
        let reply = pair.spoke.post(path, &body.to_string()).await;
        assert_eq!(reply.outcome(), outcome, "{body}");
    }
    assert_eq!(pair.spoke.get(&connection).await.outcome(), "404 E0000007");
    let listed = pair.spoke.get("/api/v1/apps").await.json();
    assert_eq!(listed, json!([]));
}

#[tokio::test]
async fn what_happened_in_a_hub_outlives_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Sandbox::start(settings(""), Some(folder.path().to_owned()), None);
    let pair = Pair::within(start().await.unwrap()).await;
    let client = pair.whole("spoke").await;
    let gone = pair.register("gone").await;
    pair.drift("hub", &Drift::Deleted { id: gone });
    assert_eq!(pair.connect(&client).await, "200");
    let body = crate::idps::provider("spoke", "0oaone");
    assert_eq!(
        pair.hub
            .post("/api/v1/idps", &body.to_string())
            .await
            .status,
        200
    );
    let generate = format!(
        "/api/v1/apps/{}/credentials/keys/generate?validityYears=2",
        pair.app
    );
    assert_eq!(pair.spoke.post(&generate, "").await.status, 201);
    let states = |pair: &Pair| ["hub", "spoke"].map(|org| pair.sandbox.state(org).unwrap());
    let before = states(&pair);
    let keys = format!("/api/v1/apps/{}/credentials/keys", pair.app);
    let made = pair.spoke.get(&keys).await.json();
    pair.sandbox.stop().await;
    let pair = Pair {
        app: pair.app,
        ..Pair::of(start().await.unwrap())
    };
    assert_eq!(states(&pair), before);
    let seeded = Pair::seed(&pair.sandbox);
    pair.drift("spoke", &Drift::Deleted { id: seeded.clone() });
    pair.sandbox.stop().await;
    let pair = Pair {
        app: pair.app,
        ..Pair::of(start().await.unwrap())
    };
    assert_eq!(Pair::seed(&pair.sandbox), seeded);
    let path = format!("/api/v1/apps/{seeded}");
    assert_eq!(pair.spoke.get(&path).await.outcome(), "404 E0000007");
    assert_eq!(pair.spoke.get(&keys).await.json(), made);
}
