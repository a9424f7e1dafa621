//! Workers that share a run: each does orgs of its own, and the orgs of one that is gone go on with the others.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::detach::stored;
use crate::hub::{connected, is_complete, pair};
use crate::postgres_server::server;
use crate::support::{Live, Scenario, user, zscaler};
use crate::work::{end_session, status, until, with_entries, worker};

const ORGS: usize = 24;
const EACH: usize = 6;

fn org(no: usize) -> String {
    format!("org{no}")
}

/// A run over many orgs that takes a while.
fn many_orgs() -> Scenario {
    let entries = (0..ORGS).flat_map(|at| {
        (0..EACH).map(move |no| {
            zscaler(&format!("0oz{at}x{no}"))
                .at(&org(at))
                .feature(user())
        })
    });
    let story = with_entries("limit = 0\nlatency = '200ms'", entries);
    story.job("[limits]\nmaxInFlight = 1\n");
    story
}

fn calls(story: &Scenario) -> usize {
    (0..ORGS).map(|at| story.answered(&org(at)).len()).sum()
}

/// Everything was set, and nothing twice but for so many calls.
fn assert_done(story: &Scenario, again: usize) {
    until("all", Duration::from_mins(2), || {
        status(story)["state"] == "settled"
    });
    let status = status(story);
    assert_eq!(status["totals"]["changed"], ORGS * EACH, "{status}");
    let posts: usize = (0..ORGS)
        .map(|at| {
            let calls = story.answered(&org(at));
            calls
                .iter()
                .filter(|(call, _)| call.starts_with("POST"))
                .count()
        })
        .sum();
    assert!(
        (ORGS * EACH..=ORGS * EACH + again).contains(&posts),
        "{posts}"
    );
}

fn workers(story: &Scenario) -> Vec<Value> {
    let workers = story.okta_rollout(&["workers", "--format", "json"]);
    serde_json::from_value(workers.exits(0).json()).unwrap()
}

fn joins(worker: &mut Live) {
    worker.says("with others");
}

#[test]
fn several_workers_share_a_run_and_one_that_is_killed_leaves_its_orgs_to_the_others() {
    let story = many_orgs();
    let first = worker(&story);
    stored(&story, &[]);
    until("calls", Duration::from_secs(20), || calls(&story) > ORGS);
    let (mut second, mut third) = (worker(&story), worker(&story));
    joins(&mut second);
    joins(&mut third);
    let shared = || {
        let workers = workers(&story);
        let holds = |one: &Value| {
            one["partitions"]
                .as_array()
                .is_some_and(|all| all.len() >= 4)
        };
        workers.len() == 3 && workers.iter().all(holds)
    };
    until("a share for each", Duration::from_secs(20), shared);
    let leads = workers(&story);
    let leads = leads.iter().filter(|one| one["leads"] != json!([]));
    assert_eq!(leads.count(), 1);
    let shown = story.okta_rollout(&["workers"]).exits(0).data();
    assert!(
        shown.contains("leads run") && shown.contains(" orgs ("),
        "{shown}"
    );
    second.signal("KILL");
    assert_eq!(second.ends(), None);
    let killed = Instant::now();
    let before: Vec<usize> = (0..ORGS).map(|at| story.answered(&org(at)).len()).collect();
    // Every org that is not done goes on.
    let goes_on = |at: usize| {
        let now = story.answered(&org(at)).len();
        now > before[at] || now >= 2 * EACH
    };
    until("every org goes on", Duration::from_secs(30), || {
        (0..ORGS).all(goes_on)
    });
    println!("all orgs went on {:?} after the kill", killed.elapsed());
    assert_done(&story, ORGS);
    for mut worker in [first, third] {
        worker.signal("TERM");
        assert_eq!(worker.ends(), Some(0), "{}", worker.said());
    }
}

#[test]
fn a_run_is_helped_by_workers_and_returns_once_it_is_settled() {
    let story = many_orgs();
    let mut helps = worker(&story);
    let mut run = story.begin(&["run", "job.toml"]);
    joins(&mut helps);
    assert_eq!(run.ends(), Some(0), "{}", run.said());
    assert_done(&story, 0);
    helps.signal("TERM");
    assert_eq!(helps.ends(), Some(0), "{}", helps.said());
}

