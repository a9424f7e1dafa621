//! One story per exit code (PRODUCT.md §3) that somebody's script may look at. Code 1 is a bug of ours
//! and has none.

use okta_rollout::sandbox::Switches;
use serde_json::json;

use crate::consent::waiting;
use crate::support::{Scenario, google, zscaler};

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

#[test]
fn codes_130_and_143_interrupted_and_everything_is_kept() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        // The second call waits for a window of an hour.
        let settings = "limit = 1\nwindow = '1h'";
        let story = Scenario::with(settings, [zscaler("0oa1"), zscaler("0oa2")]);
        let mut run = story.begin(&["-vv", "run", "job.toml"]);
        run.says("done, changed");
        run.signal(signal);
        assert_eq!(run.ends(), Some(code));
        let report = story.report();
        assert_eq!(report["state"], "interrupted");
        assert_eq!(report["totals"]["changed"], 1);
        assert_eq!(report["totals"]["pending"], 1);
    }
}
