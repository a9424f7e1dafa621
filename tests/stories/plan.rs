//! What `plan` shows before anything is done: every difference and no other, what it costs, and that looking leaves
//! no trace; and `run --plan`, which does what was shown or nothing.

use okta_rollout::sandbox::{SeedApp, Switches};
use serde_json::{Value, json};

use crate::consent::waiting;
use crate::support::{
    Entry, Ran, Scenario, google, inbound, office365, org2org, partly_user, slack, user, zscaler,
};

/// Runs `plan` for programs, with more arguments.
pub fn planned(story: &Scenario, more: &[&str]) -> (Ran, Value) {
    let arguments = [&["plan", "job.toml", "--format", "json"], more].concat();
    let ran = story.okta_rollout(&arguments);
    let plan = ran.json();
    (ran, plan)
}

/// The changes of the entry in this row as `field: live → wanted`, and so on.
fn changes(plan: &Value, row: u64) -> Vec<String> {
    let entries = plan["entries"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["row"] == row).unwrap();
    let changes = entry["changes"].as_array().unwrap().iter();
    let text = |change: &Value| match (change.get("secret"), change.get("live")) {
        (Some(secret), _) => format!("{}: {secret}", change["field"].as_str().unwrap()),
        (None, Some(live)) => format!(
            "{}: {live} → {}",
            change["field"].as_str().unwrap(),
            change["wanted"]
        ),
        (None, None) => format!(
            "{}: → {}",
            change["field"].as_str().unwrap(),
            change["wanted"]
        ),
    };
    changes.map(text).collect()
}

fn only_gets(story: &Scenario, org: &str) -> usize {
    let calls = story.calls(org);
    assert!(
        calls.iter().all(|call| call.starts_with("GET ")),
        "{calls:?}"
    );
    calls.len()
}

fn settled(entries: impl IntoIterator<Item = Entry>) -> Scenario {
    let story = Scenario::of(entries);
    story.run().exits(0);
    story.calls("acme");
    story
}

