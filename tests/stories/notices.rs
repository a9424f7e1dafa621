//! `[notify]`: a webhook is told of what happens in a run, which never waits for it.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Posted, Receiver, Reply, Scenario, google, zscaler};

/// 32 bytes.
const KEY: &[u8] = b"tell-tale-key-that-signs-notices";

/// Each call of acme takes a while.
const SLOW: &str = "limit = 0\n[switches.acme]\nlatency = '3s'\n";

/// Tells the story's runs where to notify, and with which key; `more` are keys of `[notify]`.
fn notifies(story: &mut Scenario, url: &str, more: &str) {
    story.set("WEBHOOK", url);
    story.secret("the webhook", url);
    let key = format!("whsec_{}", STANDARD.encode(KEY));
    story.set("KEY", &key);
    story.secret("the signing key", &key);
    story.job(&format!(
        "[notify]\nwebhook = 'env:WEBHOOK'\nsecret = 'env:KEY'\n{more}"
    ));
}

fn kinds(posted: &[Posted]) -> Vec<String> {
    let mut kinds: Vec<_> = posted.iter().map(Posted::kind).collect();
    kinds.sort();
    kinds
}

/// The only notice of its kind.
#[track_caller]
fn one(posted: &[Posted], kind: &str) -> Value {
    let found: Vec<_> = posted
        .iter()
        .filter(|posted| posted.kind() == kind)
        .collect();
    assert_eq!(found.len(), 1, "{kind} of {:?}", kinds(posted));
    found[0].json()
}

/// An org whose token is not good, one with a consent, one with an app that fails, and one that is well.
fn eventful() -> Scenario {
    let mut story = Scenario::of([
        zscaler("0oa1"),
        google("0oa2").at("globex"),
        google("0oa3").at("globex"),
        zscaler("0oa4").at("initech").token("file:secrets/refused"),
        zscaler("0oa5").at("dead"),
    ]);
    story.write("secrets/refused", "bad-tell-tale-refused-token");
    story.set("DEAD_TOKEN", "not-the-token-of-dead");
    story
}

