//! Waves that take their time: soaks, processes that die meanwhile, clocks that are set, and many orgs.

use serde_json::{Value, json};

use crate::support::{Entry, Scenario, zscaler};

const MINUTE: i64 = 60_000;

/// A canary, then beta, then gamma.
fn three() -> [Entry; 3] {
    ["canary", "beta", "gamma"].map(|org| zscaler("0oa1").at(org))
}

fn wave(name: &str, org: &str, more: &str) -> String {
    format!("[[waves]]\nname = '{name}'\norgs = ['{org}']\n{more}\n")
}

fn status(story: &Scenario) -> Value {
    let status = story.okta_rollout(&["status", "--format", "json"]);
    status.exits(0).json()
}

fn states(report: &Value) -> Vec<&str> {
    let waves = report["waves"].as_array().unwrap().iter();
    waves.map(|wave| wave["state"].as_str().unwrap()).collect()
}

fn time(value: &Value) -> jiff::Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn a_soak_outlives_the_process_and_is_no_longer_for_it() {
    let story = Scenario::of(three());
    story.job(&wave("canaries", "canary", "soak = '30m'"));
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("wave canaries (1 of 2) soaks until");
    let now = status(&story);
    assert_eq!(
        (states(&now), &now["state"]),
        (vec!["soaking", "pending"], &json!("running"))
    );
    let until = time(&now["waves"][0]["until"]);
    run.signal("KILL");
    run.ends();
    assert_eq!(status(&story)["state"], "interrupted");

    story.time_passes(10 * MINUTE);
    for command in [&["run", "job.toml"][..], &["resume"]] {
        let mut again = story.begin(command);
        again.says("soaks until");
        let now = status(&story);
        let left = time(&now["waves"][0]["until"]);
        assert!(left < until, "{left} {until}");
        again.signal("INT");
        assert_eq!(again.ends(), Some(130));
        let pending = &status(&story)["entries"][1]["error"]["message"];
        assert!(
            pending
                .as_str()
                .unwrap()
                .starts_with("wave canaries soaks until"),
            "{pending}"
        );
    }
    assert_eq!(story.all_calls("beta"), [""; 0]);
    story.time_passes(20 * MINUTE);
    story.run().exits(0).says("goes on");
    assert_eq!(states(&story.report()), ["done", "done"]);
}

#[test]
fn a_clock_that_was_set_back_makes_no_soak_longer_than_it_is() {
    let story = Scenario::of(three());
    story.job(&wave("canaries", "canary", "soak = '30m'"));
    let soaks = || {
        let mut run = story.begin(&["run", "job.toml"]);
        run.says("soaks until");
        run.signal("KILL");
        run.ends();
    };
    soaks();
    story.time_passes(-60 * 24 * MINUTE);
    soaks();
    // What was stored then is of now, so that the next process waits the rest.
    story.time_passes(29 * MINUTE);
    soaks();
    assert_eq!(story.all_calls("beta"), [""; 0]);
    story.time_passes(MINUTE);
    story.run().exits(0);
}

#[test]
fn a_soak_comes_before_the_approval_and_a_person_may_say_so_meanwhile() {
    let story = Scenario::of(three());
    let waves = [
        wave("canaries", "canary", "soak = '30m'"),
        wave("early", "beta", "approve = true\nsoak = '30m'"),
        wave("late", "gamma", "approve = true"),
    ];
    story.job(&waves.concat());
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("soaks until");
    run.signal("KILL");
    run.ends();
    story.time_passes(30 * MINUTE);
    story.run().exits(4);
    assert_eq!(
        states(&story.report()),
        ["done", "awaitingApproval", "pending"]
    );
    let mut approved = story.begin(&["resume", "--approve"]);
    approved.says("wave early (2 of 3) soaks until");
    approved.signal("KILL");
    approved.ends();
    // During the soak: the one after it.
    let mut approved = story.begin(&["resume", "--approve"]);
    approved.says("wave late may begin");
    approved.says("soaks until");
    approved.signal("KILL");
    approved.ends();
    assert_eq!(story.all_calls("gamma"), [""; 0]);
    story.time_passes(30 * MINUTE);
    story.run().exits(0);
    assert_eq!(story.report()["totals"]["changed"], 3);
}