#[test]
fn one_that_stands_still_is_taken_over_from_and_stores_nothing_when_it_wakes() {
    let story = many_orgs();
    let first = worker(&story);
    stored(&story, &[]);
    until("calls", Duration::from_secs(20), || calls(&story) > ORGS);
    let mut second = worker(&story);
    joins(&mut second);
    std::thread::sleep(Duration::from_secs(2));
    second.signal("STOP");
    let stopped = Instant::now();
    let before: Vec<usize> = (0..ORGS).map(|at| story.answered(&org(at)).len()).collect();
    let goes_on = |at: usize| {
        let now = story.answered(&org(at)).len();
        now > before[at] || now >= 2 * EACH
    };
    until("every org goes on", Duration::from_secs(30), || {
        (0..ORGS).all(goes_on)
    });
    println!("all orgs went on {:?} after the stop", stopped.elapsed());
    assert_done(&story, ORGS);
    second.signal("CONT");
    // Nothing is left for it, and it is as good as new.
    second.says("can be used again");
    for mut worker in [first, second] {
        worker.signal("TERM");
        assert_eq!(worker.ends(), Some(0), "{}", worker.said());
    }
    assert_done(&story, ORGS);
}

/// Steps in the hub are whoever's who has the hub, and those in a spoke whoever's who has the spoke.
#[test]
fn pairs_over_hub_and_spokes_pass_from_one_worker_to_the_other() {
    const SPOKES: usize = 12;
    let story = with_entries(
        "limit = 0\nlatency = '50ms'",
        (0..SPOKES).map(|at| pair(&org(at))),
    );
    let workers = [worker(&story), worker(&story), worker(&story)];
    stored(&story, &[]);
    until("all", Duration::from_mins(2), || {
        status(&story)["state"] == "settled"
    });
    let totals = status(&story);
    assert_eq!(totals["totals"]["changed"], SPOKES, "{totals}");
    let made = story.service_apps("hub");
    assert_eq!(made.len(), SPOKES);
    assert!(made.iter().all(|(_, app)| is_complete(app)), "{made:?}");
    assert!((0..SPOKES).all(|at| connected(&story, &org(at))));
    let joined = workers.into_iter().map(|mut worker| {
        worker.signal("TERM");
        assert_eq!(worker.ends(), Some(0), "{}", worker.said());
        usize::from(worker.said().contains("with others"))
    });
    assert!(joined.sum::<usize>() > 0, "one did it all");
}

#[test]
fn who_is_idle_is_listed_and_who_has_ended_is_not() {
    let mut story = with_entries("limit = 0", [zscaler("0oa1")]);
    let ledger = server().empty();
    story.set("OKTA_ROLLOUT_LEDGER", &ledger);
    story.okta_rollout(&["run", "job.toml"]).exits(0);
    assert_eq!(workers(&story), [json!(null); 0]);
    story.okta_rollout(&["workers"]).exits(0).says("nobody");
    let mut idle = worker(&story);
    until("it is listed", Duration::from_secs(10), || {
        workers(&story).len() == 1
    });
    let listed = workers(&story).remove(0);
    assert!(
        listed["worker"].as_str().unwrap().starts_with("pid "),
        "{listed}"
    );
    assert_eq!(
        (&listed["leads"], &listed["partitions"]),
        (&json!([]), &json!([]))
    );
    // Also after its session was ended while it had nothing to do.
    for _ in 0..2 {
        end_session(&ledger);
        idle.says("can be used again");
        until("it is listed again", Duration::from_secs(10), || {
            workers(&story).len() == 1
        });
    }
    idle.signal("TERM");
    assert_eq!(idle.ends(), Some(0));
    assert_eq!(workers(&story), [json!(null); 0]);
    // Of a file nobody can be more than one.
    story
        .okta_rollout(&["workers", "--ledger", "ledger.db"])
        .exits(2)
        .says("is a file");
}
