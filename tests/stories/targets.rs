//! Nothing is written to an app before the program has seen that it is the app the manifest says: how that is found
//! out, what it costs, and what is said of an app that is another, or none.

use okta_rollout::sandbox::SeedApp;
use serde_json::Value;

use crate::plan::planned;
use crate::support::{
    Entry, LOOK, Scenario, google, lie, office365, org2org, slack, user, zoomus, zscaler,
};

const LIST: &str = "GET /api/v1/apps";

fn message(report: &Value, entry: usize) -> String {
    report["entries"][entry]["error"]["message"].to_string()
}

/// What of these calls changes something.
fn writes(calls: &[String]) -> Vec<&String> {
    calls
        .iter()
        .filter(|call| !call.starts_with("GET"))
        .collect()
}

#[test]
fn an_id_of_another_app_fails_before_anything_is_written_to_it() {
    // Each is in truth another of the six, with a connection of its own.
    for (entry, truth, seen) in [
        (
            zscaler("0oa1").feature(user()),
            "okta_org2org",
            "an okta_org2org",
        ),
        (org2org("0oa1"), "zscalerbyz", "a zscalerbyz"),
        (slack("0oa1"), "google", "a google"),
        (office365("0oa1"), "zoomus", "a zoomus"),
        (zoomus("0oa1"), "office365", "an office365"),
        (zscaler("0oa1"), "acme_intranet_1", "an acme_intranet_1"),
    ] {
        let app = entry.json()["app"].as_str().unwrap().to_owned();
        let reason = format!("0oa1 is {seen} app, not {app}");
        let story = Scenario::of([entry.in_truth(truth)]);
        let before = story.app("acme", "0oa1");
        let (plan, sheet) = planned(&story, &[]);
        plan.exits(3);
        assert!(message(&sheet, 0).contains(&reason), "{sheet:#}");
        assert_eq!(sheet["entries"][0]["action"], "error");
        story.all_calls("acme");
        story.run().exits(3).says(&reason);
        let calls = story.all_calls("acme");
        assert_eq!(sheet["orgs"][0]["total"], calls.len(), "{calls:?}");
        assert!(writes(&calls).is_empty(), "{calls:?}");
        assert!(calls.contains(&LOOK.to_owned()), "{calls:?}");
        assert!(message(&story.report(), 0).contains(&reason));
        assert_eq!(story.app("acme", "0oa1"), before);
        // What was seen once is not asked again.
        story.run().exits(3).says(&reason);
        let calls = story.all_calls("acme");
        assert!(!calls.contains(&LOOK.to_owned()), "{calls:?}");
        assert!(writes(&calls).is_empty(), "{calls:?}");
    }
}

#[test]
fn the_live_connection_of_another_app_is_not_touched_by_any_step() {
    let live = org2org("0oa1").feature(user());
    let story = Scenario::of([live.clone()]);
    story.run().exits(0);
    let before = story.app("acme", "0oa1");
    std::fs::remove_dir_all(story.path(".okta-rollout")).unwrap();
    let wrong = zscaler("0oa1").in_truth("okta_org2org");
    let off = || user_off(wrong.clone().without("connection"));
    for entry in [wrong.clone(), wrong.clone().disabled(), off()] {
        story.manifest([entry]);
        story.all_calls("acme");
        story
            .run()
            .exits(3)
            .says("0oa1 is an okta_org2org app, not zscalerbyz");
        assert!(writes(&story.all_calls("acme")).is_empty());
        assert_eq!(story.app("acme", "0oa1"), before);
    }
    // Nor by a run of what failed, or one that continues.
    for again in [&["resume", "--failed"][..], &["run", "job.toml", "--force"]] {
        story.okta_rollout(again).exits(3).says("not zscalerbyz");
        assert!(writes(&story.all_calls("acme")).is_empty());
    }
    let report = [
        "report",
        "--format",
        "json",
        "--only",
        "failed",
        "-o",
        "again.json",
    ];
    story.okta_rollout(&report).exits(0);
    story
        .okta_rollout(&["run", "again.json"])
        .exits(3)
        .says("not zscalerbyz");
    assert!(writes(&story.all_calls("acme")).is_empty());
    assert_eq!(story.app("acme", "0oa1"), before);
    // The right entry is none the worse for it.
    story.manifest([live]);
    story.run().exits(0);
    assert_eq!(
        story
            .all_calls("acme")
            .iter()
            .filter(|call| *call == LOOK)
            .count(),
        0
    );
}

fn user_off(entry: Entry) -> Entry {
    let (name, mut wanted) = user();
    wanted["create"]["lifecycleCreate"]["status"] = "DISABLED".into();
    entry.feature((name, wanted))
}

