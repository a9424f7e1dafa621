//! Orgs in trouble: a stopped org holds nobody up, says why, and continues once it is fixed.

use std::io::{Read as _, Write as _};

use okta_rollout::sandbox::Switches;
use serde_json::{Value, json};

use crate::support::{Scenario, google, user, zscaler};

/// Most calls an org has in flight unless the job says otherwise (`maxInFlight`).
const IN_FLIGHT: usize = 20;

fn revoked() -> Switches {
    Switches {
        revoked_token: true,
        ..Switches::default()
    }
}

fn entries_of<'a>(report: &'a Value, org: &str) -> Vec<&'a Value> {
    let entries = report["entries"].as_array().unwrap();
    entries.iter().filter(|entry| entry["org"] == org).collect()
}

/// A run of many entries in acme and globex.
fn many() -> Scenario {
    let ids = (0..100).map(|n| format!("0oa{n}"));
    Scenario::of(ids.flat_map(|id| [zscaler(&id), zscaler(&id).at("globex")]))
}

#[test]
fn a_revoked_token_stops_its_org_only() {
    let story = many();
    story.switch("acme", revoked());
    let run = story.run().exits(3).says("acme");
    assert!(run.said().contains("okta-rollout resume"), "{}", run.said());
    assert!(story.calls("acme").len() <= IN_FLIGHT);
    // One list shows what all the apps are.
    assert_eq!(story.calls("globex").len(), 100 + 1);

    let report = story.report();
    assert_eq!(report["state"], "settled");
    assert_eq!(report["totals"]["changed"], 100);
    assert_eq!(report["totals"]["pending"], 100);
    assert_eq!(report["totals"]["failed"], 0);
    assert_eq!(report["orgs"][0]["stopped"]["oktaErrorCode"], "E0000011");
    assert_eq!(report["orgs"][1]["stopped"], json!(null));
    for entry in entries_of(&report, "acme") {
        assert_eq!(entry["state"], "pending");
        let error = &entry["error"];
        assert_eq!(error["step"], "set_connection");
        assert_eq!(error["httpStatus"], 401);
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("org acme was stopped: "), "{message}");
        assert!(error["hint"].is_string());
    }
}

#[test]
fn a_fixed_org_is_finished_by_resume() {
    let story = many();
    story.switch("acme", revoked());
    story.run().exits(3);
    story.switch("acme", Switches::default());
    story.okta_rollout(&["resume"]).exits(0);
    let report = story.report();
    assert_eq!(report["totals"]["changed"], 200);
    assert_eq!(report["orgs"][0]["stopped"], json!(null));
    assert_eq!(report["state"], "settled");
    let calls = story.calls("globex").len();
    assert_eq!(calls, 100 + 1, "nothing is done twice");
}

#[test]
fn a_token_that_is_revoked_in_the_middle_loses_nothing() {
    let story = Scenario::with("limit = 0\nlatency = '20ms'", {
        (0..60).map(|n| zscaler(&format!("0oa{n}")).feature(user()))
    });
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("done");
    story.switch("acme", revoked());
    assert_eq!(run.ends(), Some(3));
    let report = story.report();
    assert_eq!(report["totals"]["failed"], 0);
    story.switch("acme", Switches::default());
    story.okta_rollout(&["resume"]).exits(0);
    let report = story.report();
    assert_eq!(report["totals"]["changed"], 60);
    // Every call that Okta accepted was accepted once; a list showed each process what the apps are.
    let accepted = story.statuses("acme").into_iter().flatten();
    let accepted = accepted.filter(|status| *status == 200).count();
    assert!((121..=122).contains(&accepted), "{accepted}");
}

#[test]
fn a_missing_scope_is_named() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.switch(
        "acme",
        Switches {
            missing_scopes: vec!["okta.apps.manage".to_owned()],
            ..Switches::default()
        },
    );
    story.run().exits(3).says("okta.apps.manage");
    let report = story.report();
    let error = &report["entries"][0]["error"];
    assert_eq!(error["httpStatus"], 403);
    let told = format!("{} {}", error["message"], error["hint"]);
    assert!(told.contains("okta.apps.manage"), "{told}");
    assert_eq!(report["totals"]["pending"], 1);
}

#[test]
fn a_missing_role_stops_the_org_and_says_what_to_give() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.switch(
        "acme",
        Switches {
            missing_role: true,
            ..Switches::default()
        },
    );
    story.run().exits(3).says("admin role");
    let report = story.report();
    assert_eq!(report["entries"][0]["error"]["oktaErrorCode"], "E0000006");
    assert_eq!(report["entries"][0]["state"], "pending");
}