#[test]
fn a_death_after_any_checkpoint_changes_nothing() {
    let waves = || [wave("canaries", "canary", ""), wave("early", "beta", "")].concat();
    let undisturbed = Scenario::of(three());
    undisturbed.job(&waves());
    undisturbed.run().exits(0);
    let checkpoints = (1..).take_while(|n| {
        let story = Scenario::of(three());
        story.job(&waves());
        let mut run = story.begin_limited(
            &format!("export OKTA_ROLLOUT_ABORT_AFTER={n}"),
            &["run", "job.toml"],
        );
        let died = run.ends().is_none();
        if died {
            let report = status(&story);
            for (wave, org) in ["canary", "beta", "gamma"].into_iter().enumerate() {
                let has_begun = report["waves"][wave]["startedAt"].is_string();
                assert!(has_begun || story.all_calls(org).is_empty(), "{n}: {org}");
                let before = (0..wave).all(|no| report["waves"][no]["finishedAt"].is_string());
                assert!(before || !has_begun, "{n}: {report}");
            }
            story.okta_rollout(&["resume"]).exits(0);
        }
        let report = story.report();
        assert_eq!(states(&report), ["done"; 3]);
        assert_eq!(report["totals"], undisturbed.report()["totals"]);
        died
    });
    assert!(checkpoints.count() >= 3);
}

#[test]
fn a_run_keeps_the_waves_that_it_began_with() {
    let story = Scenario::of(three());
    story.job(
        &[
            wave("canaries", "canary", ""),
            wave("early", "beta", "approve = true"),
        ]
        .concat(),
    );
    story.run().exits(4);
    story.job(&wave("canaries", "canary", ""));
    let ran = story.run().exits(4);
    ran.says("the waves of job.toml have changed since run")
        .says("--new");
    assert_eq!(
        states(&story.report()),
        ["done", "awaitingApproval", "pending"]
    );
    story.okta_rollout(&["run", "job.toml", "--new"]).exits(0);
    assert_eq!(states(&story.report()), ["done", "done"]);
}

#[test]
fn three_hundred_orgs_in_three_waves() {
    let entries = |bad: u32| {
        let canaries = (0..10).map(move |no| {
            let entry = zscaler("0oa1").at(&format!("canary{no}"));
            if no < bad { entry.missing() } else { entry }
        });
        let early = (0..90).map(|no| zscaler("0oa1").at(&format!("early{no}")));
        let others = (0..200).map(|no| zscaler("0oa1").at(&format!("other{no}")));
        canaries.chain(early).chain(others)
    };
    let story = Scenario::of(entries(2));
    let waves = [
        wave("canaries", "canary*", "haltWhenFailed = '10%'\nsoak = '1h'"),
        wave("early", "early*", "approve = true"),
    ];
    story.job(&waves.concat());
    story
        .run()
        .exits(3)
        .says("wave canaries was halted: 2 of 10 entries failed, and 10 % may");
    let sent_later = || {
        let orgs = story.orgs().into_iter();
        let later = orgs.filter(|org| !org.starts_with("canary"));
        later.map(|org| story.all_calls(&org).len()).sum::<usize>()
    };
    assert_eq!(sent_later(), 0);
    story.manifest(entries(0));
    // It goes through, and is killed while it soaks; the approval is asked for after the rest of that.
    let mut soaks = story.begin(&["resume", "--failed"]);
    soaks.says("wave canaries (1 of 3) soaks until");
    soaks.signal("KILL");
    soaks.ends();
    story.time_passes(60 * MINUTE);
    story
        .run()
        .exits(4)
        .says("wave early waits for an approval");
    assert_eq!(sent_later(), 0);
    // Killed in the middle of what was approved, it needs no other approval.
    story.dies_after(20, &["resume", "--approve"]);
    assert!(sent_later() > 0);
    story.run().exits(0);
    let report = story.report();
    assert_eq!(states(&report), ["done"; 3]);
    assert_eq!(report["totals"]["changed"], 300);
    let times = |wave: usize, key: &str| time(&report["waves"][wave][key]);
    for wave in 1..3 {
        assert!(times(wave - 1, "finishedAt") <= times(wave, "startedAt"));
    }
}

#[test]
fn the_job_that_is_shipped_runs_as_it_says() {
    let story = Scenario::of([]);
    let tree = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in [
        "jobs/multi-tenant-rollout.toml",
        "samples/tenants.csv",
        "samples/tenants-orgs.csv",
        "samples/secrets/demo-token.txt",
    ] {
        story.write_bytes(name, &std::fs::read(tree.join(name)).unwrap());
    }
    let job = "jobs/multi-tenant-rollout.toml";
    story.okta_rollout(&["check", job]).exits(0);
    let ran = story.okta_rollout(&["run", job]).exits(4);
    ran.says("wave early waits for an approval");
    let report = story.report();
    assert_eq!(states(&report), ["done", "awaitingApproval", "pending"]);
    assert_eq!(report["totals"]["changed"], 6);
    story.okta_rollout(&["resume", "--approve"]).exits(0);
    let report = story.report();
    assert_eq!(states(&report), ["done"; 3]);
    assert_eq!(report["totals"]["changed"], 30);
    let file = format!(
        "jobs/reports/rollout-{}.json",
        report["run"].as_str().unwrap()
    );
    assert!(story.path(&file).exists());
}
