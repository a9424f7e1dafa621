//! Programs that print secrets: found where the reference stands, given few variables, and asked alike by every
//! command.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{APP_TOKEN, Scenario, zscaler};

fn script(story: &Scenario, name: &str, text: &str) {
    story.write(name, &format!("#!/bin/sh\n{text}\n"));
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(story.path(name), executable).unwrap();
}

/// A rollout whose orgs and entries name programs beside them, in different folders; where the commands are given stand
/// others of the same names.
fn beside() -> Scenario {
    let story = Scenario::of([zscaler("0oa1")]);
    let auth = json!({ "apiToken": "exec:./tok.sh acme" });
    let orgs = json!({ "acme": { "url": story.url("acme"), "auth": auth } });
    story.write("conf/orgs.json", &orgs.to_string());
    let entry = zscaler("0oa1").token("exec:bin/tok.sh").json();
    story.write("apps/m.jsonl", &format!("{entry}\n"));
    script(
        &story,
        "conf/tok.sh",
        &format!("echo {}", story.api_token("acme")),
    );
    script(&story, "apps/bin/tok.sh", &format!("echo {APP_TOKEN}"));
    for decoy in ["tok.sh", "bin/tok.sh", "apps/tok.sh", "conf/bin/tok.sh"] {
        script(&story, decoy, "touch decoy; echo decoy");
    }
    story
}

#[test]
fn a_program_is_the_one_beside_the_file_that_names_it() {
    let story = beside();
    let given = "apps/m.jsonl --orgs conf/orgs.json --allow-exec";
    for command in ["check", "plan", "run"] {
        story
            .shell(&format!("okta-rollout {command} {given}"))
            .exits(0);
    }
    assert_eq!(story.written_apps("acme").len(), 1);
    // From elsewhere, and by the ledger's word alone.
    let there =
        "mkdir -p far && cd far && export OKTA_ROLLOUT_LEDGER=../.okta-rollout/ledger.db && ";
    let run =
        "okta-rollout run ../apps/m.jsonl --orgs ../conf/orgs.json --allow-exec --new --force";
    story.shell(&format!("{there}{run}")).exits(0);
    story
        .shell(&format!("{there}okta-rollout resume --allow-exec"))
        .exits(0);
    let export =
        "okta-rollout export --org acme --orgs ../conf/orgs.json --allow-exec -o acme.json";
    story.shell(&format!("{there}{export}")).exits(0);
    let decoys: Vec<_> = story
        .files()
        .into_iter()
        .filter(|file| file.ends_with("decoy"))
        .collect();
    assert!(decoys.is_empty(), "{decoys:?}");
}

#[test]
fn a_program_is_started_in_the_folder_of_the_file_that_names_it() {
    let story = beside();
    // What is relative in the arguments is for the program, and no text that could be made absolute.
    let auth = json!({ "apiToken": "exec:sh tok.sh" });
    let orgs = json!({ "acme": { "url": story.url("acme"), "auth": auth } });
    story.write("conf/orgs.json", &orgs.to_string());
    let entry = zscaler("0oa1").token("exec:sh ./bin/tok.sh").json();
    story.write("apps/m.jsonl", &format!("{entry}\n"));
    story.write(
        "apps/job.toml",
        "manifest = 'm.jsonl'\norgs = '../conf/orgs.json'\n",
    );
    let ledger = story.path(".okta-rollout/ledger.db");
    std::fs::create_dir(story.path("far")).unwrap();
    for folder in [".", "far", "/"] {
        let at = |name: &str| story.path(name).display().to_string();
        let (m, orgs, job) = (
            at("apps/m.jsonl"),
            at("conf/orgs.json"),
            at("apps/job.toml"),
        );
        let there = format!(
            "cd {folder} && export OKTA_ROLLOUT_LEDGER={} && okta-rollout",
            ledger.display()
        );
        for line in [
            format!("check {m} --orgs {orgs}"),
            format!("plan {m} --orgs {orgs}"),
            format!("run {m} --orgs {orgs} --new --force"),
            format!("run {job} --new --force"),
            "resume".to_owned(),
            format!("export --org acme --orgs {orgs} -o {}", at("acme.json")),
        ] {
            let line = format!("{there} {line} --allow-exec");
            story.shell(&line).exits(0);
        }
        std::fs::remove_file(at("acme.json")).unwrap();
    }
    let report = story
        .okta_rollout(&["report", "--format", "json"])
        .exits(0)
        .data();
    assert!(!report.contains("\"folder\""), "{report}");
    let decoys = story
        .files()
        .into_iter()
        .filter(|file| file.ends_with("decoy"));
    assert_eq!(decoys.count(), 0);
}