#[test]
fn an_org_that_cannot_be_reached_is_stopped_and_the_others_finish() {
    // Nobody listens there, no such name, and no TLS where TLS is expected.
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let tls = format!("https://{}", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let mut hello = [0; 16_384];
            let read = stream.read(&mut hello);
            let answered = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            // All that comes is read, or the system would answer with a reset.
            let rest = std::io::copy(&mut stream, &mut std::io::sink());
            drop((read, answered, rest));
        }
    });
    for (url, cause) in [
        ("http://127.0.0.1:1", "refused"),
        ("https://acme.invalid", "acme.invalid"),
        (tls.as_str(), "cannot set up TLS with 127.0.0.1"),
    ] {
        let mut story = Scenario::of([]);
        story.org_at("acme", url);
        story.manifest([zscaler("0oa1"), zscaler("0oa1").at("globex")]);
        story.run().exits(3).says(cause);
        let report = story.report();
        let acme = entries_of(&report, "acme")[0];
        assert_eq!(acme["state"], "pending", "{url}: {acme}");
        assert!(report["orgs"][0]["stopped"].is_object(), "{url}");
        assert_eq!(entries_of(&report, "globex")[0]["state"], "done");
    }
}

#[test]
fn an_app_that_is_not_there_fails_and_is_retried_when_it_is() {
    let story = Scenario::of([
        zscaler("0oaGone").missing(),
        google("0oaAway").missing(),
        zscaler("0oa1"),
    ]);
    story
        .run()
        .exits(3)
        .says("0oaGone")
        .says("(E0000007, HTTP 404");
    // Two looks of which one is in vain, one at a connection in vain, and what sets the third app up.
    let calls = story.all_calls("acme");
    assert_eq!(calls.len(), 4, "a 404 is not retried: {calls:?}");
    let report = story.report();
    assert_eq!(report["totals"]["failed"], 2);
    let hint = report["entries"][0]["error"]["hint"].as_str().unwrap();
    assert!(hint.ends_with("okta-rollout run job.toml"), "{hint}");

    // Without --failed, failed entries stay as they are.
    story.okta_rollout(&["resume"]).exits(3);
    assert!(story.calls("acme").is_empty());
    story.manifest([zscaler("0oaGone"), google("0oaAway"), zscaler("0oa1")]);
    story.okta_rollout(&["resume", "--failed"]).exits(4);
    let calls = story.calls("acme");
    assert_eq!(calls.len(), 3, "{calls:?}");
    let report = story.report();
    assert_eq!(report["totals"]["changed"], 2);
    assert_eq!(report["totals"]["waiting"], 1);
}

#[test]
fn a_refused_secret_fails_its_entry_and_is_fixed_by_resume() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2").token("file:secrets/bad")]);
    story.write("secrets/bad", "bad-token\n");
    story
        .run()
        .exits(3)
        .says("check the value behind file:secrets/bad");
    // It is looked whether the app can be provisioned at all.
    let mut calls = story.calls("acme");
    calls.sort();
    let (get, post) = ("GET …/connections/default", "POST …/connections/default");
    assert_eq!(calls, [get, post, post]);
    story.write("secrets/bad", "mended\n");
    story.okta_rollout(&["resume", "--failed"]).exits(0);
    assert_eq!(story.calls("acme"), ["POST …/connections/default"]);
}

#[test]
fn hiccups_are_retried_and_counted() {
    let faults = "limit = 0\n[[faults.rules]]\nfault = 'FAULT'\nmethod = 'POST'\ntimes = 2";
    for fault in [
        "serverError",
        "unavailable",
        "badGateway",
        "foreignBody",
        "reset",
        "lostAnswer",
        "appliedError",
        "truncated",
    ] {
        let story = Scenario::with(&faults.replace("FAULT", fault), [zscaler("0oa1")]);
        story.run().exits(0);
        let report = story.report();
        assert_eq!(story.calls("acme").len(), 3, "{fault}");
        assert_eq!(report["entries"][0]["steps"][0]["attempts"], 3, "{fault}");
        assert_eq!(report["orgs"][0]["retries"], 2, "{fault}");
        assert_eq!(report["totals"]["changed"], 1, "{fault}");
    }
}

#[test]
fn what_fails_for_ever_fails_its_entry_after_the_last_attempt() {
    let rule = "limit = 0\n[[faults.rules]]\nfault = 'serverError'\ntimes = 0\npath = '*/0oa1/*'";
    let story = Scenario::with(rule, [zscaler("0oa1"), zscaler("0oa2")]);
    story.run().exits(3).says("E0000009");
    let report = story.report();
    assert_eq!(report["totals"]["failed"], 1);
    assert_eq!(report["totals"]["changed"], 1);
    // `maxAttempts` of the job.
    assert_eq!(report["entries"][0]["steps"][0]["attempts"], 3);
}