#[test]
fn a_webhook_is_told_of_stopped_orgs_consents_and_the_end() {
    let receiver = Receiver::ready();
    let mut story = eventful();
    notifies(&mut story, &receiver.url, "");
    story.run().exits(3);
    let report = story.report();
    let posted = receiver.all();
    assert_eq!(
        kinds(&posted),
        ["consent.needed", "org.stopped", "run.finished"]
    );
    for notice in &posted {
        notice.is_signed_with(KEY);
        assert_eq!(notice.header("content-type"), "application/json");
        let body = notice.json();
        let about = [
            &body["data"]["run"],
            &body["data"]["file"],
            &body["data"]["job"],
        ];
        assert_eq!(about, [&report["run"], &json!("job.toml"), &json!("job")]);
        let timestamp = body["timestamp"].as_str().unwrap();
        assert!(timestamp.parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
        let text = body.to_string();
        assert!(!text.contains("://") && !text.contains("state="), "{text}");
    }
    let finished = &one(&posted, "run.finished")["data"];
    assert_eq!(finished["totals"], report["totals"]);
    assert_eq!(finished["exitCode"], 3);
    assert_eq!(finished["stopped"][0]["org"], "dead");
    assert_eq!(finished["failed"][0]["org"], "initech");
    assert_eq!(finished["finishedAt"], report["finishedAt"]);
    let stopped = &one(&posted, "org.stopped")["data"];
    assert_eq!(stopped["org"], "dead");
    assert_eq!(stopped["message"], report["orgs"][3]["stopped"]["message"]);
    let needed = &one(&posted, "consent.needed")["data"];
    let about = [&needed["org"], &needed["entries"], &needed["waiting"]];
    assert_eq!(about, [&json!("globex"), &json!(2), &json!(2)]);
    // Nothing is missing.
    assert_eq!(report["undelivered"], Value::Null);
}

#[test]
fn what_was_said_of_a_run_is_not_said_again_by_resume() {
    let receiver = Receiver::ready();
    let mut story = eventful();
    notifies(&mut story, &receiver.url, "");
    story.run().exits(3);
    receiver.all();
    story.okta_rollout(&["resume"]).exits(3);
    assert_eq!(kinds(&receiver.all()), ["run.finished"]);
    // Another run says it anew.
    story.run().exits(3);
    let all = ["consent.needed", "org.stopped", "run.finished"];
    assert_eq!(kinds(&receiver.all()), all);
}

#[test]
fn what_a_wave_waits_for_is_said_once() {
    let receiver = Receiver::ready();
    let orgs = |canary| {
        [
            canary,
            zscaler("0oa2").at("beta"),
            zscaler("0oa3").at("gamma"),
        ]
    };
    let bad = zscaler("0oa1").at("canary").missing();
    let mut story = Scenario::of(orgs(bad));
    notifies(
        &mut story,
        &receiver.url,
        "[[waves]]\norgs = ['canary']\nhaltWhenFailed = 0\n[[waves]]\norgs = ['beta']\napprove = true\n",
    );
    story.run().exits(3);
    let posted = receiver.all();
    assert_eq!(kinds(&posted), ["run.finished", "wave.halted"]);
    let halted = &one(&posted, "wave.halted")["data"];
    let finished = &one(&posted, "run.finished")["data"];
    assert_eq!(finished["waves"], story.report()["waves"]);
    assert_eq!(finished["waves"][0]["state"], "halted");
    let facts = ["wave", "failed", "allowed", "entries"].map(|key| halted[key].clone());
    assert_eq!(facts, [json!("wave 1"), json!(1), json!(0), json!(1)]);
    // In vain: nobody has to hear it again.
    story.okta_rollout(&["resume"]).exits(3);
    assert_eq!(kinds(&receiver.all()), ["run.finished"]);
    story.okta_rollout(&["resume", "--past-halt"]).exits(3);
    let posted = receiver.all();
    assert_eq!(kinds(&posted), ["run.finished", "wave.awaitingApproval"]);
    let awaiting = one(&posted, "wave.awaitingApproval");
    assert_eq!(awaiting["data"]["wave"], "wave 2");
}

#[test]
fn an_org_is_said_to_be_stopped_once_whatever_kills_the_process() {
    let receiver = Receiver::ready();
    // The calls of acme take so long that the run is still at work when the other org has been stopped.
    let mut story = Scenario::with(SLOW, [zscaler("0oa1"), zscaler("0oa2").at("dead")]);
    story.set("DEAD_TOKEN", "not-the-token-of-dead");
    notifies(
        &mut story,
        &receiver.url,
        "on = ['org.stopped', 'run.interrupted']\n",
    );
    let mut run = story.begin(&["run", "job.toml"]);
    assert_eq!(receiver.next().json()["data"]["org"], "dead");
    run.signal("KILL");
    assert_eq!(run.ends(), None);
    let mut again = story.begin(&["run", "job.toml"]);
    again.says("dead");
    again.signal("TERM");
    assert_eq!(again.ends(), Some(143));
    let posted = receiver.all();
    assert_eq!(kinds(&posted), ["run.interrupted"]);
    let data = &posted[0].json()["data"];
    assert_eq!(data["signal"], "SIGTERM");
    assert_eq!(data["exitCode"], 143);
}

#[test]
fn many_consents_of_an_org_are_one_notice() {
    let receiver = Receiver::ready();
    let entries = (0..60).map(|n| google(&format!("0oa{n:03}")));
    let mut story = Scenario::of(entries);
    notifies(&mut story, &receiver.url, "on = ['consent.needed']\n");
    story.run().exits(4);
    let posted = receiver.all();
    let needed = one(&posted, "consent.needed");
    assert_eq!(posted.len(), 1);
    assert_eq!(needed["data"]["entries"], 60);
}

#[test]
fn a_notice_is_tried_again_under_the_same_id() {
    let receiver = Receiver::that(|number| Reply::Status(if number < 4 { 500 } else { 200 }));
    let mut story = Scenario::of([zscaler("0oa1")]);
    notifies(&mut story, &receiver.url, "");
    let ran = story.run().exits(0);
    assert!(!ran.said().contains("not delivered"), "{}", ran.said());
    let posted = receiver.all();
    assert_eq!(posted.len(), 5);
    for again in &posted {
        assert_eq!(again.header("webhook-id"), posted[0].header("webhook-id"));
        assert_eq!(again.bytes, posted[0].bytes);
        again.is_signed_with(KEY);
    }
    assert_eq!(story.report()["undelivered"], Value::Null);
}

#[test]
fn what_was_not_delivered_is_named_and_changes_no_exit_code() {
    // Nobody listens there any more.
    let down = Receiver::ready().url;
    let elsewhere = Receiver::that(|number| match number {
        0 => Reply::Redirect("/stolen"),
        _ => Reply::Status(404),
    });
    for (url, why) in [
        (down.as_str(), "cannot connect to the webhook"),
        (elsewhere.url.as_str(), "HTTP 404"),
    ] {
        let mut story = Scenario::of([zscaler("0oa1")]);
        notifies(&mut story, url, "");
        let ran = story.run().exits(0);
        let ran = ran
            .says("1 notice was not delivered")
            .says("  run.finished at ");
        ran.says(why);
        let status = story.okta_rollout(&["status"]).exits(0).data();
        assert!(status.contains("1 notice was not delivered"), "{status}");
        let status = story.okta_rollout(&["status", "--format", "json"]).json();
        let notice = &status["undelivered"][0];
        assert_eq!(notice["type"], "run.finished");
        assert!(notice["error"].as_str().unwrap().contains(why), "{notice}");
        // What a later process says instead is not missing any more.
        let receiver = Receiver::ready();
        story.set("WEBHOOK", &receiver.url);
        story.okta_rollout(&["resume"]).exits(0);
        let status = story.okta_rollout(&["status"]).exits(0).data();
        assert!(!status.contains("not delivered"), "{status}");
    }
    // Redirects lead nowhere.
    let paths = elsewhere.all().into_iter().map(|posted| posted.path);
    assert!(paths.into_iter().all(|path| path != "/stolen"));
}

#[test]
fn a_receiver_that_hangs_costs_the_run_nothing() {
    let receiver = Receiver::that(|_| Reply::Never);
    let mut story = eventful();
    notifies(&mut story, &receiver.url, "");
    let mut run = story.begin(&["run", "job.toml"]);
    // The org is said to be stopped while the run goes on, and what the run came to is there at once.
    receiver.next();
    run.says("settled, begun ");
    run.says("waiting up to 30 s until");
    let ended = story.okta_rollout(&["status", "--format", "json"]).json();
    assert_eq!(ended["totals"]["changed"], 1);
    // Whoever does not want to wait need not.
    let asked = Instant::now();
    run.signal("INT");
    assert_eq!(run.ends(), Some(3));
    assert!(asked.elapsed() < Duration::from_secs(10));
    run.has_said("3 notices were not delivered");
    run.has_said("the program ended before it was delivered");
}

#[test]
fn a_second_signal_ends_a_run_that_waits_for_its_receiver() {
    let receiver = Receiver::that(|_| Reply::Never);
    // The second window never comes within the story.
    let entries = [zscaler("0oa1"), zscaler("0oa2")];
    let mut story = Scenario::with("limit = 1\nwindow = '1h'", entries);
    notifies(&mut story, &receiver.url, "");
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("done, changed");
    run.signal("INT");
    assert_eq!(receiver.next().kind(), "run.interrupted");
    run.signal("INT");
    assert_eq!(run.ends(), Some(130));
    let status = story.okta_rollout(&["status"]).exits(0).data();
    assert!(status.contains("  run.interrupted at "), "{status}");
    assert!(
        status.contains("the program ended before it was delivered"),
        "{status}"
    );
}

#[test]
fn what_the_end_of_a_program_cuts_off_is_sent_by_the_next_one() {
    let hangs = Receiver::that(|_| Reply::Never);
    let mut story = Scenario::of([zscaler("0oa1"), google("0oa2")]);
    notifies(&mut story, &hangs.url, "");
    let mut run = story.begin(&["run", "job.toml"]);
    run.says("waiting up to 30 s until 2 notices are delivered");
    run.signal("INT");
    assert_eq!(run.ends(), Some(4));
    let cut = hangs.all();
    let first = story.report()["run"].clone();
    let status = |story: &Scenario| {
        let status = story.okta_rollout(&["status", first.as_str().unwrap()]);
        status.exits(0).data()
    };
    let ended = "run.finished at ";
    assert!(status(&story).contains(ended), "{}", status(&story));
    // Another run of the job: of the end of the one before it is told late, under the same id; of consents as they are now.
    let receiver = Receiver::ready();
    story.set("WEBHOOK", &receiver.url);
    story.secret("the other webhook", &receiver.url);
    story.run().exits(4);
    let posted = receiver.all();
    let kinds_now = ["consent.needed", "run.finished", "run.finished"];
    assert_eq!(kinds(&posted), kinds_now);
    let of_first = |posted: &&Posted| posted.json()["data"]["run"] == first;
    let again: Vec<_> = posted.iter().filter(of_first).collect();
    let of_end = |posted: &&Posted| posted.kind() == "run.finished";
    let before = cut.iter().find(of_end).unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].bytes, before.bytes);
    assert_eq!(again[0].header("webhook-id"), before.header("webhook-id"));
    again[0].is_signed_with(KEY);
    assert!(!status(&story).contains(ended), "{}", status(&story));
    story.run().exits(4);
    assert_eq!(kinds(&receiver.all()), ["consent.needed", "run.finished"]);
}

