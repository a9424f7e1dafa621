//! Two terminals: a run continues in one while answers are handed in from the other.

use std::time::Duration;

use okta_rollout::sandbox::{Latency, Period, Switches};
use serde_json::json;

use crate::support::{Live, Scenario, google, user, zscaler};

/// An org that takes so long for a call.
fn taking(latency: Duration) -> Switches {
    Switches {
        latency: Some(Latency::Fixed(Period(latency))),
        ..Switches::default()
    }
}

/// A run that acme's google waits in and that a slow globex keeps alive, and the page that acme waits for.
fn alive() -> (Scenario, Live, String) {
    let story = Scenario::of([google("0oa1").feature(user()), zscaler("0oa2").at("globex")]);
    // Nothing in here may be fixed by a time-out.
    story.job("[http]\ntimeout = '10min'\n");
    story.switch("globex", taking(Duration::from_hours(1)));
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("acme/google (row 1): waiting");
    let page = story.approve(&story.link());
    (story, run, page)
}

#[test]
fn a_live_run_leaves_a_call_that_is_under_way_elsewhere_to_its_sender() {
    let (story, mut run, page) = alive();
    story.calls("acme");
    // Long enough for the run to see in the ledger that an answer is being handed in.
    story.switch("acme", taking(Duration::from_secs(3)));
    story.fed(&["consent", "complete"], &page).exits(0);
    story.switch("acme", Switches::default());
    run.says("acme/google (row 1): done");
    assert_eq!(
        story.calls("acme"),
        [
            "POST …/oauth2/callback",
            "POST …/connections/default/lifecycle/activate",
            "PUT …/features/USER_PROVISIONING"
        ]
    );
    run.signal("KILL");
}

#[test]
fn a_live_run_continues_with_an_answer_handed_in_elsewhere() {
    let (story, mut run, page) = alive();
    story.fed(&["consent", "complete"], &page).exits(0);
    // Nobody says `run` or `resume`: the one that lives does the rest.
    run.says("acme/google (row 1): done");
    assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
    let callbacks = story.calls("acme");
    let callbacks = callbacks.iter().filter(|call| call.ends_with("callback"));
    assert_eq!(callbacks.count(), 1);
    run.signal("KILL");
}

#[test]
fn a_live_run_keeps_its_hands_off_a_link_refreshed_elsewhere() {
    let (story, mut run, old) = alive();
    story.okta_rollout(&["consent", "refresh"]).exits(0);
    story.fed(&["consent", "complete"], &old).exits(2);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    run.says("acme/google (row 1): done");
    run.signal("KILL");
}

#[test]
fn status_reports_running_then_interrupted_then_settled() {
    let (story, mut run, page) = alive();
    let state = || {
        let status = story.okta_rollout(&["status", "--format", "json"]).exits(0);
        status.json()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(), "running");
    assert_eq!(story.report()["finishedAt"], serde_json::Value::Null);
    run.signal("KILL");
    assert_eq!(run.ends(), None);
    assert_eq!(state(), "interrupted");
    story.switch("globex", Switches::default());
    story.run().exits(4).says("goes on");
    assert_eq!(state(), "settled");
    story.fed(&["consent", "complete"], &page).exits(0);
    assert_eq!(state(), "interrupted");
    story.okta_rollout(&["resume"]).exits(0);
    assert_eq!(state(), "settled");
    assert_eq!(story.report()["totals"]["changed"], 2);
}

/// A run of an org that the program serves itself, with so many apps to be consented to.
fn attended(apps: usize, sandbox: &str) -> Scenario {
    let story = Scenario::of([]);
    let entry = |no: usize| {
        let (feature, settings) = user();
        json!({ "org": "own", "app": "google", "label": format!("G {no}"),
            "connection": { "profile": { "authScheme": "OAUTH2" } }, "features": { feature: settings } })
    };
    let entries: Vec<_> = (1..=apps).map(entry).collect();
    let manifest = json!({ "orgs": { "own": { "url": "sandbox" } }, "apps": entries });
    story.write("own.json", &manifest.to_string());
    story.write(
        "own.toml",
        &format!("manifest = 'own.json'\n[sandbox]\nconsent = 'auto'\n{sandbox}"),
    );
    story
}

#[test]
fn a_simulated_administrator_gives_every_consent_before_the_run_ends() {
    // The answers to two are lost, and those of one say that something went wrong.
    let faults = "[[sandbox.faults.rules]]\nfault = 'lostAnswer'\npath = '*/callback'\nnth = 3\ntimes = 2\n\
        [[sandbox.faults.rules]]\nfault = 'unavailable'\npath = '*/callback'\nnth = 9\n";
    let story = attended(40, &format!("limit = 0\n{faults}"));
    story.okta_rollout(&["run", "own.toml"]).exits(0);
    let report = story.report();
    let entries = report["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 40);
    for entry in entries {
        assert_eq!(entry["state"], "done", "{entry}");
    }
}

#[test]
fn what_okta_refuses_three_times_is_left_to_people() {
    let story = attended(
        2,
        "limit = 0\n[[sandbox.faults.rules]]\nfault = 'serverError'\npath = '*/callback'\ntimes = 0\n",
    );
    story.okta_rollout(&["run", "own.toml"]).exits(4);
    let sql = rusqlite::Connection::open(story.ledger()).unwrap();
    let calls = |like: &str| {
        let count = "SELECT count(*) FROM call WHERE call LIKE ?1";
        sql.query_row(count, [like], |row| row.get::<_, u32>(0))
            .unwrap()
    };
    let asked = calls("POST %/connections/default");
    assert_eq!((calls("POST %/callback"), asked), (2 * 3, 2 * 4));
}
