//! Rate limits across processes: what one spent of a window the next one knows, however the first one ended.

use std::time::Duration;

use okta_rollout::sandbox::Switches;
use serde_json::Value;

use crate::support::{Entry, Scenario, google, user, zscaler};

/// Windows of three seconds with ten calls each.
const TIGHT: &str = "limit = 10\nwindow = '3s'\n";

/// All of a window is ours.
const ALL: &str = "[limits]\nshare = 1.0\n";

fn of_two_calls(entries: u32) -> impl Iterator<Item = Entry> {
    (0..entries).map(|n| zscaler(&format!("0oa{n}")).feature(user()))
}

fn no_429(story: &Scenario) {
    let statuses = story.statuses("acme");
    assert!(!statuses.contains(&Some(429)), "{statuses:?}");
}

/// What `status` says of the org.
fn org(story: &Scenario) -> Value {
    let status = story.okta_rollout(&["status", "--format", "json"]);
    status.exits(0).json()["orgs"][0].clone()
}

/// What the org waits for, once the ledger knows.
fn waiting(story: &Scenario) -> Value {
    let mut waits = (0..1_000).map(|_| org(story)["waiting"].take());
    waits.find(|waiting| !waiting.is_null()).unwrap()
}

#[test]
fn a_run_that_dies_again_and_again_within_a_window_meets_no_429() {
    let story = Scenario::with(TIGHT, of_two_calls(15));
    story.job(ALL);
    // Whatever is left of a window at a death: most of it, a little, nothing.
    for checkpoints in [6, 3, 1, 5, 1, 2] {
        story.dies_after(checkpoints, &["run", "job.toml"]);
    }
    story.run().exits(0);
    no_429(&story);
    let report = story.report();
    assert_eq!(report["totals"]["entries"], 15);
    assert_eq!(report["totals"]["changed"], 15);
    assert_eq!(report["orgs"][0]["rateLimited"], 0);
}

#[test]
fn a_new_run_and_a_consent_wait_for_the_window_that_the_run_before_them_used_up() {
    let entries = of_two_calls(4).chain([google("0oag")]);
    let story = Scenario::with(TIGHT, entries);
    story.job(ALL);
    // Nine calls, and the window is noted as used up: one is left for whoever comes after.
    story.run().exits(4);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.okta_rollout(&["resume"]).exits(0);
    story.okta_rollout(&["run", "job.toml", "--new"]).exits(0);
    no_429(&story);
}

#[test]
fn a_bucket_that_others_emptied_is_asked_for_once_a_window_not_once_a_process() {
    let story = Scenario::with("limit = 10\nwindow = '20s'\n", of_two_calls(2));
    let others = Switches {
        spent_by_others: 10,
        ..Switches::default()
    };
    story.switch("acme", others);
    for _ in 0..3 {
        let mut run = story.begin(&["run", "job.toml"]);
        run.says("acme: waits");
        // The ledger hears of it at once, too, but has to write it down.
        waiting(&story);
        run.signal("KILL");
        assert_eq!(run.ends(), None);
    }
    assert_eq!(story.statuses("acme"), [Some(429)]);
}

#[test]
fn what_others_were_seen_to_take_is_left_to_them_after_a_restart_from_its_first_window_on() {
    let story = Scenario::with("limit = 40\nwindow = '4s'\n", of_two_calls(200));
    story.job(ALL);
    // Half of the limit, of which the first process takes all in the first window: nobody was seen by then.
    story.beside("acme", "0oa0", Duration::from_millis(200));
    let mut first = story.begin(&["run", "job.toml"]);
    first.says("acme: waits");
    let mut waits = (0..10_000).map(|_| org(&story)["waiting"].take());
    let others = waits.find_map(|waiting| waiting["othersPerSecond"].as_f64());
    assert!(others.unwrap() > 4.0, "{others:?}");
    first.signal("KILL");
    assert_eq!(first.ends(), None);
    let before = story.statuses_beside("acme").len();
    let mut second = story.begin(&["run", "job.toml"]);
    second.says("calls/s left to others");
    let theirs = story.statuses_beside("acme").split_off(before);
    // Half of a window's, if they were forgotten; one or two, where a busy machine has them come all at once.
    let refused = theirs.iter().filter(|status| **status == Some(429));
    let refused = refused.count();
    assert!(
        theirs.len() > 1 && refused <= theirs.len() / 8,
        "{theirs:?}"
    );
    second.signal("KILL");
    assert_eq!(second.ends(), None);
}

#[test]
fn status_says_what_an_org_waits_for_and_until_when() {
    let story = Scenario::with("limit = 10\nwindow = '20s'\n", of_two_calls(9));
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("acme: waits");
    let waiting = waiting(&story);
    assert_eq!(waiting["reason"], "budget of /api/v1/apps: 0 of 9 left");
    assert_eq!(waiting["bucket"], "/api/v1/apps");
    assert_eq!(waiting["left"], 0);
    assert_eq!(waiting["limit"], 9);
    assert!(waiting["until"].as_str().unwrap().ends_with('Z'));
    let human = story.okta_rollout(&["status"]).exits(0).data();
    assert!(human.contains("waits until 2"), "{human}");
    // What was waited is kept, and nothing is waited for any more.
    run.signal("INT");
    assert_eq!(run.ends(), Some(130));
    let org = org(&story);
    assert_eq!(org["waiting"], Value::Null);
    assert!(org["waitedMs"].as_u64().unwrap() > 0, "{org}");
}

#[test]
fn orgs_that_the_program_serves_itself_forget_their_windows_with_it() {
    let story = Scenario::of([]);
    let apps: Vec<_> = of_two_calls(5).map(|entry| entry.json()).collect();
    let manifest = serde_json::json!({
        "orgs": { "acme": { "url": "sandbox" } }, "apps": apps });
    story.write("own.json", &manifest.to_string());
    story.write(
        "own.toml",
        "manifest = 'own.json'\n[limits]\nshare = 1.0\n[sandbox]\nlimit = 10\nwindow = '600s'\n",
    );
    story.okta_rollout(&["run", "own.toml"]).exits(0);
    // Would take ten minutes.
    story.okta_rollout(&["run", "own.toml", "--new"]).exits(0);
}
