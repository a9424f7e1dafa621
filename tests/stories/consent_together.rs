//! Many answers at once: nobody's one-time code waits for anybody else's.

use std::time::Duration;

use okta_rollout::sandbox::{Latency, Period, Switches};
use serde_json::json;

use crate::consent::url_in;
use crate::support::{Scenario, google};

/// How long a call may take, and a little more (ms).
const MORE_THAN_A_CALL: i64 = 3_000;

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
fn a_lost_answer_is_reported_and_looked_at_while_the_others_go_through() {
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

/// The answer is carried out and lost, and the activation that looks for it is refused for its rate: wherever the
/// process dies meanwhile, the next one looks, too, instead of taking the answer for one that was never handed in.
#[test]
fn a_lost_answer_stays_on_record_while_the_look_for_it_is_refused() {
    let faults = "limit = 0\n\
        [[faults.rules]]\nfault = 'lostAnswer'\nmethod = 'POST'\npath = '*/oauth2/callback'\n\
        [[faults.rules]]\nfault = 'concurrency'\nmethod = 'POST'\npath = '*/lifecycle/activate'\n";
    let mut refused = 0;
    for checkpoints in 2..=4 {
        let story = Scenario::with(faults, [google("0oa1")]);
        story.job("[http]\ntimeout = '2s'\n");
        story.run().exits(4);
        story.calls("acme");
        story.write("answer.json", &answers(&story)[0]);
        story.dies_after(
            checkpoints,
            &["consent", "complete", "--file", "answer.json"],
        );
        let mut calls = story.all_calls("acme");
        if story.statuses("acme").last() == Some(&Some(429)) {
            refused += 1;
            let recorded = "SELECT progress ->> '$.inFlight.step' FROM entry";
            let ledger = rusqlite::Connection::open(story.ledger()).unwrap();
            let step: Option<String> = ledger.query_row(recorded, [], |row| row.get(0)).unwrap();
            assert_eq!(step.as_deref(), Some("complete_consent"), "{calls:?}");
        }
        story.time_passes(MORE_THAN_A_CALL);
        story.okta_rollout(&["resume"]).exits(0);
        calls.extend(story.all_calls("acme"));
        let callbacks = calls
            .iter()
            .filter(|call| call.ends_with("/oauth2/callback"));
        assert_eq!(callbacks.count(), 1, "{calls:?}");
    }
    assert!(refused > 0, "no process died after the refusal");
}

/// Two runs at one address, each with a token of its own, of which one is revoked by the time the answers come.
#[test]
fn a_bad_token_of_one_run_does_not_hold_up_the_answers_of_another() {
    // Under one name, and under two; whichever answer comes first.
    for (name, turned) in [
        ("acme", false),
        ("acme", true),
        ("acme-prod", false),
        ("acme-prod", true),
    ] {
        let mut story = Scenario::of([google("0oa1"), google("0oa2")]);
        let token = story.api_token("acme");
        story.set("OTHER_TOKEN", &token);
        let url = story.url("acme");
        for (file, org, app, token) in [
            ("one.json", "acme", "0oa1", "env:ACME_TOKEN"),
            ("other.json", name, "0oa2", "env:OTHER_TOKEN"),
        ] {
            let orgs = json!({ org: { "url": url, "auth": { "apiToken": token } } });
            let manifest = json!({ "orgs": orgs, "apps": [google(app).at(org).json()] });
            story.write(file, &manifest.to_string());
            story.okta_rollout(&["run", file]).exits(4);
        }
        let mut answers = answers(&story);
        if turned {
            answers.reverse();
        }
        let answers = answers.join("\n");
        story.set("OTHER_TOKEN", "00revoked-tell-tale-token");
        let ran = story.fed(&["consent", "complete"], &answers).exits(3);
        ran.says("2 answers: 1 accepted, 1 held back")
            .says("acme/google (row 1): accepted");
        // What was held back is good as it was.
        story.set("OTHER_TOKEN", &token);
        let ran = story.fed(&["consent", "complete"], &answers).exits(0);
        ran.says("2 answers: 1 accepted, 1 accepted before");
    }
}
