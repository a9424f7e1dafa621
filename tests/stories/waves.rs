//! Waves: canaries first, and the others only when these did well, a soak is over, and a person said so.

use serde_json::{Value, json};

use crate::support::{Entry, Scenario, google, user, zscaler};

/// Two canaries, then beta, and all others after that.
const WAVES: &str = "[[waves]]\nname = 'canaries'\norgs = ['canary*']\nhaltWhenFailed = '50%'\n\
                     [[waves]]\nname = 'early'\norgs = ['beta']\n";

fn everywhere() -> [Entry; 4] {
    ["canary1", "canary2", "beta", "gamma"].map(|org| zscaler("0oa1").at(org))
}

/// The second and the third entry are of an app that is not there.
fn bad() -> [Entry; 4] {
    let [one, two, three, four] = everywhere();
    [one.missing(), two.missing(), three, four]
}

/// State and failed entries of each wave.
fn waves(report: &Value) -> Vec<(String, String, u64)> {
    let waves = report["waves"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    waves
        .map(|wave| {
            let failed = wave["failed"].as_u64().unwrap();
            (text(&wave["name"]), text(&wave["state"]), failed)
        })
        .collect()
}

fn are<const N: usize>(wanted: [(&str, &str, u64); N]) -> Vec<(String, String, u64)> {
    let own =
        |(name, state, failed): (&str, &str, u64)| (name.to_owned(), state.to_owned(), failed);
    wanted.map(own).to_vec()
}

#[track_caller]
fn quiet(story: &Scenario, orgs: &[&str]) {
    for org in orgs {
        assert_eq!(story.all_calls(org), [""; 0], "{org}");
    }
}

#[test]
fn a_bad_canary_halts_before_the_second_wave_sends_anything_and_goes_through_once_it_is_fixed() {
    // Found by label: not even the apps of later waves are listed.
    let later = [zscaler("").at("gamma").labelled("Zscaler")];
    let story = Scenario::of(bad().into_iter().chain(later.clone()));
    story.job(WAVES);
    let ran = story.run().exits(3);
    let halted = "wave canaries was halted: 2 of 2 entries failed, and 50 % may";
    ran.says(halted).says("--past-halt");
    quiet(&story, &["beta", "gamma"]);
    let report = story.report();
    assert_eq!(report["state"], "settled");
    let wanted = [
        ("canaries", "halted", 2),
        ("early", "pending", 0),
        ("rest", "pending", 0),
    ];
    assert_eq!(waves(&report), are(wanted));
    let run = report["run"].as_str().unwrap();
    for entry in report["entries"].as_array().unwrap().iter().skip(2) {
        assert_eq!(entry["state"], "pending");
        assert_eq!(entry["error"]["message"], halted);
        let hint = format!("fix what failed, then: okta-rollout resume {run} --failed");
        assert_eq!(entry["error"]["hint"], hint.as_str());
    }
    // In vain.
    story.all_calls("canary1");
    story.okta_rollout(&["resume"]).exits(3).says(halted);
    story
        .okta_rollout(&["resume", "--only", "org=beta"])
        .exits(3);
    quiet(&story, &["canary1", "beta", "gamma"]);

    story.manifest(everywhere().into_iter().chain(later));
    story.okta_rollout(&["resume", "--failed"]).exits(0);
    let report = story.report();
    let wanted = [
        ("canaries", "done", 0),
        ("early", "done", 0),
        ("rest", "done", 0),
    ];
    assert_eq!(
        (report["run"].as_str(), waves(&report)),
        (Some(run), are(wanted))
    );
    assert_eq!(report["totals"]["changed"], 5);
    let wave = &report["waves"][0];
    assert_eq!((&wave["orgs"], &wave["entries"]), (&json!(2), &json!(2)));
    assert!(
        wave["startedAt"].is_string() && wave["finishedAt"].is_string() && wave["until"].is_null()
    );
}

#[test]
fn behind_a_halt_a_run_is_settled_and_the_next_one_starts_anew() {
    let story = Scenario::of(bad());
    story.job(WAVES);
    story.run().exits(3);
    let first = story.report()["run"].clone();
    story.all_calls("canary1");
    story
        .run()
        .exits(3)
        .says("is settled: 2 entries are left of it, of orgs that were stopped or behind a halt");
    assert_ne!(story.report()["run"], first);
    assert!(!story.all_calls("canary1").is_empty());
    quiet(&story, &["beta", "gamma"]);
    story.manifest(everywhere());
    story.run().exits(0);
}

#[test]
fn no_entry_begins_after_the_one_that_is_too_many() {
    for (halts, failed) in [("'20%'", 3), ("'29%'", 3), ("2", 3), ("0", 1), ("'0%'", 1)] {
        let entries = (0..10).map(|no| zscaler(&format!("0oa{no}")).missing());
        let story = Scenario::of(entries.chain([zscaler("0oa1").at("beta")]));
        let wave = format!(
            "[limits]\nmaxInFlight = 1\n[[waves]]\norgs = ['acme']\nhaltWhenFailed = {halts}\n"
        );
        story.job(&wave);
        story.run().exits(3);
        let report = story.report();
        let totals = &report["totals"];
        let counts = (&totals["failed"], &totals["pending"]);
        assert_eq!(counts, (&json!(failed), &json!(11 - failed)), "{halts}");
        assert_eq!(
            waves(&report),
            are([("wave 1", "halted", failed), ("rest", "pending", 0)])
        );
        quiet(&story, &["beta"]);
    }
}

#[test]
fn an_entry_that_waits_for_its_turn_has_not_begun() {
    let known = || (1..4).map(|no| zscaler(&format!("0oa{no}")));
    let story = Scenario::of(known().chain([zscaler("0oa5").at("beta")]));
    story.run().exits(0);
    for org in ["acme", "beta"] {
        story.all_calls(org);
    }
    // Those that are known are written to with their first call, and what they were is noted before that.
    let changed = known().map(|entry| entry.feature(user()));
    let entries = [zscaler("0oa0").missing()].into_iter().chain(changed);
    story.manifest(entries.chain([zscaler("0oa5").at("beta").feature(user())]));
    story.job("[limits]\nmaxRps = 1\n[[waves]]\norgs = ['acme']\nhaltWhenFailed = 0\n");
    story.run().exits(3);
    assert_eq!(story.all_calls("acme"), ["GET …"]);
    let totals = &story.report()["totals"];
    assert_eq!(
        (&totals["failed"], &totals["pending"]),
        (&json!(1), &json!(4))
    );
    story.okta_rollout(&["resume"]).exits(3);
    quiet(&story, &["acme", "beta"]);
    let ran = story.okta_rollout(&["resume", "--past-halt"]).exits(3);
    ran.says("continues in spite of the failures in wave 1");
    assert_eq!(story.report()["totals"]["changed"], 4);
}

#[test]
fn an_entry_that_waits_for_a_list_has_not_begun() {
    let fault =
        "limit = 0\n[[faults.rules]]\nfault = 'hang'\norg = 'beta'\npath = '/api/v1/apps'\n";
    let labelled = |no: u32| {
        zscaler(&format!("0oa{no}"))
            .labelled(&format!("Zscaler {no}"))
            .at("beta")
    };
    let story = Scenario::with(
        fault,
        (1..6)
            .map(labelled)
            .chain([zscaler("0oa0").token("file:secrets/refused")]),
    );
    story.write("secrets/refused", "bad-tell-tale-refused-token");
    story.job("[http]\ntimeout = '6s'\n[[waves]]\norgs = ['*']\nhaltWhenFailed = 0\n");
    story
        .run()
        .exits(3)
        .says("was halted: 1 of 6 entries failed");
    // The one that asked for the list continues to its end, and is the only one that asks again.
    let calls = story.all_calls("beta");
    let of = |call: &str| calls.iter().filter(|made| *made == call).count();
    assert_eq!(
        (of("GET /api/v1/apps"), of("POST …/connections/default")),
        (2, 1),
        "{calls:?}"
    );
    let totals = &story.report()["totals"];
    assert_eq!(
        (&totals["changed"], &totals["failed"], &totals["pending"]),
        (&json!(1), &json!(1), &json!(4))
    );
    story.okta_rollout(&["resume"]).exits(3);
    quiet(&story, &["beta"]);
}

#[test]
fn what_may_fail_halts_nothing() {
    let [one, two, three, four] = everywhere();
    let story = Scenario::of([one, two.missing(), three, four]);
    story.job(WAVES);
    story.run().exits(3);
    let report = story.report();
    let wanted = [
        ("canaries", "done", 1),
        ("early", "done", 0),
        ("rest", "done", 0),
    ];
    assert_eq!(waves(&report), are(wanted));
    assert_eq!(report["totals"]["changed"], 3);
}

#[test]
fn entries_of_a_stopped_org_count_as_failed_and_the_hint_goes_through() {
    let more = (2..5).map(|no| zscaler(&format!("0oa{no}")).at("canary2"));
    let mut story = Scenario::of(everywhere().into_iter().chain(more));
    story.job(WAVES);
    let token = story.api_token("canary2");
    story.set("CANARY2_TOKEN", "not-the-right-token");
    let ran = story.run().exits(3);
    let ran = ran.says("wave canaries was halted: 4 of 5 entries failed");
    quiet(&story, &["beta", "gamma"]);
    let report = story.report();
    assert_eq!(
        waves(&report)[0],
        ("canaries".to_owned(), "halted".to_owned(), 4)
    );
    story.all_calls("canary2");
    story.okta_rollout(&["resume"]).exits(3);
    quiet(&story, &["canary2", "beta", "gamma"]);

    story.set("CANARY2_TOKEN", &token);
    let run = report["run"].as_str().unwrap();
    let hint = format!("okta-rollout resume {run} --failed");
    assert!(ran.said().contains(&hint), "{}", ran.said());
    story.shell(&hint).exits(0);
    assert_eq!(story.report()["totals"]["changed"], 7);
}

#[test]
fn past_halt_passes_only_the_halt_that_the_run_stands_at() {
    let [one, two, three, four] = everywhere();
    let story = Scenario::of([one.missing(), two.missing(), three.missing(), four]);
    story.job(
        "[limits]\nmaxInFlight = 1\n[[waves]]\norgs = ['canary*']\nhaltWhenFailed = 0\n[[waves]]\norgs = ['beta']\nhaltWhenFailed = 0\n",
    );
    story.run().exits(3);
    quiet(&story, &["beta", "gamma"]);
    let ran = story.okta_rollout(&["resume", "--past-halt"]).exits(3);
    ran.says("continues in spite of the failures in wave 1");
    quiet(&story, &["gamma"]);
    let wanted = [
        ("wave 1", "done", 2),
        ("wave 2", "halted", 1),
        ("rest", "pending", 0),
    ];
    assert_eq!(waves(&story.report()), are(wanted));
    story.okta_rollout(&["resume"]).exits(3);
    quiet(&story, &["gamma"]);
    story.okta_rollout(&["resume", "--past-halt"]).exits(3);
    let report = story.report();
    let wanted = [
        ("wave 1", "done", 2),
        ("wave 2", "done", 1),
        ("rest", "done", 0),
    ];
    assert_eq!(waves(&report), are(wanted));
    assert_eq!(
        (&report["totals"]["changed"], &report["totals"]["pending"]),
        (&json!(1), &json!(0))
    );
    let ran = story
        .okta_rollout(&["resume", "--past-halt", "--approve"])
        .exits(3);
    ran.says("is not halted").says("waits for an approval");
}

#[test]
fn each_approval_lets_one_wave_begin() {
    let story = Scenario::of(everywhere());
    story.job(
        "[[waves]]\nname = 'canaries'\norgs = ['canary*']\n[[waves]]\nname = 'early'\norgs = ['beta']\napprove = true\n\
         [[waves]]\nname = 'others'\norgs = ['*']\napprove = true\n",
    );
    let ran = story.run().exits(4);
    let run = story.report()["run"].as_str().unwrap().to_owned();
    let approve = format!("okta-rollout resume {run} --approve");
    ran.says("wave early waits for an approval").says(&approve);
    story.run().exits(4).says("goes on");
    story.okta_rollout(&["resume"]).exits(4);
    quiet(&story, &["beta", "gamma"]);
    let report = story.report();
    assert_eq!(
        (&report["state"], &report["run"]),
        (&json!("interrupted"), &json!(run))
    );
    let wanted = [
        ("canaries", "done", 0),
        ("early", "awaitingApproval", 0),
        ("others", "pending", 0),
    ];
    assert_eq!(waves(&report), are(wanted));
    let error = &report["entries"][2]["error"];
    assert_eq!(error["message"], "wave early waits for an approval");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.ends_with(&approve), "{hint}");

    story.shell(&approve).exits(4).says("wave early may begin");
    quiet(&story, &["gamma"]);
    let wanted = [
        ("canaries", "done", 0),
        ("early", "done", 0),
        ("others", "awaitingApproval", 0),
    ];
    assert_eq!(waves(&story.report()), are(wanted));
    assert!(!story.all_calls("beta").is_empty());
    story.shell(&approve).exits(0);
    assert_eq!(story.report()["totals"]["changed"], 4);
    quiet(&story, &["beta"]);
}

