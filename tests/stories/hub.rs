//! Org2Org pairs: the service app in the hub, what it is given, and the spoke's connection that signs in as it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Entry, Scenario, org2org, spoke, token_of, user};

const ROLES: [&str; 2] = ["USER_ADMIN", "GROUP_MEMBERSHIP_ADMIN"];
const SCOPES: [&str; 2] = ["okta.users.manage", "okta.groups.manage"];

/// A spoke with features, in an org of its own.
pub fn pair(org: &str) -> Entry {
    spoke("0oa1", &format!("spoke {org}"))
        .at(org)
        .feature(user())
}

/// The settings of a service app that is as wanted.
pub fn is_complete(app: &Value) -> bool {
    let service = &app["service"];
    service["roles"] == json!(ROLES)
        && service["grants"] == json!(SCOPES)
        && service["dpop"] == true
}

/// The spoke's connection is active and signs in as the service app.
pub fn connected(story: &Scenario, org: &str) -> bool {
    let named = story.service_apps("hub");
    let own = named
        .iter()
        .find(|(name, _)| *name == format!("spoke {org}"));
    let connection = &story.app(org, "0oa1")["connection"];
    let client = own.map(|(_, app)| &app["id"]);
    connection["status"] == "ENABLED" && Some(&connection["clientId"]) == client
}

fn steps(report: &Value) -> Vec<&str> {
    let steps = report["entries"][0]["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect()
}

fn counted(calls: &[String]) -> BTreeMap<&str, usize> {
    let mut counted = BTreeMap::new();
    for call in calls {
        *counted.entry(call.as_str()).or_default() += 1;
    }
    counted
}

#[test]
fn a_pair_is_set_up_in_both_orgs_and_left_alone_from_then_on() {
    let story = Scenario::of([pair("acme"), pair("globex")]);
    let said = story.run().exits(0).said();
    assert!(!said.contains("unused"), "{said}");
    let made = story.service_apps("hub");
    let names: Vec<_> = made.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["spoke acme", "spoke globex"]);
    assert!(made.iter().all(|(_, app)| is_complete(app)), "{made:?}");
    assert!(connected(&story, "acme") && connected(&story, "globex"));
    let uri = format!(
        "{}/api/v1/apps/0oa1/connections/default/jwks",
        story.url("acme")
    );
    assert_eq!(made[0].1["service"]["jwksUri"], uri);
    let report = story.report();
    assert_eq!(report["totals"]["changed"], 2);
    assert_eq!(
        steps(&report),
        [
            "find_app",
            "create_service_app",
            "assign_role",
            "assign_role",
            "grant_scope",
            "grant_scope",
            "require_dpop",
            "set_connection",
            "set_feature"
        ]
    );
    let changes = report["entries"][0]["changes"].as_array().unwrap();
    let given = |field: &str| -> Vec<_> {
        let given = changes.iter().filter(|change| change["field"] == field);
        given
            .map(|change| (change["from"].clone(), change["to"].clone()))
            .collect()
    };
    // A list each, however many steps it took.
    assert_eq!(given("hub.roles"), [(json!([]), json!(ROLES))]);
    assert_eq!(given("hub.scopes"), [(json!([]), json!(SCOPES))]);
    // One list of the hub's service apps serves both.
    let calls = story.all_calls("hub");
    let calls = counted(&calls);
    assert_eq!(calls["GET /oauth2/v1/clients"], 1, "{calls:?}");
    assert_eq!(calls["POST /oauth2/v1/clients"], 2, "{calls:?}");
    assert_eq!(calls.values().sum::<usize>(), 1 + 2 * 7, "{calls:?}");
    assert_eq!(story.calls("acme").len(), 3);

    // Known by its id from now on: at most three looks in the hub, and two in the spoke.
    story.calls("globex");
    story.run().exits(0);
    assert_eq!(story.report()["totals"]["unchanged"], 2);
    let calls = story.all_calls("hub");
    assert_eq!(calls.len(), 2 * 3, "{calls:?}");
    assert!(
        calls.iter().all(|call| call.starts_with("GET ")),
        "{calls:?}"
    );
    assert_eq!(
        story.calls("acme"),
        ["GET …/connections/default", "GET …/features"]
    );
    assert_eq!(story.service_apps("hub").len(), 2);
}

