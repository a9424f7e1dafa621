//! Which ledger a command works on: flag, environment, job, or the one in the current folder; and that nobody gets a new
//! one without a word.

use std::path::PathBuf;

use crate::support::{Ran, Scenario, google, zscaler};

/// A job in a folder of its own, whose ledger is beside that.
fn of_job(more: &str) -> Scenario {
    let story = Scenario::of([zscaler("0oa1"), google("0oa2")]);
    let ledger = "manifest = '../m.json'\n[ledger]\npath = '../state/nightly.db'\n";
    story.write("jobs/nightly.toml", &format!("{ledger}{more}"));
    story
}

fn ledgers(story: &Scenario) -> Vec<PathBuf> {
    let files = story.files().into_iter();
    let ledgers = files.filter(|file| file.extension().is_some_and(|ending| ending == "db"));
    let mut ledgers: Vec<_> = ledgers
        .map(|file| file.strip_prefix(story.path("")).unwrap().to_owned())
        .collect();
    ledgers.sort();
    ledgers
}

/// The commands that it told people to type, without the program's name.
fn told(ran: &Ran) -> Vec<Vec<String>> {
    let said = ran.said();
    let lines = said
        .lines()
        .filter_map(|line| line.split_once("okta-rollout "));
    lines
        .map(|(_, command)| shlex::split(command).unwrap())
        .collect()
}

#[test]
fn a_jobs_ledger_is_the_same_from_every_folder() {
    let story = of_job("");
    let first = story.elsewhere("", &[], &["run", "jobs/nightly.toml"]);
    first
        .exits(4)
        .says("new ledger jobs/../state/nightly.db: nothing is known of earlier runs");
    let calls = story.calls("acme").len();
    assert!(calls > 0);
    for (folder, job) in [
        ("jobs", "nightly.toml"),
        ("cron/at/night", "../../../jobs/nightly.toml"),
    ] {
        let again = story.elsewhere(folder, &[], &["run", job]).exits(4);
        assert!(!again.said().contains("new ledger"), "{}", again.said());
        // Neither token nor consent is posted again.
        let calls = story.calls("acme");
        assert!(
            !calls.iter().any(|call| call.starts_with("POST")),
            "{calls:?}"
        );
        let plan = story.elsewhere(folder, &[], &["plan", job]).exits(0);
        assert!(plan.data().contains("1 as wanted"), "{}", plan.data());
        story.calls("acme");
    }
    assert_eq!(ledgers(&story), [PathBuf::from("state/nightly.db")]);
}

#[test]
fn the_flag_wins_over_the_environment_and_both_over_the_job() {
    let job = ["run", "jobs/nightly.toml"];
    let flag = ["run", "jobs/nightly.toml", "--ledger", "flag.db"];
    let variable = [("OKTA_ROLLOUT_LEDGER", "variable.db")];
    for (arguments, variables, wanted) in [
        (&flag[..], &variable[..], "flag.db"),
        (&flag, &[], "flag.db"),
        (&job, &variable, "variable.db"),
        (&job, &[], "state/nightly.db"),
        (&["run", "job.toml"], &[], ".okta-rollout/ledger.db"),
    ] {
        let story = of_job("");
        story.elsewhere("", variables, arguments).exits(4);
        assert_eq!(ledgers(&story), [PathBuf::from(wanted)], "{arguments:?}");
    }
}

#[test]
fn printed_commands_find_the_ledger_that_they_are_about() {
    let variable = [("OKTA_ROLLOUT_LEDGER", "its own.db")];
    let flag = ["run", "job.toml", "--ledger", "its own.db"];
    for (arguments, variables, is_carried) in [
        (&["run", "jobs/nightly.toml"][..], &[][..], true),
        (&flag, &[], true),
        (&["run", "job.toml"], &variable, false),
        (&["run", "job.toml"], &[], false),
    ] {
        let story = of_job("");
        let ran = story.elsewhere("", variables, arguments).exits(4);
        let told = told(&ran);
        assert_eq!(told.len(), 3, "{}", ran.said());
        for command in &told {
            assert_eq!(
                command.iter().any(|word| word == "--ledger"),
                is_carried,
                "{command:?}"
            );
        }
        // As printed, each finds the run and what waits in it.
        let line = |at: usize| told[at].iter().map(String::as_str).collect::<Vec<_>>();
        let list = story.elsewhere("", variables, &line(0)).exits(0);
        assert!(list.data().contains("acme/google"), "{}", list.data());
        let run = line(0);
        let run = run.last().unwrap();
        story
            .elsewhere("", variables, &line(2))
            .exits(4)
            .says(&format!("run {run} of today goes on"));
    }
}

