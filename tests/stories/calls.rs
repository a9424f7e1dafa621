//! Every call counts: what is asked of an org, to the call, and that nothing is
//! written that is right already.

use okta_rollout::sandbox::SeedApp;
use serde_json::json;

use crate::plan::planned;
use crate::support::{
    Entry, Scenario, google, inbound, office365, org2org, partly_user, slack, user, zscaler,
};

const CONNECTION: &str = "…/connections/default";
const USER: &str = "…/features/USER_PROVISIONING";
const INBOUND: &str = "…/features/INBOUND_PROVISIONING";

fn get(what: &str) -> String {
    format!("GET {what}")
}

fn post(what: &str) -> String {
    format!("POST {what}")
}

fn put(what: &str) -> String {
    format!("PUT {what}")
}

/// A rollout of one TOKEN app that has been run once.
fn settled(entry: Entry) -> Scenario {
    let story = Scenario::of([entry]);
    story.run().exits(0);
    story.calls("acme");
    story
}

#[test]
fn a_token_app_with_two_full_features_takes_three_calls() {
    let story = Scenario::of([org2org("0oa1").feature(user()).feature(inbound())]);
    story.run().exits(0);
    assert_eq!(
        story.calls("acme"),
        [post(CONNECTION), put(USER), put(INBOUND)]
    );
}

#[test]
fn a_token_app_with_one_full_feature_takes_two_calls() {
    let story = Scenario::of([zscaler("0oa1").feature(user())]);
    story.run().exits(0);
    assert_eq!(story.calls("acme"), [post(CONNECTION), put(USER)]);
}

#[test]
fn a_token_app_without_features_takes_one_call() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    assert_eq!(story.calls("acme"), [post(CONNECTION)]);
}

#[test]
fn a_three_legged_app_with_two_full_features_takes_six_calls_in_all() {
    for entry in [google("0oa1"), office365("0oa1")] {
        let story = Scenario::of([entry.feature(user()).feature(inbound())]);
        story.run().exits(4);
        let page = story.approve(&story.link());
        story
            .fed(&["consent", "complete"], &page)
            .exits(0)
            .says("accepted");
        story.run().exits(0);
        assert_eq!(
            story.calls("acme"),
            [
                get(CONNECTION),
                post(CONNECTION),
                post("…/oauth2/callback"),
                post("…/connections/default/lifecycle/activate"),
                put(USER),
                put(INBOUND),
            ]
        );
    }
}

#[test]
fn what_is_right_already_takes_two_calls_and_is_unchanged() {
    let story = settled(org2org("0oa1").feature(user()).feature(inbound()));
    story.run().exits(0);
    assert_eq!(story.calls("acme"), [get(CONNECTION), get("…/features")]);
    let report = story.report();
    assert_eq!(report["totals"]["unchanged"], 1);
    assert_eq!(report["entries"][0]["changed"], false);
    assert_eq!(report["orgs"][0]["requests"], 2);
}

#[test]
fn features_given_in_part_are_merged_from_one_list() {
    let inbound_part = (
        "INBOUND_PROVISIONING",
        json!({ "importSettings": { "schedule": { "status": "DISABLED" } },
            "importRules": { "userCreateAndMatch": { "allowPartialMatch": true } } }),
    );
    let story = Scenario::of([org2org("0oa1").feature(partly_user()).feature(inbound_part)]);
    story.run().exits(0);
    let calls = story.calls("acme");
    assert_eq!(calls[..2], [post(CONNECTION), get("…/features")]);
    assert_eq!(
        calls.iter().filter(|call| call.starts_with("GET")).count(),
        1
    );
    let features = &story.app("acme", "0oa1")["features"];
    let created = &features["USER_PROVISIONING"]["create"]["lifecycleCreate"]["status"];
    assert_eq!(created, "ENABLED");
}

#[test]
fn features_that_are_on_besides_stay_on_when_one_is_given() {
    let story = settled(zscaler("0oa1").feature(user()));
    let profile_off = (
        "USER_PROVISIONING",
        json!({ "update": { "profile": { "status": "DISABLED" } } }),
    );
    story.manifest([zscaler("0oa1").feature(profile_off)]);
    story.run().exits(0);
    assert_eq!(
        story.calls("acme"),
        [get(CONNECTION), get("…/features"), put(USER)]
    );
    let user = &story.app("acme", "0oa1")["features"]["USER_PROVISIONING"];
    assert_eq!(user["update"]["profile"]["status"], "DISABLED");
    assert_eq!(user["create"]["lifecycleCreate"]["status"], "ENABLED");
}

