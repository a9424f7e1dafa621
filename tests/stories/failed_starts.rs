//! Starts that failed: each is seen in the ledger that its job names, once for as long as nothing changes, beside the run
//! that matters and without what may be a secret.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Scenario, zscaler};

/// Each call of acme takes a while.
const SLOW: &str = "limit = 0\n[switches.acme]\nlatency = '3s'\n";

fn runs_in(story: &Scenario, ledger: &[&str]) -> Vec<Value> {
    let list = [&["runs", "--format", "json"], ledger].concat();
    serde_json::from_value(story.okta_rollout(&list).exits(0).json()).unwrap()
}

fn runs(story: &Scenario) -> Vec<Value> {
    runs_in(story, &[])
}

/// What is wrong with the newest start.
#[track_caller]
fn newest(story: &Scenario) -> (String, u64) {
    let newest = &runs(story)[0];
    assert_eq!(newest["state"], "failed", "{newest}");
    let error = &newest["error"];
    (
        error["message"].as_str().unwrap().to_owned(),
        error["times"].as_u64().unwrap(),
    )
}

#[test]
fn whatever_keeps_a_run_from_beginning_is_seen() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    let run = runs(&story)[0]["run"].as_str().unwrap().to_owned();
    story
        .okta_rollout(&["plan", "job.toml", "--out", "p.json"])
        .exits(0);
    let good = std::fs::read_to_string(story.path("m.json")).unwrap();
    story.write("m.json", &format!("{good} "));
    let job = std::fs::read_to_string(story.path("job.toml")).unwrap();
    story.write(
        "mixed.toml",
        &format!("{job}[[reports]]\nformat = 'text'\npath = '/dev/stdout'\n"),
    );
    for (count, (command, wanted)) in [
        (&["run", "job.toml", "--only", "org=nowhere"][..], "nowhere"),
        (
            &["run", "mixed.toml", "--format", "json"],
            "standard output",
        ),
        (&["run", "job.toml", "--dry-run"], "--dry-run"),
        (&["run", "job.toml", "--ask"], "no terminal"),
        (&["run", "--plan", "p.json"], "m.json"),
        (&["run", "--plan", "gone.json", "job.toml"], "gone.json"),
        (&["resume", "--only", "org=nowhere"], "nowhere"),
    ]
    .iter()
    .enumerate()
    {
        story.okta_rollout(command).exits(2);
        let (message, _) = newest(&story);
        assert!(message.contains(wanted), "{command:?}: {message}");
        assert_eq!(runs(&story).len(), count + 2, "{command:?}");
    }
    // What names no run is no start, and one that failed is its own trace.
    let all = runs(&story);
    let failed = all[0]["run"].as_str().unwrap();
    for command in [&["resume", "zzzz"][..], &["resume", failed], &["run"]] {
        story.okta_rollout(command).exits(2);
        assert_eq!(runs(&story), all, "{command:?}");
    }
    assert_eq!(story.report()["run"], run.as_str());
}

#[test]
fn it_is_in_the_ledger_of_its_job_whatever_is_wrong_there() {
    let story = Scenario::of([zscaler("0oa1")]);
    let own = "[ledger]\npath = 'own.db'\n";
    story.job(own);
    story.run().exits(0);
    let in_own = ["--ledger", "own.db"];
    for (at, broken) in [
        "manifest = 'm.json\n",
        "manifest = m.json\n",
        "x = 1\nmanifest = 'm.json'\nx = 2\n",
    ]
    .iter()
    .enumerate()
    {
        story.write("job.toml", &format!("{broken}{own}"));
        story.run().exits(2);
        let runs = runs_in(&story, &in_own);
        assert_eq!(
            (runs.len(), &runs[0]["state"]),
            (at + 2, &"failed".into()),
            "{broken}"
        );
    }
    assert!(!story.ledger().exists());
}

#[test]
fn the_same_night_after_night_is_one_line() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    let good = std::fs::read_to_string(story.path("m.json")).unwrap();
    story.write("m.json", &good.replace("zscalerbyz", "zscaller"));
    for times in 1..=3 {
        story.run().exits(2);
        assert_eq!(newest(&story).1, times);
    }
    assert_eq!(runs(&story).len(), 2);
    let listed = story.okta_rollout(&["runs"]).exits(0).data();
    assert!(
        listed.contains("did not begin (3 times in a row): "),
        "{listed}"
    );
    // It is no run worth keeping.
    story.write("m.json", &good);
    story.run().exits(0);
    story
        .okta_rollout(&["runs", "prune", "--keep", "2"])
        .exits(0);
    assert_eq!(runs(&story).len(), 3);
    story
        .okta_rollout(&["runs", "prune", "--keep", "1"])
        .exits(0);
    assert_eq!(runs(&story).len(), 1);
}

