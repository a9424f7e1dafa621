//! Org2Org connections exported with what they have in their hubs: the file plans as nothing to do in both orgs, and what
//! it cannot say stays with people.

use okta_rollout::jose::SigningKey;
use okta_rollout::sandbox::{Client, Switches};
use serde_json::{Value, json};

use crate::support::{Entry, Ran, Scenario, org2org, slack, spoke, user};

/// A spoke with features, in an org of its own.
fn pair(org: &str) -> Entry {
    spoke("0oa1", &format!("spoke {org}"))
        .at(org)
        .feature(user())
}

/// Two spokes that were set up; one has a custom role, and tokens that are not bound to a key.
fn two_pairs() -> Scenario {
    let hub = json!({ "org": "hub", "clientName": "spoke globex",
        "roles": ["USER_ADMIN", { "role": "cr1", "resourceSet": "iam1" }], "scopes": ["okta.users.manage"] });
    let story = Scenario::of([pair("acme"), pair("globex").with("hub", hub)]);
    story.run().exits(0);
    story.all_calls("hub");
    story
}

fn export(story: &Scenario, more: &str) -> Ran {
    let arguments = format!("export --job job.toml {more}");
    story.okta_rollout(&arguments.split(' ').collect::<Vec<_>>())
}

fn exported(story: &Scenario, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(story.path(name)).unwrap()).unwrap()
}

/// The id of the service app with this name.
fn client_id(story: &Scenario, hub: &str, name: &str) -> String {
    let made = story.service_apps(hub);
    let (_, app) = made.iter().find(|(known, _)| known == name).unwrap();
    app["id"].as_str().unwrap().to_owned()
}

/// What a ledger that knows nothing plans of a file.
fn planned(story: &Scenario, file: &str) -> Value {
    let plan = [
        "plan", file, "--orgs", "m.json", "--ledger", "new.db", "--format", "json",
    ];
    story.okta_rollout(&plan).exits(0).json()
}

/// Sends a service app of the hub back with some of its fields changed.
fn change(story: &Scenario, name: &str, fields: &Value) {
    let path = format!("/oauth2/v1/clients/{}", client_id(story, "hub", name));
    let mut shown = story.somebody_looks("hub", &path);
    shown.as_object_mut().unwrap().remove("client_id_issued_at");
    for (field, value) in fields.as_object().unwrap() {
        shown[field] = value.clone();
    }
    story.somebody_else("hub", "PUT", &path, &shown);
}

/// The keys of apps of acme.
fn keys(story: &Scenario, apps: &[&str]) -> Value {
    let keys = apps.iter().flat_map(|app| {
        let path = format!("/api/v1/apps/{app}/connections/default/jwks");
        let shown = story.somebody_looks("acme", &path);
        shown["jwks"]["keys"].as_array().unwrap().clone()
    });
    json!({ "keys": keys.collect::<Vec<_>>() })
}

#[test]
fn what_a_run_set_up_is_exported_and_plans_as_nothing_to_do() {
    let story = two_pairs();
    export(&story, "--org acme --org globex --hub hub -o out.json").exits(0);
    let calls = story.all_calls("hub");
    // The app, its roles and its scopes, of each.
    assert_eq!(calls.len(), 2 * 3, "{calls:?}");
    assert!(
        calls.iter().all(|call| call.starts_with("GET ")),
        "{calls:?}"
    );
    export(
        &story,
        "--org acme --org globex --hub hub --hub hub -o out.csv",
    )
    .exits(0);
    assert_eq!(story.all_calls("hub").len(), 2 * 3);

    let manifest = exported(&story, "out.json");
    let apps = manifest["apps"].as_array().unwrap();
    assert_eq!(apps[0]["hub"], pair("acme").json()["hub"]);
    let globex = json!({ "org": "hub", "clientName": "spoke globex",
        "roles": ["USER_ADMIN", { "role": "cr1", "resourceSet": "iam1" }], "scopes": ["okta.users.manage"] });
    assert_eq!(apps[1]["hub"], globex);
    for app in apps {
        let profile = json!({ "authScheme": "OAUTH2", "signing": { "rotationMode": "AUTO" } });
        assert_eq!(app["connection"]["profile"], profile);
    }
    // With the hub's own address and credentials.
    let orgs: Vec<_> = manifest["orgs"].as_object().unwrap().keys().collect();
    assert_eq!(orgs, ["acme", "globex", "hub"]);
    story.okta_rollout(&["check", "out.json"]).exits(0);
    for file in ["out.json", "out.csv"] {
        let plan = planned(&story, file);
        assert_eq!(plan["totals"]["nothing"], 2, "{file}: {plan}");
    }
    story.all_calls("hub");
    story.all_calls("acme");
    // It can be run, too, and writes nothing.
    let run = ["run", "out.csv", "--orgs", "m.json", "--ledger", "new.db"];
    story.okta_rollout(&run).exits(0);
    let calls = [story.all_calls("hub"), story.all_calls("acme")].concat();
    assert!(
        calls.iter().all(|call| call.starts_with("GET ")),
        "{calls:?}"
    );
    assert_eq!(story.service_apps("hub").len(), 2);
}

