//! Once more: a report of what failed is a manifest, and a later run takes over what an earlier one waits for.

use serde_json::{Value, json};

use crate::consent::waiting;
use crate::support::{
    ADMIN_PASSWORD, APP_TOKEN, Scenario, google, inbound, office365, slack, user, zscaler,
};

/// Three entries of which two fail.
fn failing() -> Scenario {
    let story = Scenario::of([
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").token("file:secrets/bad").feature(user()),
        google("0oa3").at("globex").feature(inbound()),
        zscaler("0oa4").token("file:secrets/bad").at("initech"),
    ]);
    story.write("secrets/bad", "bad-token");
    story.run().exits(3);
    story
}

fn report(story: &Scenario, more: &[&str]) {
    let report = ["report", "--format", "json", "-o", "again/failed.json"];
    story.okta_rollout(&[&report, more].concat()).exits(0);
}

#[test]
fn a_json_report_of_what_failed_is_a_manifest() {
    let story = failing();
    report(&story, &["--only", "failed"]);
    story
        .okta_rollout(&["check", "again/failed.json"])
        .exits(0)
        .says("2 entries in 2 orgs, no mistakes");
    story.write("secrets/bad", "mended");
    for org in story.orgs() {
        story.calls(&org);
    }
    story.okta_rollout(&["run", "again/failed.json"]).exits(0);
    assert_eq!(
        story.calls("acme"),
        [
            "POST …/connections/default",
            "PUT …/features/USER_PROVISIONING"
        ]
    );
    assert!(story.calls("globex").is_empty());
    assert_eq!(story.report()["totals"]["changed"], 2);
    assert_eq!(
        story.app("acme", "0oa2")["features"]["USER_PROVISIONING"],
        user().1
    );
    // And nothing of it is left to do.
    story
        .okta_rollout(&["run", "again/failed.json"])
        .exits(0)
        .says("2 unchanged");
}

#[test]
fn the_manifest_in_a_report_is_that_of_its_entries_and_holds_no_secret() {
    let story = Scenario::of([office365("0oa1"), slack("0oa2").at("globex")]);
    story.run().exits(4);
    report(&story, &["--only", "org=acme"]);
    let text = std::fs::read_to_string(story.path("again/failed.json")).unwrap();
    assert!(!text.contains(APP_TOKEN) && !text.contains(ADMIN_PASSWORD));
    let written: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<_> = written.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "entries",
            "file",
            "finishedAt",
            "manifest",
            "orgs",
            "removed",
            "run",
            "startedAt",
            "state",
            "totals",
            "version",
            "waves"
        ]
    );
    let manifest = &written["manifest"];
    assert_eq!(
        manifest["orgs"],
        json!({ "acme": { "url": story.url("acme"), "auth": { "apiToken": "env:ACME_TOKEN" } } })
    );
    let password = story.path("secrets/admin-password");
    let password = format!("file:{}", password.canonicalize().unwrap().display());
    let settings = &manifest["apps"][0]["connection"]["profile"]["settings"];
    assert_eq!(settings["adminPassword"], json!(password));
    assert_eq!(manifest["apps"].as_array().unwrap().len(), 1);
    assert_eq!(written["entries"].as_array().unwrap().len(), 1);
}

#[test]
fn a_report_of_everything_has_no_manifest_and_says_so_when_it_is_run() {
    let story = failing();
    report(&story, &[]);
    let text = std::fs::read_to_string(story.path("again/failed.json")).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(written.get("manifest"), None);
    for command in ["check", "run"] {
        story
            .okta_rollout(&[command, "again/failed.json"])
            .exits(2)
            .says("is a report without a manifest in it")
            .says("--format json --only failed");
    }
}

#[test]
fn a_report_may_name_the_orgs_of_another_manifest() {
    let story = failing();
    report(&story, &["--only", "failed"]);
    story.write(
        "m.csv",
        "org,app,appId,status\nacme,zscalerbyz,0oa1,DISABLED\n",
    );
    story
        .okta_rollout(&["check", "m.csv", "--orgs", "again/failed.json"])
        .exits(0);
}

#[test]
fn a_mistake_in_a_report_is_found_where_it_stands() {
    let story = failing();
    report(&story, &["--only", "failed"]);
    let text = std::fs::read_to_string(story.path("again/failed.json")).unwrap();
    story.write(
        "again/edited.json",
        &text.replace("\"baseUrl\"", "\"baseURL\""),
    );
    story
        .okta_rollout(&["check", "again/edited.json"])
        .exits(2)
        .says("edited.json:")
        .says("baseURL")
        .says("rows 1, 2");
}

