//! Orgs that ask for workers with a label: who has it works on them, everybody else leaves them, and whoever leads the run
//! waits for them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::detach::stored;
use crate::hub::{connected, pair};
use crate::support::{Live, Scenario, google, user, zscaler};
use crate::work::{status, until, with_entries};

/// What `orgs` says of an org's workers.
fn ask(story: &Scenario, orgs: &[(&str, Value)]) {
    let mut manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(story.path("m.json")).unwrap()).unwrap();
    for (org, worker) in orgs {
        manifest["orgs"][org]["worker"] = worker.clone();
    }
    story.write("m.json", &manifest.to_string());
}

/// An org for anybody, one in Europe, one in America.
fn three_orgs() -> Scenario {
    let orgs = ["acme", "globex", "initech"];
    let entries = orgs.map(|org| zscaler(&format!("0oa{org}")).at(org).feature(user()));
    let story = with_entries("limit = 0", entries);
    ask(
        &story,
        &[
            ("globex", json!({ "egress": "eu" })),
            ("initech", json!({ "egress": "us", "zone": "a" })),
        ],
    );
    story
}

fn worker(story: &Scenario, labels: &[&str]) -> Live {
    let labels = labels.iter().flat_map(|label| ["--label", label]);
    let arguments: Vec<&str> = ["work"].into_iter().chain(labels).collect();
    let mut worker = story.begin(&arguments);
    worker.says("works on the runs of");
    worker
}

fn stop(mut worker: Live) {
    worker.signal("TERM");
    assert_eq!(worker.ends(), Some(0), "{}", worker.said());
}

fn settled(story: &Scenario, changed: u64) {
    until("all", Duration::from_mins(1), || {
        status(story)["state"] == "settled"
    });
    assert_eq!(status(story)["totals"]["changed"], changed);
}

/// How many calls each of them answered.
fn calls(story: &Scenario) -> [usize; 3] {
    ["acme", "globex", "initech"].map(|org| story.answered(org).len())
}

#[test]
fn each_org_is_worked_on_by_those_it_asks_for() {
    let story = three_orgs();
    stored(&story, &[]);
    story.okta_rollout(&["work", "--drain"]).exits(0);
    let [acme, globex, initech] = calls(&story);
    assert!(
        acme > 0 && globex == 0 && initech == 0,
        "{:?}",
        calls(&story)
    );
    // One label of two is not enough.
    story
        .okta_rollout(&[
            "work",
            "--drain",
            "--label",
            "egress=eu",
            "--label",
            "egress=us",
        ])
        .exits(0);
    let [acme_then, globex, initech] = calls(&story);
    assert!(acme_then == acme && globex > 0 && initech == 0);
    let waits = story.okta_rollout(&["status"]).exits(0).data();
    assert!(
        waits.contains(
            "1 org (initech) is left to workers with egress=us, zone=a, and none is at work"
        ),
        "{waits}"
    );
    assert!(
        waits.contains("work --label egress=us --label zone=a"),
        "{waits}"
    );
    assert!(!waits.contains("globex) is left"), "{waits}");
    let last = worker(&story, &["zone=a", "egress=us"]);
    settled(&story, 3);
    let workers = story.okta_rollout(&["workers", "--format", "json"]);
    let workers = workers.exits(0).json();
    assert_eq!(workers[0]["labels"], json!(["zone=a", "egress=us"]));
    let shown = story.okta_rollout(&["workers"]).exits(0).data();
    assert!(shown.contains("(zone=a, egress=us)"), "{shown}");
    stop(last);
    assert!(!story.okta_rollout(&["status"]).data().contains("left to"));
}

#[test]
fn who_leads_the_run_waits_for_orgs_of_others() {
    let story = three_orgs();
    let mut run = story.begin(&["run", "job.toml", "--label", "egress=eu"]);
    run.says("1 org (initech) is left to workers with egress=us, zone=a, and none is at work");
    until("its own", Duration::from_secs(20), || {
        status(&story)["totals"]["changed"] == 2
    });
    let one = worker(&story, &["zone=a", "egress=us"]);
    assert_eq!(run.ends(), Some(0), "{}", run.said());
    stop(one);
    settled(&story, 3);
    assert!(calls(&story).iter().all(|calls| *calls > 0));
}