#[test]
fn labels_are_looked_up_once_a_run_however_many_entries_ask() {
    let labels: Vec<_> = (1..=5).map(|n| format!("Zscaler {n}")).collect();
    let story = Scenario::of([]);
    // More than two pages of 200 lie before the apps that are looked for.
    for n in 0..450 {
        let label = Some(format!("Another {n}"));
        let other = SeedApp {
            name: "zscalerbyz".to_owned(),
            id: None,
            label,
        };
        story.add_app("acme", &other);
    }
    story.manifest(labels.iter().map(|label| zscaler("").labelled(label)));
    story.run().exits(0);
    let calls = story.calls("acme");
    let lists = calls.iter().filter(|call| *call == "GET /api/v1/apps");
    assert_eq!(lists.count(), 3, "{calls:?}");
    assert_eq!(calls.len(), 3 + labels.len());
    let report = story.report();
    for (entry, label) in report["entries"].as_array().unwrap().iter().zip(&labels) {
        let id = entry["appId"].as_str().unwrap();
        assert_eq!(story.app("acme", id)["label"], **label);
        assert_eq!(story.app("acme", id)["connection"]["status"], "ENABLED");
    }
}

#[test]
fn labels_of_several_apps_share_one_look_up() {
    let story = Scenario::of([
        zscaler("").labelled("Z").feature(user()),
        org2org("").labelled("O"),
        slack("").labelled("S"),
    ]);
    story.run().exits(4);
    let calls = story.calls("acme");
    let lists = calls.iter().filter(|call| *call == "GET /api/v1/apps");
    assert_eq!(lists.count(), 1, "{calls:?}");
}

#[test]
fn a_secret_that_changed_is_posted_again_and_one_that_did_not_is_not() {
    let story = settled(zscaler("0oa1"));
    story.run().exits(0);
    assert_eq!(story.calls("acme"), [get(CONNECTION)]);

    let before = story.app("acme", "0oa1")["connection"]["credential"].clone();
    story.write("secrets/app-token", "another-token\n");
    story.run().exits(0);
    assert_eq!(story.calls("acme"), [post(CONNECTION)]);
    assert_ne!(
        story.app("acme", "0oa1")["connection"]["credential"],
        before
    );

    story.run().exits(0);
    assert_eq!(story.calls("acme"), [get(CONNECTION)]);
}

#[test]
fn the_same_secret_under_another_name_is_the_same_secret() {
    let story = settled(zscaler("0oa1"));
    story.write("secrets/moved", "tell-tale-app-token");
    story.manifest([zscaler("0oa1").token("file:secrets/moved")]);
    story.run().exits(0);
    assert_eq!(story.calls("acme"), [get(CONNECTION)]);
}

#[test]
fn a_connection_changed_behind_our_back_is_posted_again() {
    let default = "/api/v1/apps/0oa1/connections/default";
    let theirs = json!({ "baseUrl": "https://scim.zscalerbeta.net/9/9/scim",
        "profile": { "authScheme": "TOKEN", "token": "theirs" } });
    let story = settled(zscaler("0oa1").feature(user()));
    for (path, body) in [
        (format!("{default}/lifecycle/deactivate"), json!({})),
        (format!("{default}?activate=true"), theirs),
    ] {
        story.somebody_else("acme", "POST", &path, &body);
        story.run().exits(0);
        assert_eq!(
            story.calls("acme"),
            [get(CONNECTION), post(CONNECTION), get("…/features")]
        );
        let connection = &story.app("acme", "0oa1")["connection"];
        assert_eq!(connection["status"], "ENABLED");
        assert_eq!(
            connection["baseUrl"],
            "https://scim.zscalerbeta.net/1/2/scim"
        );
        assert_eq!(story.report()["totals"]["changed"], 1);
    }
}

