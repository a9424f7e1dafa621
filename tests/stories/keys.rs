//! The key of the secrets' fingerprints: replaced, lost, or half replaced, and what that costs.

use std::path::PathBuf;

use crate::support::{Ran, Scenario, user, zscaler};

const POST: &str = "POST …/connections/default";

/// A rollout of two TOKEN apps that is done.
fn done() -> Scenario {
    let story = Scenario::of([zscaler("0oa1").feature(user()), zscaler("0oa2")]);
    story.run().exits(0);
    story.calls("acme");
    story
}

fn key(story: &Scenario) -> PathBuf {
    story.path(".okta-rollout/ledger.db.key")
}

fn old(story: &Scenario) -> PathBuf {
    story.path(".okta-rollout/ledger.db.key.old")
}

fn rotate(story: &Scenario) -> Ran {
    story.okta_rollout(&["rotate-key"])
}

/// Posts of the next run.
fn posts(story: &Scenario) -> usize {
    story.run().exits(0);
    let calls = story.calls("acme");
    calls.iter().filter(|call| *call == POST).count()
}

#[test]
fn after_a_rotation_nothing_is_posted_again() {
    let story = done();
    let first = std::fs::read(key(&story)).unwrap();
    rotate(&story)
        .exits(0)
        .says("the key was replaced")
        .says("2 fingerprints are renewed when next run");
    assert_ne!(std::fs::read(key(&story)).unwrap(), first);
    assert_eq!(std::fs::read(old(&story)).unwrap(), first);
    assert!(story.calls("acme").is_empty(), "nothing is sent");
    assert_eq!(posts(&story), 0);
    // Now all are known under the new key: the old one is not needed any more.
    std::fs::remove_file(old(&story)).unwrap();
    assert_eq!(posts(&story), 0);
    rotate(&story).exits(0);
    assert_eq!(posts(&story), 0);
    rotate(&story).exits(0);
    assert_eq!(posts(&story), 0);
}

#[test]
fn a_token_that_changed_is_seen_across_a_rotation() {
    let story = done();
    rotate(&story).exits(0);
    story.write("secrets/app-token", "another-token");
    assert_eq!(posts(&story), 2);
    assert_eq!(posts(&story), 0);
}

#[test]
fn a_second_rotation_does_not_forget_unasked() {
    let story = done();
    rotate(&story).exits(0);
    let keys = || {
        (
            std::fs::read(key(&story)).unwrap(),
            std::fs::read(old(&story)).unwrap(),
        )
    };
    let before = keys();
    rotate(&story)
        .exits(2)
        .says("2 connections were last set under the key in")
        .says("nothing was changed")
        .says("okta-rollout rotate-key --force");
    assert_eq!(keys(), before);
    story
        .okta_rollout(&["rotate-key", "--force"])
        .exits(0)
        .says("2 TOKEN connections are posted once more when next run");
    assert_eq!(posts(&story), 2);
    assert_eq!(posts(&story), 0);
}

#[test]
fn a_rotation_that_was_stopped_half_way_costs_nothing() {
    let story = done();
    // The order in which files change: the old key, then the new one, each under another name first.
    let first = std::fs::read(key(&story)).unwrap();
    std::fs::write(old(&story), &first).unwrap();
    story.write(".okta-rollout/ledger.db.key.new", "half");
    story.write(".okta-rollout/ledger.db.key.old.new", "half");
    assert_eq!(posts(&story), 0);
    rotate(&story).exits(0);
    assert_eq!(std::fs::read(old(&story)).unwrap(), first);
    assert_eq!(posts(&story), 0);
}

#[test]
fn a_key_deleted_by_hand_costs_one_post_each() {
    let story = done();
    std::fs::remove_file(key(&story)).unwrap();
    rotate(&story).exits(0).says("there is no key yet");
    assert_eq!(posts(&story), 2);
    assert_eq!(posts(&story), 0);
    rotate(&story).exits(0);
    std::fs::remove_file(key(&story)).unwrap();
    // What the deleted key was kept for: everything is still known under the one before.
    assert_eq!(posts(&story), 0);
}

#[test]
fn no_key_is_replaced_under_a_run_that_continues() {
    let settings = "limit = 1\nwindow = '1h'";
    let story = Scenario::with(settings, [zscaler("0oa1"), zscaler("0oa2")]);
    rotate(&story).exits(2).says("no ledger at");
    let mut run = story.begin(&["-vv", "run", "job.toml"]);
    run.says("done, changed");
    let first = std::fs::read(key(&story)).unwrap();
    rotate(&story).exits(2).says("is held by pid");
    assert_eq!(std::fs::read(key(&story)).unwrap(), first);
    run.signal("INT");
    run.ends();
    rotate(&story).exits(0);
}

#[cfg(unix)]
#[test]
fn keys_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let story = done();
    rotate(&story).exits(0);
    for file in [key(&story), old(&story)] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let left = story.files().into_iter();
    let drafts: Vec<_> = left
        .filter(|file| file.extension() == Some("new".as_ref()))
        .collect();
    assert!(drafts.is_empty(), "{drafts:?}");
}

#[test]
fn a_plan_does_not_guess_at_secrets_whose_key_was_given_up() {
    let story = done();
    rotate(&story).exits(0);
    story.okta_rollout(&["rotate-key", "--force"]).exits(0);
    let plan = story.okta_rollout(&["plan", "job.toml"]).exits(0).data();
    assert!(plan.contains("(secret, unknown)"), "{plan}");
}
