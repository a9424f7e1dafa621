//! Files that are read may be pipes: what a program writes into one is taken, and a key that is one is no key.

use std::os::unix::fs::FileTypeExt as _;

use crate::support::{APP_TOKEN, Scenario, zscaler};

#[test]
fn what_a_program_writes_is_taken_as_a_file() {
    let story = Scenario::of([zscaler("0oa1").token("env:IN_THE_FILE")]);
    story.write("vars", &format!("IN_THE_FILE={APP_TOKEN}\n"));
    story
        .shell("okta-rollout plan job.toml --out plan.json --env-file <(sleep 0.1; cat vars)")
        .exits(0);
    story
        .shell("okta-rollout run --plan <(cat plan.json) job.toml --env-file <(cat vars)")
        .exits(0);
    assert_eq!(story.written_apps("acme").len(), 1);
    // A manifest is known by the end of its name.
    story
        .shell("mkfifo p.json; (sleep 0.1; cat m.json > p.json) & okta-rollout check p.json --env-file vars; rm p.json")
        .exits(0);
    story
        .shell("okta-rollout sandbox --settings <(echo 'orgs = \"many\"')")
        .exits(2)
        .says("the sandbox's settings");
    story
        .shell("okta-rollout consent complete --file <(echo nothing)")
        .exits(2)
        .says("no answer was found in /dev/fd/");
}

#[test]
fn a_key_that_is_a_pipe_is_refused_at_once() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    let key = story.ledger().with_extension("db.key");
    std::fs::remove_file(&key).unwrap();
    story.calls("acme");
    story
        .shell(&format!("mkfifo -m 600 {}", key.display()))
        .exits(0);
    let ran = story
        .okta_rollout(&["run", "job.toml", "--new"])
        .says("ledger.db.key");
    assert!(matches!(ran.code(), Some(2 | 3)), "{}", ran.said());
    assert!(story.calls("acme").is_empty());
    // It is left as it is; nobody else is to wait for it.
    assert!(std::fs::metadata(&key).unwrap().file_type().is_fifo());
    std::fs::remove_file(&key).unwrap();
}
