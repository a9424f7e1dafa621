//! Identity providers of a hub, and apps that name one (API.md §6, rows 1 to 3).

use serde_json::{Value, json};

use crate::pair::Pair;
use crate::raw::settings;

const IDPS: &str = "/api/v1/idps";

/// What the guide sends.
pub fn provider(name: &str, client: &str) -> Value {
    json!({ "type": "OKTA_INTEGRATION", "name": name,
        "protocol": { "type": "OIDC", "oktaIdpOrgUrl": "https://spoke.example", "scopes": ["openid", "profile", "email"],
            "credentials": { "client": { "client_id": client, "token_endpoint_auth_method": "private_key_jwt" } } },
        "policy": { "accountLink": { "action": "DISABLED" },
            "provisioning": { "action": "AUTO", "groups": { "action": "NONE" } }, "maxClockSkew": 120_000,
            "subject": { "userNameTemplate": { "template": "idpuser.email" }, "matchType": "USERNAME" } } })
}

#[tokio::test]
async fn a_provider_is_made_and_replaced_whole() {
    let pair = Pair::with(settings("")).await;
    let mut body = provider("spoke acme", "placeholder");
    let made = pair.hub.post(IDPS, &body.to_string()).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let made = made.json();
    assert_eq!(
        (&made["status"], &made["type"]),
        (&json!("ACTIVE"), &body["type"])
    );
    assert_eq!(
        (&made["policy"], &made["protocol"]),
        (&body["policy"], &body["protocol"])
    );
    let path = format!("{IDPS}/{}", made["id"].as_str().unwrap());
    assert_eq!(pair.hub.get(&path).await.json(), made);

    let client = "/protocol/credentials/client/client_id";
    *body.pointer_mut(client).unwrap() = json!(pair.app);
    let put = pair.hub.put(&path, &body.to_string()).await.json();
    assert_eq!(put.pointer(client), Some(&json!(pair.app)));
    assert_eq!((&put["id"], &put["policy"]), (&made["id"], &body["policy"]));
    body.as_object_mut().unwrap().remove("policy");
    pair.hub.put(&path, &body.to_string()).await;
    let shown = pair.hub.get(&path).await.json();
    assert_eq!(
        shown["policy"],
        Value::Null,
        "what is not sent again is gone"
    );
    assert_eq!(
        pair.hub.get(&format!("{IDPS}/0oanobody")).await.outcome(),
        "404 E0000007"
    );
    let nobody = pair
        .hub
        .put(
            &format!("{IDPS}/0oanobody"),
            &provider("x", "y").to_string(),
        )
        .await;
    assert_eq!(nobody.outcome(), "404 E0000007");
}

#[tokio::test]
async fn a_provider_needs_what_stands_for_the_other_org() {
    let pair = Pair::with(settings("")).await;
    pair.hub
        .post(IDPS, &provider("taken", "0oaone").to_string())
        .await;
    for (pointer, value) in [
        ("/type", json!("SAML2")),
        ("/type", Value::Null),
        ("/name", json!("")),
        ("/name", json!("n".repeat(101))),
        ("/name", json!("taken")),
        ("/protocol/type", json!("OAUTH2")),
        ("/protocol/oktaIdpOrgUrl", Value::Null),
        ("/protocol/oktaIdpOrgUrl", json!("spoke")),
        ("/protocol/credentials/client/client_id", json!(" ")),
        (
            "/protocol/credentials/client/token_endpoint_auth_method",
            json!("client_secret_basic"),
        ),
    ] {
        let mut body = provider("spoke", "0oaone");
        *body.pointer_mut(pointer).unwrap() = value.clone();
        let made = pair.hub.post(IDPS, &body.to_string()).await;
        assert_eq!(made.outcome(), "400 E0000001", "{pointer}: {value}");
    }
    let mut body = provider("spoke", "0oaone");
    body["policy"] = json!("none");
    let made = pair.hub.post(IDPS, &body.to_string()).await;
    assert_eq!(made.outcome(), "400 E0000003");
}

