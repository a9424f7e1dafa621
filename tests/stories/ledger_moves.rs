//! A ledger that is moved while a rollout is half done: what people then do, wherever it was and is.

use okta_rollout::sandbox::Switches;
use serde_json::json;

use crate::support::{Entry, Scenario, google, user, zscaler};

/// Where a story moves its ledger.
enum There {
    File,
    #[cfg(feature = "postgres")]
    Postgres,
}

impl There {
    fn ledger(&self) -> String {
        match self {
            Self::File => "state/moved.db".to_owned(),
            #[cfg(feature = "postgres")]
            Self::Postgres => crate::postgres_server::server().empty(),
        }
    }
}

const HERE: &str = ".okta-rollout/ledger.db";

fn rows() -> [Entry; 4] {
    [
        zscaler("0oa1").feature(user()),
        google("0oa2"),
        zscaler("0oa3").at("globex"),
        zscaler("0oa4").at("globex"),
    ]
}

/// A run with what was done, what failed and a consent that is waited for.
fn half_done() -> Scenario {
    let mut story = Scenario::of(rows());
    let home = story.path("home");
    std::fs::create_dir_all(&home).unwrap();
    story.set("HOME", home.to_str().unwrap());
    let revoked = Switches {
        revoked_token: true,
        ..Switches::default()
    };
    story.switch("globex", revoked);
    story.run().exits(3);
    story.switch("globex", Switches::default());
    story
}

fn posts(story: &Scenario) -> usize {
    let calls = [story.calls("acme"), story.calls("globex")].concat();
    calls.iter().filter(|call| call.starts_with("POST")).count()
}

fn a_rollout_goes_on_where_its_ledger_is(there: &There) {
    let mut story = half_done();
    let to = there.ledger();
    let report = story.report();
    story
        .okta_rollout(&["ledger", "move", HERE, &to])
        .exits(0)
        .says("1 run with 4 entries moved to ")
        .says("okta-rollout status --ledger ");
    // What it left can be read, and says where it is.
    for command in [
        &["status"][..],
        &["runs"],
        &["report"],
        &["consent", "list"],
    ] {
        story.okta_rollout(command).exits(0).says("was moved to ");
    }
    assert_eq!(story.report(), report);
    let answer = story.approve(&story.link());
    for command in [
        &["run", "job.toml"][..],
        &["resume"],
        &["consent", "refresh"],
        &["runs", "prune", "--keep", "1"],
        &["rotate-key"],
        &["ledger", "move", HERE, "elsewhere.db"],
    ] {
        let refused = story.okta_rollout(command).exits(2);
        let refused = refused.says("was moved to ").says("nothing was changed");
        refused.says("--ledger ");
    }
    story.fed(&["consent", "complete"], &answer).exits(2);
    assert!(!story.path("elsewhere.db").exists());
    let doctor = story.okta_rollout(&["doctor", "job.toml"]).exits(3);
    doctor.says("was moved to ");
    // There it goes on.
    story.set("OKTA_ROLLOUT_LEDGER", &to);
    assert_eq!(story.report(), report);
    posts(&story);
    story.fed(&["consent", "complete"], &answer).exits(0);
    story.okta_rollout(&["resume"]).exits(0);
    let report = story.report();
    assert_eq!(report["totals"]["failed"], json!(0), "{report}");
    assert!(posts(&story) > 0);
    // Fingerprints are known: nothing is set again.
    story.run().exits(0).says("4 unchanged");
    assert_eq!(posts(&story), 0);
    let runs = story.okta_rollout(&["runs", "--format", "json"]);
    assert_eq!(runs.exits(0).json().as_array().unwrap().len(), 2);
    // Back to a new file only.
    let back = story.okta_rollout(&["ledger", "move", &to, HERE]);
    back.exits(2).says("was moved to ").says("not a ledger yet");
    story
        .okta_rollout(&["ledger", "move", &to, "back.db"])
        .exits(0);
    story.set("OKTA_ROLLOUT_LEDGER", "back.db");
    story.run().exits(0).says("4 unchanged");
    assert_eq!(posts(&story), 0);
}

/// Wherever it is cut off, the same command moves it, or what is left of that.
fn a_move_that_is_cut_off_is_made_again(there: &There) {
    let mut story = half_done();
    is_moved_in_the_end(&mut story, HERE, &there.ledger());
    story.okta_rollout(&["resume"]).exits(4);
}