#[test]
fn an_id_that_is_not_there_gets_its_own_reason() {
    let story = Scenario::of([zscaler("0oaGone").missing()]);
    let (plan, sheet) = planned(&story, &[]);
    plan.exits(3);
    assert!(message(&sheet, 0).contains("E0000007"), "{sheet:#}");
    story.all_calls("acme");
    story.run().exits(3).says("0oaGone").says("E0000007");
    assert_eq!(story.all_calls("acme"), [LOOK]);
    assert_eq!(sheet["orgs"][0]["total"], 1);
    let hint = story.report()["entries"][0]["error"]["hint"].to_string();
    assert!(!hint.contains("check the value behind"), "{hint}");
}

#[test]
fn what_was_seen_is_kept_and_what_is_not_written_is_not_looked_at() {
    let story = Scenario::of([zscaler("0oa1"), google("0oa2"), zscaler("0oa3").disabled()]);
    story.run().exits(4);
    // The one that is off already needs no look.
    let looks = |story: &Scenario| {
        let calls = story.all_calls("acme");
        calls
            .iter()
            .filter(|call| *call == LOOK || *call == LIST)
            .count()
    };
    assert_eq!(looks(&story), 2);
    story
        .okta_rollout(&["run", "job.toml", "--new", "--force"])
        .exits(4);
    assert_eq!(looks(&story), 0);
    // Another ledger has seen nothing.
    let elsewhere = ["run", "job.toml", "--ledger", "another.db"];
    story.okta_rollout(&elsewhere).exits(4);
    assert!(looks(&story) > 0);
}

#[test]
fn a_label_leads_to_apps_of_that_name_only() {
    let story = Scenario::of([
        zscaler("").labelled("The same"),
        google("").labelled("The same"),
    ]);
    story.add_app(
        "acme",
        &SeedApp {
            name: "okta_org2org".to_owned(),
            id: None,
            label: Some("The same".to_owned()),
        },
    );
    story.run().exits(4);
    assert_eq!(
        story
            .all_calls("acme")
            .iter()
            .filter(|call| *call == LIST)
            .count(),
        1
    );
    // What was found so is known when it is given by its id.
    let id = story.report()["entries"][0]["appId"]
        .as_str()
        .unwrap()
        .to_owned();
    let by_id = zscaler("").with("appId", id.into()).missing();
    story.manifest([by_id]);
    story.okta_rollout(&["run", "job.toml", "--force"]).exits(0);
    assert_eq!(story.all_calls("acme"), ["POST …/connections/default"]);
}

/// Runs a manifest after its plan, which has to announce every call; gives the calls.
fn as_planned(story: &Scenario) -> Vec<String> {
    let (_, sheet) = planned(story, &[]);
    story.all_calls("acme");
    story.run();
    let calls = story.all_calls("acme");
    assert_eq!(sheet["orgs"][0]["total"], calls.len(), "{sheet:#}");
    calls
}

#[test]
fn many_are_looked_up_in_one_list_of_their_kind_and_few_one_by_one() {
    let ids = |from: usize, to: usize| (from..to).map(|n| format!("0oa{n:03}"));
    // 30 of one kind, of which one is another app and one is gone, and 4 of another.
    let mut entries: Vec<_> = ids(0, 28).map(|id| zscaler(&id)).collect();
    entries.push(zscaler("0oa028").in_truth("okta_org2org"));
    entries.push(zscaler("0oa029").missing());
    entries.extend(ids(30, 34).map(|id| org2org(&id)));
    let story = Scenario::of(entries.clone());
    // Other apps do not make the list longer.
    for n in 0..450 {
        story.add_app(
            "acme",
            &SeedApp {
                name: "bookmark".to_owned(),
                id: Some(format!("0oaOther{n}")),
                label: None,
            },
        );
    }
    let calls = as_planned(&story);
    let count = |what: &str| calls.iter().filter(|call| *call == what).count();
    // The two that the list does not show are asked for.
    assert_eq!((count(LIST), count(LOOK)), (1, 2 + 4));
    assert_eq!(writes(&calls).len(), 28 + 4);
    let report = story.report();
    assert_eq!(report["totals"]["failed"], 2);
    assert!(message(&report, 28).contains("an okta_org2org app"));
    assert!(message(&report, 29).contains("0oa029"));
}

#[test]
fn a_list_that_labels_need_anyway_serves_the_ids_as_well() {
    let mut entries: Vec<_> = (0..5).map(|n| org2org(&format!("0oa{n}"))).collect();
    entries.push(zscaler("").labelled("Zscaler"));
    entries.push(slack("").labelled("Slack"));
    entries.push(google("0oa9"));
    let story = Scenario::of(entries);
    let calls = as_planned(&story);
    let count = |what: &str| calls.iter().filter(|call| *call == what).count();
    assert_eq!((count(LIST), count(LOOK)), (1, 0), "{calls:?}");
}

#[test]
fn a_list_of_very_many_is_given_up_before_it_costs_more_than_it_spares() {
    let story = Scenario::of((0..30).map(|n| zscaler(&format!("0oaMine{n:02}"))));
    // Seven pages of the same kind: six are read for thirty apps.
    for n in 0..1_300 {
        story.add_app(
            "acme",
            &SeedApp {
                name: "zscalerbyz".to_owned(),
                id: Some(format!("0oaA{n:04}")),
                label: None,
            },
        );
    }
    let calls = as_planned(&story);
    let count = |what: &str| calls.iter().filter(|call| *call == what).count();
    assert!(count(LIST) <= 7, "{}", count(LIST));
    assert_eq!(story.report()["totals"]["changed"], 30);
}