#[test]
fn a_plan_shows_everything_and_leaves_no_trace() {
    let story = Scenario::of([
        zscaler("0oa1").feature(user()),
        google("0oa2").feature(partly_user()),
        zscaler("0oa3").disabled(),
    ]);
    let plan = story.okta_rollout(&["plan", "job.toml"]).exits(0);
    let data = plan.data();
    // How long it takes depends on the machine.
    let (shown, _) = data.rsplit_once(", about").unwrap();
    insta::assert_snapshot!(shown, @r#"
    acme: 7 calls (/api/v1/apps 5, /api/v1/apps/{id} 2), then 4 after consents
      + zscalerbyz 0oa1 (row 1)
          connection.status: "DISABLED" → "ENABLED"
          connection.profile.token: (secret, unknown)
          features.USER_PROVISIONING.create.lifecycleCreate.status: not shown yet → "ENABLED"
          features.USER_PROVISIONING.update.lifecycleDeactivate.status: not shown yet → "ENABLED"
          features.USER_PROVISIONING.update.password.status: not shown yet → "ENABLED"
          features.USER_PROVISIONING.update.profile.status: not shown yet → "ENABLED"
      ? google 0oa2 (row 2)
          connection.status: "DISABLED" → "ENABLED"
          features.USER_PROVISIONING.create.lifecycleCreate.status: not shown yet → "ENABLED"
      = 1 entry as wanted
    3 entries: 1 to set up, 1 needs consent, 1 as wanted
    unverifiable, because Okta does not show it: connection.profile.token (1), features.USER_PROVISIONING (2)
    cost: 7 calls in 1 org, then 4 after consents; up to 1 fewer if what is not shown yet is as wanted; slowest acme: 7 calls (/api/v1/apps 5, /api/v1/apps/{id} 2)
    "#);
    assert_eq!(only_gets(&story, "acme"), 3);
    assert!(!story.path(".okta-rollout").exists());
    let code = ["plan", "job.toml", "--detailed-exitcode"];
    story.okta_rollout(&code).exits(5);
    assert_eq!(only_gets(&story, "acme"), 3);
    let verbose = story.okta_rollout(&["plan", "job.toml", "-v"]);
    assert!(verbose.data().contains("= zscalerbyz 0oa3 (row 3)"));
}

#[test]
fn after_a_run_nothing_is_left_to_do() {
    let story = settled([
        zscaler("0oa1").feature(user()),
        org2org("0oa2").feature(user()).feature(inbound()),
        zscaler("0oa3").disabled(),
    ]);
    let (ran, plan) = planned(&story, &["--detailed-exitcode"]);
    ran.exits(0);
    assert_eq!(plan["totals"]["nothing"], 3, "{plan}");
    assert_eq!(plan["orgs"][0]["calls"], json!({ "/api/v1/apps": 5 }));
    // What a run sends when all is right is what the plan sent.
    assert_eq!(only_gets(&story, "acme"), 5);
    story.run().exits(0);
    assert_eq!(only_gets(&story, "acme"), 5);
}

#[test]
fn every_field_that_moved_is_named_and_no_other() {
    let story = settled([
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").feature(user()),
    ]);
    let theirs = json!({ "baseUrl": "https://scim.zscalerbeta.net/9/9/scim",
        "profile": { "authScheme": "TOKEN", "token": "theirs" } });
    let set = "/api/v1/apps/0oa1/connections/default?activate=true";
    story.somebody_else("acme", "POST", set, &theirs);
    let off = json!({ "update": { "profile": { "status": "DISABLED" } } });
    let put = "/api/v1/apps/0oa2/features/USER_PROVISIONING";
    story.somebody_else("acme", "PUT", put, &off);
    let (ran, plan) = planned(&story, &["--detailed-exitcode"]);
    ran.exits(5);
    assert_eq!(
        changes(&plan, 1),
        [
            "connection.baseUrl: \"https://scim.zscalerbeta.net/9/9/scim\" → \
             \"https://scim.zscalerbeta.net/1/2/scim\"",
            "connection.profile.token: \"unchanged\""
        ]
    );
    assert_eq!(
        changes(&plan, 2),
        ["features.USER_PROVISIONING.update.profile.status: \"DISABLED\" → \"ENABLED\""]
    );
    assert_eq!(plan["totals"]["change"], 2);
    let human = story.okta_rollout(&["plan", "job.toml"]).exits(0).data();
    assert!(human.contains("(secret, unchanged)"), "{human}");
}

#[test]
fn a_secret_is_changed_unchanged_or_unknown_and_is_never_shown() {
    let token = |story: &Scenario, more: &[&str]| {
        let (ran, plan) = planned(story, more);
        for said in [ran.data(), ran.said()] {
            assert!(!said.contains("tell-tale"), "{said}");
        }
        let unverifiable = &plan["entries"][0]["unverifiable"];
        assert_eq!(*unverifiable, json!(["connection.profile.token"]));
        changes(&plan, 1)
    };
    let secret = |what: &str| format!("connection.profile.token: {what:?}");
    let story = settled([zscaler("0oa1")]);
    assert!(token(&story, &[]).is_empty());
    assert_eq!(token(&story, &["--force"]), [secret("unchanged")]);
    let elsewhere = ["--ledger", "another.db"];
    assert_eq!(token(&story, &elsewhere), [secret("unknown")]);
    assert!(!story.path("another.db").exists());
    story.write("secrets/app-token", "another-tell-tale");
    assert_eq!(token(&story, &[]), [secret("changed")]);
    // The manifest's base URL belongs to the same fingerprint, but is no secret.
    story.write("secrets/app-token", "tell-tale-app-token");
    let connection = json!({ "baseUrl": "https://scim.zscalerbeta.net/3/4/scim",
        "profile": { "authScheme": "TOKEN", "token": "file:secrets/app-token" } });
    story.manifest([zscaler("0oa1").with("connection", connection)]);
    assert_eq!(
        token(&story, &[])[1..],
        [secret("unchanged")],
        "only the base URL moved"
    );
}

#[test]
fn a_secret_that_cannot_be_read_is_refused_before_anything_is_sent() {
    let story = Scenario::of([zscaler("0oa1").token("file:secrets/none")]);
    let refused = story.okta_rollout(&["plan", "job.toml"]).exits(2);
    refused.says("secrets/none").says("nothing was sent");
    story.manifest([zscaler("0oa1").token("exec:/bin/cat secrets/app-token")]);
    let refused = story.okta_rollout(&["plan", "job.toml"]).exits(2);
    refused.says("--allow-exec");
    assert_eq!(only_gets(&story, "acme"), 0);
    planned(&story, &["--allow-exec"]).0.exits(0);
}

#[test]
fn what_cannot_be_done_says_why_and_the_others_are_planned() {
    let story = Scenario::of([
        zscaler("0oa1"),
        zscaler("").labelled("Nobody's").missing(),
        zscaler("").labelled("Twice"),
        google("0oa4").in_truth("salesforce"),
        google("0oa5").missing(),
        slack("0oa6").without("connection").feature(user()),
        zscaler("").labelled("Mine"),
    ]);
    let twin = SeedApp {
        name: "zscalerbyz".to_owned(),
        id: Some("0oaTwin".to_owned()),
        label: Some("Twice".to_owned()),
    };
    story.add_app("acme", &twin);
    let (ran, plan) = planned(&story, &["--detailed-exitcode"]);
    ran.exits(3);
    let reason = |row: usize| plan["entries"][row - 1]["error"]["message"].to_string();
    for (row, why) in [
        (2, "no zscalerbyz app is labelled"),
        (3, "0oaTwin"),
        (4, "UNKNOWN"),
        (5, "E0000007"),
        (6, "the connection shows status DISABLED"),
    ] {
        assert!(reason(row).contains(why), "{row}: {}", reason(row));
        assert_eq!(plan["entries"][row - 1]["action"], "error");
    }
    assert_eq!(plan["totals"]["errors"], 5);
    assert_eq!(plan["totals"]["setUp"], 2);
    only_gets(&story, "acme");
    // And a run fails in the same five entries, with the announced number of calls.
    story.run().exits(3).says("5 failed");
    assert_eq!(plan["orgs"][0]["total"], story.calls("acme").len());
}

#[test]
fn an_org_that_cannot_be_read_does_not_hold_up_the_others() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2").at("globex")]);
    let revoked = Switches {
        revoked_token: true,
        ..Switches::default()
    };
    story.switch("globex", revoked);
    let (ran, plan) = planned(&story, &[]);
    ran.exits(3);
    assert_eq!(plan["entries"][0]["action"], "set_up");
    assert_eq!(plan["entries"][1]["action"], "error");
    let why = plan["orgs"][1]["error"]["message"].as_str().unwrap();
    assert!(why.contains("E0000011"), "{why}");
    assert!(plan["orgs"][1]["error"]["hint"].is_string());
    let human = story.okta_rollout(&["plan", "job.toml"]).exits(3);
    assert!(human.data().contains("the org cannot be read"));
    assert_eq!(only_gets(&story, "globex"), 2);
}

