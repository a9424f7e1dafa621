//! How much a run says: errors only, what changed and what it came to, every entry that ended, every step.

use crate::support::{Scenario, google, user, zscaler};

/// Parts of what is said, in the order of the levels from which on they are said: `-q`, `--summary`, no flag, `-v`.
const SAID: [(usize, &str); 15] = [
    (
        0,
        "acme/zscalerbyz (row 4): failed: find_app: no zscalerbyz app is labelled \"Nope\"",
    ),
    (
        0,
        "hint: correct the label, or give the app's id as appId, then",
    ),
    (1, "acme/zscalerbyz (row 1): done, changed"),
    (1, "acme/google (row 3): waiting for consent"),
    (1, ": settled, begun "),
    (
        1,
        "4 entries: 1 changed, 1 unchanged, 1 waiting for consent, 1 failed",
    ),
    (2, " of job.toml: 4 entries"),
    (2, "acme/zscalerbyz (row 2): done, unchanged"),
    (2, "  acme  "),
    (
        2,
        "changed:\n  connection.profile.token (secret): changed: acme/zscalerbyz (row 1)",
    ),
    (2, "acme/zscalerbyz (row 4) failed: "),
    (2, "1 entry waits for consent: okta-rollout consent list "),
    (3, "acme/zscalerbyz (row 1): set_connection done, changed"),
    (3, "acme/zscalerbyz (row 2): set_connection done"),
    (3, "\n  connection.profile.token (secret): changed\n"),
];

#[test]
fn each_level_says_what_the_one_before_says_and_more() {
    for (level, flag) in ["-q", "--summary", "--no-progress", "-v"]
        .into_iter()
        .enumerate()
    {
        let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2").feature(user())]);
        story.run().exits(0);
        story.write("secrets/new", "another-token");
        story.manifest([
            zscaler("0oa1").token("file:secrets/new"),
            zscaler("0oa2").feature(user()),
            google("0oa3"),
            zscaler("").labelled("Nope").missing(),
        ]);
        let ran = story.okta_rollout(&["run", "job.toml", flag]).exits(3);
        let said = ran.said();
        for (from, part) in SAID {
            assert_eq!(said.contains(part), level >= from, "{flag}: {part}\n{said}");
        }
        // What was asked for is data, however much is said.
        assert_eq!(ran.data(), "");
        let report = story.okta_rollout(&["report", flag]).exits(0).data();
        assert!(report.contains("4 entries: "), "{flag}: {report}");
    }
}

#[test]
fn levels_exclude_each_other() {
    let story = Scenario::of([zscaler("0oa1")]);
    for two in [["-q", "--summary"], ["-v", "--summary"], ["-v", "-q"]] {
        let arguments = [&["run", "job.toml"][..], &two].concat();
        story
            .okta_rollout(&arguments)
            .exits(2)
            .says("cannot be used with");
        assert!(!story.ledger().exists());
    }
}
