//! What is wrong with one ledger is told beside what the others hold, and whoever has no part in them neither opens, makes
//! nor changes anything.

use std::path::Path;

use super::split;
use crate::support::{Desk, Scenario, google, slack};

const OWN: &str = "manifest = 'own.json'\n[ledger]\npath = 'own/l.db'\n";

/// Two ledgers in which a consent is waited for: the usual one, with acme, and one of its own, with globex.
fn two() -> Scenario {
    let story = Scenario::of([google("0oa1"), slack("0oa2").at("globex")]);
    split(&story);
    story.write("own.toml", OWN);
    story.run().exits(4);
    story.okta_rollout(&["run", "own.toml"]).exits(4);
    story
}

fn serve(story: &Scenario) -> Desk {
    let desk = story.desk(&["serve", "job.toml", "own.toml"]);
    desk.enter();
    desk
}

#[test]
fn a_ledger_that_cannot_be_read_is_told_beside_what_the_others_hold() {
    let story = two();
    std::fs::write(story.path("own/l.db"), "no ledger").unwrap();
    let mut desk = serve(&story);
    let link = story.okta_rollout(&["consent", "share", "acme"]).exits(0);
    let link = link.data().trim().to_owned();
    let share = link.strip_prefix(&desk.base).unwrap();
    for (path, shown) in [
        ("/consents", "1 entry waits"),
        ("/runs", "job.toml"),
        ("/jobs", "own.toml"),
    ] {
        for _ in 0..2 {
            let page = desk.get(path).is(200).shows(shown);
            page.shows("Not everything can be shown").shows("l.db");
        }
    }
    desk.get("/metrics")
        .is(200)
        .shows("okta_rollout_ledgers_unreadable 1")
        .shows("okta_rollout_consents_waiting 1");
    // A run that is not found may be there.
    desk.get("/runs/zzzz").is(503).shows("l.db");
    let run = story.report()["run"].as_str().unwrap().to_owned();
    desk.get(&format!("/runs/{run}")).is(200);
    // Whoever has a link for one org hears nothing of it, and neither does an answer.
    let page = desk.ask("GET", share, &[], "").is(200).shows("acme");
    page.hides("l.db").hides("Not everything");
    let told = desk.hand_in(&story.approve(&story.link()));
    assert!(told.told("status").contains("accepted"), "{}", told.body);
    desk.live.says("acme/google (row 1): done");
}

#[test]
fn what_lies_beside_a_ledger_and_is_broken_hides_nothing() {
    let story = two();
    std::fs::write(story.path("own/l.db.share"), "no key").unwrap();
    std::fs::create_dir(story.path("own/l.db.desk")).unwrap();
    let desk = serve(&story);
    let page = desk.get("/consents").is(200).shows("2 entries wait");
    page.shows("Not everything can be shown")
        .shows("l.db.desk")
        .shows("globex");
    desk.get("/metrics")
        .is(200)
        .shows("okta_rollout_ledgers_unreadable 0");
    desk.get("/runs/zzzz").is(404);
    let link = story.okta_rollout(&["consent", "share", "acme"]).exits(0);
    let link = link.data().trim().to_owned();
    let share = link.strip_prefix(&desk.base).unwrap();
    desk.ask("GET", share, &[], "").is(200).shows("acme");
    // Whether another one is good cannot be known.
    let altered = desk.ask("GET", &format!("{share}x"), &[], "").is(404);
    altered.shows("cannot be looked up").hides("l.db");
}

fn files(folder: &Path) -> Vec<std::ffi::OsString> {
    let all = std::fs::read_dir(folder).unwrap();
    let mut all: Vec<_> = all.map(|file| file.unwrap().file_name()).collect();
    all.sort();
    all
}

#[test]
fn who_has_no_part_in_a_ledger_makes_nothing_of_it() {
    let story = two();
    let desk = serve(&story);
    let folders = [story.path(".okta-rollout"), story.path("own")];
    let before = folders.each_ref().map(|folder| files(folder));
    for path in ["/share/a.b", "/share/eyJ9.eyJ9", "/share/"] {
        desk.ask("GET", path, &[], "").is(404);
    }
    let form = "answers=x&csrf=x";
    desk.ask("POST", "/share/a.b/consents/answers", &[], form)
        .is(404);
    let after = folders.each_ref().map(|folder| files(folder));
    assert_eq!(after, before);
    assert!(before.iter().flatten().all(|file| file != "l.db.share"));
}
