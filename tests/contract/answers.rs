//! Every answer of a tour over all operations of the sandbox is one Okta describes.

use std::collections::BTreeSet;

use okta_rollout::sandbox::{Sandbox, Switches};
use serde_json::{Value, json};

use crate::okta_docs::OktaDocs;
use crate::raw::{self, Org, orgs, settings};

const HUB: &str = "/api/v1/apps/0oahub/connections/default";

/// Where the sandbox answers what Okta's description lacks: operation, finding, why.
const DEVIATIONS: &[(&str, &str, &str)] = &[];

/// Stands for the id of the service app that the tour made.
const CLIENT: &str = "{client}";

/// Stands for the id of the identity provider that the tour made.
const IDP: &str = "{idp}";

/// Operations of the description the sandbox does not serve, and why.
const NOT_SERVED: &[(&str, &str)] = &[(
    "DELETE /api/v1/apps/{appId}",
    "the product never deletes an app",
)];

/// What a hub is asked: method, path, body.
fn tour_of_hub() -> Vec<(&'static str, String, Value)> {
    let none = Value::Null;
    let service = json!({
        "client_name": "spoke acme", "application_type": "service", "grant_types": ["client_credentials"],
        "response_types": ["token"], "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": "https://acme.example/api/v1/apps/0oahub/connections/default/jwks",
    });
    let mut unsigned = service.clone();
    unsigned.as_object_mut().unwrap().remove("jwks_uri");
    let role = json!({ "type": "USER_ADMIN" });
    let custom = json!({ "type": "CUSTOM", "role": "cr01", "resource-set": "iam01" });
    let app = json!({
        "name": "oidc_client", "label": "spoke acme", "signOnMode": "OPENID_CONNECT",
        "credentials": { "oauthClient": { "token_endpoint_auth_method": "private_key_jwt" } },
        "settings": { "oauthClient": { "application_type": "service", "grant_types": ["client_credentials"],
            "response_types": ["token"], "dpop_bound_access_tokens": true } },
    });
    let clients = "/oauth2/v1/clients";
    let (client, roles) = (
        format!("{clients}/{CLIENT}"),
        format!("{clients}/{CLIENT}/roles"),
    );
    let grants = format!("/api/v1/apps/{CLIENT}/grants");
    vec![
        ("POST", clients.to_owned(), unsigned),
        ("POST", clients.to_owned(), service.clone()),
        ("GET", format!("{clients}?q=spoke&limit=200"), none.clone()),
        ("GET", client.clone(), none.clone()),
        ("GET", format!("{clients}/0oagone"), none.clone()),
        ("PUT", client, service),
        ("POST", roles.clone(), role),
        ("POST", roles.clone(), custom),
        ("GET", roles, none.clone()),
        ("GET", format!("{clients}/0oagone/roles"), none.clone()),
        (
            "POST",
            grants.clone(),
            json!({ "issuer": "ISSUER", "scopeId": "okta.users.manage" }),
        ),
        (
            "POST",
            grants.clone(),
            json!({ "issuer": "https://elsewhere.example", "scopeId": "okta.users.manage" }),
        ),
        ("GET", grants, none.clone()),
        ("GET", format!("/api/v1/apps/{CLIENT}"), none),
        ("PUT", format!("/api/v1/apps/{CLIENT}"), app),
    ]
}