#[test]
fn only_connections_that_sign_in_as_a_service_app_are_looked_for() {
    let story = Scenario::of([pair("acme"), org2org("0oa7"), slack("0oa8")]);
    story.run();
    story.all_calls("hub");
    export(&story, "--org acme --all-supported -o without.json").exits(0);
    export(
        &story,
        "--org acme --app slack --app zoomus --all-supported --hub hub -o none.json",
    )
    .exits(0);
    assert_eq!(story.all_calls("hub"), [""; 0]);
    export(&story, "--org acme --all-supported --hub hub -o with.json").exits(0);
    assert_eq!(story.all_calls("hub").len(), 3);
    let id = client_id(&story, "hub", "spoke acme");
    let without = exported(&story, "without.json");
    let is_pair = |app: &&Value| app["appId"] == "0oa1";
    let of_pair = without["apps"].as_array().unwrap().iter().find(is_pair);
    assert_eq!(of_pair.unwrap()["connection"]["profile"]["clientId"], id);
    // A hub that is exported itself is no hub of its own apps, and is asked through the same reader.
    export(
        &story,
        "--org hub --org acme --app okta_org2org --hub acme --hub hub -o both.json",
    )
    .exits(0);
    let both = exported(&story, "both.json");
    assert_eq!(both["apps"][0]["hub"]["org"], "hub", "{both}");
}

#[test]
fn a_service_app_is_looked_for_in_every_hub_that_is_named() {
    let mut hub = pair("globex").json()["hub"].clone();
    hub["org"] = json!("hub2");
    let story = Scenario::of([pair("acme"), pair("globex").with("hub", hub)]);
    story.run().exits(0);
    story.all_calls("hub");
    story.all_calls("hub2");
    export(
        &story,
        "--org acme --org globex --hub hub --hub hub2 -o out.json",
    )
    .exits(0);
    let manifest = exported(&story, "out.json");
    let orgs = [0, 1].map(|at| manifest["apps"][at]["hub"]["org"].clone());
    assert_eq!(orgs, ["hub", "hub2"]);
    // What the first has is not looked for in the second.
    assert_eq!(story.all_calls("hub").len(), 3 + 1);
    assert_eq!(story.all_calls("hub2").len(), 3);
    assert_eq!(planned(&story, "out.json")["totals"]["nothing"], 2);

    // Named alone, the first does not have that of the other.
    let said = export(&story, "--org acme --org globex --hub hub -o one.json").exits(0);
    said.says("clientId stands for its service app: it is no service app of hub");
    let manifest = exported(&story, "one.json");
    let apps = manifest["apps"].as_array().unwrap();
    assert!(apps[1].get("hub").is_none(), "{manifest}");
    let id = client_id(&story, "hub2", "spoke globex");
    assert_eq!(apps[1]["connection"]["profile"]["clientId"], id);
    assert_eq!(planned(&story, "one.json")["totals"]["nothing"], 2);
}

#[test]
fn what_an_entry_could_not_find_again_keeps_its_client_id() {
    let another = "https://elsewhere.okta.com/api/v1/apps/0oa1/connections/default/jwks";
    for (fields, says) in [
        (
            json!({ "jwks_uri": another }),
            "it has the keys of another app: https://elsewhere.okta.com/",
        ),
        (
            json!({ "client_name": "spoke globex" }),
            "2 service apps in hub are named \"spoke globex\"",
        ),
    ] {
        let story = two_pairs();
        change(&story, "spoke acme", &fields);
        let said = export(&story, "--org acme --org globex --hub hub -o out.json").exits(0);
        said.says(says);
        let manifest = exported(&story, "out.json");
        let kept = &manifest["apps"][0];
        assert!(kept.get("hub").is_none(), "{kept}");
        let comment = kept["$comment"].as_str().unwrap();
        assert!(comment.contains(says), "{comment}");
        story.okta_rollout(&["check", "out.json"]).exits(0);
        assert_eq!(planned(&story, "out.json")["totals"]["nothing"], 2);
    }
    // One that has its keys with it is found by its name alone.
    let story = two_pairs();
    let registered = json!({ "jwks": keys(&story, &["0oa1"]), "jwks_uri": null });
    change(&story, "spoke acme", &registered);
    export(&story, "--org acme --hub hub -o out.json").exits(0);
    let manifest = exported(&story, "out.json");
    assert_eq!(manifest["apps"][0]["hub"]["clientName"], "spoke acme");
    assert_eq!(planned(&story, "out.json")["totals"]["nothing"], 1);
}

