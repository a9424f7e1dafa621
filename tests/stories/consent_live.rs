//! Two terminals: a run goes on in one while answers are handed in from the other.

use okta_rollout::sandbox::{Latency, Period, Switches};
use std::time::Duration;

use crate::support::{Scenario, google, user, zscaler};

/// Globex answers so slowly that the run is alive until the story lets it end.
fn slow() -> Switches {
    Switches {
        latency: Some(Latency::Fixed(Period(Duration::from_hours(1)))),
        ..Switches::default()
    }
}

/// A run that acme's google waits in while globex keeps it alive, with what acme waits for.
fn alive(keeps_busy: &str) -> (Scenario, crate::support::Live, String) {
    let story = Scenario::of([
        google("0oa1").feature(user()),
        zscaler("0oa2").at(keeps_busy),
    ]);
    story.job("[http]\ntimeout = '100s'\n");
    if keeps_busy == "globex" {
        story.switch("globex", slow());
    }
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("acme/google (row 1): waiting");
    let page = story.approve(&story.link());
    (story, run, page)
}

#[test]
fn a_live_run_goes_on_with_an_answer_handed_in_elsewhere() {
    let (story, mut run, page) = alive("globex");
    story.fed(&["consent", "complete"], &page).exits(0);
    // Nobody says `run` or `resume`: the one that lives does the rest.
    run.says("acme/google (row 1): done");
    assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
    let callbacks = story.calls("acme");
    let callbacks = callbacks.iter().filter(|call| call.ends_with("callback"));
    assert_eq!(callbacks.count(), 1);
    run.signal("KILL");
}

#[test]
fn a_live_run_keeps_its_hands_off_a_link_refreshed_elsewhere() {
    let (story, mut run, old) = alive("globex");
    story.okta_rollout(&["consent", "refresh"]).exits(0);
    story.fed(&["consent", "complete"], &old).exits(2);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    run.says("acme/google (row 1): done");
    run.signal("KILL");
}

#[test]
fn status_tells_running_then_interrupted_then_settled() {
    let (story, mut run, page) = alive("globex");
    let state = || {
        let status = story.okta_rollout(&["status", "--format", "json"]).exits(0);
        status.json()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(), "running");
    assert_eq!(story.report()["finishedAt"], serde_json::Value::Null);
    run.signal("KILL");
    assert_eq!(run.ends(), None);
    assert_eq!(state(), "interrupted");
    story.switch("globex", Switches::default());
    story.run().exits(4).says("goes on");
    assert_eq!(state(), "settled");
    story.fed(&["consent", "complete"], &page).exits(0);
    assert_eq!(state(), "interrupted");
    story.okta_rollout(&["resume"]).exits(0);
    assert_eq!(state(), "settled");
    assert_eq!(story.report()["totals"]["changed"], 2);
}