#[test]
fn a_program_that_is_not_there_is_not_there_for_any_command() {
    let story = beside();
    std::fs::remove_file(story.path("conf/tok.sh")).unwrap();
    // A run does the other orgs, if there are any.
    for (command, code) in [("check", 2), ("run", 3)] {
        let line =
            format!("okta-rollout {command} apps/m.jsonl --orgs conf/orgs.json --allow-exec");
        let said = story.shell(&line).exits(code).said();
        assert!(said.contains("tok.sh acme: program not found"), "{said}");
    }
    assert!(story.calls("acme").is_empty());
}

#[test]
fn a_program_gets_the_variables_that_the_job_names() {
    let story = Scenario::of([zscaler("0oa1").token("exec:./tok.sh")]);
    script(
        &story,
        "tok.sh",
        &format!("test \"$GIVEN\" = yes && test -z \"$OTHER\" && echo {APP_TOKEN}"),
    );
    let line =
        |command: &str| format!("export GIVEN=yes OTHER=yes; okta-rollout {command} --allow-exec");
    story
        .shell(&line("run job.toml"))
        .exits(3)
        .says("exec:./tok.sh: the program failed");
    // The job is corrected, and the failed entry tried again.
    story.job("[secrets]\npassEnv = ['GIVEN']\n");
    story.shell(&line("resume --failed")).exits(0);
    story.shell(&line("run job.toml --new --force")).exits(0);
}

#[test]
fn a_program_sees_no_secret_of_anybody_else() {
    let mut story = Scenario::of([zscaler("0oa1").token("exec:./tok.sh")]);
    story.set("PATH", &std::env::var("PATH").unwrap());
    // What it and the program that asks it were started with is there for the hunt at the end of the story.
    let seen = story.path("seen");
    let seen = seen.display();
    script(
        &story,
        "tok.sh",
        &format!(
            "cat /proc/$$/environ /proc/$$/cmdline /proc/$PPID/cmdline >> {seen}; echo {APP_TOKEN}"
        ),
    );
    story
        .okta_rollout(&["run", "job.toml", "--allow-exec"])
        .exits(0);
    let seen = std::fs::read(story.path("seen")).unwrap();
    for part in ["PATH=", "tok.sh", "--allow-exec"] {
        let there = seen
            .windows(part.len())
            .any(|bytes| bytes == part.as_bytes());
        assert!(there, "{part}: {}", String::from_utf8_lossy(&seen));
    }
}

/// A program that prints nothing for long, with a child; who opens `begun` learns of both once they are there.
fn hangs(story: &Scenario) {
    story.shell("mkfifo begun").exits(0);
    let begun = story.path("begun");
    script(
        story,
        "hang.sh",
        &format!("sleep 600 & echo $$ $! > {}; wait", begun.display()),
    );
}

/// Waits until none of these processes is left; one that is dead may not yet be taken note of.
fn are_gone(processes: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    for id in processes.split_whitespace() {
        let status = format!("/proc/{id}/status");
        while std::fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tZ")) {
            assert!(Instant::now() < until, "{id} of {processes} is still there");
            std::thread::yield_now();
        }
    }
}

#[test]
fn programs_end_with_the_command_that_is_interrupted() {
    let mut story = Scenario::of([zscaler("0oa1")]);
    story.set("PATH", &std::env::var("PATH").unwrap());
    hangs(&story);
    let auth = json!({ "apiToken": "exec:./hang.sh" });
    let orgs = json!({ "acme": { "url": story.url("acme"), "auth": auth } });
    story.write("orgs.json", &orgs.to_string());
    let apps = json!({ "apps": [zscaler("0oa1").json()] });
    story.write("m.json", &apps.to_string());
    let with_orgs = ["--orgs", "orgs.json", "--allow-exec"];
    for (command, signal, code) in [
        (&["run", "m.json"][..], "INT", 130),
        (&["run", "m.json"], "TERM", 143),
        (&["plan", "m.json"], "INT", 130),
        (&["plan", "m.json"], "TERM", 143),
        (&["export", "--org", "acme", "-o", "x.json"], "INT", 130),
    ] {
        let mut live = story.begin(&[command, &with_orgs].concat());
        let processes = std::fs::read_to_string(story.path("begun")).unwrap();
        live.signal(signal);
        assert_eq!(live.ends(), Some(code), "{command:?}: {}", live.said());
        are_gone(&processes);
    }
    std::fs::remove_file(story.path("begun")).unwrap();
    assert!(story.calls("acme").is_empty());
}

#[test]
fn programs_end_with_a_run_that_is_interrupted_twice() {
    let mut story = Scenario::of([zscaler("0oa1").token("exec:./hang.sh")]);
    story.set("PATH", &std::env::var("PATH").unwrap());
    hangs(&story);
    let mut live = story.begin(&["run", "job.toml", "--allow-exec"]);
    let processes = std::fs::read_to_string(story.path("begun")).unwrap();
    // Two of one kind could be taken for one.
    live.signal("INT");
    live.signal("TERM");
    let code = live.ends();
    assert!(matches!(code, Some(130 | 143)), "{code:?}: {}", live.said());
    are_gone(&processes);
    std::fs::remove_file(story.path("begun")).unwrap();
}