#[test]
fn two_connections_with_one_service_app_keep_its_id() {
    let story = Scenario::of([pair("acme"), spoke("0oa2", "second")]);
    story.run().exits(0);
    let registered = json!({ "jwks": keys(&story, &["0oa1", "0oa2"]), "jwks_uri": null });
    change(&story, "spoke acme", &registered);
    let profile =
        json!({ "authScheme": "OAUTH2", "clientId": client_id(&story, "hub", "spoke acme") });
    story.somebody_else(
        "acme",
        "POST",
        "/api/v1/apps/0oa2/connections/default?activate=true",
        &json!({ "profile": profile }),
    );
    story.all_calls("hub");
    let said = export(&story, "--org acme --hub hub -o out.json");
    said.exits(0).says("two entries never share a service app");
    assert_eq!(story.all_calls("hub"), [""; 0]);
    story.okta_rollout(&["check", "out.json"]).exits(0);
}

#[test]
fn a_service_app_that_is_gone_is_told_and_nothing_else_is_held_up() {
    let story = two_pairs();
    let gone = json!({ "deleted": { "id": client_id(&story, "hub", "spoke acme") } });
    story.somebody_else("hub", "POST", "/_sandbox/orgs/hub/drift", &gone);
    let said = export(&story, "--org acme --org globex --hub hub -o out.json").exits(0);
    said.says("it is no service app of hub");
    let manifest = exported(&story, "out.json");
    assert!(manifest["apps"][0].get("hub").is_none(), "{manifest}");
    assert_eq!(manifest["apps"][1]["hub"]["clientName"], "spoke globex");
    story.okta_rollout(&["check", "out.json"]).exits(0);
}

#[test]
fn a_hub_that_cannot_be_read_is_told_and_the_spokes_are_exported() {
    let mut story = two_pairs();
    let kept = |story: &Scenario, file: &str, says: &str| {
        let manifest = exported(story, file);
        for app in manifest["apps"].as_array().unwrap() {
            assert!(app.get("hub").is_none(), "{app}");
            assert!(
                app["connection"]["profile"]["clientId"].is_string(),
                "{app}"
            );
            let comment = app["$comment"].as_str().unwrap();
            assert!(comment.contains(says), "{comment}");
        }
        story
            .okta_rollout(&["check", "--no-secrets", file])
            .exits(0);
    };
    let both = "--org acme --org globex --hub hub -o";
    let token = story.api_token("hub");
    story.set(&crate::support::token_of("hub"), "00revoked-tell-tale");
    let said = export(&story, &format!("{both} revoked.json")).exits(3);
    said.says("error: org hub cannot be read: ").says("hint: ");
    kept(&story, "revoked.json", "hub cannot be read: ");
    story.unset(&crate::support::token_of("hub"));
    let said = export(&story, &format!("{both} unset.json")).exits(3);
    said.says("error: org hub cannot be read: its credentials cannot be read");
    kept(&story, "unset.json", "its credentials cannot be read");
    story.set(&crate::support::token_of("hub"), &token);
    export(&story, &format!("{both} out.json")).exits(0);

    // Some of it only: that alone is missing.
    let rule = "limit = 0\n[[faults.rules]]\nmethod = 'GET'\norg = 'hub'\nfault = 'serverError'\ntimes = 0\npath = '*/roles'\n";
    let story = Scenario::with(rule, [pair("acme"), pair("globex")]);
    story.run().exits(0);
    let said = export(&story, &format!("{both} some.json")).exits(3);
    said.says("its service app: it cannot be read in hub: ");
    kept(&story, "some.json", "it cannot be read in hub: ");
}

