//! Consent, as the people around it live it: links are listed, opened, handed in, renewed, and outlive
//! the run that asked for them.

use serde_json::json;

use crate::support::{Scenario, google, office365, slack, user, zoomus, zscaler};

const CALLBACK: &str = "POST …/oauth2/callback";

/// The URL in Okta's page.
pub fn url_in(page: &str) -> String {
    let page: serde_json::Value = serde_json::from_str(page).unwrap();
    let href = &page["continue_oauth_flow_url"]["href"];
    href.as_str().unwrap().to_owned()
}

/// A rollout of google that waits for its consent.
pub fn waiting() -> Scenario {
    let story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    story.calls("acme");
    story
}

#[test]
fn what_waits_is_exit_code_4_and_listed_for_programs() {
    let story = Scenario::of([
        zscaler("0oa1"),
        google("0oa2"),
        slack("").labelled("Slack").at("globex"),
    ]);
    story.run().exits(4).says("2 waiting");
    let consents = story.consents();
    assert_eq!(consents.len(), 2);
    for consent in &consents {
        let keys: Vec<_> = consent.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "app",
                "appId",
                "authorizeUrl",
                "host",
                "hostKnown",
                "label",
                "org",
                "since"
            ]
        );
        let since = consent["since"].as_str().unwrap();
        assert!(since.parse::<jiff::Timestamp>().is_ok(), "{since}");
        let link = consent["authorizeUrl"].as_str().unwrap();
        assert!(link.contains("response_type=code"), "{link}");
    }
    assert_eq!(consents[0]["org"], "acme");
    assert_eq!(consents[0]["appId"], "0oa2");
    assert_eq!(consents[0]["label"], json!(null));
    assert_eq!(consents[1]["org"], "globex");
    assert_eq!(consents[1]["label"], "Slack");
    assert!(consents[1]["appId"].is_string());
    let people = story.okta_rollout(&["consent", "list"]).exits(0);
    let id = consents[1]["appId"].as_str().unwrap();
    let named = format!("globex/slack (row 3) \"Slack\" {id}, since ");
    assert!(people.data().contains(&named), "{}", people.data());
}

#[test]
fn an_answer_is_taken_as_page_or_url_from_anywhere() {
    for how in ["page on standard input", "page", "url", "file", "dash"] {
        let story = waiting();
        let page = story.approve(&story.link());
        let url = url_in(&page);
        story.write("answer.txt", &page);
        let complete = ["consent", "complete"];
        match how {
            "page" => story.okta_rollout(&[complete[0], complete[1], &page]),
            "url" => story.okta_rollout(&[complete[0], complete[1], &url]),
            "file" => story.okta_rollout(&[complete[0], complete[1], "--file", "answer.txt"]),
            "dash" => story.fed(&[complete[0], complete[1], "-"], &url),
            _ => story.fed(&complete, &page),
        }
        .exits(0)
        .says("acme/google (row 1): accepted");
        assert_eq!(story.calls("acme"), [CALLBACK], "{how}");
        story.run().exits(0);
        assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
    }
}

#[test]
fn many_answers_are_handed_in_at_once_and_matched_by_state() {
    let story = Scenario::of([
        google("0oa1"),
        slack("0oa2"),
        zoomus("0oa3").at("globex"),
        office365("0oa4").at("globex"),
    ]);
    story.run().exits(4);
    let mut pages: Vec<_> = story
        .consents()
        .iter()
        .map(|consent| story.approve(consent["authorizeUrl"].as_str().unwrap()))
        .collect();
    pages.reverse();
    pages[1] = url_in(&pages[1]);
    let ran = story.fed(&["consent", "complete"], &pages.join("\n"));
    assert_eq!(ran.exits(0).said().matches(": accepted").count(), 4);
    story.run().exits(0);
    assert_eq!(story.report()["totals"]["changed"], 4);
    assert!(story.consents().is_empty());
}

