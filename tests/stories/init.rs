//! `init`: what it writes is right, runs as it is, and takes nobody's place.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::Scenario;

const WRITTEN: [&str; 5] = [
    "job.toml",
    "rollout.csv",
    "orgs.csv",
    "secrets/zscaler-token.txt",
    "secrets/.gitignore",
];

#[test]
fn what_is_written_runs_as_it_is_with_the_commands_that_are_printed() {
    for folder in ["my first rollout", "a/b", "."] {
        let story = Scenario::of([]);
        std::fs::remove_file(story.path("job.toml")).unwrap();
        let written = story.okta_rollout(&["init", folder]).exits(0);
        for name in WRITTEN {
            assert!(story.path(folder).join(name).exists(), "{name}");
        }
        let secret = story.path(folder).join("secrets/zscaler-token.txt");
        let mode = secret.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let said = written.said();
        let next: Vec<_> = said
            .lines()
            .filter(|line| line.starts_with("  okta-rollout "))
            .collect();
        assert_eq!(next.len(), 2, "{said}");
        let check = story.shell(next[0]).exits(0);
        assert!(
            check.said().contains("3 entries in 1 org, no mistakes"),
            "{}",
            check.said()
        );
        story.shell(next[1]).exits(0).says("3 entries: 3 changed");
        // And as it is it is a job that can be run every night.
        story.shell(next[1]).exits(0).says("3 entries: 3 unchanged");
        assert!(story.path(folder).join("reports/last.txt").exists());
    }
}

#[test]
fn the_current_folder_is_meant_when_none_is_named() {
    let story = Scenario::of([]);
    std::fs::remove_file(story.path("job.toml")).unwrap();
    story
        .okta_rollout(&["init"])
        .exits(0)
        .says("  okta-rollout run job.toml");
    assert!(story.path("rollout.csv").exists());
}

#[test]
fn nothing_is_overwritten_and_nothing_is_half_written() {
    for name in WRITTEN {
        let story = Scenario::of([]);
        story.write(&format!("mine/{name}"), "mine");
        let before = story.files();
        let refused = story.okta_rollout(&["init", "mine"]).exits(2);
        refused
            .says(&format!("error: mine/{name} exists; nothing was written"))
            .says("hint: give another one: okta-rollout init FOLDER");
        assert_eq!(story.files(), before);
        let text = std::fs::read_to_string(story.path("mine").join(name)).unwrap();
        assert_eq!(text, "mine");
    }
    // A file where a folder has to be: found when the others are staged already.
    let story = Scenario::of([]);
    story.write("mine/secrets", "mine");
    let before = story.files();
    story
        .okta_rollout(&["init", "mine"])
        .exits(2)
        .says("nothing was written");
    assert_eq!(story.files(), before);
    story
        .okta_rollout(&["init", "job.toml"])
        .exits(2)
        .says("nothing was written");
}