#[test]
fn a_hint_that_is_kept_in_the_ledger_finds_it_in_reports_too() {
    let story = Scenario::of([zscaler("0oa1").token("file:secrets/bad")]);
    story.write("secrets/bad", "bad-token");
    let at = ["--ledger", "elsewhere/x.db"];
    let with = |command: &[&str]| story.okta_rollout(&[command, &at].concat());
    with(&["run", "job.toml"]).exits(3);
    let report = with(&["report", "--format", "json"]).exits(0).json();
    let hint = report["entries"][0]["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("--ledger elsewhere/x.db"), "{hint}");
    let text = with(&["report"]).exits(0).data();
    assert!(text.contains(hint), "{text}");
    story.write("secrets/bad", "mended");
    let (_, command) = hint.split_once("okta-rollout ").unwrap();
    let words = shlex::split(command).unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    story.okta_rollout(&words).exits(0);
}

#[test]
fn only_a_run_makes_a_ledger() {
    let story = Scenario::of([zscaler("0oa1")]);
    let answer = "https://acme.okta.com/api/v1/apps/google/0oa1/oauth2/callback?code=c&state=s";
    for command in [
        &["resume"][..],
        &["resume", "abcd"],
        &["status"],
        &["report"],
        &["runs"],
        &["runs", "prune", "--keep", "1"],
        &["consent", "list"],
        &["consent", "complete", answer],
        &["consent", "refresh"],
        &["rotate-key"],
    ] {
        for ledger in ["none.db", "empty.db"] {
            story.write("empty.db", "");
            let command = [command, &["--ledger", ledger]].concat();
            story.okta_rollout(&command).exits(2).says("no ledger at");
            assert_eq!(ledgers(&story), [PathBuf::from("empty.db")], "{command:?}");
            assert_eq!(std::fs::metadata(story.path("empty.db")).unwrap().len(), 0);
        }
    }
    for command in ["plan", "check"] {
        story.okta_rollout(&[command, "job.toml"]).exits(0);
    }
    assert_eq!(ledgers(&story), [PathBuf::from("empty.db")]);
    story
        .run()
        .exits(0)
        .says("new ledger .okta-rollout/ledger.db: nothing is known of earlier runs");
    assert!(!story.run().exits(0).said().contains("new ledger"));
}

/// A run that does not begin.
struct NoRun {
    name: &'static str,
    arrange: fn(&mut Scenario),
    arguments: &'static [&'static str],
    code: i32,
    says: &'static str,
}

const RUN: &[&str] = &["run", "job.toml"];