#[tokio::test]
async fn providers_are_found_by_how_their_names_begin_and_listed_in_pages() {
    let pair = Pair::with(settings("")).await;
    for name in ["spoke one", "spoke two", "other", "spoke three"] {
        let made = pair
            .hub
            .post(IDPS, &provider(name, "0oaone").to_string())
            .await;
        assert_eq!(made.status, 200, "{}", made.text);
    }
    let names = |found: &Value| -> Vec<String> {
        let found = found.as_array().unwrap().iter();
        found
            .map(|idp| idp["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = pair
        .hub
        .get(&format!("{IDPS}?q=SPOKE&limit=2&type=OKTA_INTEGRATION"))
        .await;
    assert_eq!(names(&page.json()), ["spoke one", "spoke two"]);
    let links = page.headers.get_all("link").iter();
    let mut next = links.filter_map(|link| link.to_str().unwrap().strip_suffix("; rel=\"next\""));
    let next = next.next().unwrap();
    let next = next
        .trim_matches(['<', '>'])
        .split_once(&pair.hub.host)
        .unwrap()
        .1;
    assert_eq!(names(&pair.hub.get(next).await.json()), ["spoke three"]);
    let saml = pair.hub.get(&format!("{IDPS}?type=SAML2")).await.json();
    assert_eq!(names(&saml), [""; 0]);
    for (query, outcome) in [
        ("limit=201", "400 E0000001"),
        ("after=nobody", "400 E0000029"),
        ("limit=many", "400 E0000037"),
    ] {
        assert_eq!(
            pair.hub.get(&format!("{IDPS}?{query}")).await.outcome(),
            outcome
        );
    }
}

#[tokio::test]
async fn providers_have_scopes_of_their_own() {
    let pair = Pair::with(settings(
        "[switches.hub]\nmissingScopes = ['okta.idps.manage']",
    ))
    .await;
    assert_eq!(pair.hub.get(IDPS).await.outcome(), "200");
    let refused = pair
        .hub
        .post(IDPS, &provider("spoke", "0oaone").to_string())
        .await;
    assert_eq!((refused.status, refused.text.as_str()), (403, ""));
    assert!(
        refused
            .header("www-authenticate")
            .contains("okta.idps.manage")
    );
}

#[tokio::test]
async fn an_app_that_signs_people_in_names_a_provider_of_its_hub() {
    let pair = Pair::with(settings("")).await;
    let made = pair
        .hub
        .post(IDPS, &provider("spoke", "placeholder").to_string())
        .await;
    let idp = made.json()["id"].as_str().unwrap().to_owned();
    let app = |hub: &str, idp: &str| {
        json!({ "name": "okta_org2org", "label": format!("{hub} {idp}"),
        "signOnMode": "OPENID_CONNECT", "settings": { "app": { "baseUrl": hub, "idpId": idp } } })
    };
    let hub = pair.sandbox.url("hub");
    let refused = pair
        .spoke
        .post("/api/v1/apps", &app(&hub, "0oanobody").to_string())
        .await;
    assert_eq!(refused.outcome(), "400 E0000001");
    // Nothing is known of an org that is not simulated.
    let elsewhere = app("https://hub.example", "0oanobody").to_string();
    assert_eq!(
        pair.spoke.post("/api/v1/apps", &elsewhere).await.status,
        200
    );
    let made = pair
        .spoke
        .post("/api/v1/apps", &app(&hub, &idp).to_string())
        .await;
    assert_eq!(made.status, 200, "{}", made.text);
    let made = made.json();
    assert_eq!(made["signOnMode"], "OPENID_CONNECT");
    assert_eq!(made["settings"]["app"]["idpId"], idp.as_str());
    assert_eq!(made["credentials"]["oauthClient"]["client_id"], made["id"]);
    let saml = pair
        .spoke
        .get(&format!("/api/v1/apps/{}", pair.app))
        .await
        .json();
    assert_eq!(saml["credentials"]["oauthClient"], Value::Null);
    let path = format!("/api/v1/apps/{}", made["id"].as_str().unwrap());
    let other = app(&hub, "0oanobody").to_string();
    assert_eq!(
        pair.spoke.put(&path, &other).await.outcome(),
        "400 E0000001"
    );
    // Its connection is set like that of any other.
    let client = pair.whole("spoke").await;
    let mut service = pair.service("spoke");
    service["jwks_uri"] = json!(format!(
        "{}{path}/connections/default/jwks",
        pair.sandbox.url("spoke")
    ));
    let put = pair
        .hub
        .put(
            &format!("/oauth2/v1/clients/{client}"),
            &service.to_string(),
        )
        .await;
    assert_eq!(put.status, 200);
    let body = json!({ "profile": { "authScheme": "OAUTH2", "clientId": client } });
    let set = pair
        .spoke
        .post(
            &format!("{path}/connections/default?activate=true"),
            &body.to_string(),
        )
        .await;
    assert_eq!(set.json()["status"], "ENABLED");
}
