//! What a run leaves behind, and how the next one begins.

use okta_rollout::sandbox::Switches;
use serde_json::{Value, json};

use crate::support::{Scenario, google, inbound, user, zscaler};

fn runs(story: &Scenario) -> Vec<Value> {
    let runs = story.okta_rollout(&["runs", "--format", "json"]).exits(0);
    serde_json::from_value(runs.json()).unwrap()
}

/// Takes what differs from run to run out of a report.
fn redact(value: &mut Value, run: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, run)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), &value) {
                    ("run" | "requestId", Value::String(text)) => {
                        *value = json!(format!("[{} characters]", text.len()));
                    }
                    ("waitedMs", Value::Number(_)) => *value = json!("[number]"),
                    ("checkedAt", Value::String(_)) => *value = json!("[time]"),
                    _ => redact(value, run),
                }
            }
        }
        Value::String(text) => *text = text.replace(run, "[run]"),
        _ => {}
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one literal object")]
fn the_json_report_has_every_field() {
    let story = Scenario::of([
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").token("file:secrets/bad"),
        google("").labelled("Google").at("globex"),
    ]);
    story.write("secrets/bad", "bad-token");
    story.run().exits(3);
    let mut report = story.report();
    for time in ["startedAt", "finishedAt"] {
        let text = report[time].as_str().unwrap();
        assert!(text.parse::<jiff::Timestamp>().is_ok(), "{time}: {text}");
        // Trailing zeros of its fraction are left out.
        report[time] = json!("[time]");
    }
    let run = report["run"].as_str().unwrap().to_owned();
    redact(&mut report, &run);
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap(), @r#"
    {
      "entries": [
        {
          "app": "zscalerbyz",
          "appId": "0oa1",
          "changed": true,
          "changes": [
            {
              "field": "connection.status",
              "from": null,
              "to": "ENABLED",
              "why": "new"
            },
            {
              "field": "connection.baseUrl",
              "from": null,
              "to": "https://scim.zscalerbeta.net/1/2/scim",
              "why": "new"
            },
            {
              "field": "connection.profile.authScheme",
              "from": null,
              "to": "TOKEN",
              "why": "new"
            },
            {
              "field": "connection.profile.token",
              "from": null,
              "to": null,
              "why": "new"
            },
            {
              "field": "features.USER_PROVISIONING.create.lifecycleCreate.status",
              "from": null,
              "to": "ENABLED",
              "why": "new"
            },
            {
              "field": "features.USER_PROVISIONING.update.lifecycleDeactivate.status",
              "from": null,
              "to": "ENABLED",
              "why": "new"
            },
            {
              "field": "features.USER_PROVISIONING.update.password.change",
              "from": null,
              "to": "KEEP_EXISTING",
              "why": "new"
            },
            {
              "field": "features.USER_PROVISIONING.update.password.seed",
              "from": null,
              "to": "RANDOM",
              "why": "new"
            },
            {
              "field": "features.USER_PROVISIONING.update.password.status",
              "from": null,
              "to": "ENABLED",
              "why": "new"
            },
            {
              "field": "features.USER_PROVISIONING.update.profile.status",
              "from": null,
              "to": "ENABLED",
              "why": "new"
            }
          ],
          "checkedAt": "[time]",
          "drift": [],
          "error": null,
          "label": null,
          "org": "acme",
          "row": 1,
          "state": "done",
          "steps": [
            {
              "attempts": 1,
              "changed": true,
              "httpStatus": 200,
              "requestId": "[32 characters]",
              "state": "done",
              "step": "set_connection"
            },
            {
              "attempts": 1,
              "changed": true,
              "feature": "USER_PROVISIONING",
              "httpStatus": 200,
              "requestId": "[32 characters]",
              "state": "done",
              "step": "set_feature"
            }
          ]
        },
        {
          "app": "zscalerbyz",
          "appId": "0oa2",
          "changed": false,
          "changes": [],
          "checkedAt": "[time]",
          "drift": [],
          "error": {
            "hint": "check the value behind file:secrets/bad, then: okta-rollout resume [run] --failed",
            "httpStatus": 400,
            "message": "Api validation failed: credential: Verification failed: Invalid URL. Not authorized",
            "oktaErrorCode": "E0000001",
            "requestId": "[32 characters]",
            "step": "set_connection"
          },
          "label": null,
          "org": "acme",
          "row": 2,
          "state": "failed",
          "steps": [
            {
              "attempts": 1,
              "changed": false,
              "httpStatus": 400,
              "requestId": "[32 characters]",
              "state": "failed",
              "step": "set_connection"
            }
          ]
        },
        {
          "app": "google",
          "appId": "0oaLXAno3omCFWkDnH3w",
          "changed": true,
          "changes": [
            {
              "field": "connection.profile.authScheme",
              "from": null,
              "to": "OAUTH2",
              "why": "new"
            }
          ],
          "checkedAt": "[time]",
          "drift": [],
          "error": null,
          "label": "Google",
          "org": "globex",
          "row": 3,
          "state": "waiting",
          "steps": [
            {
              "attempts": 1,
              "changed": false,
              "httpStatus": 200,
              "requestId": "[32 characters]",
              "state": "done",
              "step": "find_app"
            },
            {
              "attempts": 1,
              "changed": true,
              "httpStatus": 200,
              "requestId": "[32 characters]",
              "state": "done",
              "step": "set_connection"
            },
            {
              "attempts": 0,
              "changed": false,
              "httpStatus": null,
              "requestId": null,
              "state": "waiting",
              "step": "await_consent"
            },
            {
              "attempts": 0,
              "changed": false,
              "httpStatus": null,
              "requestId": null,
              "state": "pending",
              "step": "complete_consent"
            },
            {
              "attempts": 0,
              "changed": false,
              "httpStatus": null,
              "requestId": null,
              "state": "pending",
              "step": "activate_connection"
            }
          ]
        }
      ],
      "file": "job.toml",
      "finishedAt": "[time]",
      "orgs": [
        {
          "org": "acme",
          "rateLimited": 0,
          "requests": 6,
          "retries": 0,
          "stopped": null,
          "waitedMs": "[number]",
          "waiting": null
        },
        {
          "org": "globex",
          "rateLimited": 0,
          "requests": 3,
          "retries": 0,
          "stopped": null,
          "waitedMs": "[number]",
          "waiting": null
        }
      ],
      "removed": [],
      "run": "[4 characters]",
      "startedAt": "[time]",
      "state": "settled",
      "totals": {
        "changed": 1,
        "deactivated": 0,
        "entries": 3,
        "failed": 1,
        "pending": 0,
        "unchanged": 0,
        "waiting": 1
      },
      "version": 1,
      "waves": []
    }
    "#);
}