#[test]
fn a_right_that_is_missing_in_the_hub_is_named() {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/keys/");
    let key = std::fs::read_to_string(format!("{keys}p256.pkcs8.pem")).unwrap();
    let mut public: Value =
        serde_json::from_str(SigningKey::read(&key).unwrap().public().jwk()).unwrap();
    public["kid"] = json!("k1");
    let scopes = [
        "okta.apps.read",
        "okta.clients.read",
        "okta.roles.read",
        "okta.appGrants.read",
    ];
    for lacking in [None, Some("okta.roles.read"), Some("okta.appGrants.read")] {
        let story = two_pairs();
        let granted: Vec<_> = scopes
            .into_iter()
            .filter(|scope| Some(*scope) != lacking)
            .collect();
        story.write("secrets/key", &key);
        let client = Client {
            keys: vec![public.clone()],
            scopes: granted.iter().map(|scope| (*scope).to_owned()).collect(),
            ..Client::default()
        };
        story.switch(
            "hub",
            Switches {
                clients: [("0oaRunner".to_owned(), client)].into(),
                ..Switches::default()
            },
        );
        let mut manifest = exported(&story, "m.json");
        manifest["orgs"]["hub"]["auth"] = json!({ "privateKeyJwt": { "clientId": "0oaRunner",
            "keyId": "k1", "key": "file:secrets/key", "scopes": granted } });
        story.write("m.json", &manifest.to_string());
        let said = export(&story, "--org acme --org globex --hub hub -o out.json");
        match lacking {
            None => drop(said.exits(0)),
            Some(scope) => drop(said.exits(3).says(scope)),
        }
        let manifest = exported(&story, "out.json");
        let with_hub = manifest["apps"].as_array().unwrap().iter();
        let with_hub = with_hub.filter(|app| app.get("hub").is_some()).count();
        assert_eq!(
            with_hub,
            if lacking.is_none() { 2 } else { 0 },
            "{lacking:?}"
        );
    }
}

#[test]
fn carried_over_to_another_org_it_asks_for_a_service_app_of_its_own() {
    let story = Scenario::of([pair("acme").labelled("To the hub").missing()
        .with("create", json!({ "signOnMode": "SAML_2_0", "settings": { "app": { "baseUrl": "https://hub.okta.com" } } }))]);
    story.run().exits(0);
    story.manifest([
        pair("acme").labelled("To the hub"),
        slack("0oa9").at("globex"),
    ]);
    let said = export(
        &story,
        "--org acme --retarget acme=globex --hub hub -o out.json",
    )
    .exits(0);
    said.says(
        "hub.clientName is the service app that acme uses in hub: give globex one of its own",
    );
    let manifest = exported(&story, "out.json");
    assert_eq!(manifest["apps"][0]["hub"]["clientName"], "spoke acme");
    // In the same org it is its own.
    export(
        &story,
        "--org acme --retarget acme=acme --hub hub -o same.json",
    )
    .exits(0);
    let plan = planned(&story, "same.json");
    assert_eq!(plan["totals"]["nothing"], 1, "{plan}");
}

#[test]
fn the_hubs_budget_is_kept() {
    let rights = json!({ "org": "hub", "roles": ["USER_ADMIN"], "scopes": ["okta.users.manage"] });
    let pairs = ["acme", "globex", "initech", "umbrella"].map(|org| {
        let mut hub = rights.clone();
        hub["clientName"] = json!(org);
        pair(org).with("hub", hub)
    });
    let story = Scenario::with("limit = 4\nwindow = '1s'\n", pairs);
    story.run().exits(0);
    let before = story.answered("hub").len();
    export(
        &story,
        "--org acme --org globex --org initech --org umbrella --hub hub -o out.json",
    )
    .exits(0);
    let calls = story.answered("hub").split_off(before);
    assert_eq!(calls.len(), 4 * 3, "{calls:?}");
    assert!(
        calls.iter().all(|(_, status)| *status == Some(200)),
        "{calls:?}"
    );
}

#[test]
fn a_hub_that_is_not_known_is_wrong_usage() {
    let story = Scenario::of([pair("acme")]);
    let said = export(&story, "--org acme --hub hubb -o out.json").exits(2);
    said.says("unknown org hubb; nothing was sent").says("hub");
    story.write(
        "sandbox.csv",
        "org,url,auth.apiToken\nacme,https://acme.okta.com,env:ACME_TOKEN\nhub,sandbox,\n",
    );
    let arguments = [
        "export",
        "--orgs",
        "sandbox.csv",
        "--org",
        "acme",
        "--hub",
        "hub",
    ];
    story
        .okta_rollout(&arguments)
        .exits(2)
        .says("okta-rollout sandbox");
    assert_eq!(story.all_calls("acme"), [""; 0]);
}