#[test]
fn a_consent_that_is_waited_for_costs_nothing_more_until_it_is_given() {
    let story = waiting();
    let (ran, plan) = planned(&story, &["--detailed-exitcode"]);
    ran.exits(5);
    let entry = &plan["entries"][0];
    assert_eq!(entry["action"], "consent");
    assert_eq!(entry["calls"], 0);
    assert_eq!(entry["callsAfterConsent"], 3);
    story.run().exits(4);
    assert!(story.calls("acme").is_empty());
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.okta_rollout(&["resume"]).exits(0);
    assert_eq!(story.calls("acme").len(), 3);
    planned(&story, &["--detailed-exitcode"]).0.exits(0);
}

#[test]
fn the_user_name_of_office365_is_shown_as_little_as_its_password() {
    let story = Scenario::of([office365("0oa1")]);
    let (_, plan) = planned(&story, &[]);
    assert_eq!(
        plan["entries"][0]["unverifiable"],
        json!([
            "connection.profile.settings.adminUsername",
            "connection.profile.settings.adminPassword"
        ])
    );
}

#[test]
fn what_the_job_leaves_alone_is_reported_and_is_no_change() {
    let story = settled([zscaler("0oa1").feature(user())]);
    story.write("job.toml", "onDrift = 'report'\nmanifest = 'm.json'\n");
    let off = json!({ "update": { "profile": { "status": "DISABLED" } } });
    let put = "/api/v1/apps/0oa1/features/USER_PROVISIONING";
    story.somebody_else("acme", "PUT", put, &off);
    let (ran, plan) = planned(&story, &["--detailed-exitcode"]);
    ran.exits(0);
    let left = &plan["entries"][0]["leftAlone"];
    assert_eq!(
        left[0]["field"],
        "features.USER_PROVISIONING.update.profile.status"
    );
    let human = story.okta_rollout(&["plan", "job.toml"]).exits(0).data();
    assert!(human.contains("changed by hand, left alone"), "{human}");
}