#[test]
fn good_answers_are_taken_beside_bad_ones_and_noise() {
    let story = Scenario::of([google("0oa1"), slack("0oa2")]);
    story.run().exits(4);
    story.calls("acme");
    let link = story.consents()[1]["authorizeUrl"].clone();
    let page = story.approve(link.as_str().unwrap());
    let other = url_in(&page).replace("/slack/0oa2/", "/google/0oa1/");
    let other = other.replace("state=", "state=another");
    let answers = format!("nonsense\n{page}\n\n{other}");
    story
        .fed(&["consent", "complete"], &answers)
        .exits(2)
        .says("answer in line 4 (acme/google (row 1)): not sent: no entry waits for this state")
        .says("acme/slack (row 2): accepted")
        .says("2 answers: 1 accepted, 1 not sent");
    assert_eq!(story.calls("acme"), [CALLBACK]);
    // Nothing but noise is left around an answer that was taken before.
    story
        .fed(&["consent", "complete"], &format!("nonsense\n{page}\nmore"))
        .exits(0)
        .says("answer in line 2")
        .says("accepted before");
}

#[test]
fn an_answer_that_okta_refuses_leads_to_a_fresh_link_that_works() {
    let story = waiting();
    let first = story.link();
    let wrong = url_in(&story.approve(&first)).replace("code=4", "code=5");
    story
        .fed(&["consent", "complete"], &wrong)
        .exits(3)
        .says("acme/google (row 1): Okta refused the answer")
        .says("open the fresh link: http");
    let fresh = story.link();
    assert_ne!(fresh, first);
    let page = story.approve(&fresh);
    story.fed(&["consent", "complete"], &page).exits(0);
    story.run().exits(0);
    assert_eq!(story.report()["totals"]["changed"], 1);
}

#[test]
fn an_answer_handed_in_twice_is_sent_once_and_fine_both_times() {
    let story = waiting();
    let page = story.approve(&story.link());
    let twice = format!("{page}\n{page}");
    story.fed(&["consent", "complete"], &twice).exits(0);
    assert_eq!(story.calls("acme"), [CALLBACK]);
    story.run().exits(0);
    story.calls("acme");
    story
        .fed(&["consent", "complete"], &page)
        .exits(0)
        .says("accepted before");
    assert!(story.calls("acme").is_empty());
}

#[test]
fn a_refreshed_link_replaces_the_old_one() {
    let story = waiting();
    let old = story.link();
    let ran = story.okta_rollout(&["consent", "refresh"]).exits(0);
    let fresh = story.link();
    assert_ne!(fresh, old);
    assert!(ran.said().contains(&fresh) || ran.data().contains(&fresh));
    story.calls("acme");
    story
        .fed(&["consent", "complete"], &story.approve(&old))
        .exits(2);
    assert!(story.calls("acme").is_empty());
    story
        .fed(&["consent", "complete"], &story.approve(&fresh))
        .exits(0);
    story.run().exits(0);
}

#[test]
fn refresh_keeps_to_the_entries_it_is_given() {
    let story = Scenario::of([google("0oa1"), slack("0oa2"), google("0oa3").at("globex")]);
    story.run().exits(4);
    let before = story.consents();
    let only = ["consent", "refresh", "--org", "acme", "--app", "google"];
    story.okta_rollout(&only).exits(0);
    let after = story.consents();
    let link = |list: &[serde_json::Value], id: &str| {
        let found = list.iter().find(|consent| consent["appId"] == id).unwrap();
        found["authorizeUrl"].clone()
    };
    assert_ne!(link(&after, "0oa1"), link(&before, "0oa1"));
    assert_eq!(link(&after, "0oa2"), link(&before, "0oa2"));
    assert_eq!(link(&after, "0oa3"), link(&before, "0oa3"));
}

#[test]
fn a_nightly_run_keeps_the_links_that_somebody_may_be_about_to_click() {
    let story = Scenario::of([google("0oa1").feature(user()), zscaler("0oa2")]);
    story.run().exits(4);
    let link = story.link();
    story.calls("acme");
    for _ in 0..2 {
        story.run().exits(4);
        assert_eq!(story.calls("acme"), ["GET …/connections/default"]);
        assert_eq!(story.link(), link);
    }
    let page = story.approve(&link);
    story.fed(&["consent", "complete"], &page).exits(0);
    story.run().exits(0);
    let connection = &story.app("acme", "0oa1")["connection"];
    assert_eq!(connection["status"], "ENABLED");
    let runs = story.okta_rollout(&["runs", "--format", "json"]).json();
    assert_eq!(runs.as_array().unwrap().len(), 3);
}