#[test]
fn a_wave_whose_orgs_cannot_even_be_opened_has_failed() {
    let mut story = Scenario::of(everywhere());
    story.job(
        "[[waves]]\norgs = ['canary*']\n[[waves]]\norgs = ['beta']\napprove = true\nhaltWhenFailed = 0\n",
    );
    story.run().exits(4);
    let token = story.api_token("beta");
    story.unset("BETA_TOKEN");
    let ran = story.okta_rollout(&["resume", "--approve"]).exits(3);
    ran.says("wave 2 was halted: 1 of 1 entry failed");
    quiet(&story, &["beta", "gamma"]);
    story.set("BETA_TOKEN", &token);
    story.okta_rollout(&["resume"]).exits(3);
    quiet(&story, &["beta", "gamma"]);
    story.okta_rollout(&["resume", "--failed"]).exits(0);
}

#[test]
fn a_failure_outranks_an_approval() {
    let [one, two, three, four] = everywhere();
    let story = Scenario::of([one, two.missing(), three, four]);
    story.job(&format!("{WAVES}approve = true\n"));
    story
        .run()
        .exits(3)
        .says("wave early waits for an approval");
    quiet(&story, &["beta", "gamma"]);
}

#[test]
fn a_consent_that_waits_holds_no_wave_up_and_is_completed_whatever_the_waves_do() {
    let [one, two, three, four] = everywhere();
    let consent = google("0oag").at("canary1");
    let story = Scenario::of([one, two, three, four, consent]);
    story.job(&format!("{WAVES}approve = true\n"));
    story.run().exits(4);
    let wanted = [
        ("canaries", "done", 0),
        ("early", "awaitingApproval", 0),
        ("rest", "pending", 0),
    ];
    assert_eq!(waves(&story.report()), are(wanted));
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.okta_rollout(&["resume"]).exits(4);
    let report = story.report();
    assert_eq!(report["totals"]["changed"], 3);
    assert_eq!(waves(&report), are(wanted));
    quiet(&story, &["beta", "gamma"]);
    story.okta_rollout(&["resume", "--approve"]).exits(0);
}