#[test]
fn how_a_run_ended_is_told_whatever_else_is_under_way() {
    let receiver = Receiver::that(|_| Reply::Never);
    let orgs: Vec<_> = (1..9).map(|n| format!("dead{n}")).collect();
    let mut story = Scenario::of(orgs.iter().map(|org| zscaler("0oa1").at(org)));
    for org in &orgs {
        story.set(&format!("{}_TOKEN", org.to_uppercase()), "not-the-token");
    }
    notifies(&mut story, &receiver.url, "");
    let mut run = story.begin(&["run", "job.toml"]);
    let begun = Instant::now();
    let mut told = Vec::new();
    while told.last().is_none_or(|kind| kind != "run.finished") {
        told.push(receiver.next().kind());
    }
    // One that hangs is given up after 27 s.
    assert!(begun.elapsed() < Duration::from_secs(20), "{told:?}");
    run.signal("INT");
    assert_eq!(run.ends(), Some(3));
    run.has_said("9 notices were not delivered");
}

#[test]
fn a_slow_receiver_is_waited_for_at_the_end() {
    let receiver = Receiver::that(|_| Reply::After(Duration::from_secs(2)));
    let mut story = Scenario::of([zscaler("0oa1")]);
    notifies(&mut story, &receiver.url, "");
    let ran = story
        .run()
        .exits(0)
        .says("waiting up to 30 s until 1 notice is delivered");
    assert!(!ran.said().contains("not delivered"), "{}", ran.said());
    assert_eq!(receiver.all().len(), 1);
}