#[test]
fn an_app_that_is_created_signs_in_as_the_service_app_that_is_made_for_it() {
    let create = json!({ "signOnMode": "SAML_2_0", "settings": { "app": { "baseUrl": "https://hub.okta.com" } } });
    let entry = spoke("0oa1", "spoke acme").labelled("To the hub").missing();
    let story = Scenario::of([entry.with("create", create)]);
    let plan = story
        .okta_rollout(&["plan", "m.json", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(plan["entries"][0]["action"], "set_up", "{plan}");
    story.run().exits(0);
    let made = story.service_apps("hub");
    assert!(is_complete(&made[0].1), "{made:?}");
    // Found by its label from then on.
    let plan = story
        .okta_rollout(&["plan", "m.json", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(plan["totals"]["nothing"], 1, "{plan}");
    story.run().exits(0);
    assert_eq!(story.report()["totals"]["unchanged"], 1);
    assert_eq!(story.service_apps("hub").len(), 1);
}

#[test]
fn a_plan_tells_what_happens_in_the_hub_and_at_what_cost() {
    let story = Scenario::of([pair("acme"), pair("globex").without("features")]);
    for changed in [2, 0] {
        let shown = story.okta_rollout(&["plan", "m.json"]).exits(0).data();
        for told in [
            "hub.clientName",
            r#"hub.roles: [] → ["USER_ADMIN","GROUP_MEMBERSHIP_ADMIN"]"#,
            "hub.scopes",
            "hub.dpop",
        ] {
            assert_eq!(shown.contains(told), changed > 0, "{told}: {shown}");
        }
        story.runs_as_announced(&["hub", "acme"], &format!("{changed} to change"));
        assert_eq!(story.report()["totals"]["changed"], changed);
    }
}

#[test]
fn an_answer_that_is_lost_makes_no_second_service_app_role_or_scope() {
    for (method, path) in [
        ("POST", "/oauth2/v1/clients"),
        ("POST", "/oauth2/v1/clients/*/roles"),
        ("POST", "/api/v1/apps/*/grants"),
        ("PUT", "/api/v1/apps/*"),
        ("GET", "/oauth2/v1/clients"),
        ("GET", "/api/v1/apps/*"),
    ] {
        for fault in ["lostAnswer", "appliedError", "truncated"] {
            for nth in 1..=2 {
                let rule = format!(
                    "limit = 0\n[[faults.rules]]\nfault = '{fault}'\norg = 'hub'\nmethod = '{method}'\npath = '{path}'\nnth = {nth}\n"
                );
                let story = Scenario::with(&rule, [pair("acme"), pair("globex")]);
                story.job("[http]\ntimeout = '1s'\n");
                story.run().exits(0);
                let made = story.service_apps("hub");
                assert_eq!(made.len(), 2, "{fault} {method} {path} {nth}: {made:?}");
                assert!(
                    made.iter().all(|(_, app)| is_complete(app)),
                    "{fault} {method} {path}: {made:?}"
                );
                assert!(connected(&story, "acme") && connected(&story, "globex"));
                assert_eq!(story.report()["totals"]["changed"], 2);
            }
        }
    }
}

#[test]
fn a_run_that_dies_after_any_checkpoint_goes_on_and_makes_nothing_twice() {
    let mut checkpoints = 0;
    loop {
        checkpoints += 1;
        let story = Scenario::of([pair("acme"), pair("globex")]);
        // A call that was under way may land that long.
        story.job("[http]\ntimeout = '1s'\n");
        story.dies_after(checkpoints, &["run", "job.toml"]);
        let whole = story.report()["state"] == "settled";
        story.run().exits(0);
        let made = story.service_apps("hub");
        assert_eq!(made.len(), 2, "after {checkpoints}: {made:?}");
        assert!(
            made.iter().all(|(_, app)| is_complete(app)),
            "after {checkpoints}: {made:?}"
        );
        assert!(
            connected(&story, "acme") && connected(&story, "globex"),
            "after {checkpoints}"
        );
        let posted = story.answered("hub").into_iter();
        let posted = posted
            .filter(|(call, _)| call == "POST /oauth2/v1/clients")
            .count();
        assert_eq!(posted, 2, "after {checkpoints}");
        if whole {
            break;
        }
    }
    assert!(checkpoints > 16, "{checkpoints}");
}

/// What somebody changes in the hub or the spoke, and the fields that a run sets again.
type Drift = (&'static str, fn(&Scenario), &'static [&'static str]);

fn client_id(story: &Scenario) -> String {
    let made = story.service_apps("hub");
    made[0].1["id"].as_str().unwrap().to_owned()
}

/// Sends an app or client of the hub back with one field changed.
fn changed_in_hub(story: &Scenario, collection: &str, change: impl Fn(&mut Value)) {
    let path = format!("{collection}/{}", client_id(story));
    let mut shown = story.somebody_looks("hub", &path);
    // Okta says it, and takes it from nobody.
    shown.as_object_mut().unwrap().remove("client_id_issued_at");
    change(&mut shown);
    story.somebody_else("hub", "PUT", &path, &shown);
}

fn unbind(story: &Scenario) {
    changed_in_hub(story, "/api/v1/apps", |app| {
        app["settings"]["oauthClient"]["dpop_bound_access_tokens"] = json!(false);
    });
}

fn rename(story: &Scenario) {
    changed_in_hub(story, "/oauth2/v1/clients", |client| {
        client["client_name"] = json!("mine");
    });
}

const DRIFTS: [Drift; 6] = [
    ("tokens that are not bound any more", unbind, &["hub.dpop"]),
    ("another name", rename, &["hub.clientName"]),
    (
        "another name and tokens that are not bound any more",
        |story| {
            unbind(story);
            rename(story);
        },
        &["hub.clientName", "hub.dpop"],
    ),
    (
        "keys of another app of the org",
        |story| {
            let uri = format!(
                "{}/api/v1/apps/0oaOld/connections/default/jwks",
                story.url("acme")
            );
            changed_in_hub(story, "/oauth2/v1/clients", |client| {
                client["jwks_uri"] = json!(uri);
            });
        },
        &["hub.jwksUri"],
    ),
    (
        "a connection that is switched off",
        |story| {
            let path = "/api/v1/apps/0oa1/connections/default/lifecycle/deactivate";
            story.somebody_else("acme", "POST", path, &Value::Null);
        },
        &["connection.status"],
    ),
    (
        "another rotation",
        |story| {
            let body = json!({ "profile": { "authScheme": "OAUTH2", "clientId": client_id(story),
                "signing": { "rotationMode": "MANUAL" } } });
            let path = "/api/v1/apps/0oa1/connections/default?activate=true";
            story.somebody_else("acme", "POST", path, &body);
        },
        &["connection.profile.signing.rotationMode"],
    ),
];

#[test]
fn what_somebody_changes_by_hand_is_found_and_set_again() {
    for (what, change, fields) in DRIFTS {
        let story = Scenario::of([pair("acme")]);
        story.run().exits(0);
        change(&story);
        let plan = story
            .okta_rollout(&["plan", "m.json", "--format", "json"])
            .exits(0)
            .json();
        let planned = plan["entries"][0]["changes"].as_array().unwrap().iter();
        // Of a connection that is not active no features are shown.
        let planned: Vec<_> = planned
            .map(|change| change["field"].as_str().unwrap())
            .filter(|field| !field.starts_with("features."))
            .collect();
        assert_eq!(planned, fields, "{what}: {plan}");
        story.run().exits(0);
        let report = story.report();
        let changes = report["entries"][0]["changes"].as_array().unwrap().clone();
        let found: Vec<_> = changes
            .iter()
            .map(|change| change["field"].as_str().unwrap())
            .collect();
        assert_eq!(found, fields, "{what}: {report}");
        assert!(
            changes.iter().all(|change| change["why"] == "drift"),
            "{what}: {changes:?}"
        );
        let made = story.service_apps("hub");
        assert!(
            made.len() == 1 && made[0].0 == "spoke acme" && is_complete(&made[0].1),
            "{what}: {made:?}"
        );
        assert!(connected(&story, "acme"), "{what}");
        assert_eq!(
            story.app("acme", "0oa1")["connection"]["rotationMode"],
            "AUTO",
            "{what}"
        );
        story.run().exits(0);
        assert_eq!(story.report()["totals"]["unchanged"], 1, "{what}");
    }
}

#[test]
fn a_service_app_is_read_right_before_it_is_sent_back() {
    let story = Scenario::of([pair("acme")]);
    story.run().exits(0);
    unbind(&story);
    story.runs_as_announced(&["hub"], "tokens that are not bound");
    let sent = story.answered("hub");
    let put = sent.iter().rposition(|(call, _)| call == "PUT …").unwrap();
    assert_eq!(sent[put - 1].0, "GET …", "{sent:?}");
    assert!(is_complete(&story.service_apps("hub")[0].1));
    // A look that was made anyway is all that it takes where nothing is sent.
    unbind(&story);
    story.write("job.toml", "manifest = 'm.json'\nonDrift = 'report'\n");
    story.all_calls("hub");
    story.run().exits(0);
    assert_eq!(story.all_calls("hub").len(), 3);
}

#[test]
fn a_job_that_only_reports_leaves_the_hub_as_somebody_made_it() {
    let story = Scenario::of([pair("acme")]);
    story.run().exits(0);
    (DRIFTS[0].1)(&story);
    std::fs::write(
        story.path("job.toml"),
        "manifest = 'm.json'\nonDrift = 'report'\n",
    )
    .unwrap();
    story.run().exits(0);
    let report = story.report();
    assert_eq!(report["totals"]["unchanged"], 1, "{report}");
    assert_eq!(story.service_apps("hub")[0].1["service"]["dpop"], false);
}

#[test]
fn a_new_role_and_scope_of_the_manifest_are_given_and_the_others_stay() {
    let story = Scenario::of([pair("acme")]);
    story.run().exits(0);
    let mut hub = pair("acme").json()["hub"].clone();
    hub["roles"] = json!(["USER_ADMIN", { "role": "cr1", "resourceSet": "iam1" }]);
    hub["scopes"] = json!(["okta.users.manage", "okta.apps.read"]);
    story.manifest([pair("acme").with("hub", hub)]);
    story.calls("hub");
    story.run().exits(0);
    let app = story.service_apps("hub").remove(0).1;
    let roles = json!([
        "USER_ADMIN",
        "GROUP_MEMBERSHIP_ADMIN",
        ["CUSTOM", "cr1", "iam1"]
    ]);
    assert_eq!(app["service"]["roles"], roles);
    let scopes = ["okta.users.manage", "okta.groups.manage", "okta.apps.read"];
    assert_eq!(app["service"]["grants"], json!(scopes));
    let report = story.report();
    let changes = &report["entries"][0]["changes"];
    assert_eq!(
        *changes,
        json!([
            { "field": "hub.roles", "from": ROLES, "why": "manifest",
              "to": [ROLES[0], ROLES[1], { "role": "cr1", "resourceSet": "iam1" }] },
            { "field": "hub.scopes", "from": SCOPES, "why": "manifest",
              "to": [SCOPES[0], SCOPES[1], "okta.apps.read"] },
        ])
    );
    // A manifest again, and one that plans as nothing to do.
    story
        .okta_rollout(&["report", "--format", "csv", "-o", "again.csv"])
        .exits(0);
    story.write("orgs.json", &orgs(&story));
    let again = story.okta_rollout(&[
        "plan",
        "again.csv",
        "--orgs",
        "orgs.json",
        "--format",
        "json",
    ]);
    assert_eq!(again.exits(0).json()["totals"]["nothing"], 1);
}

fn orgs(story: &Scenario) -> String {
    let text = std::fs::read_to_string(story.path("m.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    json!({ "orgs": manifest["orgs"] }).to_string()
}

#[test]
fn rights_that_do_not_hold_yet_are_waited_for() {
    let story = Scenario::with(
        "limit = 0\n[assume]\nhubSettles = '300ms'\n",
        [pair("acme")],
    );
    std::fs::write(
        story.path("job.toml"),
        "manifest = 'm.json'\n[retry]\nmaxAttempts = 30\ninitial = '50ms'\nmax = '100ms'\n",
    )
    .unwrap();
    story.run().exits(0);
    assert!(connected(&story, "acme"));
    let report = story.report();
    assert!(report["orgs"][0]["retries"].as_u64() > Some(0), "{report}");
    // For ever is too long.
    let story = Scenario::with("limit = 0\n[assume]\nhubSettles = '1h'\n", [pair("acme")]);
    let said = story.run().exits(3).said();
    let id = client_id(&story);
    assert!(
        said.contains(&format!("look at service app {id} in hub")),
        "{said}"
    );
    assert!(
        said.contains("/api/v1/apps/0oa1/connections/default/jwks"),
        "{said}"
    );
}

#[test]
fn a_hub_that_cannot_be_reached_holds_its_entries_back_and_no_others() {
    let mut story = Scenario::of([pair("acme"), org2org("0oa7")]);
    let token = story.api_token("hub");
    story.set(&token_of("hub"), "00revoked-tell-tale");
    story.run().exits(3).says("hub");
    let report = story.report();
    assert_eq!(report["totals"]["changed"], 1, "{report}");
    assert_eq!(report["totals"]["pending"], 1, "{report}");
    let waits = &report["entries"][0];
    assert!(
        waits["error"]["message"].as_str().unwrap().contains("hub"),
        "{waits}"
    );
    assert!(story.service_apps("hub").is_empty());
    let plan = story.okta_rollout(&["plan", "m.json", "--format", "json"]);
    let planned = plan.exits(3).json();
    assert_eq!(planned["entries"][0]["action"], "error", "{planned}");
    story.set(&token_of("hub"), &token);
    story.okta_rollout(&["resume"]).exits(0);
    assert!(connected(&story, "acme"));
}

fn register(story: &Scenario, client: &Value) {
    let mut whole = json!({ "client_name": "spoke acme", "application_type": "service",
        "grant_types": ["client_credentials"], "response_types": ["token"],
        "token_endpoint_auth_method": "private_key_jwt" });
    for (key, value) in client.as_object().unwrap() {
        whole[key] = value.clone();
    }
    story.somebody_else("hub", "POST", "/oauth2/v1/clients", &whole);
}

#[test]
fn a_service_app_that_is_there_is_used_or_refused() {
    let own = |story: &Scenario| {
        format!(
            "{}/api/v1/apps/0oa1/connections/default/jwks",
            story.url("acme")
        )
    };
    let keys = json!({ "keys": [{ "kty": "RSA", "kid": "a", "e": "AQAB", "n": "AQ" }] });
    // Registered with its keys: left so.
    let story = Scenario::of([pair("acme")]);
    let own_keys = story.somebody_looks("acme", "/api/v1/apps/0oa1/credentials/keys");
    register(&story, &json!({ "jwks": { "keys": own_keys } }));
    story.run().exits(0);
    let made = story.service_apps("hub");
    assert_eq!(
        (made.len(), &made[0].1["service"]["jwksUri"]),
        (1, &Value::Null),
        "{made:?}"
    );
    assert!(is_complete(&made[0].1));
    // Two of one name, of which one has the app's keys.
    let story = Scenario::of([pair("acme")]);
    register(&story, &json!({ "jwks": keys }));
    register(&story, &json!({ "jwks_uri": own(&story) }));
    story.run().exits(0);
    let made = story.service_apps("hub");
    assert_eq!(
        made.iter().filter(|(_, app)| is_complete(app)).count(),
        1,
        "{made:?}"
    );
    // Two of which none has, and one of another org: nothing is sent to either org.
    let foreign = "https://elsewhere.okta.com/api/v1/apps/0oa1/connections/default/jwks";
    for (clients, told) in [
        (
            vec![json!({ "jwks": keys }); 2],
            "2 service apps in hub are named",
        ),
        (
            vec![json!({ "jwks_uri": foreign })],
            "signs with the keys of another org",
        ),
    ] {
        let story = Scenario::of([pair("acme")]);
        for client in &clients {
            register(&story, client);
        }
        let plan = story.okta_rollout(&["plan", "m.json"]).exits(3).data();
        assert!(plan.contains(told), "{plan}");
        story.run().exits(3).says(told);
        assert!(!connected(&story, "acme"));
        let calls = story.all_calls("hub");
        assert!(
            calls.iter().all(|call| call.starts_with("GET ")),
            "{calls:?}"
        );
    }
}

#[test]
fn another_app_than_the_entry_says_gets_no_service_app() {
    let story = Scenario::of([pair("acme").in_truth("google")]);
    story
        .run()
        .exits(3)
        .says("0oa1 is a google app, not okta_org2org");
    assert!(story.service_apps("hub").is_empty());
    assert_eq!(story.all_calls("hub"), [""; 0]);
}

#[test]
fn a_connection_with_a_token_migrates_without_a_pause() {
    let story = Scenario::of([org2org("0oa1").feature(user())]);
    story.run().exits(0);
    story.manifest([pair("acme")]);
    let said = story.okta_rollout(&["plan", "m.json"]).exits(0).data();
    assert!(said.contains("migration"), "{said}");
    let plan = story
        .okta_rollout(&["plan", "m.json", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(plan["entries"][0]["migration"]["to"], "OAUTH2", "{plan}");
    story.calls("acme");
    let said = story.run().exits(0).said();
    assert!(said.contains("token") && said.contains("unused"), "{said}");
    let calls = story.calls("acme");
    assert!(
        !calls.iter().any(|call| call.contains("deactivate")),
        "{calls:?}"
    );
    assert!(connected(&story, "acme"));
    // Only once.
    let said = story.run().exits(0).said();
    assert!(!said.contains("unused"), "{said}");
}

#[test]
fn two_entries_with_one_service_app_are_refused() {
    let twin = spoke("0oa2", "spoke acme");
    let story = Scenario::of([pair("acme"), twin]);
    let checked = story.okta_rollout(&["check", "m.json"]).exits(2);
    checked.says("is the same service app in the same hub as row 1");
    assert!(story.all_calls("hub").is_empty());
}

#[test]
fn a_rehearsal_spends_the_hubs_budget() {
    let spokes = (1..=6).map(|no| pair(&format!("org{no}")));
    let story = Scenario::of(spokes);
    let arguments = [
        "rehearse",
        "m.json",
        "--limit",
        "10",
        "--window",
        "2s",
        "--latency",
        "none",
        "--format",
        "json",
    ];
    let rehearsed = story.okta_rollout(&arguments).exits(0).json();
    let orgs = rehearsed["orgs"].as_array().unwrap();
    let calls = |name: &str| orgs.iter().find(|org| org["org"] == name).unwrap()["calls"].as_u64();
    // A list, then a service app, two roles, two scopes, a look and a write each.
    assert_eq!(calls("hub"), Some(1 + 6 * 7), "{rehearsed}");
    assert_eq!(rehearsed["calls"], 1 + 6 * 7 + 6 * 4, "{rehearsed}");
    // 12 of the calls are for scopes, of which a window lets through 9.
    assert!(rehearsed["wallMs"].as_u64() >= Some(2_000), "{rehearsed}");
    assert_eq!(story.all_calls("hub"), [""; 0]);
}