#[test]
fn only_works_within_waves() {
    let [one, two, three, four] = everywhere();
    let second = zscaler("0oa2").at("canary1");
    let story = Scenario::of([one.missing(), two.missing(), three, four, second]);
    story.job(WAVES);
    // One of three entries of the wave failed: half of all may.
    story
        .okta_rollout(&["run", "job.toml", "--only", "org=canary2,org=beta"])
        .exits(3);
    assert!(!story.all_calls("beta").is_empty());
    quiet(&story, &["canary1", "gamma"]);
    assert_eq!(story.report()["totals"]["pending"], 3);
    // A second one is too many, whoever is asked for.
    story
        .okta_rollout(&["resume", "--only", "org=canary1,org=gamma"])
        .exits(3);
    quiet(&story, &["gamma"]);
    let report = story.report();
    assert_eq!(waves(&report)[0].1, "halted");
    story
        .okta_rollout(&["resume", "--only", "org=gamma"])
        .exits(3);
    quiet(&story, &["gamma"]);
    story.manifest(everywhere());
    story.okta_rollout(&["resume", "--failed"]).exits(0);
    assert_eq!(story.report()["totals"]["pending"], 0);
}

#[test]
fn what_only_left_of_a_wave_waits_for_the_turn_of_that_wave() {
    let story =
        Scenario::of(["canary", "beta", "gamma", "delta"].map(|org| zscaler("0oa1").at(org)));
    story.job(
        "[[waves]]\nname = 'canaries'\norgs = ['canary']\n[[waves]]\nname = 'early'\norgs = ['beta']\napprove = true\n\
         soak = '1h'\n[[waves]]\nname = 'late'\norgs = ['*']\napprove = true\n",
    );
    // One of the last wave, to try it: a part of that wave is no wave that ended.
    story
        .okta_rollout(&["run", "job.toml", "--only", "org=gamma"])
        .exits(4);
    story
        .okta_rollout(&["resume", "--only", "org=gamma", "--approve"])
        .exits(0);
    quiet(&story, &["canary", "beta", "delta"]);
    let wanted = |states: [&str; 3]| {
        let names = ["canaries", "early", "late"].into_iter().zip(states);
        let all: Vec<_> = names.map(|(name, state)| (name, state, 0)).collect();
        are::<3>(all.try_into().unwrap())
    };
    let report = story.report();
    assert_eq!(waves(&report), wanted(["pending", "pending", "running"]));
    assert_eq!(report["waves"][2]["finishedAt"], Value::Null);
    // All: the rest of it comes after the soak and the approvals before it, as if nobody had tried.
    story
        .run()
        .exits(4)
        .says("wave early waits for an approval");
    quiet(&story, &["beta", "delta"]);
    let states = ["done", "awaitingApproval", "pending"];
    assert_eq!(waves(&story.report()), wanted(states));
    let mut soaks = story.begin(&["resume", "--approve"]);
    soaks.says("wave early (2 of 3) soaks until");
    soaks.signal("KILL");
    soaks.ends();
    quiet(&story, &["delta"]);
    story.time_passes(60 * 60_000);
    story.run().exits(4).says("wave late waits for an approval");
    quiet(&story, &["delta"]);
    story.okta_rollout(&["resume", "--approve"]).exits(0);
    assert_eq!(story.report()["totals"]["changed"], 4);
    assert_eq!(waves(&story.report()), wanted(["done"; 3]));
}