#[test]
fn status_and_report_and_the_run_itself_report_programs_the_same() {
    let story = Scenario::of([zscaler("0oa1")]);
    let run = story
        .okta_rollout(&["run", "job.toml", "--format", "json"])
        .exits(0);
    let status = story.okta_rollout(&["status", "--format", "json"]).exits(0);
    assert_eq!(run.json(), story.report());
    assert_eq!(status.json(), story.report());
    let id = story.report()["run"].as_str().unwrap().to_owned();
    let short = ["report", &id[..1], "--format", "json"];
    assert_eq!(story.okta_rollout(&short).exits(0).json(), story.report());
}

#[test]
fn the_failed_entries_are_a_manifest_again() {
    let story = Scenario::of([
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").token("file:secrets/bad").feature(user()),
        google("0oa3").feature(user()).feature(inbound()),
    ]);
    story.write("secrets/bad", "bad-token");
    story.run().exits(3);
    story.calls("acme");
    let report = ["report", "--format", "csv", "--only", "failed"];
    let again = ["-o", "again/failed.csv"];
    story.okta_rollout(&[&report[..], &again].concat()).exits(0);
    story.write("secrets/bad", "mended");
    // The orgs of a JSON manifest stand in it; a CSV manifest takes them from elsewhere.
    let url = story.url("acme");
    let orgs = format!("org,url,auth.apiToken\nacme,{url},env:ACME_TOKEN\n");
    story.write("orgs.csv", &orgs);
    for command in ["check", "run"] {
        story
            .okta_rollout(&[command, "again/failed.csv", "--orgs", "orgs.csv"])
            .exits(0);
    }
    assert_eq!(
        story.calls("acme"),
        [
            "POST …/connections/default",
            "PUT …/features/USER_PROVISIONING"
        ]
    );
    assert_eq!(story.report()["totals"]["entries"], 1);
    // Nothing of the entry got lost on the way.
    let capabilities = &story.app("acme", "0oa2")["features"]["USER_PROVISIONING"];
    assert_eq!(*capabilities, user().1);
}