/// What a hub is asked so that people sign in there, and a spoke so that its keys are rotated: method, path, body.
fn tour_of_federation_and_keys() -> Vec<(&'static str, String, Value)> {
    let none = Value::Null;
    let idp = json!({
        "type": "OKTA_INTEGRATION", "name": "spoke acme",
        "protocol": { "type": "OIDC", "oktaIdpOrgUrl": "https://acme.example", "scopes": ["openid", "profile", "email"],
            "credentials": { "client": { "client_id": "placeholder", "token_endpoint_auth_method": "private_key_jwt" } } },
        "policy": { "accountLink": { "action": "DISABLED", "filter": null }, "maxClockSkew": 120_000,
            "provisioning": { "action": "AUTO", "groups": { "action": "NONE" },
                "conditions": { "deprovisioned": { "action": "NONE" }, "suspended": { "action": "NONE" },
                    "userOffboarding": { "action": "NONE" } } },
            "subject": { "userNameTemplate": { "template": "idpuser.email" }, "matchType": "USERNAME",
                "matchAttribute": "", "filter": "" } },
    });
    let mut other = idp.clone();
    other["type"] = json!("SAML2");
    let idps = "/api/v1/idps";
    let (one, gone) = (format!("{idps}/{IDP}"), format!("{idps}/0oagone"));
    let app = |kid: &str| json!({ "name": "okta_org2org", "label": "hub", "credentials": { "signing": { "kid": kid } } });
    let federated = json!({ "name": "okta_org2org", "label": "federated", "signOnMode": "OPENID_CONNECT",
        "settings": { "app": { "baseUrl": "https://hub.example", "idpId": "0oaidp" } } });
    let keys = "/api/v1/apps/0oahub/credentials/keys";
    let generate = |id: &str, years: &str| {
        format!("/api/v1/apps/{id}/credentials/keys/generate?validityYears={years}")
    };
    vec![
        ("POST", idps.to_owned(), other),
        ("POST", idps.to_owned(), idp.clone()),
        (
            "GET",
            format!("{idps}?q=spoke&limit=1&type=OKTA_INTEGRATION"),
            none.clone(),
        ),
        ("GET", one.clone(), none.clone()),
        ("GET", gone.clone(), none.clone()),
        ("PUT", one, idp.clone()),
        ("PUT", gone, idp),
        ("POST", "/api/v1/apps".to_owned(), federated),
        ("GET", keys.to_owned(), none.clone()),
        (
            "GET",
            "/api/v1/apps/0oagone/credentials/keys".to_owned(),
            none.clone(),
        ),
        ("POST", generate("0oahub", "2"), none.clone()),
        ("POST", generate("0oahub", "11"), none.clone()),
        ("POST", generate("0oagone", "2"), none),
        ("PUT", "/api/v1/apps/0oahub".to_owned(), app("none")),
    ]
}

/// One of everything: method, path, body.
#[expect(clippy::too_many_lines, reason = "one table of requests")]
fn tour() -> Vec<(&'static str, String, Value)> {
    let none = Value::Null;
    let token = json!({"profile": {"authScheme": "TOKEN", "token": "t"}});
    let bad = json!({"profile": {"authScheme": "TOKEN", "token": "bad"}});
    let client = json!({"profile": {"authScheme": "OAUTH2", "clientId": "0oa9",
        "signing": {"rotationMode": "AUTO"}}});
    let oauth = json!({"profile": {"authScheme": "OAUTH2"}});
    let app = |name: &str, settings: Value| json!({"name": name, "label": name, "signOnMode": "SAML_2_0", "settings": {"app": settings}});
    let schedule = json!({"importSettings": {"schedule": {"status": "ENABLED",
        "fullImport": {"expression": "0 21 * * 1", "timezone": "Asia/Tokyo"}}}});
    let features = "/api/v1/apps/0oahub/features";
    vec![
        ("GET", "/api/v1/apps".to_owned(), none.clone()),
        ("GET", "/api/v1/apps?limit=2&q=G".to_owned(), none.clone()),
        ("GET", "/api/v1/apps?after=nobody".to_owned(), none.clone()),
        (
            "POST",
            "/api/v1/apps".to_owned(),
            app("google", json!({"domain": "d"})),
        ),
        ("POST", "/api/v1/apps".to_owned(), app("google", json!({}))),
        (
            "POST",
            "/api/v1/apps?activate=false".to_owned(),
            app("zoomus", json!({"subDomain": "d"})),
        ),
        ("GET", "/api/v1/apps/0oahub".to_owned(), none.clone()),
        ("GET", "/api/v1/apps/0oagone".to_owned(), none.clone()),
        ("GET", HUB.to_owned(), none.clone()),
        (
            "GET",
            "/api/v1/apps/0oabookmark/connections/default".to_owned(),
            none.clone(),
        ),
        ("GET", features.to_owned(), none.clone()),
        ("GET", format!("{features}/USER_PROVISIONING"), none.clone()),
        ("POST", format!("{HUB}/lifecycle/activate"), none.clone()),
        ("POST", HUB.to_owned(), bad),
        ("POST", HUB.to_owned(), token),
        ("POST", format!("{HUB}/lifecycle/activate"), none.clone()),
        ("GET", format!("{HUB}/jwks"), none.clone()),
        ("POST", format!("{HUB}?activate=true"), client),
        ("GET", format!("{HUB}/jwks"), none.clone()),
        ("GET", HUB.to_owned(), none.clone()),
        ("GET", features.to_owned(), none.clone()),
        (
            "GET",
            format!("{features}/INBOUND_PROVISIONING"),
            none.clone(),
        ),
        ("GET", format!("{features}/NO_SUCH"), none.clone()),
        ("PUT", format!("{features}/INBOUND_PROVISIONING"), schedule),
        (
            "PUT",
            format!("{features}/USER_PROVISIONING"),
            json!({"update": {"password": {"change": "CHANGE", "seed": "OKTA"}}}),
        ),
        ("POST", format!("{HUB}/lifecycle/deactivate"), none.clone()),
        (
            "POST",
            "/api/v1/apps/0oagone/connections/default/lifecycle/deactivate".to_owned(),
            none.clone(),
        ),
        (
            "POST",
            "/api/v1/apps/0oagoogle/connections/default".to_owned(),
            oauth,
        ),
        (
            "GET",
            "/api/v1/apps/0oagoogle/connections/default".to_owned(),
            none.clone(),
        ),
        (
            "POST",
            "/api/v1/apps/google/0oagoogle/oauth2/callback?code=c&state=s".to_owned(),
            none.clone(),
        ),
        (
            "POST",
            "/api/v1/apps/google/0oagone/oauth2/callback?code=c&state=s".to_owned(),
            none,
        ),
    ]
}

