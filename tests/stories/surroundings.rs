//! What others do to a ledger's files while a run works on it, or before.

#![cfg(unix)]

use std::fs;
use std::path::Path;

use okta_rollout::sandbox::Switches;

use crate::support::{Live, Scenario, user, zscaler};

/// Entries of which a few are done when the story looks.
fn slow() -> Scenario {
    let entries = (0..60).map(|n| zscaler(&format!("0oa{n}")).feature(user()));
    let story = Scenario::with("limit = 0\nlatency = '40ms'", entries);
    story.job("[limits]\nmaxInFlight = 2\n");
    story
}

/// A run in the middle of its work, of a ledger that had a run before.
fn in_the_middle(story: &Scenario) -> (Vec<u8>, Live) {
    story.dies_after(1, &["run", "job.toml"]);
    // What it left is moved into the file, so that it is a whole copy.
    story
        .okta_rollout(&["resume", "--only", "org=acme,app=google"])
        .exits(0);
    let older = fs::read(story.ledger()).unwrap();
    story.calls("acme");
    let mut live = story.begin(&["run", "job.toml", "--new"]);
    live.says("done, ");
    (older, live)
}

#[test]
fn a_run_stops_when_its_ledger_vanishes() {
    type Act = fn(&Path, &[u8]);
    let beside = |ledger: &Path, suffix: &str| {
        let mut name = ledger.as_os_str().to_owned();
        name.push(suffix);
        std::path::PathBuf::from(name)
    };
    let acts: [(&str, Act, &str); 6] = [
        (
            "renamed",
            |ledger, _| fs::rename(ledger, ledger.with_extension("old")).unwrap(),
            "ledger.db is gone",
        ),
        (
            "deleted with its log",
            |ledger, _| {
                fs::remove_file(ledger).unwrap();
                fs::remove_file(ledger.with_extension("db-wal")).unwrap();
            },
            "ledger.db is gone",
        ),
        (
            "replaced",
            |ledger, older| {
                let copy = ledger.with_extension("copy");
                fs::write(&copy, older).unwrap();
                fs::rename(copy, ledger).unwrap();
            },
            "ledger.db is another file now",
        ),
        (
            "overwritten by an older copy",
            |ledger, older| fs::write(ledger, older).unwrap(),
            "ledger.db was replaced by one that does not know this run",
        ),
        (
            "emptied",
            |ledger, _| fs::write(ledger, "").unwrap(),
            "ledger.db is empty now",
        ),
        (
            "its log deleted",
            |ledger, _| fs::remove_file(ledger.with_extension("db-wal")).unwrap(),
            "ledger.db-wal is gone",
        ),
    ];
    for (what, act, says) in acts {
        let story = slow();
        let (older, mut live) = in_the_middle(&story);
        assert!(beside(&story.ledger(), "-wal").exists(), "{what}");
        act(&story.ledger(), &older);
        assert_eq!(live.ends(), Some(3), "{what}");
        live.has_said(says);
        live.has_said("was broken off");
        let calls = story.calls("acme").len();
        // A few were in flight; all would be 120.
        assert!(calls < 60, "{what}: {calls}");
    }
}

#[test]
fn a_run_is_held_although_its_locks_were_deleted() {
    let story = slow();
    let mut live = story.begin(&["run", "job.toml"]);
    live.says("done, ");
    fs::remove_dir_all(story.path(".okta-rollout/ledger.db.locks")).unwrap();
    let held = format!("is held by pid {} on ", live.id());
    for command in [
        &["run", "job.toml"][..],
        &["resume"],
        &["resume", "--failed"],
    ] {
        story.okta_rollout(command).exits(2).says(&held);
    }
    assert_eq!(story.report()["state"], "running");
    assert_eq!(live.ends(), Some(0));
    assert_eq!(story.report()["totals"]["changed"], 60);
    // Every call was made once.
    let calls = story.calls("acme").into_iter();
    assert_eq!(calls.filter(|call| !call.starts_with("GET")).count(), 120);
    story.okta_rollout(&["resume"]).exits(0);
}

#[test]
fn nobody_holds_a_run_whose_process_was_killed() {
    let story = slow();
    let mut live = story.begin(&["run", "job.toml"]);
    live.says("done, ");
    live.signal("KILL");
    assert_eq!(live.ends(), None);
    assert_eq!(story.report()["state"], "interrupted");
    story.switch("acme", Switches::default());
    story.run().exits(0).says("goes on");
    assert_eq!(story.report()["totals"]["changed"], 60);
}
