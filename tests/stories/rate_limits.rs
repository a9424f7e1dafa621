//! Rate limits: a run stays within an org's windows by itself, leaves others their part, and waits out
//! what comes anyway.

use okta_rollout::sandbox::Switches;

use crate::support::{Entry, Scenario, user, zscaler};

/// Windows of two seconds with ten calls each.
const TIGHT: &str = "limit = 10\nwindow = '2s'\n";

/// So many entries of two calls each.
fn of_two_calls(entries: u32) -> impl Iterator<Item = Entry> {
    (0..entries).map(|n| zscaler(&format!("0oa{n}")).feature(user()))
}

#[test]
fn thirty_calls_through_windows_of_ten_meet_no_429() {
    let story = Scenario::with(TIGHT, of_two_calls(15));
    story.run().exits(0);
    let statuses = story.statuses("acme");
    assert_eq!(statuses, [Some(200); 30]);
    let org = &story.report()["orgs"][0];
    assert_eq!(org["rateLimited"], 0);
    assert!(org["waitedMs"].as_u64().unwrap() > 0);
}

#[test]
fn what_others_spend_is_left_to_them() {
    let story = Scenario::with(TIGHT, of_two_calls(9));
    let others = Switches {
        spent_by_others: 3,
        ..Switches::default()
    };
    story.switch("acme", others);
    story.run().exits(0);
    assert_eq!(story.statuses("acme"), [Some(200); 18]);
    assert_eq!(story.report()["orgs"][0]["rateLimited"], 0);
}

#[test]
fn a_429_that_comes_anyway_is_waited_out_and_costs_no_attempt() {
    for fault in ["rateLimit", "concurrency"] {
        let settings = format!("{TIGHT}[[faults.rules]]\nfault = '{fault}'\nmethod = 'PUT'\n");
        let story = Scenario::with(&settings, [zscaler("0oa1").feature(user())]);
        story.run().exits(0);
        let statuses = story.statuses("acme");
        assert_eq!(statuses, [Some(200), Some(429), Some(200)], "{fault}");
        let report = story.report();
        assert_eq!(report["orgs"][0]["rateLimited"], 1, "{fault}");
        assert_eq!(report["orgs"][0]["retries"], 0, "{fault}");
        assert_eq!(report["entries"][0]["steps"][1]["attempts"], 1, "{fault}");
    }
}

#[test]
fn an_org_that_takes_on_no_call_for_long_is_reported_and_every_refusal_is_kept() {
    let faults = "limit = 0\n[[faults.rules]]\nfault = 'concurrency'\nmethod = 'POST'\ntimes = 6\n";
    let story = Scenario::with(faults, [zscaler("0oa1")]);
    // Each refusal is a checkpoint.
    story.dies_after(2, &["run", "job.toml"]);
    assert_eq!(story.report()["orgs"][0]["rateLimited"], 2);
    let asked =
        "acme: waits: the org takes on no more calls at once; asked again about once a second";
    story.run().exits(0).says(asked);
    let report = story.report();
    assert_eq!(report["orgs"][0]["rateLimited"], 6);
    assert_eq!(
        report["orgs"][0]["requests"],
        7 + 1,
        "and a look what the app is"
    );
    assert_eq!(report["entries"][0]["steps"][0]["attempts"], 1);
}

/// A run in an org whose clock is ahead by so many seconds; a wait for its reset as such would never end.
fn skewed(clock_skew_s: i32) {
    let story = Scenario::with(TIGHT, of_two_calls(9));
    let skewed = Switches {
        clock_skew_s,
        ..Switches::default()
    };
    story.switch("acme", skewed);
    story.run().exits(0);
    assert_eq!(story.statuses("acme"), [Some(200); 18]);
}

#[test]
fn an_org_whose_clock_is_ahead_is_not_waited_for_any_longer() {
    skewed(7_200);
}

#[test]
fn an_org_whose_clock_is_behind_is_not_sent_too_much() {
    skewed(-7_200);
}