#[test]
fn slack_gets_a_text_and_only_the_kinds_that_were_asked_for() {
    let receiver = Receiver::ready();
    let mut story = eventful();
    let more = "format = 'slack'\non = ['run.finished', 'org.stopped']\n";
    notifies(&mut story, &receiver.url, more);
    story.run().exits(3);
    let run = story.report()["run"].as_str().unwrap().to_owned();
    let posted = receiver.all();
    let texts: Vec<_> = posted.iter().map(Posted::json).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    for text in &texts {
        assert_eq!(text.as_object().unwrap().len(), 1);
        let text = text["text"].as_str().unwrap();
        assert!(text.starts_with(&format!("run {run} of job")), "{text}");
        assert!(text.contains("org dead was stopped"), "{text}");
        assert!(!text.contains("://") && !text.contains('<'), "{text}");
    }
    let finished = texts.iter().map(|text| text["text"].as_str().unwrap());
    let finished: Vec<_> = finished
        .filter(|text| text.contains(" finished "))
        .collect();
    assert_eq!(finished.len(), 1);
    assert!(
        finished[0].contains("5 entries: 1 changed, 2 waiting for consent, 1 failed, 1 pending")
    );
    assert!(
        finished[0].contains("initech/zscalerbyz (row 4) failed: "),
        "{}",
        finished[0]
    );
}

