//! Org2Org pairs whose people sign in to the hub through the spoke: the identity provider in the hub, and the app that names
//! it.

use serde_json::{Value, json};

use crate::support::{Entry, LOOK, Scenario, spoke, user};

const IDPS: &str = "/api/v1/idps";

/// A spoke whose app is still to be created in an org of its own, and signs people in to the hub.
fn pair(story: &Scenario, org: &str) -> Entry {
    let settings = json!({ "app": { "baseUrl": story.url("hub") } });
    let create = json!({ "signOnMode": "OPENID_CONNECT", "settings": settings });
    federated(org)
        .labelled("To the hub")
        .missing()
        .with("create", create)
        .feature(user())
}

/// The same whose app is there.
fn federated(org: &str) -> Entry {
    let entry = spoke("0oa1", &format!("spoke {org}")).at(org);
    let mut hub = entry.json()["hub"].clone();
    hub["idp"] = json!({});
    entry.with("hub", hub)
}

/// A story with one entry of each of these orgs.
fn story(settings: &str, orgs: &[&str]) -> Scenario {
    let story = Scenario::with(settings, [spoke("0oa1", "nobody").missing()]);
    let entries: Vec<_> = orgs.iter().map(|org| pair(&story, org)).collect();
    story.manifest(entries);
    story.job("[http]\ntimeout = '1s'\n");
    story
}

fn idps(story: &Scenario) -> Vec<Value> {
    let idps = story.somebody_looks("hub", IDPS);
    serde_json::from_value(idps).unwrap()
}

/// The only app of an org.
fn app(story: &Scenario, org: &str) -> Value {
    let apps = story.somebody_looks(org, "/api/v1/apps");
    let apps: Vec<Value> = serde_json::from_value(apps).unwrap();
    assert_eq!(apps.len(), 1, "{org}: {apps:?}");
    apps[0].clone()
}

const CLIENT: &str = "/protocol/credentials/client/client_id";

/// One identity provider for each org, which its app names and which lets that in, and connections that work.
fn assert_right(story: &Scenario, orgs: &[&str], when: &str) {
    let idps = idps(story);
    assert_eq!(idps.len(), orgs.len(), "{when}: {idps:?}");
    for org in orgs {
        let app = app(story, org);
        let named = |idp: &&Value| idp["name"] == format!("spoke {org}");
        let idp = idps.iter().find(named).unwrap();
        assert_eq!(app["settings"]["app"]["idpId"], idp["id"], "{when}");
        let client = &app["credentials"]["oauthClient"]["client_id"];
        assert_eq!(idp.pointer(CLIENT), Some(client), "{when}: {idp}");
        let protocol = &idp["protocol"];
        assert_eq!(protocol["oktaIdpOrgUrl"], story.url(org), "{when}");
        let credentials = &protocol["credentials"];
        assert_eq!(credentials["signing"]["algorithm"], "RS256", "{when}");
        assert_eq!(
            protocol["scopes"],
            json!(["openid", "profile", "email"]),
            "{when}"
        );
        let provisioning = &idp["policy"]["provisioning"];
        assert_eq!(provisioning["action"], "AUTO", "{when}: {idp}");
        let app = story.app(org, app["id"].as_str().unwrap());
        assert_eq!(app["connection"]["status"], "ENABLED", "{when}");
    }
    assert_eq!(story.service_apps("hub").len(), orgs.len(), "{when}");
}

fn posted(story: &Scenario, org: &str, call: &str) -> usize {
    let answered = story.answered(org).into_iter();
    answered.filter(|(made, _)| made == call).count()
}

