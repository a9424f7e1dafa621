//! Rate limits: a run stays within an org's windows by itself, leaves others their part, and waits out
//! what comes anyway.

use okta_rollout::sandbox::Switches;

use crate::support::{Scenario, user, zscaler};

/// Windows of two seconds with ten calls each.
const TIGHT: &str = "limit = 10\nwindow = '2s'\n";

fn fifteen_of_two_calls() -> impl Iterator<Item = crate::support::Entry> {
    (0..15).map(|n| zscaler(&format!("0oa{n}")).feature(user()))
}

#[test]
fn thirty_calls_through_windows_of_ten_meet_no_429() {
    let story = Scenario::with(TIGHT, fifteen_of_two_calls());
    story.run().exits(0);
    let statuses = story.statuses("acme");
    assert_eq!(statuses, [Some(200); 30]);
    let org = &story.report()["orgs"][0];
    assert_eq!(org["rateLimited"], 0);
    assert!(org["waitedMs"].as_u64().unwrap() > 0);
}

#[test]
fn what_others_spend_is_left_to_them() {
    let story = Scenario::with(TIGHT, fifteen_of_two_calls());
    let others = Switches {
        spent_by_others: 5,
        ..Switches::default()
    };
    story.switch("acme", others);
    story.run().exits(0);
    assert_eq!(story.statuses("acme"), [Some(200); 30]);
    assert_eq!(story.report()["orgs"][0]["rateLimited"], 0);
}

#[test]
fn a_429_that_comes_anyway_is_waited_out_and_costs_no_attempt() {
    for fault in ["rateLimit", "concurrency"] {
        let settings = format!("{TIGHT}[[faults.rules]]\nfault = '{fault}'\nmethod = 'PUT'\n");
        let story = Scenario::with(&settings, [zscaler("0oa1").feature(user())]);
        story.job("");
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
fn an_org_whose_clock_is_wrong_is_not_waited_for_any_longer() {
    for skew in [-7_200, 7_200] {
        let story = Scenario::with(TIGHT, fifteen_of_two_calls());
        let skewed = Switches {
            clock_skew_s: skew,
            ..Switches::default()
        };
        story.switch("acme", skewed);
        story.run().exits(0);
        assert_eq!(story.statuses("acme"), [Some(200); 30], "{skew}");
    }
}
