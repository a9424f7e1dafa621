//! What was changed, and why; what left the file; and what many have in common.

use serde_json::{Value, json};

use crate::support::{
    APP_TOKEN, Scenario, google, inbound, office365, partly_user, slack, user, zscaler,
};

const TOKEN: &str = "connection.profile.token";
const STATUS: &str = "connection.status";

/// The changes of each entry: field, from, to, why.
fn changes(report: &Value) -> Vec<Vec<Value>> {
    let entries = report["entries"].as_array().unwrap();
    let of = |entry: &Value| -> Vec<Value> {
        let changes = entry["changes"].as_array().unwrap();
        changes
            .iter()
            .map(|change| {
                assert_eq!(change.as_object().unwrap().len(), 4, "{change}");
                json!([change["field"], change["from"], change["to"], change["why"]])
            })
            .collect()
    };
    entries.iter().map(of).collect()
}

fn fields(changes: &[Value]) -> Vec<&str> {
    changes
        .iter()
        .map(|change| change[0].as_str().unwrap())
        .collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story of nights")]
fn every_changed_entry_says_what_and_why() {
    let entries = || {
        [
            zscaler("0oa1").feature(user()),
            zscaler("0oa2").feature(user()),
            zscaler("0oa3").token("file:secrets/one"),
            zscaler("0oa4").feature(partly_user()),
            zscaler("0oa5"),
        ]
    };
    let story = Scenario::of(entries());
    story.write("secrets/one", "one");
    story.run().exits(0);
    let first = changes(&story.report());
    assert!(first.iter().flatten().all(|change| change[3] == "new"));
    assert_eq!(
        &fields(&first[0])[..4],
        [
            STATUS,
            "connection.baseUrl",
            "connection.profile.authScheme",
            TOKEN
        ]
    );
    assert_eq!(first[0][3], json!([TOKEN, null, null, "new"]));
    assert!(
        fields(&first[0])[4..]
            .iter()
            .all(|field| field.starts_with("features.USER_PROVISIONING."))
    );
    // Night two: nothing.
    story.run().exits(0).says("5 unchanged");
    assert_eq!(changes(&story.report()), vec![Vec::<Value>::new(); 5]);
    // A hand, a new token, a changed manifest.
    let mut changed = user().1;
    changed["create"]["lifecycleCreate"]["status"] = json!("DISABLED");
    let feature = "/api/v1/apps/0oa1/features/USER_PROVISIONING";
    story.somebody_else("acme", "PUT", feature, &changed);
    let deactivate = "/api/v1/apps/0oa5/connections/default/lifecycle/deactivate";
    story.somebody_else("acme", "POST", deactivate, &json!({}));
    story.write("secrets/one", "another");
    let other = json!({ "baseUrl": "https://scim.zscaler.net/other",
        "profile": { "authScheme": "TOKEN", "token": "file:secrets/app-token" } });
    let mut next = entries();
    next[1] = zscaler("0oa2").feature(user()).with("connection", other);
    let mut more = partly_user().1;
    more["update"] = json!({ "profile": { "status": "ENABLED" } });
    next[3] = zscaler("0oa4").feature(("USER_PROVISIONING", more));
    story.manifest(next);
    let ran = story.okta_rollout(&["run", "job.toml", "-v"]).exits(0);
    let create = "features.USER_PROVISIONING.create.lifecycleCreate.status";
    let profile = "features.USER_PROVISIONING.update.profile.status";
    let report = story.report();
    let found = changes(&report);
    assert_eq!(found[0], [json!([create, "DISABLED", "ENABLED", "drift"])]);
    assert!(found[1].contains(&json!([
        "connection.baseUrl",
        "https://scim.zscalerbeta.net/1/2/scim",
        "https://scim.zscaler.net/other",
        "manifest"
    ])));
    assert!(!fields(&found[1]).contains(&TOKEN), "{:?}", found[1]);
    assert_eq!(found[2], [json!([TOKEN, null, null, "secretChanged"])]);
    assert_eq!(
        found[3],
        [json!([profile, "DISABLED", "ENABLED", "manifest"])]
    );
    assert_eq!(found[4], [json!([STATUS, "DISABLED", "ENABLED", "drift"])]);
    let token = format!("{TOKEN} (secret): changed");
    let off = format!(r#"{STATUS}: "DISABLED" → "ENABLED", switched off by hand"#);
    let written = format!(r#"{profile}: "DISABLED" → "ENABLED""#);
    let text = story.okta_rollout(&["report"]).exits(0).data();
    for told in [&token, &off, &written] {
        assert!(
            text.contains(&format!("    changed: {told}\n")),
            "{told}: {text}"
        );
        assert!(
            ran.said().contains(&format!("  {told}\n")),
            "-v: {told}: {}",
            ran.said()
        );
    }
    let summary = format!("changed:\n  {token}: acme/zscalerbyz (row 3)\n");
    assert!(
        summary.lines().all(|line| ran.said().contains(line)),
        "{}",
        ran.said()
    );
    assert!(!text.contains(APP_TOKEN) && !ran.said().contains("another"));
    let only = ["report", "--only", "changed", "--format", "json"];
    let only = story.okta_rollout(&only).exits(0).json();
    assert_eq!(only["entries"].as_array().unwrap().len(), 5);
    assert_eq!(only["totals"]["changed"], 5);
}

#[test]
fn a_hand_is_distinguished_also_where_the_connection_was_written_again() {
    let entries = || {
        [
            zscaler("0oa1").feature(user()),
            zscaler("0oa2").feature(user()).token("file:secrets/two"),
            google("0oa3").feature(user()),
            zscaler("0oa4").feature(user()).token("file:secrets/two"),
        ]
    };
    let story = Scenario::of(entries());
    story.write("secrets/two", "two");
    story.run().exits(4);
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.okta_rollout(&["resume"]).exits(0);
    let mut off = user().1;
    off["create"]["lifecycleCreate"]["status"] = json!("DISABLED");
    for app in ["0oa1", "0oa2", "0oa3"] {
        let feature = format!("/api/v1/apps/{app}/features/USER_PROVISIONING");
        story.somebody_else("acme", "PUT", &feature, &off);
    }
    for app in ["0oa1", "0oa3"] {
        let path = format!("/api/v1/apps/{app}/connections/default/lifecycle/deactivate");
        story.somebody_else("acme", "POST", &path, &json!({}));
    }
    story.write("secrets/two", "another");
    let mut next = entries();
    let mut more = user().1;
    more["update"]["profile"]["status"] = json!("DISABLED");
    next[3] = zscaler("0oa4")
        .feature(("USER_PROVISIONING", more))
        .token("file:secrets/two");
    story.manifest(next);
    let ran = story.okta_rollout(&["run", "job.toml", "-v"]).exits(0);
    let create = "features.USER_PROVISIONING.create.lifecycleCreate.status";
    let by_hand = json!([create, "DISABLED", "ENABLED", "drift"]);
    let status = json!([STATUS, "DISABLED", "ENABLED", "drift"]);
    let token = json!([TOKEN, null, null, "secretChanged"]);
    let report = story.report();
    let mut found = changes(&report);
    let by_manifest = found.pop().unwrap();
    assert_eq!(
        found,
        [
            vec![status.clone(), by_hand.clone()],
            vec![token.clone(), by_hand.clone()],
            vec![status, by_hand],
        ]
    );
    assert_eq!(by_manifest[0], token);
    let rest = &by_manifest[1..];
    assert!(
        !rest.is_empty() && rest.iter().all(|change| change[3] == "manifest"),
        "{rest:?}"
    );
    for row in 1..=3 {
        assert!(ran.said().contains(&format!("(row {row}) had drifted:")));
    }
    let told = format!(r#"{create}: "DISABLED" → "ENABLED", changed by hand"#);
    assert_eq!(ran.said().matches(&told).count(), 3, "{}", ran.said());
}

#[test]
fn a_consent_changes_what_comes_of_it_once() {
    let story = Scenario::of([office365("0oa1").feature(inbound())]);
    story.run().exits(4);
    let waiting = changes(&story.report());
    let secret = "connection.profile.settings.adminPassword";
    assert!(
        waiting[0].contains(&json!([secret, null, null, "new"])),
        "{waiting:?}"
    );
    assert!(!fields(&waiting[0]).contains(&STATUS));
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    story.okta_rollout(&["resume"]).exits(0);
    let done = &changes(&story.report())[0];
    let of_status: Vec<_> = done.iter().filter(|change| change[0] == STATUS).collect();
    assert_eq!(of_status, [&json!([STATUS, "DISABLED", "ENABLED", "new"])]);
    let mut once = fields(done);
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), done.len(), "{done:?}");
    assert!(
        once.iter()
            .any(|field| field.starts_with("features.INBOUND_PROVISIONING."))
    );
}

#[test]
fn a_link_to_consent_is_a_change_too() {
    let story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    let report = story.report();
    assert_eq!(report["entries"][0]["changed"], true);
    let scheme = "connection.profile.authScheme";
    assert_eq!(
        changes(&report)[0],
        [json!([scheme, null, "OAUTH2", "new"])]
    );
}

#[test]
fn what_was_changed_is_known_however_often_it_dies_and_counted_once() {
    let found = |checkpoints: Option<u32>| {
        let story = Scenario::of([
            zscaler("0oa1").feature(partly_user()),
            zscaler("0oa2").feature(user()),
        ]);
        if let Some(checkpoints) = checkpoints {
            story.dies_after(checkpoints, &["run", "job.toml"]);
        }
        story.run().exits(0);
        let report = story.report();
        assert_eq!(report["totals"]["changed"], 2);
        changes(&report)
    };
    let undisturbed = found(None);
    for checkpoints in 1..=4 {
        assert_eq!(found(Some(checkpoints)), undisturbed, "{checkpoints}");
    }
}

#[test]
fn a_change_whose_answer_was_lost_is_a_change() {
    let story = Scenario::with(
        "limit = 0\n[[faults.rules]]\nfault = 'lostAnswer'\nmethod = 'PUT'\ntimes = 1",
        [zscaler("0oa1").feature(partly_user())],
    );
    story.run().exits(0);
    let report = story.report();
    let create = "features.USER_PROVISIONING.create.lifecycleCreate.status";
    let found = &changes(&report)[0];
    assert!(
        found.contains(&json!([create, "DISABLED", "ENABLED", "new"])),
        "{found:?}"
    );
    assert_eq!(report["entries"][0]["changed"], true);
}

#[test]
fn rows_that_left_the_file_are_named_and_left_as_they_are() {
    let all = || {
        [
            zscaler("0oa1"),
            zscaler("0oa2"),
            google("").labelled("Mail"),
            slack("0oa4").at("globex"),
        ]
    };
    let removed = |story: &Scenario| story.report()["removed"].clone();
    let story = Scenario::of(all());
    story.run().exits(4);
    assert_eq!(removed(&story), json!([]));
    // A part of the file says nothing of the rest.
    story.manifest(all().into_iter().take(1));
    let part = ["run", "job.toml", "--only", "org=acme"];
    story.okta_rollout(&part).exits(0);
    assert_eq!(removed(&story), json!([]));
    story.calls("acme");
    story
        .okta_rollout(&["run", "job.toml", "--new"])
        .exits(0)
        .says("3 entries of the last run are no longer in the file; left as they are: okta-rollout report ");
    let mail = story.report()["removed"][1]["appId"].clone();
    assert!(mail.is_string());
    assert_eq!(
        removed(&story),
        json!([
            { "org": "acme", "app": "zscalerbyz", "appId": "0oa2", "label": null },
            { "org": "acme", "app": "google", "appId": mail, "label": "Mail" },
            { "org": "globex", "app": "slack", "appId": "0oa4", "label": null },
        ])
    );
    let text = story.okta_rollout(&["report"]).exits(0).data();
    assert!(
        text.contains("no longer in the file, left as they are:\n    acme/zscalerbyz 0oa2\n"),
        "{text}"
    );
    assert_eq!(story.app("acme", "0oa2")["connection"]["status"], "ENABLED");
    // They are told once; and what is named otherwise is still there.
    story.run().exits(0);
    assert_eq!(removed(&story), json!([]));
}

#[test]
fn an_app_that_is_named_otherwise_is_still_in_the_file() {
    let story = Scenario::of([zscaler("").labelled("Proxy"), zscaler("0oa2")]);
    story.run().exits(0);
    let id = story.report()["entries"][0]["appId"].clone();
    let id = id.as_str().unwrap();
    let removed = |story: &Scenario| story.report()["removed"].clone();
    for entry in [zscaler(id), zscaler("").labelled("Proxy"), zscaler(id)] {
        story.manifest([entry, zscaler("0oa2")]);
        let ran = story.run().exits(0);
        assert!(
            !ran.said().contains("no longer in the file"),
            "{}",
            ran.said()
        );
        assert_eq!(removed(&story), json!([]));
    }
    let text = std::fs::read_to_string(story.path("m.json")).unwrap();
    let given = format!(r#""appId":"{id}""#);
    assert!(text.contains(&given), "{text}");
    story.write("m.json", &text.replace(&given, r#""label":"Nowhere""#));
    story.run().exits(3);
    assert_eq!(removed(&story)[0]["appId"], json!(id));
    // A label that found nothing was no row that anything was done for.
    story.write("m.json", &text);
    let ran = story.run().exits(0);
    assert!(
        !ran.said().contains("no longer in the file"),
        "{}",
        ran.said()
    );
    assert_eq!(removed(&story), json!([]));
}

#[test]
fn deactivations_are_told_apart() {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2"), zscaler("0oa3")]);
    story.run().exits(0);
    story.manifest([
        zscaler("0oa1").disabled(),
        zscaler("0oa2").token("file:secrets/two"),
        zscaler("0oa3"),
    ]);
    story.write("secrets/two", "two");
    // Nobody is there to be asked.
    story
        .run()
        .exits(0)
        .says("3 entries: 1 changed, 1 deactivated, 1 unchanged")
        .says("acme/zscalerbyz (row 1): done, deactivated");
    let report = story.report();
    assert_eq!(report["totals"]["changed"], 2);
    assert_eq!(report["totals"]["deactivated"], 1);
    assert_eq!(
        changes(&report)[0],
        [json!([STATUS, "ENABLED", "DISABLED", "manifest"])]
    );
    let text = story.okta_rollout(&["report", "--only", "deactivated"]);
    let text = text.exits(0).data();
    assert!(text.contains("(row 1) 0oa1: done, deactivated"), "{text}");
    assert!(!text.contains("(row 2)"), "{text}");
    story.run().exits(0).says("3 unchanged");
    assert_eq!(story.report()["totals"]["deactivated"], 0);
    // The flag is there for both.
    story.okta_rollout(&["run", "job.toml", "--yes"]).exits(0);
    story.okta_rollout(&["resume", "--yes"]).exits(0);
}

#[test]
fn twenty_alike_are_one_line() {
    let story =
        Scenario::of((1..=20).map(|n| zscaler(&format!("0oa{n}")).token("file:secrets/bad")));
    story.write("secrets/bad", "bad-token");
    let said = story.run().exits(3).said();
    let line = "20 entries failed: set_connection: Api validation failed: credential: Verification failed: \
                Invalid URL. Not authorized (E0000001, HTTP 400): acme/zscalerbyz (row 1), acme/zscalerbyz (row 2), \
                acme/zscalerbyz (row 3) and 17 more\n";
    assert!(said.contains(line), "{said}");
    let text = story.okta_rollout(&["report"]).exits(0).data();
    assert!(text.contains(line), "{text}");
    // Each with its message and hint all the same.
    assert_eq!(
        text.matches("hint: check the value behind file:secrets/bad")
            .count(),
        21,
        "{text}"
    );
}

#[test]
fn orgs_that_were_stopped_name_the_credentials_to_change_and_their_entries_the_reason_once() {
    let story = Scenario::of([
        zscaler("0oa1"),
        zscaler("0oa2"),
        zscaler("0oa3").at("globex"),
    ]);
    let revoked = okta_rollout::sandbox::Switches {
        revoked_token: true,
        ..Default::default()
    };
    story.switch("acme", revoked);
    story
        .run()
        .exits(3)
        .says("acme was stopped: ")
        .says("hint: env:ACME_TOKEN: ");
    let report = story.report();
    let hint = report["orgs"][0]["stopped"]["hint"].as_str().unwrap();
    assert!(hint.starts_with("env:ACME_TOKEN: "), "{hint}");
    let text = story.okta_rollout(&["report"]).exits(0).data();
    assert!(
        text.contains("\n2 entries pending: set_connection: org acme was stopped: "),
        "{text}"
    );
    assert!(
        text.contains("acme/zscalerbyz (row 1), acme/zscalerbyz (row 2)\n"),
        "{text}"
    );
}
