//! The judges themselves: they refuse what Okta does not describe, else their silence would prove
//! nothing.

use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::exchange::Exchange;
use crate::okta_docs::OktaDocs;

const HUB: &str = "/api/v1/apps/0oahub/connections/default";

#[test]
fn requests_okta_does_not_describe_are_refused() {
    let docs = OktaDocs::open();
    let none = Value::Null;
    let ok = json!({"profile": {"authScheme": "OAUTH2"}});
    let app =
        |settings: Value| json!({"name": "slack", "label": "S", "settings": {"app": settings}});
    let judged = |method: &str, path: &str, body: &Value| {
        docs.validate_request(method, path, (!body.is_null()).then_some(body))
    };
    let activate = format!("{HUB}?activate=true");
    assert_eq!(judged("POST", &activate, &ok), Ok(()));
    let whole = app(json!({"domain": "d"}));
    assert_eq!(judged("POST", "/api/v1/apps", &whole), Ok(()));
    let user = "/api/v1/apps/1/features/USER_PROVISIONING";
    for (method, path, body) in [
        ("GET", "/api/v1/users", none.clone()),
        ("GET", "/api/v1/apps?limit=many", none.clone()),
        ("GET", "/api/v1/apps/1/features/NO_SUCH", none.clone()),
        (
            "POST",
            "/api/v1/apps/bookmark/1/oauth2/callback?code=c&state=s",
            none.clone(),
        ),
        ("GET", HUB, ok.clone()),
        ("POST", HUB, none),
        ("POST", &format!("{HUB}?activated=true"), ok.clone()),
        ("POST", &format!("{HUB}?activate=yes"), ok),
        ("POST", HUB, json!({"profile": {"authScheme": "OAUTH"}})),
        (
            "POST",
            HUB,
            json!({"profile": {"authScheme": "OAUTH2", "clientID": "x"}}),
        ),
        ("POST", HUB, json!({"authScheme": "TOKEN"})),
        (
            "PUT",
            user,
            json!({"update": {"password": {"seed": "CYCLE"}}}),
        ),
        ("PUT", user, json!({"update": {"passwords": {}}})),
        ("POST", "/api/v1/apps", app(json!({}))),
        (
            "POST",
            "/api/v1/apps",
            app(json!({"domain": "d", "domane": "d"})),
        ),
    ] {
        let verdict = judged(method, path, &body);
        assert!(verdict.is_err(), "{method} {path} {body}");
    }
}

#[test]
fn answers_okta_does_not_describe_are_refused() {
    let docs = OktaDocs::open();
    let user = "/api/v1/apps/1/features/USER_PROVISIONING";
    let feature = json!({"name": "USER_PROVISIONING", "status": "ENABLED",
        "capabilities": {"create": {"lifecycleCreate": {"status": "ON"}}}});
    let connection = json!({"status": "ON"});
    let app = json!({"name": "slack", "label": "S", "signOnMode": "SAML_1_1",
        "settings": {"app": {"domain": "d"}}});
    for (path, status, body) in [
        (HUB, 200, Some(connection)),
        (HUB, 200, None),
        (HUB, 418, None),
        (user, 200, Some(feature)),
        ("/api/v1/apps", 200, Some(json!([app]))),
    ] {
        let verdict = docs.validate_response("GET", path, status, body.as_ref());
        assert!(verdict.is_err(), "{path} {status} {body:?}");
    }
}

#[test]
fn headers_that_are_missing_wrong_or_too_many_are_noticed() {
    let good = [
        ("host", "acme.localhost:1"),
        (
            "user-agent",
            concat!("okta-rollout/", env!("CARGO_PKG_VERSION")),
        ),
        ("accept", "application/json"),
        ("authorization", "SSWS secret"),
        ("content-length", "0"),
    ];
    let mistakes = |headers: &[(&'static str, &str)]| {
        let mut exchange = Exchange {
            method: "POST".to_owned(),
            path: format!("{HUB}/lifecycle/activate"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            status: 204,
            answer_headers: HeaderMap::new(),
            answer: Bytes::new(),
        };
        for (name, value) in headers {
            exchange.headers.append(*name, value.parse().unwrap());
        }
        exchange.header_mistakes("acme.localhost:1", "SSWS secret")
    };
    assert_eq!(mistakes(&good), Vec::<String>::new());
    for n in 0..good.len() {
        let mut others = good.to_vec();
        let (name, _) = others.remove(n);
        assert_eq!(mistakes(&others).len(), 1, "{name} is missing");
        others.push((name, "nonsense"));
        assert_eq!(mistakes(&others).len(), 1, "{name} is wrong");
    }
    let unwanted = ("content-type", "application/json");
    for more in good.into_iter().chain([unwanted]) {
        assert_eq!(mistakes(&[&good[..], &[more]].concat()).len(), 1);
    }
}
