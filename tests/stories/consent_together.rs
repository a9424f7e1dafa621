//! Many answers at once: nobody's one-time code waits for anybody else's.

use std::time::Duration;

use okta_rollout::sandbox::{Latency, Period, Switches};
use serde_json::json;

use crate::consent::url_in;
use crate::support::{Scenario, google};

const CALLBACK: &str = "POST …/oauth2/callback";

/// Acme takes an hour for a call from now on, which no time-out ends while a story lasts.
fn acme_hangs(story: &Scenario) {
    let hour = Latency::Fixed(Period(Duration::from_hours(1)));
    let hangs = Switches {
        latency: Some(hour),
        ..Switches::default()
    };
    story.switch("acme", hangs);
}

/// Two orgs of two entries each, and a job whose calls may take long.
fn two_orgs() -> Scenario {
    let story = Scenario::of([
        google("0oa1"),
        google("0oa2"),
        google("0oa3").at("globex"),
        google("0oa4").at("globex"),
    ]);
    story.job("[http]\ntimeout = '10min'\n");
    story.run().exits(4);
    story
}

/// The answers to everything that waits, in the manifest's order.
fn answers(story: &Scenario) -> Vec<String> {
    let link = |consent: &serde_json::Value| consent["authorizeUrl"].as_str().unwrap().to_owned();
    let links: Vec<_> = story.consents().iter().map(link).collect();
    links.iter().map(|link| story.approve(link)).collect()
}

#[test]
fn an_org_that_hangs_holds_up_nobody_elses_answers() {
    let story = two_orgs();
    story.write("answers.json", &answers(&story).join("\n"));
    story.calls("globex");
    acme_hangs(&story);
    let mut command = story.begin(&["consent", "complete", "--file", "answers.json"]);
    // Told while the calls to acme, whose answers come first in the file, have not ended.
    for _ in 0..2 {
        command.says(": accepted");
    }
    assert_eq!(story.calls("globex"), [CALLBACK; 2]);
    command.signal("INT");
    command.says("interrupted before Okta answered");
    command.says("4 answers: 2 accepted, 2 held back");
    assert_eq!(command.ends(), Some(130));
}

#[test]
fn an_org_that_hangs_holds_up_nobody_elses_fresh_links() {
    let story = two_orgs();
    let by_hand = url_in(&answers(&story)[3]);
    let path = &by_hand[by_hand.find("/api").unwrap()..];
    story.somebody_else("globex", "POST", path, &json!({}));
    let activate = "/api/v1/apps/0oa4/connections/default/lifecycle/activate";
    story.somebody_else("globex", "POST", activate, &json!({}));
    acme_hangs(&story);
    let mut command = story.begin(&["consent", "refresh"]);
    command.says("globex/google (row 4): needs no consent any more");
    command.signal("KILL");
}

#[test]
fn many_answers_for_one_org_all_arrive_once() {
    const MANY: usize = 120;
    let story = Scenario::of((0..MANY).map(|no| google(&format!("0oa{no}"))));
    story.run().exits(4);
    let mut pages = answers(&story);
    assert_eq!(pages.len(), MANY);
    pages.extend_from_within(..3);
    story.calls("acme");
    let ran = story.fed(&["consent", "complete"], &pages.join("\n"));
    let ran = ran.exits(0).says("120 answers: 120 accepted");
    assert_eq!(ran.said().matches("): accepted;").count(), MANY);
    assert_eq!(story.calls("acme"), vec![CALLBACK; MANY]);
    story.run().exits(0);
    assert_eq!(story.report()["totals"]["changed"], MANY);
}

#[test]
fn a_lost_answer_is_told_and_looked_at_while_the_others_go_through() {
    let lost = "limit = 0\n[[faults.rules]]\nfault = 'lostAnswer'\nmethod = 'POST'\n\
                path = '*/oauth2/callback'\n";
    let story = Scenario::with(lost, [google("0oa1"), google("0oa2")]);
    story.job("[http]\ntimeout = '2s'\n");
    story.run().exits(4);
    let answers = answers(&story).join("\n");
    let ran = story.fed(&["consent", "complete"], &answers).exits(0);
    let said = ran.says("2 answers: 2 accepted").said();
    let asked_again = said.find("Okta is asked again in").unwrap();
    let first_accepted = said.find("): accepted;").unwrap();
    let last_accepted = said.rfind("): accepted;").unwrap();
    assert!(asked_again < last_accepted, "{said}");
    assert!(first_accepted < last_accepted, "{said}");
    let calls = story.calls("acme");
    let callbacks = calls.iter().filter(|call| *call == CALLBACK);
    assert_eq!(callbacks.count(), 2, "none is sent twice");
}
