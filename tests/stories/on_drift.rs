//! What somebody changed by hand between two runs is fixed, or only told of: the job's `onDrift` decides. What
//! the manifest changed is made so in either case, and a consent that was given stands.

use serde_json::{Value, json};

use crate::plan::planned;
use crate::support::{APP_TOKEN, Entry, Scenario, google, inbound, user, zscaler};

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
        "GET …/features",
    ];
    assert_eq!(story.calls("acme"), calls, "its features are as they were");
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

    // What is dropped from the manifest changes nothing of the rest.
    story.manifest([
        zscaler("0oa1"),
        google("0oa2").feature(inbound()),
        google("0oa3").feature(user()),
    ]);
    story.run().exits(0);
    assert!(story.written_apps("acme").is_empty());
    assert_eq!(story.report()["totals"]["unchanged"], 3);
}

/// What the newest run noted of its only entry.
fn noted(story: &Scenario) -> Vec<String> {
    let report = story.report();
    let fields = report["entries"][0]["drift"].as_array().unwrap().iter();
    fields
        .map(|drift| drift["field"].as_str().unwrap().to_owned())
        .collect()
}

/// The fields that a plan would leave, of its only entry.
fn planned_to_leave(story: &Scenario) -> Vec<String> {
    let (_, plan) = planned(story, &[]);
    let left = plan["entries"][0]["leftAlone"].as_array().unwrap().iter();
    left.map(|left| left["field"].as_str().unwrap().to_owned())
        .collect()
}

const CREATE: &str = "features.USER_PROVISIONING.create.lifecycleCreate.status";

#[test]
fn only_the_fields_that_the_manifest_changed_are_written() {
    let story = rolled_out("onDrift = 'report'", [zscaler("0oa1").feature(user())]);
    switched_off(&story, "0oa1");
    let mut wanted = user();
    wanted.1["update"]["profile"]["status"] = json!("DISABLED");
    let same_token = "file:secrets/same-token";
    story.write("secrets/same-token", APP_TOKEN);
    let changed = zscaler("0oa1").token(same_token).feature(wanted);
    story.manifest([changed]);
    assert_eq!(planned_to_leave(&story), [CREATE]);
    story.calls("acme");
    story.run().exits(0);
    let calls = [
        "GET …/connections/default",
        "GET …/features",
        "PUT …/features/USER_PROVISIONING",
    ];
    assert_eq!(story.calls("acme"), calls);
    let feature = &story.app("acme", "0oa1")["features"]["USER_PROVISIONING"];
    assert_eq!(feature["create"]["lifecycleCreate"]["status"], "DISABLED");
    assert_eq!(feature["update"]["profile"]["status"], "DISABLED");
    assert_eq!(noted(&story), [CREATE]);
    assert_eq!(story.report()["totals"]["changed"], 1);
    // It is still a hand's the next time.
    story.run().exits(0).says("1 unchanged").says(CREATE);
    assert!(story.written_apps("acme").is_empty());
}

#[test]
fn a_rotated_token_is_set_unless_the_connection_was_switched_off_and_features_stay() {
    for policy in ["report", "repair"] {
        let job = format!("onDrift = '{policy}'");
        let mends = policy == "repair";
        let story = rolled_out(&job, [zscaler("0oa1").feature(user())]);
        switched_off(&story, "0oa1");
        story.write("secrets/app-token", "tell-tale-rotated");
        story.run().exits(0);
        let calls = story.calls("acme");
        if mends {
            let few = [
                "POST …/connections/default",
                "GET …/features",
                "PUT …/features/USER_PROVISIONING",
            ];
            assert_eq!(calls, few);
        } else {
            let looks = [
                "GET …/connections/default",
                "POST …/connections/default",
                "GET …/features",
            ];
            assert_eq!(calls, looks);
            assert_eq!(noted(&story), [CREATE]);
        }

        deactivated(&story, "0oa1");
        story.write("secrets/app-token", "tell-tale-rotated-again");
        story.run().exits(0);
        let shown = &story.app("acme", "0oa1")["connection"]["status"];
        assert_eq!(*shown, if mends { "ENABLED" } else { "DISABLED" });
        if !mends {
            assert_eq!(story.calls("acme"), ["GET …/connections/default"]);
            assert_eq!(noted(&story), ["connection.status"]);
            // Once it is on again the token that was not set is.
            let on = "/api/v1/apps/0oa1/connections/default/lifecycle/activate";
            story.somebody_else("acme", "POST", on, &Value::Null);
            story.run().exits(0);
            assert!(
                story
                    .calls("acme")
                    .contains(&"POST …/connections/default".to_owned())
            );
        }
    }
}