#[test]
fn without_a_key_nothing_is_signed() {
    let receiver = Receiver::ready();
    let mut story = Scenario::of([zscaler("0oa1")]);
    story.set("WEBHOOK", &receiver.url);
    story.job("[notify]\nwebhook = 'env:WEBHOOK'\n");
    story.run().exits(0);
    assert_eq!(receiver.next().header("webhook-signature"), "");
}

#[test]
fn secrets_of_notices_are_tried_as_others_before_anything_is_sent() {
    let section = "[notify]\nwebhook = 'env:WEBHOOK'\nsecret = 'file:secrets/key'\n";
    let mut story = Scenario::of([zscaler("0oa1")]);
    story.job(section);
    for (webhook, key, mistakes) in [
        (
            None,
            None,
            &[
                "notify.webhook: env:WEBHOOK: the environment variable is not set",
                "notify.secret: file:secrets/key: cannot read",
            ][..],
        ),
        (
            Some("http://hooks.example.com/tell-tale"),
            Some("tell-tale-not-base64"),
            &[
                "notify.webhook: env:WEBHOOK: the secret is not the https URL of a webhook",
                "notify.secret: file:secrets/key: the secret is not a signing key in base64",
            ],
        ),
    ] {
        if let (Some(webhook), Some(key)) = (webhook, key) {
            story.set("WEBHOOK", webhook);
            story.secret("the webhook", webhook);
            story.write("secrets/key", key);
        }
        for command in [&["check", "job.toml"][..], &["run", "job.toml"]] {
            let ran = story.okta_rollout(command).exits(2);
            mistakes
                .iter()
                .fold(ran, |ran, mistake| ran.says(mistake))
                .says("job.toml:7:11");
        }
        story
            .okta_rollout(&["check", "job.toml", "--no-secrets"])
            .exits(0);
    }
    assert!(!story.ledger().exists());
    assert_eq!(story.all_calls("acme"), Vec::<String>::new());
    // They are of use once they are good; programs run when they may.
    let receiver = Receiver::ready();
    story.write("secrets/url.sh", &format!("echo {}\n", receiver.url));
    story.write("secrets/key", &STANDARD.encode(KEY));
    story.job("[notify]\nwebhook = 'exec:/bin/sh secrets/url.sh'\nsecret = 'file:secrets/key'\n");
    story.run().exits(2).says("--allow-exec");
    story
        .okta_rollout(&["run", "job.toml", "--allow-exec"])
        .exits(0);
    receiver.next().is_signed_with(KEY);
}

#[test]
fn no_report_replaces_a_secret_of_notices() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.write("secrets/key", &STANDARD.encode(KEY));
    story.write("secrets/url", "https://hooks.example.com/tell-tale");
    story.job(
        "[notify]\nwebhook = 'file:secrets/url'\nsecret = 'file:secrets/key'\n\
         [[reports]]\nformat = 'json'\npath = 'secrets/key'\n",
    );
    let check = story.okta_rollout(&["check", "job.toml"]).exits(2);
    check.says("reports[0].path: no report can be written there");
}