#[test]
fn plan_check_and_status_say_what_the_waves_are() {
    let story = Scenario::of(everywhere());
    story.job(WAVES);
    let plan = story.okta_rollout(&["plan", "job.toml"]).exits(0);
    assert!(
        plan.data().contains("wave canaries: 2 entries in 2 orgs, "),
        "{}",
        plan.data()
    );
    let plan = story
        .okta_rollout(&["plan", "job.toml", "--format", "json"])
        .json();
    let of = |name: &str, orgs: u64| {
        let waves = plan["waves"].as_array().unwrap().iter();
        let wave = waves.clone().find(|wave| wave["name"] == name).unwrap();
        assert_eq!(
            (&wave["orgs"], &wave["entries"]),
            (&json!(orgs), &json!(orgs))
        );
        wave["calls"].as_u64().unwrap()
    };
    let calls = [of("canaries", 2), of("early", 1), of("rest", 1)];
    assert_eq!(calls[0], 2 * calls[1]);
    let total: u64 = plan["orgs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|org| org["total"].as_u64().unwrap())
        .sum();
    assert_eq!(total, calls.iter().sum::<u64>());
    story.okta_rollout(&["check", "job.toml"]).exits(0);
    story.run().exits(0);
    let status = story.okta_rollout(&["status"]).exits(0);
    assert!(
        status
            .data()
            .contains("  wave rest: done, 1 entry in 1 org\n"),
        "{}",
        status.data()
    );
    story.job(
        "[[waves]]\norgs = ['canary*', 'bete']\n[[waves]]\nname = 'wave 1'\norgs = ['canary1']\n",
    );
    let check = story.okta_rollout(&["check", "job.toml"]).exits(2);
    check.says("waves[1].name: another wave is called \"wave 1\", too");
    story.job("[[waves]]\norgs = ['canary*', 'bete']\n[[waves]]\norgs = ['canary1']\n");
    for command in ["check", "plan", "run"] {
        let check = story.okta_rollout(&[command, "job.toml"]).exits(2);
        check
            .says("job.toml:7:20: waves[0].orgs: no org fits \"bete\"")
            .says("did you mean beta?")
            .says("waves[1].orgs: no org is left for wave \"wave 2\": earlier ones take them");
    }
}
