//! One story per exit code (README, "Exit codes") that somebody's script may look at. Code 1 is a bug of ours
//! and has none.

use okta_rollout::sandbox::Switches;
use serde_json::json;

use crate::consent::waiting;
use crate::support::{Live, Scenario, google, zscaler};

#[test]
fn code_0_all_done_and_again_nothing_to_do() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0).says("1 changed");
    story.run().exits(0).says("1 unchanged");
    story.okta_rollout(&["resume"]).exits(0);
}

#[test]
fn code_2_something_is_wrong_before_anything_is_sent() {
    let story = Scenario::of([zscaler("0oa1").token("file:secrets/none")]);
    story
        .run()
        .exits(2)
        .says("secrets/none")
        .says("nothing was sent");
    story.manifest([zscaler("0oa1").with("aap", json!("google"))]);
    story.run().exits(2).says("aap");
    story.okta_rollout(&["run", "none.csv"]).exits(2);
    story.okta_rollout(&["run", "m.json", "--fresh"]).exits(2);
    assert!(story.calls("acme").is_empty());
    story.okta_rollout(&["status"]).exits(2);
}

#[test]
fn code_3_something_failed_or_was_stopped_even_if_something_waits() {
    let story = Scenario::of([google("0oa1"), zscaler("0oa2").missing()]);
    story.run().exits(3);
    story.okta_rollout(&["resume"]).exits(3);

    let story = Scenario::of([google("0oa1"), zscaler("0oa2").at("globex")]);
    let revoked = Switches {
        revoked_token: true,
        ..Switches::default()
    };
    story.switch("globex", revoked);
    story.run().exits(3);
}

#[test]
fn code_4_nothing_failed_and_something_waits() {
    let story = waiting();
    story.okta_rollout(&["resume"]).exits(4);
    story.run().exits(4);
}

#[test]
fn code_5_a_plan_found_changes_and_was_asked_to_say_so() {
    let story = Scenario::of([zscaler("0oa1")]);
    let asked = ["plan", "job.toml", "--detailed-exitcode"];
    story.okta_rollout(&asked).exits(5);
    story.okta_rollout(&["plan", "job.toml"]).exits(0);
    story.run().exits(0);
    story.okta_rollout(&asked).exits(0);
}

/// A run whose second call waits for a window of an hour.
fn long() -> Scenario {
    let settings = "limit = 1\nwindow = '1h'";
    Scenario::with(settings, [zscaler("0oa1"), zscaler("0oa2")])
}

/// A long run in the middle.
fn in_the_middle(story: &Scenario, limits: &str) -> Live {
    let mut run = story.begin_limited(limits, &["-vv", "run", "job.toml"]);
    run.says("done, changed");
    run
}

fn everything_is_kept(story: &Scenario) {
    let report = story.report();
    assert_eq!(report["state"], "interrupted");
    assert_eq!(report["totals"]["changed"], 1);
    assert_eq!(report["totals"]["pending"], 1);
}

#[test]
fn codes_129_130_and_143_interrupted_and_everything_is_kept() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let story = long();
        let mut run = in_the_middle(&story, ":");
        run.signal(signal);
        assert_eq!(run.ends(), Some(code));
        everything_is_kept(&story);
    }
}

#[test]
fn code_129_however_often_the_line_drops() {
    // Calls in flight get their time: the terminal and the shell both tell of a hangup.
    let slow = "limit = 0\n[[faults.rules]]\nfault = 'hang'\ntimes = 0\npath = '*/0oa2/*'";
    let story = Scenario::with(slow, [zscaler("0oa1"), zscaler("0oa2")]);
    story.job("[http]\ntimeout = '3s'\n");
    let mut run = in_the_middle(&story, ":");
    run.signal("HUP");
    run.says("finishing 1 call");
    run.signal("HUP");
    run.signal("HUP");
    assert_eq!(run.ends(), Some(129));
    everything_is_kept(&story);
    let report = story.okta_rollout(&["report", "--format", "json", "--calls"]);
    let report = report.json();
    let calls = report["entries"][1]["calls"].as_array().unwrap();
    // As long as a call may take.
    let took = calls.last().and_then(|call| call["durationMs"].as_u64());
    assert!(
        took.is_some_and(|took| took >= 2_900),
        "the call in flight was waited for: {report}"
    );
}

#[test]
fn under_nohup_a_hangup_is_nothing_and_other_signals_are_what_they_are() {
    let story = long();
    let mut run = in_the_middle(&story, "trap '' HUP");
    run.signal("HUP");
    run.signal("TERM");
    assert_eq!(run.ends(), Some(143), "the hangup was first");
    everything_is_kept(&story);
}

#[test]
fn a_run_whose_terminal_is_gone_continues() {
    let story = Scenario::with(
        "limit = 0\nlatency = '200ms'",
        (0..60).map(|n| zscaler(&format!("0oa{n}"))),
    );
    let mut run = in_the_middle(&story, "trap '' HUP");
    run.hang_up();
    assert_eq!(run.ends(), Some(0));
    assert_eq!(story.report()["totals"]["changed"], 60);
}