/// The tour as it should be, then with each of the failures every operation can have.
fn conditions() -> [(&'static str, Switches); 4] {
    [
        ("", Switches::default()),
        (
            "",
            Switches {
                revoked_token: true,
                ..Switches::default()
            },
        ),
        (
            "",
            Switches {
                missing_role: true,
                ..Switches::default()
            },
        ),
        (
            "limit=1",
            Switches {
                spent_by_others: 1,
                ..Switches::default()
            },
        ),
    ]
}

#[tokio::test]
async fn every_answer_is_one_okta_describes() {
    let docs = OktaDocs::open();
    let mut found = BTreeSet::new();
    let mut served = BTreeSet::new();
    for (table, switches) in conditions() {
        let sandbox = orgs(settings(table)).await;
        sandbox.switch("acme", switches).unwrap();
        let acme = Org::of(&sandbox, "acme");
        let (mut client, mut idp) = ("0oagone".to_owned(), "0oagone".to_owned());
        let tours = tour().into_iter().chain(tour_of_hub());
        for (method, path, body) in tours.chain(tour_of_federation_and_keys()) {
            let path = path.replace(CLIENT, &client).replace(IDP, &idp);
            let text = if body.is_null() {
                String::new()
            } else {
                let issuer = format!("http://{}", acme.host);
                body.to_string().replace("ISSUER", &issuer)
            };
            let reply = acme.call(method, &path, &text).await;
            let operation = docs.operation_of(method, &path).unwrap();
            let answer = (!reply.text.is_empty()).then(|| reply.json());
            let verdict = docs.validate_response(method, &path, reply.status, answer.as_ref());
            for finding in verdict.err().unwrap_or_default() {
                found.insert(format!("{operation}: {} {finding}", reply.status));
            }
            if let Some(id) = answer.as_ref().and_then(|made| made["client_id"].as_str()) {
                id.clone_into(&mut client);
            }
            if let Some(made) = answer.filter(|made| made["type"] == "OKTA_INTEGRATION") {
                made["id"].as_str().unwrap().clone_into(&mut idp);
            }
            served.insert(operation);
        }
        let approved = approve(&sandbox, &acme).await;
        if table.is_empty() && approved.status == 204 {
            served.insert("approved".to_owned());
        }
    }
    assert!(
        served.remove("approved"),
        "a consent that goes through is part of the tour"
    );
    let listed: BTreeSet<_> = DEVIATIONS
        .iter()
        .map(|(operation, finding, _)| format!("{operation}: {finding}"))
        .collect();
    assert_eq!(
        found, listed,
        "deviations found, and listed with their reasons"
    );
    served.extend(
        NOT_SERVED
            .iter()
            .map(|(operation, _)| (*operation).to_owned()),
    );
    assert_eq!(served.into_iter().collect::<Vec<_>>(), docs.operations());
}

/// A consent brought home; its answer is judged like every other.
async fn approve(sandbox: &Sandbox, acme: &Org) -> raw::Reply {
    let path = "/api/v1/apps/0oaslack/connections/default";
    let set = acme
        .post(path, r#"{"profile":{"authScheme":"OAUTH2"}}"#)
        .await;
    let body: Value = serde_json::from_str(&set.text).unwrap_or_default();
    let Some(link) = body["_links"]["authorize"]["href"].as_str() else {
        return set;
    };
    let page: Value = serde_json::from_str(&sandbox.approve(link).await.unwrap()).unwrap();
    let href = page["continue_oauth_flow_url"]["href"].as_str().unwrap();
    let call = href.split_once(&acme.host).unwrap().1;
    let reply = acme.post(call, "").await;
    OktaDocs::open()
        .validate_response("POST", call, reply.status, None)
        .unwrap();
    reply
}
