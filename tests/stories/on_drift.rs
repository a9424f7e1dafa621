//! What somebody changed by hand between two runs is mended, or only told of: the job's `onDrift` decides. What
//! the manifest changed is made so in either case, and a consent that was given stands.

use serde_json::{Value, json};

use crate::support::{Entry, Scenario, google, inbound, user, zscaler};

const LEAVE: &str = "[sandbox]\nconsent = 'manual'\n";

/// A rollout that is done.
fn rolled_out(job: &str, entries: impl IntoIterator<Item = Entry>) -> Scenario {
    let story = Scenario::of(entries);
    // A key of the top level comes before the first section.
    story.write("job.toml", &format!("{job}\nmanifest = 'm.json'\n{LEAVE}"));
    story.run();
    if !story.consents().is_empty() {
        let pages: Vec<_> = story
            .consents()
            .iter()
            .map(|consent| story.approve(consent["authorizeUrl"].as_str().unwrap()))
            .collect();
        let complete = ["consent", "complete"];
        story.fed(&complete, &pages.join("\n")).exits(0);
        story.okta_rollout(&["resume"]).exits(0);
    }
    story.calls("acme");
    story
}

fn deactivated(story: &Scenario, app_id: &str) {
    let path = format!("/api/v1/apps/{app_id}/connections/default/lifecycle/deactivate");
    story.somebody_else("acme", "POST", &path, &Value::Null);
}

fn switched_off(story: &Scenario, app_id: &str) {
    let path = format!("/api/v1/apps/{app_id}/features/USER_PROVISIONING");
    let off = json!({ "create": { "lifecycleCreate": { "status": "DISABLED" } } });
    story.somebody_else("acme", "PUT", &path, &off);
}

#[test]
fn a_connection_switched_off_by_hand_is_activated_again_without_a_new_consent() {
    let story = rolled_out("", [google("0oa1").feature(user())]);
    deactivated(&story, "0oa1");
    story.run().exits(0);
    let calls = [
        "GET …/connections/default",
        "POST …/connections/default/lifecycle/activate",
        "PUT …/features/USER_PROVISIONING",
    ];
    assert_eq!(story.calls("acme"), calls);
    assert_eq!(story.report()["totals"]["changed"], 1);
    story.run().exits(0);
    let looks = ["GET …/connections/default", "GET …/features"];
    assert_eq!(story.calls("acme"), looks);
}

#[test]
fn a_consent_that_no_longer_stands_leads_to_a_fresh_link() {
    let story = rolled_out("", [google("0oa1")]);
    let path = "/api/v1/apps/0oa1/connections/default";
    // A post of somebody else's starts another consent, which nobody gives.
    let body = json!({ "profile": { "authScheme": "OAUTH2" } });
    deactivated(&story, "0oa1");
    story.somebody_else("acme", "POST", path, &body);
    story.run().exits(4);
    let calls = [
        "GET …/connections/default",
        "POST …/connections/default/lifecycle/activate",
        "GET …/connections/default",
        "POST …/connections/default",
    ];
    assert_eq!(story.calls("acme"), calls);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.okta_rollout(&["resume"]).exits(0);
}

#[test]
fn an_entry_that_is_only_reported_on_is_left_as_it_is() {
    let entries = [
        zscaler("0oa1").feature(user()),
        google("0oa2").feature(user()).feature(inbound()),
        google("0oa3").feature(user()),
    ];
    let story = rolled_out("onDrift = 'report'", entries);
    deactivated(&story, "0oa1");
    deactivated(&story, "0oa2");
    switched_off(&story, "0oa3");
    let ran = story.run().exits(0);
    let create = "features.USER_PROVISIONING.create.lifecycleCreate.status";
    ran.says("acme/zscalerbyz (row 1) had drifted:")
        .says("  connection.status was \"DISABLED\", wanted \"ENABLED\"")
        .says("acme/google (row 2) had drifted:")
        .says("acme/google (row 3) had drifted:")
        .says(&format!("  {create} was \"DISABLED\", wanted \"ENABLED\""));
    let mut calls = story.calls("acme");
    calls.sort();
    let looks = [
        "GET …/connections/default",
        "GET …/connections/default",
        "GET …/connections/default",
        "GET …/features",
    ];
    assert_eq!(calls, looks);
    let report = story.report();
    assert_eq!(report["totals"]["unchanged"], 3);

    // What the manifest changes is no drift.
    story.manifest([
        zscaler("0oa1"),
        google("0oa2").feature(inbound()),
        google("0oa3").feature(user()),
    ]);
    story.run().exits(0);
    assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
    assert_eq!(story.app("acme", "0oa2")["connection"]["status"], "ENABLED");
    let untouched = &story.app("acme", "0oa3")["features"]["USER_PROVISIONING"];
    assert_eq!(
        untouched["create"]["lifecycleCreate"]["status"], "DISABLED",
        "{untouched}"
    );
}

#[test]
fn an_app_that_is_to_be_off_and_was_switched_on_by_hand_follows_the_policy_too() {
    for (policy, status) in [("repair", "DISABLED"), ("report", "ENABLED")] {
        let job = format!("onDrift = '{policy}'");
        let story = rolled_out(&job, [zscaler("0oa1")]);
        story.manifest([zscaler("0oa1").disabled()]);
        story.run().exits(0);
        let path = "/api/v1/apps/0oa1/connections/default/lifecycle/activate";
        story.somebody_else("acme", "POST", path, &Value::Null);
        story.run().exits(0);
        let shown = &story.app("acme", "0oa1")["connection"]["status"];
        assert_eq!(*shown, status, "{policy}");
    }
}

#[test]
fn another_policy_is_refused() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.write("job.toml", "manifest = 'm.json'\nonDrift = 'ignore'\n");
    story.run().exits(2).says("onDrift").says("repair");
    assert!(story.calls("acme").is_empty());
}
