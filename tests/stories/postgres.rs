//! Runs whose ledger is on PostgreSQL: as with a file, from any folder of whoever has the key.

use serde_json::json;

use crate::postgres_server::server;
use crate::support::{Scenario, google, user, zscaler};

/// A story with an empty database for its ledger, and a home of its own for the key.
pub fn on_postgres() -> (Scenario, String) {
    let mut story = Scenario::of([
        zscaler("0oa1").feature(user()),
        google("0oa2"),
        zscaler("0oa3").at("globex"),
    ]);
    let url = server().empty();
    story.set("OKTA_ROLLOUT_LEDGER", &url);
    at_home(&mut story, "home");
    (story, url)
}

pub fn at_home(story: &mut Scenario, name: &str) {
    let home = story.path(name);
    std::fs::create_dir_all(&home).unwrap();
    story.set("HOME", home.to_str().unwrap());
}

#[test]
fn a_run_goes_on_where_it_stands_and_nothing_is_set_twice() {
    let (story, _) = on_postgres();
    story.run().exits(4).says("2 changed").says("1 waiting");
    assert!(!story.path(".okta-rollout").exists());
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.okta_rollout(&["resume"]).exits(0);
    let report = story.report();
    let totals = &report["totals"];
    assert_eq!(
        (&totals["changed"], &totals["failed"]),
        (&json!(3), &json!(0))
    );
    let posts = |story: &Scenario| {
        let calls = [story.calls("acme"), story.calls("globex")].concat();
        calls.iter().filter(|call| call.starts_with("POST")).count()
    };
    assert!(posts(&story) > 0);
    story.run().exits(0).says("3 unchanged");
    assert_eq!(posts(&story), 0);
    let runs = story.okta_rollout(&["runs", "--format", "json"]);
    assert_eq!(runs.exits(0).json().as_array().unwrap().len(), 2);
}

#[test]
fn whoever_dies_is_followed_by_whoever_comes_next() {
    let (story, _) = on_postgres();
    story.manifest((0..6).map(|no| zscaler(&format!("0oz{no}")).feature(user())));
    let mut posts = Vec::new();
    for checkpoints in [3, 1, 2] {
        story.dies_after(checkpoints, &["run", "job.toml"]);
        posts.extend(story.calls("acme"));
    }
    story.run().exits(0).says("6 changed");
    posts.extend(story.calls("acme"));
    let runs = story.okta_rollout(&["runs", "--format", "json"]);
    assert_eq!(runs.exits(0).json().as_array().unwrap().len(), 1);
    // What was in flight at a death is looked at or made again, and nothing else.
    let made = posts.iter().filter(|call| call.starts_with("POST")).count();
    assert!((6..=6 + 3 * 4).contains(&made), "{posts:?}");
}

#[test]
fn its_key_is_kept_at_home_and_nobody_sets_secrets_without_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (mut story, url) = on_postgres();
    story.run().exits(4);
    let mut keys = std::fs::read_dir(story.path("home/.okta-rollout")).unwrap();
    let key = keys.find_map(|file| {
        let path = file.unwrap().path();
        (path.extension()? == "key").then_some(path)
    });
    let key = key.unwrap();
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let digits = std::fs::read_to_string(&key).unwrap();
    let dump = server().sql(
        url.rsplit_once('/').unwrap().1,
        "SELECT encode(key_check, 'hex'), * FROM okta_rollout.ledger",
    );
    assert!(!dump.contains(digits.trim()), "{dump}");
    // Another person, or machine.
    at_home(&mut story, "elsewhere");
    story.okta_rollout(&["status"]).exits(0);
    story
        .okta_rollout(&["run", "job.toml", "--new"])
        .exits(2)
        .says("its key is not here: ");
    story
        .okta_rollout(&["work", "--drain"])
        .exits(2)
        .says("its key is not here: ");
    assert_eq!(story.calls("globex").len(), 1, "nothing more was sent");
    // Given the same, it goes on.
    story.set("OKTA_ROLLOUT_LEDGER_KEY", digits.trim());
    story.run().exits(4).says("2 unchanged");
    let runs = |story: &Scenario| {
        let runs = story.okta_rollout(&["runs", "--format", "json"]);
        let runs = runs.exits(0).json();
        let began = runs.as_array().unwrap().iter();
        began.filter(|run| run["state"] != "failed").count()
    };
    let before = runs(&story);
    story.all_calls("acme");
    for (key, said) in [
        ("0".repeat(64), "is not the one that it is used with"),
        ("0".repeat(63), "is not a key of 64 hexadecimal digits"),
    ] {
        story.set("OKTA_ROLLOUT_LEDGER_KEY", &key);
        for command in [
            &["run", "job.toml", "--new"][..],
            &["resume"],
            &["work"],
            &["work", "--drain"],
        ] {
            story.okta_rollout(command).exits(2).says(said);
        }
    }
    // Nobody takes from the others what it cannot work on.
    story.set("OKTA_ROLLOUT_LEDGER_KEY", digits.trim());
    assert_eq!((runs(&story), story.all_calls("acme").len()), (before, 0));
}

#[test]
fn an_address_with_a_secret_in_clear_is_refused_and_not_repeated() {
    let (mut story, _) = on_postgres();
    for url in [
        "postgres://okta:hunter2@127.0.0.1/x",
        "postgresql://okta@127.0.0.1/x?password=hunter2",
    ] {
        story.set("OKTA_ROLLOUT_LEDGER", url);
        let said = story.okta_rollout(&["status"]).exits(2).says("in clear");
        assert!(!said.said().contains("hunter2"));
    }
    // Nothing listens there.
    story.set("OKTA_ROLLOUT_LEDGER", "postgres://okta@127.0.0.1:1/x");
    story.run().exits(2).says("127.0.0.1:1");
    assert_eq!(story.calls("acme").len(), 0);
}
