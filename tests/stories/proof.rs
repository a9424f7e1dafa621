//! A 2xx is not proof: an entry is done when Okta shows it, and fails with the reason,
//! after one look, when Okta accepted and shows something else.

use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::support::{Entry, Scenario, google, user, zscaler};

/// An org that accepts everything and shows what it likes.
#[derive(Clone)]
struct Stubborn {
    connection: &'static str,
    capabilities: Value,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Stubborn {
    /// Shows this status of every connection, and every feature switched off.
    fn showing(connection: &'static str) -> Self {
        Self {
            connection,
            capabilities: json!({ "create": { "lifecycleCreate": { "status": "DISABLED" } } }),
            calls: Arc::default(),
        }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// A rollout of one entry in an org like this.
    fn story(&self, entry: Entry) -> Scenario {
        let mut story = Scenario::of([]);
        let router = Router::new().fallback(answer).with_state(self.clone());
        story.org_at("acme", &story.serve(router));
        story.manifest([entry]);
        story
    }
}

async fn answer(State(org): State<Stubborn>, request: Request) -> Response {
    let path = request.uri().path();
    if !path.contains("/connections/") && !path.contains("/features") {
        return Json(json!({ "id": "0oa1", "name": "zscalerbyz", "label": "Z" })).into_response();
    }
    let what = path.rsplit('/').next().unwrap_or_default();
    org.calls
        .lock()
        .unwrap()
        .push(format!("{} {what}", request.method()));
    let scheme = "TOKEN";
    if path.contains("/features/") {
        Json(json!({ "name": what, "status": "ENABLED", "capabilities": org.capabilities }))
            .into_response()
    } else {
        Json(json!({ "status": org.connection, "authScheme": scheme,
            "baseUrl": "https://scim.zscalerbeta.net/1/2/scim",
            "profile": { "authScheme": scheme } }))
        .into_response()
    }
}

#[test]
fn a_connection_that_stays_disabled_is_looked_at_once_and_fails() {
    let org = Stubborn::showing("DISABLED");
    let story = org.story(zscaler("0oa1").feature(user()));
    story
        .run()
        .exits(3)
        .says("Okta accepted the call but shows")
        .says("DISABLED");
    assert_eq!(org.calls(), ["POST default", "GET default"]);
    let entry = &story.report()["entries"][0];
    assert_eq!(entry["state"], "failed");
    assert_eq!(entry["error"]["step"], "set_connection");
    assert_eq!(entry["steps"][1]["state"], "pending");
}

#[test]
fn a_secret_that_was_not_taken_is_posted_again_next_time() {
    let org = Stubborn::showing("DISABLED");
    let story = org.story(zscaler("0oa1"));
    story.run().exits(3);
    story.run().exits(3);
    assert_eq!(
        org.calls(),
        ["POST default", "GET default", "POST default", "GET default"]
    );
}

#[test]
fn a_feature_that_is_not_taken_is_looked_at_once_and_fails_by_field() {
    let org = Stubborn::showing("ENABLED");
    let story = org.story(zscaler("0oa1").feature(user()));
    story
        .run()
        .exits(3)
        .says("Okta accepted USER_PROVISIONING but does not show it")
        .says("create.lifecycleCreate.status: \"DISABLED\" → \"ENABLED\"");
    let feature = "USER_PROVISIONING";
    assert_eq!(
        org.calls(),
        [
            "POST default".to_owned(),
            format!("PUT {feature}"),
            format!("GET {feature}")
        ]
    );
}

#[test]
fn a_connection_of_another_scheme_is_not_what_was_asked_for() {
    // It is ENABLED, but with a token: a consent given for it would be for nothing.
    let org = Stubborn::showing("ENABLED");
    let story = org.story(google("0oa1"));
    story.run().exits(3).says("TOKEN");
    assert_eq!(org.calls(), ["GET default"]);
}

#[test]
fn an_unsupported_app_fails_with_the_reason_and_without_a_loop() {
    for (entry, looks, reason) in [
        (
            zscaler("0oa1"),
            "GET …",
            "0oa1 is a bookmark app, not zscalerbyz",
        ),
        (
            google("0oa1"),
            "GET …/connections/default",
            "status UNKNOWN",
        ),
        (
            zscaler("0oa1").disabled(),
            "GET …/connections/default",
            "status UNKNOWN",
        ),
    ] {
        let story = Scenario::of([entry.in_truth("bookmark")]);
        story.run().exits(3).says(reason);
        assert_eq!(story.all_calls("acme"), [looks]);
        assert_eq!(story.report()["entries"][0]["state"], "failed");
    }
}

#[test]
fn features_of_a_connection_that_is_off_say_so() {
    let story = Scenario::of([zscaler("0oa1").feature(user()).without("connection")]);
    story
        .run()
        .exits(3)
        .says("Provisioning is not enabled")
        .says("the connection shows status DISABLED");
    let calls = story.calls("acme");
    assert_eq!(calls, ["GET …/features", "GET …/connections/default"]);
}

#[test]
fn a_consent_link_that_is_not_given_fails_the_entry() {
    let story = Scenario::with("limit = 0\nassume.stateTtl = '0s'", [google("0oa1")]);
    story.run().exits(3).says("Okta gave no consent link");
    assert!(story.consents().is_empty());
}