#[test]
fn status_shows_the_run_that_matters_and_names_the_start_that_failed() {
    let story = Scenario::with(SLOW, [zscaler("0oa1").at("globex")]);
    let status = |story: &Scenario| {
        let json = story.okta_rollout(&["status", "--format", "json"]).exits(0);
        (
            json.json(),
            json.said(),
            story.okta_rollout(&["status"]).exits(0).data(),
        )
    };
    story.write("other.toml", "manifest = 7\n");
    story.run().exits(0);
    let settled = story.report()["run"].clone();
    // It was the last thing that happened: whoever looks sees it, and the run.
    story.okta_rollout(&["run", "other.toml"]).exits(2);
    let (json, _, shown) = status(&story);
    assert_eq!(json["state"], "failed");
    assert!(
        shown.contains("did not begin: other.toml") && shown.contains("expected a text"),
        "{shown}"
    );
    assert!(shown.contains(settled.as_str().unwrap()), "{shown}");
    // The run continues, or another one: that is newer.
    story.okta_rollout(&["resume"]).exits(0);
    let named = "other.toml did not begin at ";
    let (json, said, shown) = status(&story);
    assert_eq!(
        (&json["run"], &json["state"]),
        (&settled, &"settled".into())
    );
    assert!(said.contains(named), "{said}");
    assert!(
        shown.contains(named) && shown.contains("1 entry: 1 "),
        "{shown}"
    );
    // The command that is named shows all of it.
    let (_, command) = shown.split_once("see: okta-rollout ").unwrap();
    let command: Vec<_> = command.lines().next().unwrap().split(' ').collect();
    assert!(
        story
            .okta_rollout(&command)
            .exits(0)
            .data()
            .contains("expected a text")
    );
    // One that works matters most.
    story.manifest([zscaler("0oa2")]);
    let mut live = story.begin(&["run", "job.toml"]);
    live.says("1 entry");
    story.okta_rollout(&["run", "other.toml"]).exits(2);
    let (json, said, shown) = status(&story);
    assert_eq!(json["state"], "running", "{json}");
    assert!(
        said.contains(named) && shown.contains(named),
        "{said}\n{shown}"
    );
    live.signal("KILL");
    assert_eq!(live.ends(), None);
    // Mended, it is named no more.
    story.write("other.toml", "manifest = 'm.json'\n");
    story.switch("acme", okta_rollout::sandbox::Switches::default());
    story.okta_rollout(&["run", "other.toml"]).exits(0);
    let (json, said, shown) = status(&story);
    assert_eq!(
        (&json["file"], &json["state"]),
        (&"other.toml".into(), &"settled".into())
    );
    assert!(
        !said.contains("did not begin") && !shown.contains("did not begin"),
        "{shown}"
    );
}

/// Whether a text is in a file or beside it.
fn is_in(ledger: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(ledger.parent().unwrap()).unwrap();
    let files = files
        .map(|file| file.unwrap().path())
        .filter(|file| file.is_file());
    let mut contents = files.map(|file| std::fs::read(file).unwrap());
    contents.any(|bytes| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

#[test]
fn what_stands_in_a_wrong_place_is_not_kept() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    let good = std::fs::read_to_string(story.path("m.json")).unwrap();
    let password = "hunter2-Tr0ub4dor";
    let job = std::fs::read_to_string(story.path("job.toml")).unwrap();
    for (file, text) in [
        (
            "m.json",
            good.replace("\"zscalerbyz\"", &format!("\"{password}\"")),
        ),
        (
            "m.json",
            good.replace("\"org\":\"acme\"", &format!("\"org\":\"{password}\"")),
        ),
        (
            "m.json",
            good.replace("\"appId\"", &format!("\"{password}\"")),
        ),
        (
            "job.toml",
            job.replace("manifest", &format!("onDrift = '{password}'\nmanifest")),
        ),
        (
            "job.toml",
            job.replace("manifest", &format!("'{password}' = 1\nmanifest")),
        ),
    ] {
        let before = std::fs::read_to_string(story.path(file)).unwrap();
        assert_ne!(before, text);
        story.write(file, &text);
        // Whoever corrects it sees it.
        story.run().exits(2).says(password);
        story.write(file, &before);
        let (message, _) = newest(&story);
        assert!(message.contains("a text of "), "{message}");
        assert!(!is_in(&story.ledger(), password), "{text}");
    }
}

#[test]
fn nobody_waits_long_for_it() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    story.write("job.toml", "manifest = 7\n");
    let other = Connection::open(story.ledger()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    story.run().exits(2);
    // Others wait ten seconds.
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(runs(&story).len(), 1);
}