#[test]
fn what_the_manifest_changed_while_a_connection_was_off_is_made_so_once_it_is_on() {
    let story = rolled_out("onDrift = 'report'", [zscaler("0oa1").feature(user())]);
    deactivated(&story, "0oa1");
    let mut wanted = user();
    wanted.1["update"]["profile"]["status"] = json!("DISABLED");
    story.manifest([zscaler("0oa1").feature(wanted)]);
    story.run().exits(0);
    assert_eq!(noted(&story), ["connection.status"]);
    let on = "/api/v1/apps/0oa1/connections/default/lifecycle/activate";
    story.somebody_else("acme", "POST", on, &Value::Null);
    story.run().exits(0).says("1 changed");
    let feature = &story.app("acme", "0oa1")["features"]["USER_PROVISIONING"];
    assert_eq!(feature["update"]["profile"]["status"], "DISABLED");
    assert!(noted(&story).is_empty());
}

#[test]
fn what_no_run_ever_made_is_no_drift() {
    let story = Scenario::of([zscaler("0oa1").feature(user())]);
    let theirs = json!({ "baseUrl": "https://scim.zscaler.net/old",
        "profile": { "authScheme": "TOKEN", "token": APP_TOKEN } });
    let set = "/api/v1/apps/0oa1/connections/default?activate=true";
    story.somebody_else("acme", "POST", set, &theirs);
    switched_off(&story, "0oa1");
    let features_only = zscaler("0oa1").feature(user()).without("connection");
    story.manifest([features_only]);
    story.run().exits(0).says("1 changed");
    assert!(noted(&story).is_empty());
}

#[test]
fn a_change_whose_answer_was_lost_is_not_taken_for_a_hands() {
    // The second PUT is carried out, and nobody hears of it.
    let faults = "limit = 0\n[[faults.rules]]\nmethod = 'PUT'\nnth = 2\nfault = 'lostAnswer'\n";
    let story = Scenario::with(faults, [zscaler("0oa1").feature(user())]);
    let job = "onDrift = 'report'\nmanifest = 'm.json'\n[retry]\nmaxAttempts = 1\n";
    story.write("job.toml", job);
    story.run().exits(0);
    let mut wanted = user();
    wanted.1["create"]["lifecycleCreate"]["status"] = json!("DISABLED");
    story.manifest([zscaler("0oa1").feature(wanted)]);
    story.run().exits(3);
    let shown = || {
        let app = story.app("acme", "0oa1");
        app["features"]["USER_PROVISIONING"]["create"]["lifecycleCreate"]["status"].clone()
    };
    assert_eq!(shown(), "DISABLED", "it was carried out");

    // The manifest wants again what it wanted before.
    story.manifest([zscaler("0oa1").feature(user())]);
    story.run();
    assert!(noted(&story).is_empty());
    assert_eq!(shown(), "ENABLED");
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

#[test]
fn a_consent_that_was_handed_in_is_kept_by_a_new_run_of_another_file() {
    let story = Scenario::of([google("0oa1").feature(user())]);
    story.run().exits(4);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.calls("acme");
    story.write("other.toml", "manifest = 'm.json'\n");
    for (again, calls) in [
        (
            &["run", "other.toml"][..],
            &[
                "GET …/connections/default",
                "POST …/connections/default/lifecycle/activate",
                "PUT …/features/USER_PROVISIONING",
            ][..],
        ),
        (
            &["run", "job.toml"],
            // The other run had the feature as wanted.
            &[
                "POST …/connections/default/lifecycle/activate",
                "GET …/features",
            ],
        ),
    ] {
        story.okta_rollout(again).exits(0);
        assert_eq!(story.calls("acme"), calls, "{again:?}");
    }
}