#[test]
fn only_what_is_selected_is_planned_and_applied() {
    let story = Scenario::of([
        zscaler("0oa1"),
        zscaler("").labelled("Mine"),
        google("0oa3"),
        zscaler("0oa4").at("globex"),
    ]);
    let arguments = ["--only", "org=acme,app=google", "--out", "plan.json"];
    let (_, plan) = planned(&story, &arguments);
    assert_eq!(plan["totals"]["entries"], 1);
    assert_eq!(plan["entries"][0]["row"], 3);
    assert_eq!(only_gets(&story, "acme"), 1);
    assert_eq!(only_gets(&story, "globex"), 0);
    story.okta_rollout(&["run", "--plan", "plan.json"]).exits(4);
    // One to look whether the plan still holds, and what it announced.
    assert_eq!(story.calls("acme").len(), 1 + 2);
    let (_, plan) = planned(&story, &["--only", "org=globex"]);
    assert_eq!(plan["totals"]["entries"], 1);
    let (ran, plan) = planned(&story, &["--only", "state=failed"]);
    ran.exits(0).says("no entry matches");
    assert_eq!(plan["totals"]["entries"], 0);
    // A run would be a new one, not that of the plan.
    let (_, plan) = planned(&story, &["--only", "waiting"]);
    assert_eq!(plan["totals"]["entries"], 0);
    let unknown = ["plan", "job.toml", "--only", "org=initech"];
    story.okta_rollout(&unknown).exits(2).says("no org fits");
}

#[test]
fn a_plan_says_when_run_would_continue_with_an_interrupted_run() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2")]);
    story.dies_after(1, &["run", "job.toml"]);
    let plan = story.okta_rollout(&["plan", "job.toml"]).exits(0);
    plan.says("was interrupted").says("run --new");
}

#[test]
fn an_interrupt_ends_a_plan_at_once() {
    let settings = "limit = 1\nwindow = '1h'";
    let story = Scenario::with(settings, [zscaler("0oa1"), zscaler("0oa2")]);
    let mut plan = story.begin(&["plan", "job.toml"]);
    plan.says("waits");
    plan.signal("INT");
    assert_eq!(plan.ends(), Some(130));
}

#[test]
fn what_a_plan_costs_follows_the_limit_that_the_org_shows() {
    let entries = (1..=30).map(|n| zscaler(&format!("0oa{n}")).feature(user()));
    let story = Scenario::with("limit = 40", entries);
    let (_, plan) = planned(&story, &[]);
    // Two calls an entry, and a list that shows what the apps are.
    assert_eq!(plan["orgs"][0]["total"], 60 + 1);
    // 36 of 40 calls in the first window, the rest at the beginning of the second.
    let seconds = plan["orgs"][0]["seconds"].as_u64().unwrap();
    assert!((60..120).contains(&seconds), "{seconds}");
}

fn saved(story: &Scenario) {
    let arguments = ["plan", "job.toml", "--out", "plan.json"];
    story.okta_rollout(&arguments).says("run --plan plan.json");
    only_gets(story, "acme");
}

