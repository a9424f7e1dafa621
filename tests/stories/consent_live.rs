//! Two terminals: a run goes on in one while answers are handed in from the other.

use std::time::Duration;

use okta_rollout::sandbox::{Latency, Period, Switches};

use crate::support::{Live, Scenario, google, user, zscaler};

/// An org that takes so long for a call.
fn taking(latency: Duration) -> Switches {
    Switches {
        latency: Some(Latency::Fixed(Period(latency))),
        ..Switches::default()
    }
}

/// A run that acme's google waits in and that a slow globex keeps alive, and the page that acme waits for.
fn alive() -> (Scenario, Live, String) {
    let story = Scenario::of([google("0oa1").feature(user()), zscaler("0oa2").at("globex")]);
    // Nothing in here may be mended by a time-out.
    story.job("[http]\ntimeout = '10min'\n");
    story.switch("globex", taking(Duration::from_hours(1)));
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("acme/google (row 1): waiting");
    let page = story.approve(&story.link());
    (story, run, page)
}

#[test]
fn a_live_run_leaves_a_call_that_is_under_way_elsewhere_to_its_sender() {
    let (story, mut run, page) = alive();
    story.calls("acme");
    // Long enough for the run to see in the ledger that an answer is being handed in.
    story.switch("acme", taking(Duration::from_secs(3)));
    story.fed(&["consent", "complete"], &page).exits(0);
    story.switch("acme", Switches::default());
    run.says("acme/google (row 1): done");
    assert_eq!(
        story.calls("acme"),
        [
            "POST …/oauth2/callback",
            "POST …/connections/default/lifecycle/activate",
            "PUT …/features/USER_PROVISIONING"
        ]
    );
    run.signal("KILL");
}

#[test]
fn a_live_run_goes_on_with_an_answer_handed_in_elsewhere() {
    let (story, mut run, page) = alive();
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
    let (story, mut run, old) = alive();
    story.okta_rollout(&["consent", "refresh"]).exits(0);
    story.fed(&["consent", "complete"], &old).exits(2);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    run.says("acme/google (row 1): done");
    run.signal("KILL");
}

#[test]
fn status_tells_running_then_interrupted_then_settled() {
    let (story, mut run, page) = alive();
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
