//! The sandbox against Okta's own documents: recorded exchanges are answered as recorded, and every
//! answer of a tour over all operations is one Okta describes.
//!
//! `OKTA_ROLLOUT_OKTA_DOCS=FOLDER cargo test --features contract --test contract`

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "support/okta_docs.rs"]
mod okta_docs;
#[path = "support/raw.rs"]
#[expect(dead_code, reason = "a contract needs only part of the bare client")]
mod raw;

use std::collections::BTreeSet;

use okta_docs::OktaDocs;
use okta_rollout::sandbox::{Sandbox, SeedApp, Switches};
use raw::{Org, orgs, settings};
use serde_json::{Value, json};

const HUB: &str = "/api/v1/apps/0oahub/connections/default";

#[tokio::test]
async fn recorded_requests_get_the_recorded_answers() {
    let docs = OktaDocs::open();
    let sandbox = Sandbox::start(settings(""), None, None).await.unwrap();
    let mut compared = 0;
    for (name, text) in docs.recordings() {
        let recording: Value = serde_saphyr::from_str(&text).unwrap();
        let exchanges = recording["interactions"].as_array().unwrap();
        let org_name = name.to_lowercase().replace(['_', '.'], "-");
        let app = app_of(exchanges);
        sandbox.add_org(&org_name).unwrap();
        let seed = SeedApp {
            name: "okta_org2org".to_owned(),
            id: Some(app.clone()),
            label: None,
        };
        sandbox.add_app(&org_name, &seed).unwrap();
        let org = Org::of(&sandbox, &org_name);
        // A recording that begins with features was made on an enabled connection.
        if exchanges[0]["request"]["url"]
            .as_str()
            .unwrap()
            .contains("/features/")
        {
            let path = format!("/api/v1/apps/{app}/connections/default?activate=true");
            let token = r#"{"profile":{"authScheme":"TOKEN","token":"t"}}"#;
            assert_eq!(org.post(&path, token).await.status, 200);
        }
        for (n, exchange) in exchanges.iter().enumerate() {
            compare(&org, exchange)
                .await
                .unwrap_or_else(|why| panic!("{name} {n}: {why}"));
            compared += 1;
        }
    }
    assert!(compared > 0);
}

fn app_of(exchanges: &[Value]) -> String {
    let url = exchanges[0]["request"]["url"].as_str().unwrap();
    url.split('/').nth(6).unwrap().to_owned()
}

/// Sends a recorded request and compares status, media type and body.
async fn compare(org: &Org, exchange: &Value) -> Result<(), String> {
    let (request, recorded) = (&exchange["request"], &exchange["response"]);
    let host = request["host"].as_str().unwrap();
    let url = request["url"].as_str().unwrap();
    let path = url.split_once(host).unwrap().1;
    let body = request["body"].as_str().unwrap_or_default();
    let reply = org
        .call(request["method"].as_str().unwrap(), path, body)
        .await;
    if u64::from(reply.status) != recorded["code"].as_u64().unwrap() {
        return Err(format!(
            "status {} instead of {}",
            reply.status, recorded["code"]
        ));
    }
    let media_type = recorded["headers"]["Content-Type"][0]
        .as_str()
        .unwrap_or_default();
    if reply.header("content-type") != media_type {
        return Err(format!("media type {}", reply.header("content-type")));
    }
    let expected = recorded["body"]
        .as_str()
        .unwrap_or_default()
        .replace(&format!("https://{host}"), &format!("http://{}", org.host));
    let expected = if expected.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&expected).unwrap()
    };
    if reply.json() == expected {
        Ok(())
    } else {
        Err(format!("body {} instead of {expected}", reply.text))
    }
}

/// Where the sandbox answers what Okta's description lacks: operation, finding, why.
const DEVIATIONS: &[(&str, &str, &str)] = &[];

/// Operations of the description the sandbox does not serve, and why.
const NOT_SERVED: &[(&str, &str)] = &[
    (
        "DELETE /api/v1/apps/{appId}",
        "the product never deletes an app",
    ),
    (
        "PUT /api/v1/apps/{appId}",
        "the product never replaces an app",
    ),
];

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

#[tokio::test]
async fn every_answer_is_one_okta_describes() {
    let docs = OktaDocs::open();
    let mut found = BTreeSet::new();
    let mut served = BTreeSet::new();
    // The tour as it should be, then with each of the failures every operation can have.
    for (table, switches) in [
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
    ] {
        let sandbox = orgs(settings(table)).await;
        sandbox.switch("acme", switches).unwrap();
        let acme = Org::of(&sandbox, "acme");
        for (method, path, body) in tour() {
            let text = if body.is_null() {
                String::new()
            } else {
                body.to_string()
            };
            let reply = acme.call(method, &path, &text).await;
            let operation = docs.operation_of(method, &path).unwrap();
            let answer = (!reply.text.is_empty()).then(|| reply.json());
            let verdict = docs.validate_response(method, &path, reply.status, answer.as_ref());
            for finding in verdict.err().unwrap_or_default() {
                found.insert(format!("{operation}: {} {finding}", reply.status));
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

#[test]
fn the_judge_refuses_what_okta_does_not_describe() {
    let docs = OktaDocs::open();
    let ok = json!({"profile": {"authScheme": "OAUTH2"}});
    assert_eq!(
        docs.validate_request("POST", &format!("{HUB}?activate=true"), Some(&ok)),
        Ok(())
    );
    for (method, path, body) in [
        ("POST", format!("{HUB}?activated=true"), ok.clone()),
        ("POST", HUB.to_owned(), Value::Null),
        (
            "POST",
            HUB.to_owned(),
            json!({"profile": {"authScheme": "OAUTH"}}),
        ),
        (
            "POST",
            HUB.to_owned(),
            json!({"profile": {"authScheme": "OAUTH2", "clientID": "x"}}),
        ),
        ("POST", HUB.to_owned(), json!({"authScheme": "TOKEN"})),
        (
            "PUT",
            "/api/v1/apps/1/features/USER_PROVISIONING".to_owned(),
            json!({"update": {"password": {"seed": "CYCLE"}}}),
        ),
        (
            "PUT",
            "/api/v1/apps/1/features/USER_PROVISIONING".to_owned(),
            json!({"update": {"passwords": {}}}),
        ),
        ("GET", HUB.to_owned(), ok.clone()),
        ("GET", "/api/v1/users".to_owned(), Value::Null),
    ] {
        let given = (!body.is_null()).then_some(&body);
        assert!(
            docs.validate_request(method, &path, given).is_err(),
            "{method} {path} {body}"
        );
    }
    assert!(
        docs.validate_response("GET", HUB, 200, Some(&json!({"status": "ON"})))
            .is_err()
    );
    let user = "/api/v1/apps/1/features/USER_PROVISIONING";
    let feature = json!({"name": "USER_PROVISIONING", "status": "ENABLED",
        "capabilities": {"create": {"lifecycleCreate": {"status": "ON"}}}});
    assert!(
        docs.validate_response("GET", user, 200, Some(&feature))
            .is_err()
    );
    assert!(docs.validate_response("GET", HUB, 418, None).is_err());
}