#[test]
fn a_feature_changed_behind_our_back_is_put_again() {
    let story = settled(zscaler("0oa1").feature(user()));
    let theirs = json!({ "update": { "profile": { "status": "DISABLED" } } });
    let path = "/api/v1/apps/0oa1/features/USER_PROVISIONING";
    story.somebody_else("acme", "PUT", path, &theirs);
    story.run().exits(0);
    assert_eq!(
        story.calls("acme"),
        [get(CONNECTION), get("…/features"), put(USER)]
    );
}

#[test]
fn force_posts_a_token_connection_that_looks_right() {
    let story = settled(zscaler("0oa1").feature(user()));
    story.okta_rollout(&["run", "job.toml", "--force"]).exits(0);
    assert_eq!(story.calls("acme"), [post(CONNECTION), get("…/features")]);
}

#[test]
fn a_ledger_that_never_set_a_connection_sets_it() {
    let story = settled(zscaler("0oa1").feature(user()));
    let elsewhere = ["run", "job.toml", "--ledger", "another.db"];
    story.okta_rollout(&elsewhere).exits(0);
    assert_eq!(story.calls("acme"), [post(CONNECTION), put(USER)]);
}

#[test]
fn a_three_legged_connection_that_is_enabled_is_never_posted_again() {
    let story = Scenario::of([google("0oa1").feature(user())]);
    story.run().exits(4);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.run().exits(0);
    story.calls("acme");
    for arguments in [
        &["run", "job.toml"][..],
        &["run", "job.toml", "--force"],
        &["run", "job.toml", "--ledger", "another.db", "--force"],
    ] {
        story.okta_rollout(arguments).exits(0);
        assert_eq!(story.calls("acme"), [get(CONNECTION), get("…/features")]);
    }
    assert_eq!(story.app("acme", "0oa1")["connection"]["granted"], true);
}

#[test]
fn disabled_deactivates_once_and_writes_nothing_when_it_is_already() {
    let story = settled(zscaler("0oa1"));
    story.manifest([zscaler("0oa1").disabled()]);
    story.run().exits(0);
    let deactivate = post("…/connections/default/lifecycle/deactivate");
    assert_eq!(
        story.calls("acme"),
        [get(CONNECTION), deactivate, get(CONNECTION)]
    );
    assert_eq!(
        story.app("acme", "0oa1")["connection"]["status"],
        "DISABLED"
    );
    assert_eq!(story.report()["totals"]["changed"], 1);

    story.run().exits(0);
    assert_eq!(story.calls("acme"), [get(CONNECTION)]);
    assert_eq!(story.report()["totals"]["unchanged"], 1);
}

#[test]
fn whoever_continues_with_a_forced_run_forces_the_rest_of_it() {
    // A run that is settled, and one of the same that died early; calls are made one by one.
    let dies = |arguments: &[&str]| {
        let story = Scenario::of((1..=5).map(|n| zscaler(&format!("0oa{n}"))));
        story.job("[limits]\nmaxInFlight = 1\n");
        story.run().exits(0);
        story.dies_after(1, &[&["run", "job.toml"], arguments].concat());
        story.calls("acme");
        story
    };
    let posts = |story: &Scenario| {
        let calls = story.calls("acme");
        calls.iter().filter(|call| call.starts_with("POST")).count()
    };
    for go_on in [&["resume"][..], &["run", "job.toml"]] {
        let story = dies(&["--force"]);
        story.okta_rollout(go_on).exits(0).says("goes on");
        assert!(posts(&story) >= 3, "{go_on:?}");
    }
    // One that continues with --force does, too; without, nobody does.
    let story = dies(&["--new"]);
    story.okta_rollout(&["run", "job.toml", "--force"]).exits(0);
    assert!(posts(&story) >= 3);
    let story = dies(&["--new"]);
    story.run().exits(0);
    assert_eq!(posts(&story), 0);
}

/// Somebody switches the connection of an app off.
fn switched_off(story: &Scenario, id: &str) {
    let off = format!("/api/v1/apps/{id}/connections/default/lifecycle/deactivate");
    story.somebody_else("acme", "POST", &off, &json!({}));
}