#[test]
fn who_waits_for_others_can_be_interrupted() {
    let story = three_orgs();
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("none is at work");
    until("its own", Duration::from_secs(20), || {
        status(&story)["totals"]["changed"] == 1
    });
    run.signal("INT");
    assert_eq!(run.ends(), Some(130), "{}", run.said());
    let [_, globex, initech] = calls(&story);
    assert_eq!((globex, initech), (0, 0));
    story
        .okta_rollout(&[
            "resume",
            "--label",
            "egress=us",
            "--label",
            "egress=eu",
            "--label",
            "zone=a",
        ])
        .exits(0);
    settled(&story, 3);
}

#[test]
fn waves_pass_between_workers_of_different_labels() {
    let story = three_orgs();
    story
        .job("[[waves]]\norgs = ['globex']\n[[waves]]\norgs = ['acme']\n[[waves]]\norgs = ['*']\n");
    let (any, europe) = (worker(&story, &[]), worker(&story, &["egress=eu"]));
    let america = worker(&story, &["egress=us", "zone=a"]);
    stored(&story, &[]);
    settled(&story, 3);
    let began: Vec<_> = status(&story)["waves"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wave| wave["startedAt"].as_str().unwrap().to_owned())
        .collect();
    assert!(began.is_sorted(), "{began:?}");
    [any, europe, america].into_iter().for_each(stop);
}

#[test]
fn steps_in_a_hub_are_made_by_those_it_asks_for() {
    let story = with_entries("limit = 0", [pair("spoke")]);
    ask(&story, &[("hub", json!({ "egress": "eu" }))]);
    stored(&story, &[]);
    story.okta_rollout(&["work", "--drain"]).exits(0);
    assert_eq!(story.answered("hub").len(), 0);
    let (any, europe) = (worker(&story, &[]), worker(&story, &["egress=eu"]));
    settled(&story, 1);
    assert!(connected(&story, "spoke"));
    [any, europe].into_iter().for_each(stop);
}

#[test]
fn a_consent_is_handed_in_anywhere_and_the_rest_is_theirs_whom_the_org_asks_for() {
    let story = with_entries("limit = 0", [google("0oa1").feature(user())]);
    ask(&story, &[("acme", json!({ "egress": "eu" }))]);
    stored(&story, &[]);
    let (any, europe) = (worker(&story, &[]), worker(&story, &["egress=eu"]));
    until("the link", Duration::from_secs(20), || {
        status(&story)["totals"]["waiting"] == 1
    });
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    settled(&story, 1);
    [any, europe].into_iter().for_each(stop);
}

#[test]
fn on_a_ledger_that_is_a_file_there_is_nobody_else() {
    let story = Scenario::with("limit = 0", [zscaler("0oa1")]);
    ask(&story, &[("acme", json!({ "egress": "eu" }))]);
    story.okta_rollout(&["run", "job.toml"]).exits(0);
    assert!(!story.okta_rollout(&["status"]).data().contains("left to"));
}

#[test]
fn wrong_labels_are_found_before_anything_is_sent() {
    let story = three_orgs();
    for (worker, said) in [
        (json!("eu"), "orgs.globex.worker: expects an object"),
        (
            json!({ "egress": 1 }),
            "orgs.globex.worker.egress: the value is no text",
        ),
        (
            json!({ "egress": "" }),
            "orgs.globex.worker.egress: the value is empty",
        ),
        (
            json!({ "egress": "e u" }),
            "orgs.globex.worker.egress: the value has other characters",
        ),
        (
            json!({ "eg=ress": "eu" }),
            "orgs.globex.worker.eg=ress: the key has other characters",
        ),
    ] {
        ask(&story, &[("globex", worker)]);
        story
            .okta_rollout(&["check", "job.toml"])
            .exits(2)
            .says(said);
    }
    for (label, said) in [
        ("egress", "there is no ="),
        ("egress=", "the value is empty"),
        ("=eu", "the key is empty"),
    ] {
        story
            .okta_rollout(&["work", "--label", label])
            .exits(2)
            .says(said);
    }
    assert_eq!(calls(&story), [0, 0, 0]);
}