fn is_moved_in_the_end(story: &mut Scenario, from: &str, to: &str) {
    let command = ["ledger", "move", from, to];
    let report = story.report();
    let mut steps = 1;
    let moved = loop {
        let there = story.okta_rollout(&["status", "--ledger", to]);
        if there.code() == Some(0) {
            // The last death was after all of it had arrived.
            assert!(!there.said().contains("was moved to"));
            break story.okta_rollout(&command).exits(0);
        }
        assert!(steps < 100);
        story.dies_after(steps, &command);
        // Nothing happened, or nobody would know it.
        assert_eq!(story.report(), report);
        let status = story.okta_rollout(&["status"]).exits(0);
        assert!(!status.said().contains("was moved to"));
        steps += 1;
    };
    moved.says("by a command that was cut off");
    story
        .okta_rollout(&["resume"])
        .exits(2)
        .says("was moved to ");
    story.set("OKTA_ROLLOUT_LEDGER", to);
    assert_eq!(story.report(), report);
}

/// Cut off at the very end and worked on here, it is in two places: nobody may choose silently.
fn what_was_worked_on_after_it_had_arrived_is_not_closed(there: &There) {
    let story = half_done();
    let to = there.ledger();
    let command = ["ledger", "move", HERE, &to];
    let mut steps = 1;
    while story
        .okta_rollout(&["status", "--ledger", &to])
        .code()
        .is_some_and(|code| code != 0)
    {
        story.dies_after(steps, &command);
        steps += 1;
    }
    story.okta_rollout(&["resume"]).exits(4);
    let refused = story.okta_rollout(&command).exits(2);
    refused.says("was worked on since");
    story.okta_rollout(&["consent", "refresh"]);
    story.okta_rollout(&["resume"]).exits(4);
}

#[test]
fn a_rollout_goes_on_in_another_file() {
    a_rollout_goes_on_where_its_ledger_is(&There::File);
}

#[test]
fn a_move_to_a_file_that_is_cut_off_is_made_again() {
    a_move_that_is_cut_off_is_made_again(&There::File);
}

#[test]
fn what_was_worked_on_after_it_had_arrived_in_a_file_is_not_closed() {
    what_was_worked_on_after_it_had_arrived_is_not_closed(&There::File);
}

#[cfg(feature = "postgres")]
#[test]
fn a_rollout_goes_on_on_postgresql() {
    a_rollout_goes_on_where_its_ledger_is(&There::Postgres);
}

#[cfg(feature = "postgres")]
#[test]
fn a_move_to_postgresql_that_is_cut_off_is_made_again() {
    a_move_that_is_cut_off_is_made_again(&There::Postgres);
}

#[cfg(feature = "postgres")]
#[test]
fn a_move_from_postgresql_that_is_cut_off_is_made_again() {
    let mut story = half_done();
    let (there, then) = (There::Postgres.ledger(), There::Postgres.ledger());
    story
        .okta_rollout(&["ledger", "move", HERE, &there])
        .exits(0);
    story.set("OKTA_ROLLOUT_LEDGER", &there);
    is_moved_in_the_end(&mut story, &there, "back.db");
    story
        .okta_rollout(&["ledger", "move", "back.db", &then])
        .exits(0);
    story.set("OKTA_ROLLOUT_LEDGER", &then);
    is_moved_in_the_end(&mut story, &then, &There::Postgres.ledger());
    story.okta_rollout(&["resume"]).exits(4);
}

#[cfg(feature = "postgres")]
#[test]
fn what_was_worked_on_after_it_had_arrived_on_postgresql_is_not_closed() {
    what_was_worked_on_after_it_had_arrived_is_not_closed(&There::Postgres);
}

#[test]
fn simulated_orgs_move_along() {
    let mut story = Scenario::of([]);
    let apps = [json!({ "org": "own", "app": "zscalerbyz", "label": "Z",
        "connection": { "baseUrl": "https://z.example", "profile": { "authScheme": "TOKEN",
            "token": "file:secrets/app-token" } } })];
    let manifest = json!({ "orgs": { "own": { "url": "sandbox" } }, "apps": apps });
    story.write("own.json", &manifest.to_string());
    story.okta_rollout(&["run", "own.json"]).exits(0);
    story
        .okta_rollout(&["ledger", "move", HERE, "moved.db"])
        .exits(0);
    story.set("OKTA_ROLLOUT_LEDGER", "moved.db");
    let plan = story.okta_rollout(&["run", "own.json"]);
    plan.exits(0).says("1 unchanged");
}