#[test]
fn the_link_of_an_entry_that_changed_stays_good() {
    let story = waiting();
    let link = story.link();
    story.manifest([google("0oa1").feature(user())]);
    story.run().exits(4);
    // Okta still shows it, so that nothing is posted that would void it, and it is listed once.
    assert_eq!(story.calls("acme"), ["GET …/connections/default"]);
    assert_eq!(story.link(), link);
    story
        .fed(&["consent", "complete"], &story.approve(&link))
        .exits(0);
    story.run().exits(0);
    let app = story.app("acme", "0oa1");
    assert_eq!(app["connection"]["status"], "ENABLED");
    assert_eq!(app["features"]["USER_PROVISIONING"], user().1);
}

#[test]
fn a_rerun_that_finds_the_connection_enabled_needs_no_consent() {
    let story = waiting();
    let page = story.approve(&story.link());
    // Somebody finished it by hand in the Admin Console.
    let url = url_in(&page);
    let path = &url[url.find("/api").unwrap()..];
    story.somebody_else("acme", "POST", path, &json!({}));
    let activate = "/api/v1/apps/0oa1/connections/default/lifecycle/activate";
    story.somebody_else("acme", "POST", activate, &json!({}));
    story
        .okta_rollout(&["consent", "refresh"])
        .exits(0)
        .says("needs no consent any more");
    assert_eq!(story.calls("acme"), ["GET …/connections/default"]);
    assert!(story.consents().is_empty());
    story.run().exits(0);
}

#[test]
fn a_list_is_for_people_programs_and_spreadsheets() {
    let story = Scenario::of([
        google("0oa1"),
        slack("").labelled("=Slack, \"the\" app"),
        zoomus("0oa3").at("globex"),
    ]);
    story.run().exits(4);
    let list = |more: &[&str]| {
        let arguments: Vec<&str> = ["consent", "list"].iter().chain(more).copied().collect();
        story.okta_rollout(&arguments).exits(0)
    };
    let csv = list(&["--format", "csv"]).data();
    let mut records = csv::Reader::from_reader(csv.as_bytes());
    let headers = records.headers().unwrap().clone();
    let names = [
        "org",
        "app",
        "appId",
        "label",
        "authorizeUrl",
        "host",
        "hostKnown",
        "since",
    ];
    assert_eq!(headers.iter().collect::<Vec<_>>(), names);
    let records: Vec<_> = records.records().map(Result::unwrap).collect();
    let json = story.consents();
    assert_eq!(records.len(), json.len());
    for (record, consent) in records.iter().zip(&json) {
        for (name, cell) in names.iter().zip(record) {
            let expected = match &consent[*name] {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Null => String::new(),
                other => other.to_string(),
            };
            let expected = if expected.starts_with('=') {
                format!("'{expected}")
            } else {
                expected
            };
            assert_eq!(cell, expected, "{name}");
        }
    }
    // The sandbox stands in for the third parties, at an address of its own.
    assert_eq!(json[0]["hostKnown"], false);
    assert!(json[0]["host"].as_str().unwrap().ends_with("localhost"));
    let one = list(&["--only", "org=acme,app=slack", "--format", "json"]).json();
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(one[0]["app"], "slack");
    let all = list(&["--only", "waiting"]);
    assert_eq!(all.data().matches("since").count(), 3);
    let hint = all.said();
    assert!(hint.starts_with("open each link, then hand in"), "{hint}");
    assert!(!all.data().contains("open each"));
    list(&["--only", "org=acme,app=zoomus"]).says("no entry matches --only org=acme,app=zoomus");
    list(&["--only", "failed"]).says("no entry matches");
}