#[test]
fn a_saved_plan_is_applied_and_nothing_else_is_touched() {
    let story = settled([zscaler("0oa1").feature(user()), zscaler("0oa2")]);
    story.manifest([
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").disabled(),
        google("0oa3"),
        google("0oa4").missing(),
    ]);
    saved(&story);
    let file = std::fs::read_to_string(story.path("plan.json")).unwrap();
    assert!(!file.contains("tell-tale"), "{file}");
    assert!(!file.contains("authorize"), "{file}");
    let applied = story.okta_rollout(&["run", "--plan", "plan.json"]).exits(3);
    applied.says("1 entry of the plan could not be planned");
    let report = story.report();
    assert_eq!(report["totals"]["entries"], 2, "{report}");
    assert_eq!(report["totals"]["changed"], 1);
    assert_eq!(report["totals"]["waiting"], 1);
    let calls = story.calls("acme");
    let written: Vec<_> = calls
        .iter()
        .filter(|call| !call.starts_with("GET"))
        .collect();
    assert_eq!(written.len(), 2, "{calls:?}");
    // It was applied: now it is as old as its live state.
    let again = story.okta_rollout(&["run", "--plan", "plan.json"]).exits(2);
    again.says("moved since the plan was made");
    // A run of the file is a new one.
    story.run().exits(3);
    assert_eq!(story.report()["totals"]["entries"], 4);
}

#[test]
fn a_saved_plan_is_refused_when_anything_moved() {
    let story = settled([zscaler("0oa1").feature(user()), zscaler("0oa2")]);
    story.manifest([zscaler("0oa1").feature(user()), zscaler("0oa2").disabled()]);
    saved(&story);
    let off = json!({ "update": { "profile": { "status": "DISABLED" } } });
    let put = "/api/v1/apps/0oa1/features/USER_PROVISIONING";
    story.somebody_else("acme", "PUT", put, &off);
    let apply = ["run", "job.toml", "--plan", "plan.json"];
    let refused = story.okta_rollout(&apply).exits(2);
    refused
        .says("acme zscalerbyz 0oa1 (row 1): was as wanted; is to change (features.USER_PROVISIONING.update")
        .says("nothing was sent but GETs")
        .says("--out PLAN");
    only_gets(&story, "acme");
    assert_eq!(story.report()["totals"]["entries"], 2, "no run began");

    saved(&story);
    story.manifest([zscaler("0oa1").feature(user())]);
    let changed = story.okta_rollout(&apply).exits(2);
    changed.says("changed since the plan was made");
    let other = ["run", "m.json", "--plan", "plan.json"];
    story.okta_rollout(&other).exits(2).says("not of m.json");
    story.write("plan.json", "{ \"version\": 7 }");
    story.okta_rollout(&apply).exits(2).says("version 7");
    story.write("plan.json", "[]");
    story.okta_rollout(&apply).exits(2).says("is no saved plan");
    only_gets(&story, "acme");
}

#[test]
fn a_plan_with_nothing_to_do_begins_no_run() {
    let story = settled([zscaler("0oa1")]);
    saved(&story);
    let nothing = story.okta_rollout(&["run", "--plan", "plan.json"]).exits(0);
    nothing.says("nothing to do");
    let runs = story.okta_rollout(&["runs", "--format", "json"]).json();
    assert_eq!(runs.as_array().unwrap().len(), 1);
}

#[test]
fn an_interrupted_plan_run_is_gone_on_with_by_resume() {
    for resumed in [true, false] {
        let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2")]);
        saved(&story);
        story.dies_after(1, &["run", "--plan", "plan.json"]);
        if resumed {
            story.okta_rollout(&["resume"]).exits(0);
            assert_eq!(story.report()["totals"]["changed"], 2);
        } else {
            // Whoever runs the file means all of it.
            story.run().exits(0).says("applies a saved plan");
        }
    }
}

#[test]
fn the_same_command_continues_with_an_interrupted_plan_run() {
    let apply = ["run", "--plan", "plan.json"];
    for checkpoints in [1, 2] {
        let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2"), zscaler("0oa3")]);
        saved(&story);
        story.dies_after(checkpoints, &apply);
        let on = story.okta_rollout(&apply).exits(0).says("goes on").said();
        assert!(!on.contains("reads the live state"), "{on}");
        assert_eq!(story.report()["totals"]["changed"], 3);
        let runs = story.okta_rollout(&["runs", "--format", "json"]).json();
        assert_eq!(runs.as_array().unwrap().len(), 1);
        // Done, it is as old as its live state.
        story.okta_rollout(&apply).exits(2).says("moved since");
    }
    // Another plan is looked at first, and one of a manifest that changed is refused.
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2")]);
    saved(&story);
    story.dies_after(1, &apply);
    let first = std::fs::read_to_string(story.path("plan.json")).unwrap();
    let other = ["--only", "app=zscalerbyz", "--out", "plan.json"];
    planned(&story, &other).0.exits(0);
    story.okta_rollout(&apply).says("reads the live state");
    story.write("plan.json", &first);
    story.manifest([zscaler("0oa1")]);
    story.okta_rollout(&apply).exits(2).says("changed since");
}

