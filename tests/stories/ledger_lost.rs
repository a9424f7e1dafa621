//! A person's `run` on a ledger that others share, which is lost meanwhile: it goes on by itself, or where others took it
//! over it says what that came to.

use std::time::Duration;

use crate::postgres_server::{Server, server};
use crate::support::{Entry, Live, Scenario, user, zscaler};
use crate::work::{end_session, status, until, with_entries, worker};

const ORGS: usize = 6;
const EACH: usize = 12;

fn org(no: usize) -> String {
    format!("org{no}")
}

/// A run of a while, with a call at a time in each org; and its ledger.
fn of(entries: impl IntoIterator<Item = Entry>) -> (Scenario, String) {
    let mut story = with_entries("limit = 0\nlatency = '200ms'", entries);
    story.job("[limits]\nmaxInFlight = 1\n");
    let url = server().empty();
    story.set("OKTA_ROLLOUT_LEDGER", &url);
    (story, url)
}

pub fn many() -> (Scenario, String) {
    with_each(EACH)
}

fn with_each(each: usize) -> (Scenario, String) {
    let entry = |no: usize| zscaler(&format!("0oz{no}")).at(&org(no % ORGS));
    of((0..ORGS * each).map(|no| entry(no).feature(user())))
}

pub fn posts(story: &Scenario) -> usize {
    let of = |no| story.answered(&org(no)).into_iter();
    let all = (0..ORGS).flat_map(of);
    all.filter(|(call, _)| call.starts_with("POST")).count()
}

pub fn begun(story: &Scenario, more: usize) {
    let before = posts(story);
    until("it is at work", Duration::from_secs(30), || {
        posts(story) >= before + more
    });
}

/// Every entry was set, and no more of them twice than there were calls under way.
pub fn assert_done(story: &Scenario, lost: usize) {
    assert_all_done(story, (ORGS * EACH, lost));
}

fn assert_all_done(story: &Scenario, (entries, lost): (usize, usize)) {
    let totals = &status(story)["totals"];
    assert_eq!(totals["changed"], entries, "{totals}");
    let posts = posts(story);
    let most = entries + lost * ORGS;
    assert!((entries..=most).contains(&posts), "{posts}");
}

#[test]
fn it_goes_on_however_often_its_session_is_ended() {
    let (story, ledger) = many();
    let mut run = story.begin(&["run", "job.toml", "--format", "json"]);
    for _ in 0..2 {
        begun(&story, ORGS);
        end_session(&ledger);
        run.says("everything stops here until it can be used again");
        run.says("can be used again");
    }
    assert_eq!(run.ends(), Some(0), "{}", run.said());
    assert_done(&story, 2);
    assert_eq!(status(&story)["state"], "settled");
}

#[test]
fn it_goes_on_once_postgresql_is_back() {
    let (mut story, _) = many();
    let alone = Server::start();
    story.set("OKTA_ROLLOUT_LEDGER", &alone.empty());
    let mut run = story.begin(&["run", "job.toml"]);
    begun(&story, ORGS);
    alone.run("pg_ctl", &["stop", "-s", "-m", "immediate", "-D"]);
    run.says("everything stops here");
    let stopped = posts(&story);
    std::thread::sleep(Duration::from_secs(3));
    // Calls under way are let end.
    assert!(posts(&story) <= stopped + ORGS, "it sends nothing");
    alone.go();
    run.says("can be used again");
    assert_eq!(run.ends(), Some(0), "{}", run.said());
    assert_done(&story, 1);
}

#[test]
fn it_ends_at_a_signal_while_nothing_is_there() {
    let (mut story, _) = many();
    let alone = Server::start();
    story.set("OKTA_ROLLOUT_LEDGER", &alone.empty());
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut run = story.begin(&["run", "job.toml"]);
        begun(&story, ORGS);
        alone.run("pg_ctl", &["stop", "-s", "-m", "fast", "-D"]);
        run.says("everything stops here");
        run.signal(signal);
        assert_eq!(run.ends(), Some(code), "{}", run.said());
        assert!(run.said().contains("was broken off"), "{}", run.said());
        assert!(run.said().contains("okta-rollout resume"), "{}", run.said());
        alone.go();
        alone.wait();
    }
    story.okta_rollout(&["resume"]).exits(0);
    assert_done(&story, 2);
}

#[test]
fn it_stands_still_and_says_what_all_came_to_whoever_did_it_meanwhile() {
    let (story, _) = many();
    let mut run = story.begin(&["run", "job.toml"]);
    begun(&story, ORGS);
    run.signal("STOP");
    let mut other = worker(&story);
    begun(&story, ORGS);
    run.signal("CONT");
    run.says("can be used again");
    assert_eq!(run.ends(), Some(0), "{}", run.said());
    let said = run.said();
    assert!(said.contains(&format!("{} changed", ORGS * EACH)), "{said}");
    assert_done(&story, 1);
    other.signal("TERM");
    assert_eq!(other.ends(), Some(0), "{}", other.said());
}

/// Has a run led by another process, once the session of the one that stands still has ended.
fn taken_over(story: &Scenario) -> Live {
    loop {
        let mut other = story.begin(&["resume"]);
        std::thread::sleep(Duration::from_millis(500));
        if other.ended().is_none() {
            return other;
        }
    }
}

#[test]
fn while_others_have_the_run_it_waits_and_a_signal_ends_that() {
    const EACH: usize = 40;
    let (story, _) = with_each(EACH);
    let mut run = story.begin(&["run", "job.toml"]);
    begun(&story, ORGS);
    run.signal("STOP");
    let mut other = taken_over(&story);
    run.signal("CONT");
    run.says("goes on with pid");
    run.signal("TERM");
    assert_eq!(run.ends(), Some(143), "{}", run.said());
    other.signal("STOP");
    let mut third = taken_over(&story);
    other.signal("CONT");
    other.says("goes on with pid");
    assert_eq!(other.ends(), Some(0), "{}", other.said());
    assert_eq!(third.ends(), Some(0), "{}", third.said());
    let said = other.said();
    assert!(said.contains("changed"), "{said}");
    assert_all_done(&story, (ORGS * EACH, 2));
}

#[test]
fn what_was_set_back_once_is_not_set_back_again() {
    const FAILS: usize = 24;
    let fails = |no: usize| zscaler(&format!("0oz{no}")).at(&org(no % ORGS)).missing();
    let (story, ledger) = of((0..FAILS).map(fails));
    story.okta_rollout(&["run", "job.toml"]).exits(3);
    let calls = || {
        (0..ORGS)
            .map(|no| story.answered(&org(no)).len())
            .sum::<usize>()
    };
    let each = calls();
    let mut again = story.begin(&["resume", "--only", "failed"]);
    until("half of it", Duration::from_secs(30), || {
        calls() >= each + each / 2
    });
    end_session(&ledger);
    assert_eq!(again.ends(), Some(3), "{}", again.said());
    let totals = &status(&story)["totals"];
    assert_eq!(totals["failed"], FAILS, "{totals}");
    let (calls, most) = (calls(), 2 * each + 2 * ORGS);
    assert!((2 * each..=most).contains(&calls), "{calls} of {each}");
}