/// The calls of a run, which its plan has to announce.
fn as_planned(story: &Scenario, flags: &[&str]) -> Vec<String> {
    let (_, plan) = planned(story, flags);
    story.all_calls("acme");
    story
        .okta_rollout(&[&["run", "job.toml"], flags].concat())
        .exits(0);
    let calls = story.all_calls("acme");
    let org = &plan["orgs"][0];
    let (most, uncertain) = (org["total"].as_u64(), org["uncertain"].as_u64());
    let most = usize::try_from(most.unwrap()).unwrap();
    let uncertain = usize::try_from(uncertain.unwrap()).unwrap();
    assert!(
        (most - uncertain..=most).contains(&calls.len()),
        "{calls:?}: {plan:#}"
    );
    calls
}

#[test]
fn after_a_connection_was_posted_again_only_features_that_differ_are_written() {
    let both = || org2org("0oa1").feature(user()).feature(inbound());
    let profile_off = json!({ "update": { "profile": { "status": "DISABLED" } } });
    let by_hand = |story: &Scenario| {
        let path = "/api/v1/apps/0oa1/features/USER_PROVISIONING";
        story.somebody_else("acme", "PUT", path, &profile_off);
    };
    let changed = |story: &Scenario| story.write("secrets/app-token", "another-token");
    let list = get("…/features");
    // The secret changed: nothing else is written.
    let story = settled(both());
    changed(&story);
    assert_eq!(as_planned(&story, &[]), [post(CONNECTION), list.clone()]);
    // It changed, and somebody changed a feature.
    by_hand(&story);
    story.write("secrets/app-token", "a-third-token");
    assert_eq!(
        as_planned(&story, &[]),
        [post(CONNECTION), list.clone(), put(USER)]
    );
    // The connection was switched off, which shows when it is looked at.
    switched_off(&story, "0oa1");
    let calls = as_planned(&story, &[]);
    assert_eq!(calls, [get(CONNECTION), post(CONNECTION), list.clone()]);
    // It is posted anyway.
    assert_eq!(
        as_planned(&story, &["--force"]),
        [post(CONNECTION), list.clone()]
    );
    // One feature is wanted otherwise than before, the other as before.
    changed(&story);
    let (name, mut wanted) = user();
    wanted["create"]["lifecycleCreate"]["status"] = json!("DISABLED");
    story.manifest([both().feature((name, wanted))]);
    assert_eq!(as_planned(&story, &[]), [post(CONNECTION), list, put(USER)]);
}

#[test]
fn features_that_were_never_as_wanted_are_written_without_a_look() {
    let story = settled(org2org("0oa1"));
    story.write("secrets/app-token", "another-token");
    story.manifest([org2org("0oa1").feature(user()).feature(inbound())]);
    assert_eq!(
        as_planned(&story, &[]),
        [post(CONNECTION), put(USER), put(INBOUND)]
    );
}

#[test]
fn five_repairs_are_five_writes() {
    let ids: Vec<_> = (1..=5).map(|n| format!("0oa{n}")).collect();
    let entries = ids
        .iter()
        .map(|id| org2org(id).feature(user()).feature(inbound()));
    let story = Scenario::of(entries);
    story.run().exits(0);
    for id in &ids {
        switched_off(&story, id);
    }
    let calls = as_planned(&story, &[]);
    let writes: Vec<_> = calls
        .iter()
        .filter(|call| !call.starts_with("GET"))
        .collect();
    assert_eq!(writes, [&post(CONNECTION); 5]);
    assert_eq!(story.report()["totals"]["changed"], 5);
    for id in &ids {
        let app = story.app("acme", id);
        assert_eq!(app["connection"]["status"], "ENABLED");
        let feature = &app["features"]["INBOUND_PROVISIONING"];
        assert_eq!(feature["importRules"], inbound().1["importRules"]);
    }
}

#[test]
fn a_consented_connection_that_was_switched_off_costs_no_feature_that_is_right() {
    let story = Scenario::of([google("0oa1").feature(user()).feature(inbound())]);
    story.run().exits(4);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.run().exits(0);
    switched_off(&story, "0oa1");
    let activate = post("…/connections/default/lifecycle/activate");
    let calls = as_planned(&story, &[]);
    assert_eq!(calls, [get(CONNECTION), activate, get("…/features")]);
}