#[test]
fn a_plan_of_some_entries_is_applied_without_the_secrets_of_the_others() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2").at("globex")]);
    let text = std::fs::read_to_string(story.path("m.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    manifest["orgs"]["globex"]["auth"] = json!({ "apiToken": "file:secrets/globex" });
    manifest["apps"][1]["connection"]["profile"]["token"] = json!("file:secrets/none");
    story.write("m.json", &manifest.to_string());
    let arguments = ["--only", "org=acme", "--out", "plan.json"];
    planned(&story, &arguments).0.exits(0);
    let apply = ["run", "--plan", "plan.json"];
    story.okta_rollout(&apply).exits(0).says("1 changed");
    assert!(story.calls("globex").is_empty());
}

#[test]
fn what_a_plan_could_not_do_is_not_forgotten_when_it_is_applied() {
    let story = Scenario::of([google("0oa1").missing(), google("0oa2").missing()]);
    saved(&story);
    let nothing = story.okta_rollout(&["run", "--plan", "plan.json"]).exits(3);
    nothing
        .says("nothing to do")
        .says("2 entries of the plan could not be planned");
}

#[test]
fn a_plan_does_without_a_ledger_that_has_to_be_upgraded() {
    let story = settled([zscaler("0oa1")]);
    let ledger = story.path(".okta-rollout/ledger.db");
    let sql = rusqlite::Connection::open(&ledger).unwrap();
    sql.execute_batch("PRAGMA user_version = 1").unwrap();
    drop(sql);
    let before = std::fs::read(&ledger).unwrap();
    let (ran, plan) = planned(&story, &[]);
    ran.exits(0).says("is left out of this plan");
    assert_eq!(changes(&plan, 1), ["connection.profile.token: \"unknown\""]);
    assert!(
        std::fs::read(&ledger).unwrap() == before,
        "it was written to"
    );
}

#[test]
fn plan_and_run_mean_the_same_run_by_its_states() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2"), google("0oa3")]);
    let arguments = ["--only", "app=zscalerbyz", "--out", "plan.json"];
    planned(&story, &arguments).0.exits(0);
    story.dies_after(2, &["run", "--plan", "plan.json"]);
    // A run of the file is a new one, and all of it is pending.
    let (_, plan) = planned(&story, &["--only", "pending"]);
    assert_eq!(plan["totals"]["entries"], 3);
    let done = ["run", "job.toml", "--only", "done"];
    story.okta_rollout(&done).exits(0).says("no entry matches");
    let (ran, _) = planned(&story, &["--only", "done"]);
    ran.exits(0).says("no entry matches");
    let pending = ["run", "job.toml", "--only", "pending"];
    story.okta_rollout(&pending).exits(4);
    assert_eq!(story.report()["totals"]["entries"], 3);
}

#[test]
fn orgs_the_program_serves_itself_are_planned_as_their_last_run_left_them() {
    let story = Scenario::of([]);
    let orgs = json!({ "demo": { "url": "sandbox" } });
    let profile = json!({ "authScheme": "TOKEN", "token": "file:secrets/app-token" });
    let entry = json!({ "org": "demo", "app": "okta_org2org", "appId": "0oa1",
        "connection": { "profile": profile } });
    let manifest = json!({ "orgs": orgs, "apps": [entry] });
    story.write("m.json", &manifest.to_string());
    let code = ["plan", "job.toml", "--detailed-exitcode"];
    story.okta_rollout(&code).exits(5);
    assert!(!story.path(".okta-rollout").exists());
    story.run().exits(0);
    story.okta_rollout(&code).exits(0);
}
