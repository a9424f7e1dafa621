use super::*;
use crate::model::State;
use crate::report::{ErrorReport, OrgReport, RunState, Totals, WaveReport, WaveState};

/// 2026-01-02T03:04:05.006Z.
const AT: UnixMillis = UnixMillis(1_767_323_045_006);

fn subject() -> Subject {
    Subject {
        run: "k3f9".to_owned(),
        file: "jobs/nightly.toml".to_owned(),
        job: "nightly".to_owned(),
    }
}

fn refused(message: &str) -> ErrorDetails {
    ErrorDetails {
        message: message.to_owned(),
        okta_error_code: Some("E0000011".to_owned()),
        http_status: Some(401),
        request_id: Some("abc".to_owned()),
        hint: Some("check env:ACME, then: okta-rollout resume k3f9".to_owned()),
    }
}

fn org(name: &str, stopped: Option<ErrorDetails>) -> OrgReport {
    OrgReport {
        org: name.to_owned(),
        requests: 3,
        rate_limited: 0,
        retries: 0,
        waited_ms: 0,
        waiting: None,
        stopped,
    }
}

fn failed(row: u64) -> EntryReport {
    EntryReport {
        org: "acme".to_owned(),
        app: "google",
        app_id: Some("0oa1".to_owned()),
        label: None,
        row,
        state: State::Failed,
        changed: false,
        checked_at: None,
        is_earlier: false,
        changes: Vec::new(),
        told: Vec::new(),
        deactivated: false,
        error: Some(ErrorReport {
            step: "set_connection",
            details: refused("no <b> & no \u{1b}[2J"),
        }),
        drift: Vec::new(),
        needs_reconnect: Vec::new(),
        steps: Vec::new(),
        calls: None,
    }
}

fn overview(failed: u64, orgs: Vec<OrgReport>) -> Overview {
    Overview {
        version: 1,
        run: "k3f9".to_owned(),
        file: "jobs/nightly.toml".to_owned(),
        state: RunState::Settled,
        started_at: "2026-01-02T03:00:00Z".to_owned(),
        finished_at: Some("2026-01-02T03:04:05Z".to_owned()),
        totals: Totals {
            entries: failed + 6,
            changed: 5,
            failed,
            waiting: 1,
            ..Totals::default()
        },
        orgs,
        waves: Vec::new(),
        error: None,
        removed: Vec::new(),
        undelivered: Vec::new(),
        carried_over: 0,
        movable: 0,
        continued_at: None,
        earlier: 0,
    }
}

fn text(notice: &Notice) -> String {
    let body = notice.body(&subject(), NoticeFormat::Slack, AT);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1);
    body["text"].as_str().unwrap().to_owned()
}