#[test]
fn a_consent_that_a_later_run_took_over_is_no_longer_the_earlier_ones() {
    let story = waiting();
    let first = story.report()["run"].as_str().unwrap().to_owned();
    let link = story.link();
    story.run().exits(4);
    let second = story.report()["run"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    // Listed once, and it is the same link.
    assert_eq!(story.link(), link);
    let list = ["consent", "list", &first];
    story.okta_rollout(&list).exits(0).says("nothing waits");
    let report = ["report", &first, "--format", "json"];
    let report = story.okta_rollout(&report).exits(0).json();
    assert_eq!(report["state"], "settled");
    assert_eq!(report["totals"]["waiting"], 0);
    assert_eq!(report["totals"]["pending"], 1);
    assert_eq!(report["totals"]["entries"], 1);
    let entry = &report["entries"][0];
    assert_eq!(entry["state"], "pending");
    let why = entry["error"]["message"].as_str().unwrap();
    assert_eq!(why, format!("run {second} took its consent over"));
    let status = story.okta_rollout(&["status", &first]).exits(0).data();
    assert!(
        status.contains("1 consent was taken over by a later run"),
        "{status}"
    );
    assert!(!status.contains("not finished"), "{status}");
    // The earlier run has nothing left to do, and cannot spoil the link.
    story.calls("acme");
    story.okta_rollout(&["resume", &first]).exits(0);
    assert!(story.calls("acme").is_empty());
    let page = story.approve(&link);
    story.fed(&["consent", "complete"], &page).exits(0);
    story.run().exits(0);
    assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
}

#[test]
fn a_consent_is_handed_on_through_many_runs() {
    let story = waiting();
    let link = story.link();
    for _ in 0..3 {
        story.run().exits(4);
        assert_eq!(story.link(), link);
    }
    let runs = story.okta_rollout(&["runs", "--format", "json"]).json();
    let waiting = |run: &Value| run["totals"]["waiting"].as_u64().unwrap();
    let waiting: Vec<u64> = runs.as_array().unwrap().iter().map(waiting).collect();
    assert_eq!(waiting, [1, 0, 0, 0]);
}

#[test]
fn a_csv_report_reports_people_what_went_wrong_and_is_a_manifest_again() {
    let story = failing();
    let report = ["report", "--format", "csv", "-o", "again.csv"];
    story.okta_rollout(&report).exits(0);
    let text = std::fs::read_to_string(story.path("again.csv")).unwrap();
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let header = table.headers().unwrap().clone();
    let told: Vec<Vec<(String, String)>> = table
        .records()
        .map(|record| {
            let record = record.unwrap();
            let cells = header.iter().zip(&record);
            let people = cells.filter(|(column, _)| column.starts_with('$'));
            people.map(|(c, v)| (c.to_owned(), v.to_owned())).collect()
        })
        .collect();
    let json = story.report();
    let entries = json["entries"].as_array().unwrap();
    assert_eq!(told.len(), entries.len());
    for (told, entry) in told.iter().zip(entries) {
        let text = |path: &str| {
            let value = entry.pointer(path);
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let expected = [
            ("$state", text("/state")),
            ("$changed", entry["changed"].to_string()),
            ("$error", text("/error/message")),
            ("$hint", text("/error/hint")),
            ("$requestId", text("/error/requestId")),
        ];
        let expected = expected.map(|(column, text)| (column.to_owned(), text));
        assert_eq!(*told, expected);
    }
    assert!(entries.iter().any(|entry| entry["error"].is_object()));
    let check = ["check", "again.csv", "--orgs", "m.json"];
    story.okta_rollout(&check).exits(0);
    let calls = story.calls("acme").len();
    let run = ["run", "again.csv", "--orgs", "m.json"];
    story.okta_rollout(&run).exits(3);
    assert!(calls > 0 && !story.calls("acme").is_empty());
}

#[test]
fn a_link_leads_to_where_its_simulated_org_is_served_now() {
    let story = Scenario::of([]);
    story.write(
        "own.json",
        r#"{ "orgs": { "s": { "url": "sandbox" } }, "apps": [ { "org": "s", "app": "google", "label": "G",
            "create": { "signOnMode": "SAML_2_0", "settings": { "app": { "domain": "x.example" } } },
            "connection": { "profile": { "authScheme": "OAUTH2" } } } ] }"#,
    );
    let job = |consent: &str| {
        let text = format!("manifest = 'own.json'\n[sandbox]\nconsent = '{consent}'\n");
        story.write("own.toml", &text);
    };
    job("manual");
    story.okta_rollout(&["run", "own.toml"]).exits(4);
    // Somebody else has its port by now, and knows nothing of it.
    let link = story.link();
    let (_, port) = link.split_once("localhost:").unwrap();
    let port = port.split('/').next().unwrap().parse::<u16>().unwrap();
    let other = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || other.incoming().for_each(drop));
    job("auto");
    story.okta_rollout(&["run", "own.toml"]).exits(0);
}

#[test]
fn without_a_place_for_what_simulated_orgs_hold_no_run_begins() {
    let story = Scenario::of([]);
    story.write(
        "own.json",
        r#"{ "orgs": { "s": { "url": "sandbox" } }, "apps": [ { "org": "s", "app": "slack", "appId": "0oa1",
            "connection": { "profile": { "authScheme": "OAUTH2" } } } ] }"#,
    );
    story.write("state/led.sandbox", "");
    for command in ["check", "run"] {
        let arguments = [command, "own.json", "--ledger", "state/led.db"];
        let said = story.okta_rollout(&arguments).exits(2).said();
        let why = "the simulated orgs cannot be served: sandbox state state/led.sandbox: not a directory\nhint: ";
        assert!(said.contains(why), "{said}");
        assert!(!story.path("state/led.db").exists(), "{command}");
    }
    std::fs::remove_file(story.path("state/led.sandbox")).unwrap();
    let run = ["run", "own.json", "--ledger", "state/led.db"];
    story.okta_rollout(&run).exits(0);
}