#[test]
fn only_narrows_every_format() {
    let story = Scenario::of([zscaler("0oa1"), google("0oa2")]);
    story.run().exits(4);
    for format in ["text", "csv", "json"] {
        let only = |states: &str| {
            let report = ["report", "--format", format, "--only", states];
            story.okta_rollout(&report).exits(0).data()
        };
        let (done, waiting, both) = (only("done"), only("waiting"), only("done,waiting"));
        assert!(done.contains("zscalerbyz") && !done.contains("google"));
        assert!(!waiting.contains("zscalerbyz") && waiting.contains("google"));
        assert!(both.contains("zscalerbyz") && both.contains("google"));
    }
}

#[test]
fn a_settled_file_begins_anew_and_an_interrupted_one_continues() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2").at("globex")]);
    let revoked = Switches {
        revoked_token: true,
        ..Switches::default()
    };
    story.run().exits(0);
    story.run().exits(0);
    assert_eq!(runs(&story).len(), 2);
    // What is left of it is all of an org that was stopped: it is settled, too.
    story.switch("acme", revoked);
    story.run().exits(3);
    story
        .run()
        .exits(3)
        .says("1 entry is left of it, of orgs that were stopped; a new run starts");
    assert_eq!(runs(&story).len(), 4);
    let newest = &runs(&story)[0];
    assert_eq!(newest["state"], "settled");
    assert_eq!(newest["totals"]["pending"], 1);
    // But one that died is not, whatever it had come to.
    story.switch("acme", Switches::default());
    story.manifest([
        zscaler("0oa3"),
        zscaler("0oa4"),
        zscaler("0oa2").at("globex"),
    ]);
    story.dies_after(1, &["run", "job.toml"]);
    assert_eq!(runs(&story)[0]["state"], "interrupted");
    story.run().exits(0).says("goes on");
    assert_eq!(runs(&story).len(), 5);
    assert_eq!(runs(&story)[0]["state"], "settled");
}

