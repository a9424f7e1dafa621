//! The judges themselves: they refuse what Okta does not describe, else their silence would prove
//! nothing.

use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::exchange::Exchange;
use crate::okta_docs::OktaDocs;

const HUB: &str = "/api/v1/apps/0oahub/connections/default";

#[test]
fn the_judge_refuses_what_okta_does_not_describe() {
    let docs = OktaDocs::open();
    let ok = json!({"profile": {"authScheme": "OAUTH2"}});
    assert_eq!(
        docs.validate_request("POST", &format!("{HUB}?activate=true"), Some(&ok)),
        Ok(())
    );
    let slack =
        |settings: Value| json!({"name": "slack", "label": "S", "settings": {"app": settings}});
    assert_eq!(
        docs.validate_request("POST", "/api/v1/apps", Some(&slack(json!({"domain": "d"})))),
        Ok(())
    );
    for (method, path, body) in [
        ("POST", format!("{HUB}?activated=true"), ok.clone()),
        ("POST", format!("{HUB}?activate=yes"), ok.clone()),
        ("GET", "/api/v1/apps?limit=many".to_owned(), Value::Null),
        (
            "POST",
            "/api/v1/apps/bookmark/1/oauth2/callback?code=c&state=s".to_owned(),
            Value::Null,
        ),
        (
            "GET",
            "/api/v1/apps/1/features/NO_SUCH".to_owned(),
            Value::Null,
        ),
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
        ("POST", "/api/v1/apps".to_owned(), slack(json!({}))),
        (
            "POST",
            "/api/v1/apps".to_owned(),
            slack(json!({"domain": "d", "domane": "d"})),
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
