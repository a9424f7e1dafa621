//! What somebody changed by hand between two runs: it is fixed, and the report says which fields it was.

use serde_json::{Value, json};

use crate::support::{APP_TOKEN, Scenario, inbound, org2org, user, zscaler};

fn drift(report: &Value) -> Vec<Value> {
    let entries = report["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["drift"].clone()).collect()
}

#[test]
fn the_report_lists_exactly_what_was_changed_by_hand() {
    let story = Scenario::of([
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").feature(user()),
        zscaler("0oa3"),
        zscaler("0oa4").feature(user()),
        org2org("0oa5").feature(inbound()),
    ]);
    story.run().exits(0);
    assert_eq!(drift(&story.report()), vec![json!([]); 5], "nobody did");

    let mut changed = user().1;
    changed["create"]["lifecycleCreate"]["status"] = json!("DISABLED");
    changed["update"]["password"]["seed"] = json!("OKTA");
    let feature = "/api/v1/apps/0oa1/features/USER_PROVISIONING";
    story.somebody_else("acme", "PUT", feature, &changed);
    let deactivate = "/api/v1/apps/0oa2/connections/default/lifecycle/deactivate";
    story.somebody_else("acme", "POST", deactivate, &json!({}));
    let profile = json!({ "authScheme": "TOKEN", "token": APP_TOKEN });
    let moved = json!({ "baseUrl": "https://scim.zscaler.net/old", "profile": profile });
    let connection = "/api/v1/apps/0oa3/connections/default?activate=true";
    story.somebody_else("acme", "POST", connection, &moved);

    let ran = story.run().exits(0).says("3 changed, 2 unchanged");
    let field = |field: &str, live: &str, wanted: &str| json!({ "field": field, "live": live, "wanted": wanted });
    let create = "features.USER_PROVISIONING.create.lifecycleCreate.status";
    let seed = "features.USER_PROVISIONING.update.password.seed";
    let base_url = "https://scim.zscalerbeta.net/1/2/scim";
    assert_eq!(
        drift(&story.report()),
        [
            json!([
                field(create, "DISABLED", "ENABLED"),
                field(seed, "OKTA", "RANDOM")
            ]),
            json!([field("connection.status", "DISABLED", "ENABLED")]),
            json!([field(
                "connection.baseUrl",
                "https://scim.zscaler.net/old",
                base_url
            )]),
            json!([]),
            json!([]),
        ]
    );
    let ran = ran
        .says("acme/zscalerbyz (row 1) had drifted:")
        .says(&format!("  {create} was \"DISABLED\", wanted \"ENABLED\""))
        .says("acme/zscalerbyz (row 2) had drifted:");
    assert!(!ran.said().contains("(row 4) had drifted"));
    let text = story.okta_rollout(&["report"]).exits(0).data();
    assert!(
        text.contains("    drifted: connection.status was \"DISABLED\", wanted \"ENABLED\""),
        "{text}"
    );
    assert_eq!(
        story.app("acme", "0oa1")["features"]["USER_PROVISIONING"],
        user().1
    );
    assert_eq!(story.app("acme", "0oa2")["connection"]["status"], "ENABLED");
    assert_eq!(story.app("acme", "0oa3")["connection"]["baseUrl"], base_url);

    story.run().exits(0).says("5 unchanged");
    assert_eq!(drift(&story.report()), vec![json!([]); 5], "all is mended");
}

#[test]
fn a_screen_holds_what_a_whole_org_drifted() {
    let entries = || (0..15).map(|n| zscaler(&format!("0oa{n}")));
    let story = Scenario::of(entries());
    story.run().exits(0);
    for n in 0..15 {
        let path = format!("/api/v1/apps/0oa{n}/connections/default/lifecycle/deactivate");
        story.somebody_else("acme", "POST", &path, &json!({}));
    }
    let said = story.run().exits(0).said();
    assert_eq!(said.matches("(row ").count() - 15, 10, "{said}");
    assert!(
        said.contains("and 5 more had drifted: okta-rollout report "),
        "{said}"
    );
}