/// Each is refused, or has nothing to do, before anything begins.
const NO_RUNS: [NoRun; 12] = [
    NoRun {
        name: "a mistake in the manifest",
        arrange: |story| story.manifest([zscaler("0oa1").with("nothing", "x".into())]),
        arguments: RUN,
        code: 2,
        says: "1 mistake; nothing was sent",
    },
    NoRun {
        name: "no manifest",
        arrange: |story| std::fs::remove_file(story.path("m.json")).unwrap(),
        arguments: RUN,
        code: 2,
        says: "m.json",
    },
    NoRun {
        name: "a manifest that is no text",
        arrange: |story| story.write_bytes("m.json", b"\xff\xfe\x00"),
        arguments: RUN,
        code: 2,
        says: "1 mistake; nothing was sent",
    },
    NoRun {
        name: "a mistake among the orgs",
        arrange: |story| {
            story.write("o.csv", "org,url\nacme,http://acme.okta.com\n");
            story.job("");
        },
        arguments: &["run", "job.toml", "--orgs", "o.csv"],
        code: 2,
        says: "nothing was sent",
    },
    NoRun {
        name: "a secret that is not there",
        arrange: |story| story.manifest([zscaler("0oa1").token("env:NOT_SET")]),
        arguments: RUN,
        code: 2,
        says: "NOT_SET",
    },
    NoRun {
        name: "a proxy that is none",
        arrange: |story| story.set("HTTPS_PROXY", "not a proxy"),
        arguments: RUN,
        code: 2,
        says: "HTTPS_PROXY",
    },
    NoRun {
        name: "a CA file that is not there",
        arrange: |story| story.job("[http]\ncaFile = 'none.pem'\n"),
        arguments: RUN,
        code: 2,
        says: "none.pem",
    },
    NoRun {
        name: "an org that nobody has",
        arrange: |_| {},
        arguments: &["run", "job.toml", "--only", "org=globex"],
        code: 2,
        says: "no org fits",
    },
    NoRun {
        name: "entries that nobody has",
        arrange: |_| {},
        arguments: &["run", "job.toml", "--only", "app=slack"],
        code: 0,
        says: "no entry matches --only app=slack",
    },
    NoRun {
        name: "a state that none is in",
        arrange: |_| {},
        arguments: &["run", "job.toml", "--only", "failed"],
        code: 0,
        says: "no entry matches --only failed",
    },
    NoRun {
        name: "a plan that does not hold",
        arrange: |story| {
            story
                .okta_rollout(&["plan", "job.toml", "--out", "p.json"])
                .exits(0);
            story.manifest([zscaler("0oa1"), zscaler("0oa2")]);
        },
        arguments: &["run", "--plan", "p.json"],
        code: 2,
        says: "changed since the plan was made",
    },
    NoRun {
        name: "a question that nobody can answer",
        arrange: |_| {},
        arguments: &["run", "job.toml", "--ask"],
        code: 2,
        says: "there is no terminal",
    },
];

#[test]
fn a_run_that_does_not_begin_leaves_no_ledger_behind() {
    for no_run in NO_RUNS {
        let name = no_run.name;
        let mut story = Scenario::of([zscaler("0oa1")]);
        (no_run.arrange)(&mut story);
        let before = story.files();
        for ledger in [&[][..], &["--ledger", "in/a/folder.db"]] {
            let arguments = [no_run.arguments, ledger].concat();
            let said = story.okta_rollout(&arguments).exits(no_run.code).said();
            assert!(said.contains(no_run.says), "{name}: {said}");
            assert!(!said.contains("new ledger"), "{name}: {said}");
            assert_eq!(story.files(), before, "{name}");
            for folder in [".okta-rollout", "in"] {
                assert!(!story.path(folder).exists(), "{name}: {folder}");
            }
        }
        assert!(writes(&story).is_empty(), "{name}");
    }
}

fn writes(story: &Scenario) -> Vec<String> {
    let orgs = story.orgs();
    let calls = orgs.iter().flat_map(|org| story.calls(org));
    calls.filter(|call| !call.starts_with("GET")).collect()
}

#[test]
fn the_first_run_that_begins_says_that_its_ledger_is_new() {
    let story = Scenario::of([zscaler("0oa1").token("env:NOT_SET")]);
    story.run().exits(2);
    story.manifest([zscaler("0oa1")]);
    let new = "new ledger .okta-rollout/ledger.db: nothing is known of earlier runs";
    story.run().exits(0).says(new);
    // One that is refused later is kept as a start that failed.
    story.manifest([zscaler("0oa1").token("env:NOT_SET")]);
    let said = story.run().exits(2).said();
    assert!(!said.contains("new ledger"), "{said}");
    let runs = story.okta_rollout(&["runs", "--format", "json"]).exits(0);
    let runs = runs.json();
    let states = runs.as_array().unwrap().iter().map(|run| &run["state"]);
    assert_eq!(states.collect::<Vec<_>>(), ["failed", "settled"]);
}
