//! Whose answers are taken: whatever other runs and ledgers there are, and whenever the rest of their entries is done.

use serde_json::{Value, json};

use super::field;
use crate::support::{Scenario, google, slack, user, zscaler};

/// What Okta's page would show for a consent that nobody asked for.
fn stray(story: &Scenario) -> String {
    let manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(story.path("m.json")).unwrap()).unwrap();
    let acme = manifest["orgs"]["acme"]["url"].as_str().unwrap();
    format!("{acme}/api/v1/apps/google/0oa1/oauth2/callback?code=c0de&state=s7a7e")
}

/// Leaves all but the last entry in `m.json`; that is in `later.json`.
fn split(story: &Scenario) {
    let text = std::fs::read_to_string(story.path("m.json")).unwrap();
    let mut first: Value = serde_json::from_str(&text).unwrap();
    let last = first["apps"].as_array_mut().unwrap().pop().unwrap();
    let later = json!({ "orgs": first["orgs"], "apps": [last] });
    story.write("m.json", &first.to_string());
    story.write("later.json", &later.to_string());
}

/// The link of an app's entry, in this ledger.
fn link(story: &Scenario, ledger: &str, app: &str) -> String {
    let list = ["consent", "list", "--format", "json", "--ledger", ledger];
    let list = story.okta_rollout(&list).exits(0).json();
    let mut consents = list.as_array().unwrap().iter();
    let consent = consents.find(|consent| consent["app"] == app);
    consent.unwrap()["authorizeUrl"]
        .as_str()
        .unwrap()
        .to_owned()
}

const LEDGER: &str = ".okta-rollout/ledger.db";

#[test]
fn a_ledger_without_runs_waits_for_no_answer() {
    let story = Scenario::of([google("0oa1")]);
    story.job("[schedule]\ncron = '0 2 * * *'\n");
    let mut desk = story.desk(&["serve", "job.toml"]);
    desk.live.says("job.toml: next");
    desk.enter();
    let told = desk.hand_in(&stray(&story)).told("alert");
    assert!(told.contains("no entry waits for this state"), "{told}");
    drop(desk);
    assert!(story.ledger().exists());
    story
        .fed(&["consent", "complete"], &stray(&story))
        .exits(2)
        .says("no entry waits for this state");
}

#[test]
fn an_answer_goes_by_the_job_of_its_own_run() {
    let story = Scenario::of([
        google("0oa1").feature(user()),
        slack("0oa2"),
        zscaler("0oa3"),
    ]);
    split(&story);
    story.run().exits(4);
    story.write("later.toml", "manifest = 'later.json'\n");
    story.okta_rollout(&["run", "later.toml"]).exits(0);
    // Whatever has become of that of the newest run.
    story.write("later.toml", "nonsense = 1\n");
    let page = story.approve(&link(&story, LEDGER, "google"));
    let answered = story.fed(&["consent", "complete"], &page).exits(0);
    answered.says("acme/google (row 1): accepted");
    let mut desk = story.desk(&["serve"]);
    desk.enter();
    let page = story.approve(&link(&story, LEDGER, "slack"));
    // But not against its own.
    let job = std::fs::read_to_string(story.path("job.toml")).unwrap();
    story.write("job.toml", "nonsense = 1\n");
    let told = desk.hand_in(&page).told("alert");
    assert!(told.contains("job.toml: 2 mistakes"), "{told}");
    story.write("job.toml", &job);
    let told = desk.hand_in(&page).told("status");
    assert!(told.contains("acme/slack (row 2): accepted"), "{told}");
    desk.live.says("acme/slack (row 2): done");
}

#[test]
fn an_answer_is_taken_when_the_job_of_its_run_is_gone() {
    let story = Scenario::of([google("0oa1").feature(user())]);
    story.run().exits(4);
    let page = story.approve(&story.link());
    std::fs::remove_file(story.path("job.toml")).unwrap();
    let mut desk = story.desk(&["serve"]);
    desk.enter();
    let told = desk.hand_in(&page).told("status");
    assert!(told.contains("acme/google (row 1): accepted"), "{told}");
    desk.live.says("the defaults hold");
    desk.live.says("acme/google (row 1): done");
}