/// Apps that are as some other entries want them, and that the ledger knows.
fn settled() -> Scenario {
    let story = Scenario::of([google("0oa1"), zscaler("0oa2").disabled()]);
    story.run().exits(4);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.okta_rollout(&["resume"]).exits(0);
    // So that the one that was off already is known as well.
    story.manifest([zscaler("0oa2")]);
    story.run().exits(0);
    story.manifest([zscaler("0oa2").disabled()]);
    story.run().exits(0);
    story.all_calls("acme");
    story
}

/// Entries with nothing to write, whose app is another one.
fn wrong() -> [Entry; 3] {
    // Its connection is not on: the look that tells so is a reason of its own.
    let features = slack("0oa2").without("connection").feature(user());
    [
        zoomus("0oa1").in_truth("google"),
        org2org("0oa2").in_truth("zscalerbyz").disabled(),
        features.in_truth("zscalerbyz"),
    ]
}

#[test]
fn a_wrong_app_that_is_known_is_reported_where_nothing_has_to_be_written() {
    for (entry, reason) in wrong().into_iter().zip([
        "0oa1 is a google app, not zoomus",
        "0oa2 is a zscalerbyz app, not okta_org2org",
        "0oa2 is a zscalerbyz app, not slack",
    ]) {
        let story = settled();
        let before = story.app("acme", entry.id().unwrap());
        story.manifest([entry]);
        let (plan, sheet) = planned(&story, &[]);
        plan.exits(3);
        assert!(message(&sheet, 0).contains(reason), "{sheet:#}");
        assert_eq!(sheet["entries"][0]["action"], "error");
        assert_eq!(sheet["orgs"][0]["total"], 0);
        for command in [&["run", "job.toml"][..], &["resume", "--failed"]] {
            story.okta_rollout(command).exits(3).says(reason);
            assert!(message(&story.report(), 0).contains(reason));
        }
        // Neither had to ask.
        assert!(story.all_calls("acme").is_empty());
        assert_eq!(story.app("acme", before["id"].as_str().unwrap()), before);
    }
}

#[test]
fn a_wrong_app_in_a_list_that_is_made_anyway_is_reported_where_nothing_has_to_be_written() {
    let story = settled();
    std::fs::remove_dir_all(story.path(".okta-rollout")).unwrap();
    let labelled = [
        zscaler("").labelled("Zscaler"),
        google("").labelled("Google"),
    ];
    // Two rows of one app would be refused as such.
    let [on, off, _] = wrong();
    story.manifest([on, off].into_iter().chain(labelled));
    let calls = as_planned(&story);
    let count = |what: &str| calls.iter().filter(|call| *call == what).count();
    assert_eq!((count(LIST), count(LOOK)), (1, 0), "{calls:?}");
    let report = story.report();
    assert!(message(&report, 0).contains("0oa1 is a google app, not zoomus"));
    assert!(message(&report, 1).contains("0oa2 is a zscalerbyz app"));
    assert_eq!(report["totals"]["failed"], 2);
    assert_eq!(report["totals"]["changed"], 1);
    assert_eq!(report["totals"]["waiting"], 1);
    // What the list showed is known from now on.
    story.okta_rollout(&["resume", "--failed"]).exits(3);
    assert!(story.all_calls("acme").is_empty());
}

#[test]
fn a_wrong_app_of_which_nothing_is_known_costs_no_call_of_its_own() {
    let story = settled();
    std::fs::remove_dir_all(story.path(".okta-rollout")).unwrap();
    let [on, off, _] = wrong();
    story.manifest([on, off]);
    let calls = as_planned(&story);
    assert_eq!(calls, ["GET …/connections/default"; 2]);
    assert_eq!(story.report()["totals"]["unchanged"], 2);
}

#[test]
fn a_list_that_cannot_be_read_fails_no_entry_that_is_as_wanted_without_it() {
    let mut story = Scenario::of([]);
    let liar = story.lies(|asked| {
        if asked.path.ends_with("/connections/default") {
            lie(200, &[], r#"{"authScheme":"TOKEN","status":"DISABLED"}"#)
        } else {
            lie(503, &[], "")
        }
    });
    story.org_at("acme", &liar.url);
    story.manifest([zscaler("0oa1").disabled(), zscaler("").labelled("Zscaler")]);
    let retry = "[retry]\ninitial = '1ms'\nmax = '1ms'\nmaxAttempts = 2";
    story.write("job.toml", &format!("manifest = 'm.json'\n{retry}\n"));
    story.run().exits(3);
    let report = story.report();
    let states = [0, 1].map(|row| report["entries"][row]["state"].clone());
    assert_eq!(states, ["done", "failed"], "{report:#}");
}
