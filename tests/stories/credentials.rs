//! An org whose credentials cannot be read is stopped before its first call; the others are worked on as if it were
//! not there, and once they can be read the command that the hint names does the rest.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::consent::waiting;
use crate::support::{Scenario, google, zscaler};

/// Two orgs; what acme's token is given as.
fn with_token(reference: &str) -> Scenario {
    let story = Scenario::of([
        zscaler("0oa1"),
        zscaler("0oa2"),
        zscaler("0oa1").at("globex"),
    ]);
    let text = std::fs::read_to_string(story.path("m.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    manifest["orgs"]["acme"]["auth"]["apiToken"] = json!(reference);
    story.write("m.json", &manifest.to_string());
    story
}

fn script(story: &Scenario, name: &str, text: &str) {
    story.write(name, text);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(story.path(name), executable).unwrap();
}

/// Ways in which a credential cannot be read: the reference, what is said of it, and the remedy.
const BROKEN: [(&str, &str, &str); 6] = [
    (
        "env:NOT_SET",
        "the environment variable is not set",
        "set NOT_SET",
    ),
    (
        "env:EMPTY",
        "the secret is empty",
        "make env:EMPTY readable",
    ),
    ("file:none", "cannot read", "file: paths are relative"),
    ("file:secrets", "is a folder", "file: paths are relative"),
    ("file:two-lines", "line break", "on one line"),
    (
        "exec:/bin/cat token",
        "refused without --allow-exec",
        "--allow-exec",
    ),
];

fn broken(reference: &str) -> Scenario {
    let mut story = with_token(reference);
    story.set("EMPTY", "");
    story.write("two-lines", "one\ntwo\n");
    story
}

#[test]
fn a_run_stops_that_org_and_does_the_others() {
    for (reference, cause, remedy) in BROKEN {
        let story = broken(reference);
        let run = story.run().exits(3);
        let said = run
            .says("acme: stopped: its credentials cannot be read: ")
            .said();
        assert!(said.contains(cause) && said.contains(remedy), "{said}");
        assert!(story.calls("acme").is_empty(), "{reference}");
        assert_eq!(story.calls("globex").len(), 1, "{reference}");

        let report = story.report();
        let run = report["run"].as_str().unwrap();
        assert_eq!(report["totals"]["changed"], 1);
        assert_eq!(report["totals"]["pending"], 2);
        for entry in &report["entries"].as_array().unwrap()[..2] {
            assert_eq!(entry["state"], "pending");
            let message = entry["error"]["message"].as_str().unwrap();
            assert!(message.starts_with("org acme was stopped: its credentials cannot be read: "));
            assert!(message.contains(cause), "{message}");
            let hint = entry["error"]["hint"].as_str().unwrap();
            assert!(
                hint.contains(&format!("okta-rollout resume {run}")),
                "{hint}"
            );
        }
    }
}

#[test]
fn check_names_it_all_the_same() {
    for (reference, cause, _) in BROKEN {
        let check = broken(reference).okta_rollout(&["check", "job.toml"]);
        check.exits(2).says("acme").says(cause);
    }
}

#[test]
fn the_only_org_is_stopped_as_well() {
    let mut story = Scenario::of([zscaler("0oa1")]);
    story.unset("ACME_TOKEN");
    story.run().exits(3).says("env:ACME_TOKEN");
    story.okta_rollout(&["plan", "job.toml"]).exits(3);
    assert!(story.calls("acme").is_empty());
}

#[test]
fn once_it_can_be_read_resume_does_what_is_left() {
    let mut story = with_token("env:LATER");
    story.run().exits(3);
    story.okta_rollout(&["resume"]).exits(3).says("set LATER");
    story.set("LATER", &story.api_token("acme"));
    story.okta_rollout(&["resume"]).exits(0);
    let report = story.report();
    assert_eq!(report["totals"]["changed"], 3);
    assert_eq!(report["orgs"][0]["stopped"], Value::Null);
    assert_eq!(story.calls("globex").len(), 1, "nothing is done twice");
}

#[test]
fn or_run_does() {
    let mut story = with_token("env:LATER");
    story.run().exits(3);
    story.set("LATER", &story.api_token("acme"));
    story.run().exits(0);
    assert_eq!(story.calls("acme").len(), 2);
}

#[test]
fn a_program_that_fails_stops_its_org_and_one_that_may_not_run_is_allowed_by_the_hint() {
    let story = with_token("exec:./token.sh");
    let (orgs, token) = (story.path("m.json"), story.api_token("acme"));
    let folder = orgs.parent().unwrap().display().to_string();
    let manifest = std::fs::read_to_string(&orgs).unwrap();
    // Where a program is named by its path it is the same from everywhere.
    story.write(
        "m.json",
        &manifest.replace("exec:./", &format!("exec:{folder}/")),
    );
    script(&story, "token.sh", "#!/bin/sh\nexit 7\n");
    let asked = ["run", "job.toml", "--allow-exec"];
    let run = story.okta_rollout(&asked).exits(3);
    run.says("the program failed").says("acme: stopped");
    assert_eq!(story.calls("globex").len(), 1);

    script(&story, "token.sh", &format!("#!/bin/sh\necho {token}\n"));
    let said = story.okta_rollout(&["resume"]).exits(3).said();
    let hint = said
        .lines()
        .find(|line| line.contains("let its program run: "))
        .unwrap();
    let (_, command) = hint.split_once("okta-rollout ").unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    story.okta_rollout(&words).exits(0);
    assert_eq!(story.calls("acme").len(), 2);
}

#[test]
fn a_plan_shows_the_others_and_says_why_it_cannot_show_that_one() {
    for (reference, cause, remedy) in BROKEN {
        let story = broken(reference);
        let plan = story.okta_rollout(&["plan", "job.toml"]).exits(3);
        let shown = plan.data();
        let line = "! the org cannot be read: its credentials cannot be read: ";
        assert!(shown.contains(line) && shown.contains(cause), "{shown}");
        assert!(shown.contains(remedy), "{shown}");
        let plan = story.okta_rollout(&["plan", "job.toml", "--format", "json"]);
        let plan = plan.exits(3).json();
        let entries = plan["entries"].as_array().unwrap();
        let actions: Vec<_> = entries.iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions[..2], ["error", "error"], "{plan}");
        assert_ne!(actions[2], "error", "{plan}");
        assert!(story.calls("acme").is_empty());
    }
}

#[test]
fn a_saved_plan_of_the_others_is_applied() {
    let story = with_token("env:NOT_SET");
    let save = ["plan", "job.toml", "--out", "plan.json"];
    story.okta_rollout(&save).exits(3);
    story.okta_rollout(&["run", "--plan", "plan.json"]).exits(3);
    let written = story.written_apps("globex");
    assert!(written.contains("0oa1"), "{written:?}");
    assert!(story.calls("acme").is_empty());
}

#[test]
fn an_export_has_the_others() {
    for (reference, cause, remedy) in BROKEN {
        let story = broken(reference);
        let asked = [
            "export",
            "--org",
            "acme",
            "--org",
            "globex",
            "--all-supported",
        ];
        let orgs = ["--orgs", "m.json"];
        let export = story.okta_rollout(&[&asked[..], &orgs].concat()).exits(3);
        let export = export.says("org acme cannot be read: ");
        let said = export.said();
        assert!(said.contains(cause) && said.contains(remedy), "{said}");
        assert!(export.data().contains("0oa1"), "{}", export.data());
        assert!(story.calls("acme").is_empty());
    }
}

#[test]
fn an_answer_for_another_org_is_handed_in() {
    let mut story = Scenario::of([google("0oa1"), google("0oa2").at("globex")]);
    story.run().exits(4);
    let pages: Vec<String> = story
        .consents()
        .iter()
        .map(|consent| story.approve(consent["authorizeUrl"].as_str().unwrap()))
        .collect();
    story.unset("ACME_TOKEN");
    let complete = story.fed(&["consent", "complete"], &pages.join("\n"));
    let complete = complete.exits(2).says("env:ACME_TOKEN").says("accepted");
    assert!(complete.said().contains("hand the same answer in again"));
    story
        .okta_rollout(&["consent", "refresh"])
        .exits(2)
        .says("env:ACME_TOKEN");
    story.set("ACME_TOKEN", &story.api_token("acme"));
    story.fed(&["consent", "complete"], &pages[0]).exits(0);
    story.okta_rollout(&["resume"]).exits(0);
}

#[test]
fn entries_that_only_wait_for_a_consent_continue_waiting() {
    let mut story = waiting();
    story.unset("ACME_TOKEN");
    story
        .okta_rollout(&["resume"])
        .says("env:ACME_TOKEN")
        .exits(4);
    assert_eq!(story.consents().len(), 1);
}