#[test]
fn an_entry_whose_answer_came_in_elsewhere_goes_on_under_serve() {
    let story = Scenario::of([
        google("0oa1").feature(user()),
        slack("0oa2"),
        zscaler("0oa3").missing(),
    ]);
    story.run().exits(3);
    let complete = |app: &str| {
        let page = story.approve(&link(&story, LEDGER, app));
        story.fed(&["consent", "complete"], &page).exits(0);
    };
    // Before it was there.
    complete("google");
    story.calls("acme");
    let mut desk = story.desk(&["serve"]);
    desk.live.says("acme/google (row 1): done");
    assert_eq!(
        story.calls("acme"),
        [
            "POST …/connections/default/lifecycle/activate",
            "PUT …/features/USER_PROVISIONING"
        ]
    );
    // And while it is.
    complete("slack");
    desk.live.says("acme/slack (row 2): done");
    let totals = &story.report()["totals"];
    assert_eq!(
        (&totals["changed"], &totals["failed"]),
        (&json!(2), &json!(1))
    );
}

#[test]
fn what_became_of_an_answer_whose_process_died_is_found_out_under_serve() {
    let story = Scenario::of([google("0oa1"), slack("0oa2")]);
    story.run().exits(4);
    let page = story.approve(&link(&story, LEDGER, "google"));
    story.write("answers.txt", &page);
    story.dies_after(1, &["consent", "complete", "--file", "answers.txt"]);
    // Longer than any call takes.
    story.time_passes(120_000);
    let mut desk = story.desk(&["serve"]);
    // It never arrived: there is a fresh link.
    desk.live.says("acme/google (row 1): waiting");
    desk.enter().is(200).shows("2 entries wait for a consent");
    let page = story.approve(&link(&story, LEDGER, "google"));
    let told = desk.hand_in(&page).told("status");
    assert!(told.contains("acme/google (row 1): accepted"), "{told}");
    desk.live.says("acme/google (row 1): done");
}

#[test]
fn answers_for_several_ledgers_are_told_each_once() {
    let story = Scenario::of([google("0oa1"), slack("0oa2")]);
    split(&story);
    std::os::unix::fs::symlink(".", story.path("again")).unwrap();
    for (job, manifest, ledger) in [
        ("a.toml", "m.json", "a.db"),
        ("b.toml", "later.json", "b.db"),
        // The same under another name.
        ("c.toml", "m.json", "again/a.db"),
    ] {
        let text = format!("manifest = '{manifest}'\n[ledger]\npath = '{ledger}'\n");
        story.write(job, &text);
    }
    for job in ["a.toml", "b.toml"] {
        story.okta_rollout(&["run", job]).exits(4);
    }
    let pages = [("a.db", "google"), ("b.db", "slack")];
    let pages = pages.map(|(ledger, app)| story.approve(&link(&story, ledger, app)));
    let mut desk = story.desk(&["serve", "a.toml", "b.toml", "c.toml"]);
    desk.enter().is(200).shows("2 entries wait for a consent");
    // All on one line.
    let all = format!("{} {} {}", pages[0], stray(&story), pages[1]).replace('\n', " ");
    let told = desk.hand_in(&all);
    let (good, bad) = (told.told("status"), told.told("alert"));
    for name in ["acme/google (row 1)", "acme/slack (row 1)"] {
        assert!(good.contains(&format!("{name}: accepted")), "{good}");
    }
    assert_eq!(bad.matches("not sent").count(), 1, "{bad}");
    assert!(bad.contains("no entry waits for this state"), "{bad}");
    for _ in 0..2 {
        desk.live.says("(row 1): done");
    }
    // Once more: the one that knows it says so, and the other one nothing.
    let told = desk.hand_in(&pages[0]);
    assert!(told.told("status").contains("accepted before"));
    assert_eq!(told.told("alert"), "");
}

#[test]
fn links_for_an_org_stay_revoked_by_whomever_and_whoever_serves_them() {
    let story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    let desk = story.desk(&["serve"]);
    desk.enter().is(200);
    let share = |more: &[&str]| {
        let all = [&["consent", "share", "acme"][..], more].concat();
        story.okta_rollout(&all).exits(0).data()
    };
    let path = |link: &str| link.trim().strip_prefix(&desk.base).unwrap().to_owned();
    // One after the other, as fast as it goes.
    let revoked = path(&share(&[]));
    share(&["--revoke"]);
    let good = path(&share(&[]));
    let is = |desk: &crate::support::Desk, path: &str, status: u16| {
        desk.ask("GET", path, &[], "").is(status);
    };
    is(&desk, &revoked, 410);
    is(&desk, &good, 200);
    drop(desk);
    let desk = story.desk(&["serve"]);
    is(&desk, &revoked, 410);
    is(&desk, &good, 200);
    desk.enter();
    let mut form = desk.get("/consents?org=acme").is(200).form("/share");
    form.push(field("do", "revoke"));
    desk.post("/share", &form).is(200).shows("revoked");
    is(&desk, &good, 410);
}