#[test]
fn a_pair_is_federated_and_left_alone_from_then_on() {
    let story = story("limit = 0", &["acme", "globex"]);
    story.run().exits(0);
    let calls = story.all_calls("hub");
    // Two lists serve both; a provider and its client, a service app, roles, scopes and its binding are each one's own.
    assert_eq!(calls.len(), 2 + 2 * (2 + 7), "{calls:?}");
    assert_right(&story, &["acme", "globex"], "new");
    let report = story.report();
    let steps = report["entries"][0]["steps"].as_array().unwrap();
    let steps: Vec<_> = steps.iter().map(|step| &step["step"]).collect();
    assert_eq!(
        steps[..5],
        [
            "find_app",
            "create_idp",
            "create_app",
            "update_idp",
            "create_service_app"
        ]
    );
    story.all_calls("acme");
    story.run().exits(0);
    assert_eq!(story.report()["totals"]["unchanged"], 2);
    // One list of the identity providers for all entries, and no look at the apps.
    let calls = story.all_calls("hub");
    assert_eq!(calls.len(), 1 + 2 * 3, "{calls:?}");
    let reads = |calls: &[String]| calls.iter().all(|call| call.starts_with("GET "));
    assert!(reads(&calls), "{calls:?}");
    let calls = story.all_calls("acme");
    assert_eq!(calls.len(), 1 + 2, "{calls:?}");
    assert!(reads(&calls) && !calls.iter().any(|call| call == LOOK));
}

#[test]
fn a_plan_tells_what_becomes_of_the_identity_provider_and_at_what_cost() {
    let story = story("limit = 0", &["acme", "globex"]);
    for changed in [2, 0] {
        let shown = story.okta_rollout(&["plan", "m.json"]).exits(0).data();
        for told in [
            "hub.idp.name: not set → \"spoke acme\"",
            "hub.idp.clientId: \"placeholder\" → \"(new app)\"",
        ] {
            assert_eq!(shown.contains(told), changed > 0, "{told}: {shown}");
        }
        story.runs_as_announced(&["hub", "acme"], &format!("{changed} to change"));
        assert_eq!(story.report()["totals"]["changed"], changed);
    }
}

#[test]
fn an_answer_that_is_lost_makes_no_second_identity_provider_or_app() {
    for (org, method, path) in [
        ("hub", "POST", "/api/v1/idps"),
        ("hub", "PUT", "/api/v1/idps/*"),
        ("hub", "GET", "/api/v1/idps"),
        ("acme", "POST", "/api/v1/apps"),
    ] {
        for fault in ["lostAnswer", "appliedError", "truncated"] {
            let when = format!("{fault} {method} {path}");
            let rule = format!(
                "limit = 0\n[[faults.rules]]\nfault = '{fault}'\norg = '{org}'\nmethod = '{method}'\npath = '{path}'\nnth = 1\n"
            );
            let story = story(&rule, &["acme", "globex"]);
            story.run().exits(0);
            assert_right(&story, &["acme", "globex"], &when);
            assert_eq!(story.report()["totals"]["changed"], 2, "{when}");
            assert_eq!(posted(&story, "hub", "POST /api/v1/idps"), 2, "{when}");
            assert_eq!(posted(&story, "acme", "POST /api/v1/apps"), 1, "{when}");
        }
    }
}

#[test]
fn a_run_that_dies_after_any_checkpoint_goes_on_and_makes_nothing_twice() {
    let mut checkpoints = 0;
    loop {
        checkpoints += 1;
        let when = format!("after {checkpoints}");
        let story = story("limit = 0", &["acme"]);
        story.dies_after(checkpoints, &["run", "job.toml"]);
        let whole = story.report()["state"] == "settled";
        story.run().exits(0);
        assert_right(&story, &["acme"], &when);
        assert_eq!(posted(&story, "hub", "POST /api/v1/idps"), 1, "{when}");
        assert_eq!(posted(&story, "acme", "POST /api/v1/apps"), 1, "{when}");
        if whole {
            break;
        }
    }
    assert!(checkpoints > 10, "{checkpoints}");
}

/// Sends the only identity provider back with something changed.
fn changed(story: &Scenario, change: impl Fn(&mut Value)) {
    let mut idp = idps(story).remove(0);
    change(&mut idp);
    let path = format!("{IDPS}/{}", idp["id"].as_str().unwrap());
    story.somebody_else("hub", "PUT", &path, &idp);
}