fn object(notice: &Notice) -> Value {
    let body = notice.body(&subject(), NoticeFormat::Json, AT);
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn every_notice_is_an_object_with_type_timestamp_and_data() {
    let overview = overview(
        1,
        vec![org("acme", None), org("globex", Some(refused("dead")))],
    );
    let ended = Ended {
        overview: &overview,
        failed: &[failed(7)],
        exit_code: 3,
        signal: None,
    };
    let interrupted = Ended {
        exit_code: 143,
        signal: Some(Kind::Terminated),
        ..ended
    };
    let totals = json!({ "entries": 7, "changed": 5, "deactivated": 0, "unchanged": 0, "waiting": 1, "failed": 1,
        "pending": 0 });
    let of_run = json!({
        "run": "k3f9", "file": "jobs/nightly.toml", "job": "nightly",
        "startedAt": "2026-01-02T03:00:00Z", "finishedAt": "2026-01-02T03:04:05Z",
        "exitCode": 3, "totals": totals, "stoppedOrgs": 1,
        "stopped": [ { "org": "globex", "message": "dead", "oktaErrorCode": "E0000011", "httpStatus": 401,
            "requestId": "abc" } ],
        "failed": [ { "org": "acme", "app": "google", "appId": "0oa1", "label": null, "row": 7,
            "step": "set_connection", "message": "no <b> & no \u{1b}[2J", "oktaErrorCode": "E0000011",
            "httpStatus": 401, "requestId": "abc" } ],
    });
    let mut of_interrupted = of_run.clone();
    of_interrupted["exitCode"] = 143.into();
    of_interrupted["signal"] = "SIGTERM".into();
    let subject = json!({ "run": "k3f9", "file": "jobs/nightly.toml", "job": "nightly" });
    let and = |more: Value| {
        let mut data = subject.clone();
        data.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        data
    };
    for (notice, kind, data) in [
        (Notice::run_ended(&ended), "run.finished", of_run),
        (
            Notice::run_ended(&interrupted),
            "run.interrupted",
            of_interrupted,
        ),
        (
            Notice::broken_off(3, "disk full"),
            "run.interrupted",
            and(json!({ "exitCode": 3, "reason": "disk full" })),
        ),
        (
            Notice::org_stopped("acme", &refused("the API token is invalid")),
            "org.stopped",
            and(
                json!({ "org": "acme", "message": "the API token is invalid", "oktaErrorCode": "E0000011",
                "httpStatus": 401, "requestId": "abc" }),
            ),
        ),
        (
            Notice::consent_needed("acme", 2, 5),
            "consent.needed",
            and(json!({ "org": "acme", "entries": 2, "waiting": 5 })),
        ),
    ] {
        let expected =
            json!({ "type": kind, "timestamp": "2026-01-02T03:04:05.006Z", "data": data });
        assert_eq!(object(&notice), expected);
    }
}

#[test]
fn notices_of_waves_name_the_wave() {
    for (notice, kind, data) in [
        (
            Notice::wave_halted("canaries", 2, 1, 20),
            "wave.halted",
            json!({ "wave": "canaries", "failed": 2, "allowed": 1, "entries": 20 }),
        ),
        (
            Notice::wave_awaits_approval("wave 2"),
            "wave.awaitingApproval",
            json!({ "wave": "wave 2" }),
        ),
    ] {
        let said = object(&notice);
        assert_eq!(said["type"], kind);
        for (key, value) in data.as_object().unwrap() {
            assert_eq!(said["data"][key], *value);
        }
    }
}

#[test]
fn slack_gets_a_text_that_names_the_run_and_the_org_and_holds_no_markup() {
    let overview = overview(1, vec![org("<acme>", Some(refused("dead & gone")))]);
    let ended = Ended {
        overview: &overview,
        failed: &[failed(7)],
        exit_code: 3,
        signal: None,
    };
    insta::assert_snapshot!(text(&Notice::run_ended(&ended)), @r"
    run k3f9 of nightly finished with exit code 3: 7 entries: 5 changed, 1 waiting for consent, 1 failed
    • acme/google (row 7) failed: set_connection: no &lt;b&gt; &amp; no \u{1b}[2J (E0000011, HTTP 401, request abc)
    • org &lt;acme&gt; was stopped: dead &amp; gone (E0000011, HTTP 401, request abc)
    ");
    let interrupted = Ended {
        failed: &[],
        exit_code: 130,
        signal: Some(Kind::Interrupted),
        ..ended
    };
    for (notice, expected) in [
        (
            Notice::consent_needed("acme", 1, 1),
            "run k3f9 of nightly: 1 entry of org acme needs a consent",
        ),
        (
            Notice::consent_needed("acme", 2, 600),
            "run k3f9 of nightly: 2 entries of org acme need a consent (600 wait in all)",
        ),
        (
            Notice::org_stopped("acme", &ErrorDetails::new("no such host", None)),
            "run k3f9 of nightly: org acme was stopped: no such host",
        ),
        (
            Notice::wave_halted("<canaries>", 2, 1, 20),
            "run k3f9 of nightly: wave &lt;canaries&gt; was halted: 2 of 20 entries failed, and 1 may",
        ),
        (
            Notice::wave_awaits_approval("rest"),
            "run k3f9 of nightly: wave rest begins when a person approves it",
        ),
        (
            Notice::broken_off(3, "disk\nfull"),
            "run k3f9 of nightly was broken off with exit code 3: disk full",
        ),
        (
            Notice::run_ended(&interrupted),
            "run k3f9 of nightly was interrupted by SIGINT with exit code 130: 7 entries: 5 changed, 1 waiting for consent, 1 failed\n\
             • org &lt;acme&gt; was stopped: dead &amp; gone (E0000011, HTTP 401, request abc)",
        ),
    ] {
        assert_eq!(text(&notice), expected);
    }
}

#[test]
fn the_end_of_a_run_says_how_its_waves_stand() {
    let wave = WaveReport {
        name: "canaries".to_owned(),
        state: WaveState::Halted,
        orgs: 1,
        entries: 7,
        failed: 1,
        started_at: None,
        finished_at: None,
        until: None,
        may_fail: None,
    };
    let overview = Overview {
        waves: vec![wave],
        ..overview(1, Vec::new())
    };
    let notice = Notice::run_ended(&Ended {
        overview: &overview,
        failed: &[],
        exit_code: 3,
        signal: None,
    });
    let wave = &object(&notice)["data"]["waves"][0];
    assert_eq!(
        (&wave["name"], &wave["state"]),
        (&json!("canaries"), &json!("halted"))
    );
}

#[test]
fn however_many_failed_a_notice_stays_short() {
    let orgs = (0..30).map(|n| org(&format!("o{n}"), Some(refused(&"x".repeat(2_000)))));
    let overview = overview(600, orgs.collect());
    let failed: Vec<_> = (1..=NAMED as u64).map(failed).collect();
    let notice = Notice::run_ended(&Ended {
        overview: &overview,
        failed: &failed,
        exit_code: 3,
        signal: None,
    });
    let text = text(&notice);
    assert_eq!(text.lines().count(), 1 + NAMED + 1 + NAMED + 1);
    assert!(text.contains("\n• and 590 more failed\n"), "{text}");
    assert!(
        text.ends_with("\n• and 20 more orgs were stopped"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= LINE + 1));
    let object = object(&notice);
    assert_eq!(object["data"]["stoppedOrgs"], 30);
    assert_eq!(object["data"]["stopped"].as_array().unwrap().len(), NAMED);
    assert_eq!(object["data"]["failed"].as_array().unwrap().len(), NAMED);
}
