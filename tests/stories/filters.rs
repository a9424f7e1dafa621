//! `--only`: some entries now, the others later, and nothing of the others touched in between.

use okta_rollout::sandbox::Switches;
use serde_json::{Value, json};

use crate::support::{Ran, Scenario, google, slack, zscaler};

/// Two canary orgs with two entries, and one other org with two.
fn rollout() -> Scenario {
    Scenario::of([
        zscaler("0oa1").at("canary1"),
        google("0oa2").at("canary2"),
        zscaler("0oa3").at("globex"),
        slack("0oa4").at("globex"),
    ])
}

/// Changes the manifest by hand.
fn edit(story: &Scenario, edit: impl FnOnce(&mut Value)) {
    let text = std::fs::read_to_string(story.path("m.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    edit(&mut manifest);
    story.write("m.json", &manifest.to_string());
}

fn states(story: &Scenario) -> Vec<String> {
    let report = story.report();
    let entries = report["entries"].as_array().unwrap();
    let state = |entry: &Value| entry["state"].as_str().unwrap().to_owned();
    entries.iter().map(state).collect()
}

fn only(story: &Scenario, command: &[&str], conditions: &str) -> Ran {
    story.okta_rollout(&[command, &["--only", conditions]].concat())
}

#[test]
fn canaries_go_first_and_the_others_are_neither_opened_nor_called() {
    let story = rollout();
    // Whoever runs the canaries need not have the others' secrets.
    edit(&story, |manifest| {
        manifest["orgs"]["globex"]["auth"] = json!({ "apiToken": "file:secrets/globex" });
        manifest["apps"][2]["connection"]["profile"]["token"] = json!("file:secrets/zscaler");
    });
    let ran = only(&story, &["run", "job.toml"], "org=canary*").exits(4);
    assert!(story.calls("globex").is_empty());
    assert_eq!(states(&story), ["done", "waiting", "pending", "pending"]);
    let said = ran.said();
    assert!(said.contains("2 entries: 1 changed, 1 waiting"), "{said}");
    assert!(
        said.contains("2 entries were left out by --only; to do them, too: okta-rollout resume"),
        "{said}"
    );
    assert!(
        !said.contains("not finished") && !said.contains("  globex"),
        "{said}"
    );
    assert!(said.contains(" --only 'org=canary*'"), "{said}");
    // The others need theirs, when their turn comes.
    story.run().exits(3).says("secrets/globex").says("goes on");
    story.write("secrets/globex", &story.api_token("globex"));
    story.write("secrets/zscaler", "t");
    story.calls("canary1");
    let resume = story.okta_rollout(&["resume"]);
    resume.exits(4).says("goes on");
    assert!(story.calls("canary1").is_empty());
    assert_eq!(states(&story), ["done", "waiting", "done", "waiting"]);
    let runs = story.okta_rollout(&["runs", "--format", "json"]).json();
    assert_eq!(runs.as_array().unwrap().len(), 1);
}

#[test]
fn the_exit_code_is_that_of_the_selected_entries() {
    let story = rollout();
    only(&story, &["run", "job.toml"], "app=zscalerbyz").exits(0);
    assert_eq!(states(&story), ["done", "pending", "done", "pending"]);
    only(&story, &["resume"], "org=canary2").exits(4);
    // The waiting entry of canary2 does not count here.
    only(&story, &["resume"], "org=globex,app=zscalerbyz").exits(0);
    only(&story, &["resume"], "org=globex,app=slack").exits(4);
    story.okta_rollout(&["resume"]).exits(4);
}

#[test]
fn an_org_that_was_stopped_does_not_fail_a_command_about_others() {
    let story = rollout();
    let revoked = Switches {
        revoked_token: true,
        ..Switches::default()
    };
    story.switch("globex", revoked);
    story.run().exits(3);
    only(&story, &["resume"], "org=canary1").exits(0);
    only(&story, &["resume"], "org=globex")
        .exits(3)
        .says("--only org=globex");
}

#[test]
fn the_same_selection_again_looks_at_its_entries_anew() {
    let story = rollout();
    let run = &["run", "job.toml"];
    only(&story, run, "org=canary1").exits(0);
    let first = story.report()["run"].as_str().unwrap().to_owned();
    let deactivate = "/api/v1/apps/0oa1/connections/default/lifecycle/deactivate";
    story.somebody_else("canary1", "POST", deactivate, &json!({}));
    // A plan means the run that comes.
    let plan = only(&story, &["plan", "job.toml"], "org=canary1").exits(0);
    assert!(!plan.said().contains("goes on"), "{}", plan.said());
    let plan = only(&story, &["plan", "job.toml"], "org=globex").exits(0);
    plan.says(&format!("run {first} of job.toml was interrupted"));
    story.calls("globex");
    only(&story, run, "org=canary1")
        .exits(0)
        .says("had drifted")
        .says("3 other entries unfinished there stay as they are")
        .says(&format!("resume {first}"));
    assert_eq!(
        story.app("canary1", "0oa1")["connection"]["status"],
        "ENABLED"
    );
    assert!(story.calls("globex").is_empty());
    // What nobody selected yet is done in the run that came last.
    story.calls("canary1");
    story.run().exits(4).says("goes on");
    assert!(story.calls("canary1").is_empty());
    assert_eq!(states(&story), ["done", "waiting", "done", "waiting"]);
    let runs = story.okta_rollout(&["runs", "--format", "json"]).json();
    assert_eq!(runs.as_array().unwrap().len(), 2);
}

#[test]
fn what_was_stopped_where_all_that_is_selected_is_done_does_not_count() {
    let story = Scenario::of([
        zscaler("0oa1"),
        google("0oa2"),
        zscaler("0oa3").at("globex"),
        google("0oa4").at("globex"),
    ]);
    only(&story, &["run", "job.toml"], "app=zscalerbyz").exits(0);
    let revoked = Switches {
        revoked_token: true,
        ..Switches::default()
    };
    story.switch("globex", revoked);
    story.run().exits(3).says("globex was stopped");
    let done = only(&story, &["resume"], "app=zscalerbyz").exits(0);
    assert!(!done.said().contains("stopped"), "{}", done.said());
    only(&story, &["resume"], "app=google").exits(3);
}

#[test]
fn the_summary_reports_only_of_what_drifted_among_the_selected() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2").at("globex")]);
    story.run().exits(0);
    for (org, app) in [("acme", "0oa1"), ("globex", "0oa2")] {
        let deactivate = format!("/api/v1/apps/{app}/connections/default/lifecycle/deactivate");
        story.somebody_else(org, "POST", &deactivate, &json!({}));
    }
    let both = story.run().exits(0);
    both.says("row 1) had drifted").says("row 2) had drifted");
    let some = only(&story, &["resume"], "org=globex").exits(0);
    let some = some.says("row 2) had drifted").said();
    assert!(
        !some.contains("row 1)") && !some.contains("more had"),
        "{some}"
    );
}

#[test]
fn failed_entries_are_tried_again_by_run_and_by_resume() {
    let story = Scenario::of([
        zscaler("0oa1").token("file:secrets/bad"),
        zscaler("0oa2").token("file:secrets/bad").at("globex"),
        zscaler("0oa3"),
    ]);
    story.write("secrets/bad", "bad-token");
    story.run().exits(3);
    story.write("secrets/bad", "mended");
    story.calls("acme");
    story.calls("globex");
    // Settled or not, and unchanged: the failed entries are those of its last run.
    only(&story, &["run", "job.toml"], "failed,org=acme")
        .exits(0)
        .says("1 failed entry is tried again");
    assert_eq!(story.calls("acme"), ["POST …/connections/default"]);
    assert!(story.calls("globex").is_empty());
    assert_eq!(states(&story), ["done", "failed", "done"]);
    only(&story, &["resume"], "state=failed").exits(0);
    assert_eq!(states(&story), ["done", "done", "done"]);
    let runs = story.okta_rollout(&["runs", "--format", "json"]).json();
    assert_eq!(runs.as_array().unwrap().len(), 1);
    // Nothing is failed any more.
    for command in [&["run", "job.toml"][..], &["resume"]] {
        only(&story, command, "failed")
            .exits(0)
            .says("no entry matches --only failed");
    }
}

#[test]
fn what_to_type_next_keeps_to_the_selection() {
    let story = Scenario::of([
        zscaler("0oa1").token("file:secrets/bad"),
        zscaler("0oa2").at("globex"),
    ]);
    story.write("secrets/bad", "bad-token");
    let ran = only(&story, &["run", "job.toml"], "org=acme").exits(3);
    let said = ran.said();
    assert!(said.contains("--only failed,org=acme"), "{said}");
    assert!(!said.contains("--failed"), "{said}");
}

#[test]
fn nothing_selected_is_said_and_begins_no_run() {
    let story = rollout();
    for conditions in ["org=canary1,app=slack", "failed", "waiting", "done"] {
        only(&story, &["run", "job.toml"], conditions)
            .exits(0)
            .says("no entry matches --only ");
    }
    // Not even a ledger is made for it.
    story.okta_rollout(&["runs"]).exits(2).says("no ledger at");
    only(&story, &["run", "job.toml"], "pending,org=canary1").exits(0);
    only(&story, &["report"], "failed")
        .exits(0)
        .says("no entry matches --only failed");
    assert!(story.calls("globex").is_empty());
}

#[test]
fn a_mistyped_condition_is_refused_before_anything_is_sent() {
    let story = rollout();
    story.run().exits(4);
    for org in story.orgs() {
        story.calls(&org);
    }
    for command in [&["run", "job.toml"][..], &["resume"], &["report"]] {
        only(&story, command, "org=canari*")
            .exits(2)
            .says("--only org=canari*: no org fits")
            .says("the orgs are canary1, canary2, globex");
        only(&story, command, "app=gogle")
            .exits(2)
            .says("the apps are google, office365");
        only(&story, command, "broken")
            .exits(2)
            .says("the states are pending, running, waiting, done, failed");
        only(&story, command, "label=x")
            .exits(2)
            .says("the keys are org, app, state");
    }
    for org in story.orgs() {
        assert!(story.calls(&org).is_empty());
    }
}

#[test]
fn reports_take_the_same_conditions() {
    let story = rollout();
    story.run().exits(4);
    let rows = |conditions: &str| -> Vec<u64> {
        let report = ["report", "--format", "json"];
        let report = only(&story, &report, conditions).exits(0).json();
        let entries = report["entries"].as_array().unwrap();
        let row = |entry: &Value| entry["row"].as_u64().unwrap();
        entries.iter().map(row).collect()
    };
    assert_eq!(rows("waiting"), [2, 4]);
    assert_eq!(rows("waiting,org=globex"), [4]);
    assert_eq!(rows("done,waiting,org=globex"), [3, 4]);
    assert_eq!(rows("app=google,app=slack"), [2, 4]);
    assert_eq!(rows("state=done,org=canary*"), [1]);
}