#[test]
fn what_somebody_adds_to_a_provider_that_an_interrupted_run_made_stays() {
    let (mut checkpoints, mut between) = (0, 0);
    loop {
        checkpoints += 1;
        let story = story("limit = 0", &["acme"]);
        story.dies_after(checkpoints, &["run", "job.toml"]);
        let whole = story.report()["state"] == "settled";
        let made = idps(&story);
        if !made.is_empty() {
            between += usize::from(made[0].pointer(CLIENT) == Some(&json!("placeholder")));
            changed(&story, |idp| {
                idp["protocol"]["scopes"] = json!(["openid", "groups", "profile", "email"]);
            });
        }
        story.run().exits(0);
        if !made.is_empty() {
            let idp = idps(&story).remove(0);
            let scopes = idp["protocol"]["scopes"].as_array().unwrap();
            assert!(scopes.contains(&json!("groups")), "{checkpoints}: {idp}");
            let client = &app(&story, "acme")["credentials"]["oauthClient"]["client_id"];
            assert_eq!(idp.pointer(CLIENT), Some(client), "{checkpoints}");
        }
        if whole {
            break;
        }
    }
    assert!(between > 1, "{between}");
}

/// What somebody changes in the hub, and the fields that a run sets again.
type Drift = (&'static str, fn(&mut Value), &'static [&'static str]);

const DRIFTS: [Drift; 5] = [
    (
        "another client",
        |idp| *idp.pointer_mut(CLIENT).unwrap() = json!("0oaElse"),
        &["hub.idp.clientId"],
    ),
    (
        "no policy",
        |idp| idp["policy"] = Value::Null,
        &["hub.idp.policy.provisioning.action"],
    ),
    (
        "fewer scopes",
        |idp| idp["protocol"]["scopes"] = json!(["openid"]),
        &["hub.idp.scopes"],
    ),
    (
        "another name",
        |idp| idp["name"] = json!("mine"),
        &["hub.idp.name"],
    ),
    (
        "another name and client",
        |idp| {
            idp["name"] = json!("mine");
            *idp.pointer_mut(CLIENT).unwrap() = json!("0oaElse");
        },
        &["hub.idp.name", "hub.idp.clientId"],
    ),
];

fn fields(changes: &Value) -> Vec<&str> {
    let changes = changes.as_array().unwrap().iter();
    changes
        .map(|change| change["field"].as_str().unwrap())
        .collect()
}

#[test]
fn what_somebody_changes_by_hand_is_found_and_set_again() {
    for (what, change, wanted) in DRIFTS {
        let story = story("limit = 0", &["acme"]);
        story.run().exits(0);
        changed(&story, change);
        let plan = story.runs_as_announced(&["hub", "acme"], what);
        assert_eq!(fields(&plan["entries"][0]["changes"]), wanted, "{what}");
        assert_right(&story, &["acme"], what);
        let report = story.report();
        let changes = &report["entries"][0]["changes"];
        assert_eq!(fields(changes), wanted, "{what}: {report}");
        let drift = |change: &Value| change["why"] == "drift";
        assert!(changes.as_array().unwrap().iter().all(drift), "{what}");
        story.run().exits(0);
        assert_eq!(story.report()["totals"]["unchanged"], 1, "{what}");
    }
}

#[test]
fn a_job_that_only_reports_leaves_the_identity_provider_as_somebody_made_it() {
    let story = story("limit = 0", &["acme"]);
    story.run().exits(0);
    changed(&story, DRIFTS[0].1);
    story.write("job.toml", "manifest = 'm.json'\nonDrift = 'report'\n");
    story.run().exits(0);
    let report = story.report();
    assert_eq!(report["totals"]["unchanged"], 1, "{report}");
    assert_eq!(idps(&story)[0].pointer(CLIENT), Some(&json!("0oaElse")));
}

/// Makes an identity provider that stands for an org, and gives its id.
fn make(story: &Scenario, name: &str, org_url: &str) -> String {
    let body = json!({ "type": "OKTA_INTEGRATION", "name": name,
        "protocol": { "type": "OIDC", "oktaIdpOrgUrl": org_url, "credentials": { "client": {
            "client_id": "0oaSome", "token_endpoint_auth_method": "private_key_jwt" } } } });
    story.somebody_else("hub", "POST", IDPS, &body);
    let made = idps(story).into_iter().find(|idp| idp["name"] == name);
    made.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Makes an app with these settings, and gives the entry that speaks of it.
fn made(story: &Scenario, mode: &str, settings: &Value) -> Entry {
    let body = json!({ "name": "okta_org2org", "label": "To the hub", "signOnMode": mode,
        "settings": { "app": settings } });
    story.somebody_else("acme", "POST", "/api/v1/apps", &body);
    let id = app(story, "acme")["id"].clone();
    federated("acme").missing().with("appId", id)
}

#[test]
fn an_app_that_is_there_is_let_in_by_the_identity_provider_that_it_names() {
    for name in ["spoke acme", "by hand"] {
        let story = story("limit = 0", &["acme"]);
        let idp = make(&story, name, &story.url("acme"));
        let settings = json!({ "baseUrl": story.url("hub"), "idpId": idp });
        let entry = made(&story, "OPENID_CONNECT", &settings);
        story.manifest([entry]);
        story.run().exits(0);
        assert_right(&story, &["acme"], name);
        // Looked at once, and known from then on.
        story.all_calls("acme");
        story.run().exits(0);
        assert_eq!(story.report()["totals"]["unchanged"], 1, "{name}");
        let calls = story.all_calls("acme");
        assert!(!calls.iter().any(|call| call == LOOK), "{calls:?}");
    }
}

#[test]
fn an_app_and_an_identity_provider_that_do_not_belong_together_are_refused() {
    type Made = fn(&Scenario) -> Entry;
    let cases: [(Made, &str); 4] = [
        (
            |story| {
                make(story, "spoke acme", &story.url("acme"));
                let other = make(story, "other", &story.url("acme"));
                let settings = json!({ "baseUrl": story.url("hub"), "idpId": other });
                made(story, "OPENID_CONNECT", &settings)
            },
            "names another identity provider",
        ),
        (
            |story| made(story, "SAML_2_0", &json!({ "baseUrl": story.url("hub") })),
            "names no identity provider",
        ),
        (
            |story| {
                let settings = json!({ "baseUrl": "https://hub.example", "idpId": "0oaGone" });
                made(story, "OPENID_CONNECT", &settings)
            },
            "names the identity provider 0oaGone, which hub does not have",
        ),
        (
            |story| {
                make(story, "spoke acme", "https://globex.okta.com");
                pair(story, "acme")
            },
            "stands for another org: https://globex.okta.com",
        ),
    ];
    for (make, told) in cases {
        let story = story("limit = 0", &["acme"]);
        let entry = make(&story);
        story.manifest([entry]);
        let plan = story.okta_rollout(&["plan", "m.json"]).exits(3).data();
        assert!(plan.contains(told), "{plan}");
        story.all_calls("hub");
        story.all_calls("acme");
        story.run().exits(3).says(told);
        for org in ["hub", "acme"] {
            let calls = story.all_calls(org);
            let reads = calls.iter().all(|call| call.starts_with("GET "));
            assert!(reads, "{told}: {calls:?}");
        }
    }
}

#[test]
fn an_identity_provider_is_one_entrys_own() {
    let story = story("limit = 0", &["acme", "globex"]);
    let named = |org: &str| {
        let mut hub = federated(org).json()["hub"].clone();
        hub["idp"] = json!({ "name": "people" });
        pair(&story, org).with("hub", hub)
    };
    story.manifest([named("acme"), named("globex")]);
    let checked = story.okta_rollout(&["check", "m.json"]).exits(2);
    checked.says("is the same identity provider in the same hub as row 1");
    story.manifest([named("acme")]);
    story.run().exits(0);
    assert_eq!(idps(&story)[0]["name"], "people");
    // As a table it says the same.
    let csv = ["report", "--format", "csv", "-o", "again.csv"];
    story.okta_rollout(&csv).exits(0);
    let table = std::fs::read_to_string(story.path("again.csv")).unwrap();
    assert!(table.contains("hub.idp.name"), "{table}");
}

#[test]
fn a_rehearsal_spends_the_hubs_budget_on_it() {
    let story = story("limit = 0", &["acme", "globex"]);
    let arguments = [
        "rehearse",
        "m.json",
        "--latency",
        "none",
        "--format",
        "json",
    ];
    let rehearsed = story.okta_rollout(&arguments).exits(0).json();
    let orgs = rehearsed["orgs"].as_array().unwrap();
    let hub = orgs.iter().find(|org| org["org"] == "hub").unwrap();
    assert_eq!(hub["calls"], 2 + 2 * (2 + 7), "{rehearsed}");
    assert_eq!(story.all_calls("hub"), [""; 0]);
    // Of apps that are there it is supposed that they are right.
    story.manifest([federated("acme")]);
    let rehearsed = story.okta_rollout(&arguments).exits(0).json();
    assert!(rehearsed["calls"].as_u64() > Some(9), "{rehearsed}");
}

#[test]
fn what_is_federated_is_exported_and_plans_as_nothing_to_do() {
    let story = story("limit = 0", &["acme", "globex"]);
    story.run().exits(0);
    let export = |file: &str| {
        let orgs = "--org acme --org globex --hub hub";
        let arguments = format!("export --job job.toml {orgs} -o {file}");
        story.okta_rollout(&arguments.split(' ').collect::<Vec<_>>())
    };
    let plan = |file: &str| {
        let arguments = format!("plan {file} --orgs m.json --ledger new.db --format json");
        let plan = story.okta_rollout(&arguments.split(' ').collect::<Vec<_>>());
        plan.exits(0).json()["totals"]["nothing"].clone()
    };
    let idp = |file: &str, at: usize| {
        let text = std::fs::read_to_string(story.path(file)).unwrap();
        let manifest: Value = serde_json::from_str(&text).unwrap();
        manifest["apps"][at]["hub"]["idp"].clone()
    };
    story.all_calls("hub");
    export("out.json").exits(0);
    let calls = story.all_calls("hub");
    // Each service app, and one list of the identity providers.
    assert_eq!(calls.len(), 2 * 3 + 1, "{calls:?}");
    assert_eq!(idp("out.json", 0), json!({ "name": "spoke acme" }));
    assert_eq!(idp("out.json", 1), json!({ "name": "spoke globex" }));
    assert_eq!(plan("out.json"), 2);
    export("out.csv").exits(0);
    assert_eq!(plan("out.csv"), 2);
    // What a run would change is no export of what is there.
    changed(&story, DRIFTS[1].1);
    let said = export("some.json").exits(0);
    said.says(
        "hub.idp is left out: the identity provider is not as an entry would have it: idp.policy",
    );
    let left = [0, 1].map(|at| idp("some.json", at).is_null());
    assert!(left.contains(&true) && left.contains(&false), "{left:?}");
    assert_eq!(plan("some.json"), 2);
}

#[test]
fn identity_providers_that_cannot_be_read_are_told_of_in_an_export() {
    let rule = "limit = 0\n[[faults.rules]]\nmethod = 'GET'\norg = 'hub'\nfault = 'serverError'\nnth = 2\ntimes = 0\npath = '/api/v1/idps'\n";
    let story = story(rule, &["acme"]);
    story.run().exits(0);
    let arguments = "export --job job.toml --org acme --hub hub -o out.json";
    let said = story.okta_rollout(&arguments.split(' ').collect::<Vec<_>>());
    said.exits(3)
        .says("hub.idp is left out: the identity providers of hub cannot be read: ");
    let text = std::fs::read_to_string(story.path("out.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let hub = &manifest["apps"][0]["hub"];
    assert!(
        hub["clientName"] == "spoke acme" && hub["idp"].is_null(),
        "{hub}"
    );
}