#[test]
fn every_call_is_shown_to_who_asks_also_after_a_crash() {
    let faults = "limit = 0\n[[faults.rules]]\nfault = 'unavailable'\nmethod = 'POST'\n\
                  [[faults.rules]]\nfault = 'lostAnswer'\nmethod = 'PUT'\n";
    let story = Scenario::with(faults, [zscaler("0oa1").feature(user()), zscaler("0oa2")]);
    story.job("[limits]\nmaxInFlight = 1\n");
    // After the refused POST and the one that went well.
    story.dies_after(2, &["run", "job.toml"]);
    story.run().exits(0);

    let plain = story.report();
    assert!(plain["entries"][0].get("calls").is_none());
    let json = story.okta_rollout(&["report", "--calls", "--format", "json"]);
    let report = json.exits(0).json();
    let told = |entry: usize| -> Vec<Value> {
        let calls = report["entries"][entry]["calls"].as_array().unwrap();
        calls
            .iter()
            .map(|call| {
                for time in ["at", "nextTryAt"] {
                    let parsed = call[time].as_str().map(str::parse::<jiff::Timestamp>);
                    assert!(parsed.is_none_or(|parsed| parsed.is_ok()), "{call}");
                }
                assert!(
                    call["at"].is_string() && call["durationMs"].is_u64(),
                    "{call}"
                );
                json!([
                    call["step"],
                    call["feature"],
                    call["call"],
                    call["httpStatus"],
                    call["oktaErrorCode"],
                    call["requestId"].is_string(),
                    call["nextTryAt"].is_string()
                ])
            })
            .collect()
    };
    let (look, set, put) = (
        "GET /api/v1/apps/0oa1",
        "POST /api/v1/apps/0oa1/connections/default",
        "PUT /api/v1/apps/0oa1/features/USER_PROVISIONING",
    );
    let feature = "USER_PROVISIONING";
    assert_eq!(
        told(0),
        [
            json!(["set_connection", null, look, 200, null, true, false]),
            json!(["set_connection", null, set, 503, "E0000010", true, true]),
            json!(["set_connection", null, set, 200, null, true, false]),
            json!(["set_feature", feature, put, null, null, false, true]),
            json!(["set_feature", feature, put, 200, null, true, false]),
        ]
    );
    assert_eq!(told(1).len(), 2);

    let text = story.okta_rollout(&["report", "--calls", "--only", "app=zscalerbyz"]);
    let text = text.exits(0).data();
    for part in [
        " set_connection: POST /api/v1/apps/0oa1/connections/default, HTTP 503 after ",
        " ms (E0000010, request ",
        ", next try 2",
        " set_feature: PUT /api/v1/apps/0oa1/features/USER_PROVISIONING, no answer after ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let csv = story.okta_rollout(&["report", "--calls", "--format", "csv"]);
    csv.exits(2).says("holds no calls").says("--format json");
}

#[test]
fn a_file_that_changed_begins_anew_and_says_so() {
    let story = Scenario::of([zscaler("0oa1").missing(), google("0oa2")]);
    story.job("[limits]\nmaxInFlight = 1\n");
    story.dies_after(1, &["run", "job.toml"]);
    story.manifest([zscaler("0oa1")]);
    story.run().exits(0).says("changed since run");
    let runs = runs(&story);
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0]["totals"]["entries"], json!(1));
    assert_eq!(runs[0]["state"], "settled");
    assert_eq!(runs[1]["state"], "interrupted");
}

#[test]
fn a_new_run_does_not_overtake_a_once_only_call_of_an_earlier_one() {
    // The same file, and another one that names the same org.
    for again in [&["run", "job.toml", "--new"][..], &["run", "other.toml"]] {
        let creating = zscaler("0oa1")
            .labelled("New")
            .with("create", json!({ "settings": { "app": {} } }))
            .missing();
        let story = Scenario::of([creating]);
        story.job("[http]\ntimeout = '2s'\n");
        let other = "manifest = 'm.json'\n[http]\ntimeout = '2s'\n";
        story.write("other.toml", other);
        // The second checkpoint says that the app is being created.
        story.dies_after(2, &["run", "job.toml"]);
        story
            .okta_rollout(again)
            .exits(0)
            .says("may still be under way");
        let created = story.calls("acme");
        let created = created
            .iter()
            .filter(|call| call.starts_with("POST /api/v1/apps?") || *call == "POST /api/v1/apps");
        assert_eq!(created.count(), 1);
    }
}

/// Whoever asks every few seconds is not given a million entries.
#[test]
fn status_leaves_entries_out_where_they_are_very_many() {
    let mut story = Scenario::of([]);
    for (many, has_entries) in [(10_000, true), (10_001, false)] {
        let entries = (0..many).map(|no| google("").labelled(&format!("App {no}")));
        story.manifest(entries.map(crate::support::Entry::missing));
        story.unset("ACME_TOKEN");
        story.okta_rollout(&["run", "job.toml", "--new"]).exits(3);
        let status = story.okta_rollout(&["status", "--format", "json"]);
        let status = status.exits(0).json();
        assert_eq!(status["totals"]["entries"], many);
        assert_eq!(status.get("entries").is_some(), has_entries);
        let report = story.report();
        assert_eq!(report["entries"].as_array().unwrap().len(), many);
        assert_eq!(report["orgs"], status["orgs"]);
    }
}
