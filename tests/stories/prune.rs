//! What is done about a ledger that grows night after night.

use serde_json::{Value, json};

use crate::support::{Scenario, google, user, zscaler};

const DAY_MS: i64 = 24 * 3_600_000;

fn runs(story: &Scenario, more: &[&str]) -> Vec<Value> {
    let list = [&["runs", "--format", "json"], more].concat();
    serde_json::from_value(story.okta_rollout(&list).exits(0).json()).unwrap()
}

fn ids(runs: &[Value]) -> Vec<&str> {
    runs.iter()
        .map(|run| run["run"].as_str().unwrap())
        .collect()
}

#[test]
fn runs_are_listed_newest_first_and_no_more_than_asked_for() {
    let story = Scenario::of([zscaler("0oa1")]);
    for _ in 0..3 {
        story.run().exits(0);
    }
    let all = runs(&story, &[]);
    assert_eq!(all.len(), 3);
    for (limit, wanted) in [("0", 0), ("1", 1), ("2", 2), ("9", 3)] {
        let listed = runs(&story, &["--limit", limit]);
        assert_eq!(listed, all[..wanted], "{limit}");
    }
    let keys: Vec<_> = all[0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "error",
            "file",
            "finishedAt",
            "run",
            "startedAt",
            "state",
            "totals"
        ]
    );
    assert_eq!(
        (&all[0]["error"], &all[0]["state"]),
        (&json!(null), &json!("settled"))
    );
    let text = story
        .okta_rollout(&["runs", "--limit", "2"])
        .exits(0)
        .data();
    assert_eq!(text.lines().count(), 2);
    story.okta_rollout(&["runs", "--limit", "x"]).exits(2);
}

#[test]
fn old_runs_are_dropped_and_what_is_needed_is_named() {
    let story = Scenario::of([zscaler("0oa1").feature(user()), google("0oa2")]);
    for _ in 0..4 {
        story.run().exits(4);
        story.time_passes(DAY_MS);
    }
    // The oldest waits for its own consent: the manifest was another one after it.
    let all = runs(&story, &[]);
    for (command, code) in [
        (&["runs", "prune"][..], 2),
        (&["runs", "prune", "--keep", "x"], 2),
        (&["runs", "prune", "--older-than", "90"], 2),
        (&["runs", "--limit", "3", "prune", "--keep", "1"], 2),
        (&["runs", "prune", "--keep", "4"], 0),
        (&["runs", "prune", "--older-than", "30d"], 0),
        (&["runs", "prune", "--older-than", "36h", "--keep", "4"], 0),
    ] {
        story.okta_rollout(command).exits(code);
        assert_eq!(runs(&story, &[]), all, "{command:?}");
    }
    story
        .okta_rollout(&["runs", "prune", "--older-than", "60h"])
        .exits(0)
        .says("2 old runs with 4 entries were dropped");
    assert_eq!(runs(&story, &[]), all[..2]);
    story
        .okta_rollout(&["runs", "prune", "--keep", "0", "--vacuum"])
        .exits(0)
        .says("1 old run with 2 entries was dropped")
        .says(&format!(
            "1 old run is kept, waiting for consents: {}",
            ids(&all)[0]
        ))
        .says("smaller by");
    assert_eq!(runs(&story, &[]), all[..1]);

    // Nothing is forgotten of the apps: neither token nor consent is asked for again, and a hand is told apart.
    let link = story.link();
    story.somebody_else(
        "acme",
        "POST",
        "/api/v1/apps/0oa1/connections/default/lifecycle/deactivate",
        &json!({}),
    );
    story.run().exits(4).says("had drifted");
    assert_eq!(story.link(), link);
}

#[test]
fn a_job_says_how_long_runs_are_kept() {
    let story = Scenario::of([zscaler("0oa1").feature(user()), google("0oa2")]);
    story.job("[ledger]\nkeep = '3d'\n");
    let mut most = 0;
    for night in 0..10 {
        let ran = story.run().exits(4);
        let dropped = "1 old run with 2 entries was dropped";
        assert_eq!(
            ran.said().contains(dropped),
            night > 3,
            "{night}: {}",
            ran.said()
        );
        story.time_passes(DAY_MS - 60_000);
        most = most.max(runs(&story, &[]).len());
    }
    assert_eq!(most, 4);
    // As does whoever continues with it.
    story.time_passes(3 * DAY_MS);
    story
        .okta_rollout(&["resume"])
        .exits(4)
        .says("old runs with 6 entries were dropped");
    assert_eq!(runs(&story, &[]).len(), 1);
}

#[test]
fn runs_of_a_part_are_dropped_once_a_later_one_replaced_them() {
    let story = Scenario::of([zscaler("0oa1"), google("0oa2")]);
    let canary = ["run", "job.toml", "--only", "app=zscalerbyz"];
    for _ in 0..4 {
        story.okta_rollout(&canary).exits(0);
        story.time_passes(DAY_MS);
    }
    // The last one can still be continued.
    story
        .okta_rollout(&["runs", "prune", "--keep", "0"])
        .exits(0)
        .says("3 old runs with 6 entries were dropped")
        .says("1 old run is kept, interrupted, to be continued");
    story.okta_rollout(&["resume"]).exits(4);
    story.job("[ledger]\nkeep = '1s'\n");
    let link = story.link();
    for _ in 0..3 {
        story.okta_rollout(&canary).exits(0);
        story.time_passes(DAY_MS);
    }
    story.run().exits(4);
    // Those that a consent waits in stay wherever it is; it is in the newest by now.
    assert_eq!(story.link(), link);
    assert_eq!(runs(&story, &[]).len(), 1);
}

#[test]
fn a_run_that_somebody_else_works_on_is_not_dropped_and_does_not_wait() {
    let entries = (0..40).map(|n| zscaler(&format!("0oa{n}")));
    let story = Scenario::with("limit = 0\nlatency = '50ms'", entries);
    story.run().exits(0);
    let mut live = story.begin(&["run", "job.toml"]);
    live.says("done");
    story
        .okta_rollout(&["runs", "prune", "--keep", "0"])
        .exits(0)
        .says("1 old run with 40 entries was dropped")
        .says("1 old run is kept, ");
    assert_eq!(live.ends(), Some(0));
    assert_eq!(runs(&story, &[])[0]["totals"]["unchanged"], 40);
}
