//! New keys for connections whose keys Okta does not rotate: made in the spoke, registered in the hub beside the old ones,
//! taken into use, and only then are the old ones removed.

use serde_json::{Value, json};

use crate::support::{Entry, Honest, Ran, Scenario, spoke, token_of, zscaler};

/// A spoke whose keys are rotated by hand.
fn by_hand(org: &str) -> Entry {
    let profile = json!({ "authScheme": "OAUTH2", "signing": { "rotationMode": "MANUAL" } });
    let entry = spoke("0oa1", &format!("spoke {org}")).at(org);
    entry.with("connection", json!({ "profile": profile }))
}

/// Spokes that are connected.
fn connected(settings: &str, entries: impl IntoIterator<Item = Entry>) -> Scenario {
    let story = Scenario::with(&format!("limit = 0\n{settings}"), entries);
    // A call that was under way may land that long.
    story.job("[http]\ntimeout = '1s'\n");
    story.run().exits(0);
    story
}

const ROTATE: [&str; 2] = ["rotate-keys", "job.toml"];

fn rotate(story: &Scenario) -> Ran {
    story.okta_rollout(&ROTATE)
}

/// The key that a spoke signs with.
fn kid(story: &Scenario, org: &str) -> String {
    let app = story.somebody_looks(org, "/api/v1/apps/0oa1");
    app["credentials"]["signing"]["kid"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The keys that a spoke has.
fn all_keys(story: &Scenario, org: &str) -> usize {
    keys(story, org).len()
}

/// The same as their org shows them.
fn keys(story: &Scenario, org: &str) -> Vec<Value> {
    let keys = story.somebody_looks(org, "/api/v1/apps/0oa1/credentials/keys");
    serde_json::from_value(keys).unwrap()
}

/// The keys that a spoke's service app was registered with.
fn registered(story: &Scenario, org: &str) -> Vec<String> {
    let named = story.service_apps("hub");
    let own = named
        .iter()
        .find(|(name, _)| *name == format!("spoke {org}"));
    let keys = own.unwrap().1["service"]["keys"].as_array().cloned();
    let keys = keys.unwrap_or_default();
    keys.iter()
        .map(|key| key.as_str().unwrap().to_owned())
        .collect()
}

/// The hub has always let the spoke in.
fn never_shut_out(story: &Scenario, org: &str) {
    let connection = &story.app(org, "0oa1")["connection"];
    assert_eq!(connection["pushes"], "accepted", "{connection}");
    assert_eq!(connection["interruptions"], 0, "{connection}");
}

#[test]
fn a_key_is_rotated_without_a_moment_in_which_the_hub_knows_none() {
    let story = connected("", [by_hand("acme"), by_hand("globex"), zscaler("0oa9")]);
    let before = kid(&story, "acme");
    rotate(&story).exits(0);
    let report = story.report();
    assert_eq!(report["totals"]["entries"], 2, "{report}");
    assert_eq!(report["totals"]["changed"], 2, "{report}");
    let steps = report["entries"][0]["steps"].as_array().unwrap().iter();
    let steps: Vec<_> = steps.map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(
        steps,
        [
            "find_app",
            "generate_key",
            "add_key",
            "switch_key",
            "remove_key"
        ]
    );
    let change = &report["entries"][0]["changes"][0];
    for org in ["acme", "globex"] {
        let now = kid(&story, org);
        assert_eq!(registered(&story, org), [now], "{org}");
        assert_eq!(all_keys(&story, org), 2);
        never_shut_out(&story, org);
    }
    let now = kid(&story, "acme");
    assert_ne!(now, before);
    assert_eq!(
        (&change["from"], &change["to"]),
        (&json!(before), &json!(now))
    );
    // A run that makes it so finds nothing to do, and leaves the registered keys.
    story.run().exits(0);
    assert_eq!(story.report()["totals"]["unchanged"], 3);
    assert_eq!(registered(&story, "acme"), [now]);
    // As often as one asks.
    rotate(&story).exits(0);
    assert_eq!(registered(&story, "acme"), [kid(&story, "acme")]);
    assert_eq!(all_keys(&story, "acme"), 3);
    never_shut_out(&story, "acme");
}

#[test]
fn what_okta_rotates_itself_is_left_alone() {
    let auto = spoke("0oa1", "spoke acme");
    let story = connected("", [auto, zscaler("0oa9")]);
    story.all_calls("acme");
    story.all_calls("hub");
    rotate(&story).exits(0).says("nothing to rotate");
    // One that says nothing of it is looked at.
    let profile = json!({ "authScheme": "OAUTH2" });
    let silent = spoke("0oa1", "spoke acme").with("connection", json!({ "profile": profile }));
    story.manifest([silent]);
    rotate(&story).exits(0);
    assert_eq!(story.report()["totals"]["unchanged"], 1);
    // And one that the manifest has otherwise is to be made so first.
    story.manifest([by_hand("acme")]);
    rotate(&story).exits(3).says("rotationMode is AUTO");
    assert_eq!(all_keys(&story, "acme"), 1);
    let writes = |org: &str| {
        let calls = story.all_calls(org);
        calls
            .into_iter()
            .filter(|call| !call.starts_with("GET "))
            .collect::<Vec<_>>()
    };
    assert_eq!((writes("acme"), writes("hub")), (vec![], vec![]));
}

#[test]
fn an_overlap_leaves_the_old_key_until_the_next_rotation() {
    let story = connected("", [by_hand("acme"), by_hand("globex")]);
    let first = kid(&story, "acme");
    let overlapping = [
        "rotate-keys",
        "job.toml",
        "--overlap",
        "1h",
        "--only",
        "org=acme",
    ];
    story.okta_rollout(&overlapping).exits(0);
    let second = kid(&story, "acme");
    assert_eq!(registered(&story, "acme"), [first.clone(), second.clone()]);
    assert!(
        registered(&story, "globex").is_empty(),
        "it was not asked for"
    );
    // Too soon for this one, and not for the other.
    story.all_calls("acme");
    rotate(&story).exits(2).says("its old key stays until");
    assert_eq!(story.all_calls("acme"), [""; 0]);
    story
        .okta_rollout(&["rotate-keys", "job.toml", "--only", "org=globex"])
        .exits(0);
    assert_eq!(registered(&story, "globex"), [kid(&story, "globex")]);
    story.time_passes(3_600_000);
    rotate(&story).exits(0);
    let third = kid(&story, "acme");
    assert!(third != second && third != first);
    assert_eq!(registered(&story, "acme"), [third]);
    never_shut_out(&story, "acme");
    never_shut_out(&story, "globex");
}

#[test]
fn an_overlap_counts_wherever_a_new_key_was_made_and_not_by_a_wrong_clock() {
    let mut story = connected("", [by_hand("acme")]);
    rotate_half(&mut story, &["--overlap", "1h"]);
    rotate(&story).exits(2).says("its old key stays until");
    // Of a clock that was ahead nobody knows when it was.
    story.time_passes(-7_200_000);
    rotate(&story).exits(0);
    assert_eq!(registered(&story, "acme"), [kid(&story, "acme")]);
    never_shut_out(&story, "acme");
}

#[test]
fn a_rotation_that_dies_after_any_checkpoint_goes_on() {
    let mut checkpoints = 0;
    loop {
        checkpoints += 1;
        let story = connected("", [by_hand("acme"), by_hand("globex")]);
        story.dies_after(checkpoints, &ROTATE);
        let whole = story.report()["totals"]["changed"] == 2;
        for org in ["acme", "globex"] {
            never_shut_out(&story, org);
        }
        if whole {
            break;
        }
        if checkpoints % 2 == 0 {
            rotate(&story).exits(0);
        } else {
            story.okta_rollout(&["resume"]).exits(0);
        }
        for org in ["acme", "globex"] {
            assert_eq!(
                registered(&story, org),
                [kid(&story, org)],
                "after {checkpoints}"
            );
            assert_eq!(all_keys(&story, org), 2, "after {checkpoints}");
            never_shut_out(&story, org);
        }
    }
    assert!(checkpoints > 8, "{checkpoints}");
}

#[test]
fn an_answer_that_is_lost_makes_no_second_key() {
    for (org, method, path) in [
        ("acme", "POST", "/api/v1/apps/*/credentials/keys/generate"),
        ("acme", "PUT", "/api/v1/apps/*"),
        ("acme", "GET", "/api/v1/apps/*/credentials/keys"),
        ("hub", "PUT", "/oauth2/v1/clients/*"),
        ("hub", "GET", "/oauth2/v1/clients/*"),
    ] {
        for fault in ["lostAnswer", "appliedError", "truncated"] {
            let rule = format!(
                "[[faults.rules]]\nfault = '{fault}'\norg = '{org}'\nmethod = '{method}'\npath = '{path}'\n"
            );
            let story = connected(&rule, [by_hand("acme")]);
            rotate(&story).exits(0);
            assert_eq!(
                registered(&story, "acme"),
                [kid(&story, "acme")],
                "{fault} {method} {path}"
            );
            assert_eq!(all_keys(&story, "acme"), 2, "{fault} {method} {path}");
            never_shut_out(&story, "acme");
        }
    }
}

/// Sends the service app of a spoke back with something changed.
fn change_client(story: &Scenario, org: &str, change: impl Fn(&mut Value)) {
    let path = format!("/oauth2/v1/clients/{}", client_id(story, org));
    let mut client = story.somebody_looks("hub", &path);
    // Okta says it, and takes it from nobody.
    client
        .as_object_mut()
        .unwrap()
        .remove("client_id_issued_at");
    change(&mut client);
    story.somebody_else("hub", "PUT", &path, &client);
}

fn client_id(story: &Scenario, org: &str) -> String {
    let named = story.service_apps("hub");
    let own = named
        .iter()
        .find(|(name, _)| *name == format!("spoke {org}"));
    own.unwrap().1["id"].as_str().unwrap().to_owned()
}

/// Registers these keys with a spoke's service app besides those that it has.
fn register_keys(story: &Scenario, org: &str, more: &[Value]) {
    change_client(story, org, |client| {
        let had = client["jwks"]["keys"].as_array().cloned();
        let mut keys: Vec<Value> = had.unwrap_or_default();
        keys.extend(more.iter().cloned());
        client["jwks"] = json!({ "keys": keys });
    });
}

/// Registers these keys of somebody.
fn register(story: &Scenario, numbers: std::ops::Range<usize>) {
    let theirs = numbers
        .map(|no| json!({ "kty": "RSA", "kid": format!("theirs{no}"), "e": "AQAB", "n": "AQ" }));
    register_keys(story, "acme", &theirs.collect::<Vec<_>>());
}

#[test]
fn keys_of_others_stay_and_there_are_no_more_than_okta_takes() {
    let story = connected("", [by_hand("acme")]);
    rotate(&story).exits(0);
    register(&story, 0..48);
    rotate(&story).exits(0);
    let keys = registered(&story, "acme");
    assert_eq!(
        (keys.len(), keys.last()),
        (49, Some(&kid(&story, "acme"))),
        "{keys:?}"
    );
    register(&story, 48..49);
    let before = registered(&story, "acme");
    assert_eq!(before.len(), 50);
    rotate(&story).exits(3).says("has 50 keys already");
    assert_eq!(registered(&story, "acme"), before);
    never_shut_out(&story, "acme");
}

#[test]
fn a_rotation_is_no_run_of_the_file() {
    let story = connected("", [by_hand("acme")]);
    story.dies_after(3, &ROTATE);
    // What makes the file so neither goes on with it nor is stopped by it.
    story.run().exits(0);
    assert_eq!(story.report()["totals"]["unchanged"], 1);
    assert_eq!(all_keys(&story, "acme"), 2);
    rotate(&story).exits(0).says("goes on");
    assert_eq!(all_keys(&story, "acme"), 2);
    assert_eq!(registered(&story, "acme"), [kid(&story, "acme")]);
    // Its report is a manifest again.
    story
        .okta_rollout(&["report", "--format", "csv", "-o", "again.csv"])
        .exits(0);
    let csv = std::fs::read_to_string(story.path("again.csv")).unwrap();
    assert!(!csv.contains("rotation."), "{csv}");
}

#[test]
fn what_cannot_be_rotated_says_why_and_the_others_are() {
    let story = connected("", [by_hand("acme"), by_hand("globex")]);
    let path = "/api/v1/apps/0oa1/connections/default/lifecycle/deactivate";
    story.somebody_else("globex", "POST", path, &Value::Null);
    rotate(&story)
        .exits(3)
        .says("there are no keys to rotate: the connection shows status DISABLED");
    assert_eq!(registered(&story, "acme"), [kid(&story, "acme")]);
    assert_eq!(all_keys(&story, "globex"), 1);
    // Where the service app is must be said.
    let profile = json!({ "authScheme": "OAUTH2", "clientId": "0oaC", "signing": { "rotationMode": "MANUAL" } });
    let nowhere = by_hand("initech")
        .with("connection", json!({ "profile": profile }))
        .without("hub");
    story.manifest([by_hand("acme"), nowhere]);
    rotate(&story)
        .exits(0)
        .says("1 connection is left out: without a hub");
    // An app is rotated, not made.
    let create =
        json!({ "signOnMode": "SAML_2_0", "settings": { "app": { "baseUrl": story.url("hub") } } });
    let unmade = by_hand("umbrella").labelled("To the hub").missing();
    story.manifest([unmade.with("create", create)]);
    rotate(&story)
        .exits(3)
        .says("no okta_org2org app is labelled \"To the hub\" yet")
        .says("set it up first: okta-rollout run FILE");
    story.run().exits(0);
    rotate(&story).exits(0);
}

#[test]
fn a_rotation_that_is_killed_half_way_is_resumed() {
    let rule = "[[faults.rules]]\nfault = 'hang'\norg = 'globex'\nmethod = 'PUT'\npath = '/api/v1/apps/*'\nnth = 1\n";
    let story = connected(rule, [by_hand("acme"), by_hand("globex")]);
    story.job("[http]\ntimeout = '20s'\n");
    let mut rotation = story.begin(&ROTATE);
    rotation.says("acme/okta_org2org (row 1): done");
    rotation.signal("KILL");
    assert_eq!(rotation.ends(), None);
    let before = kid(&story, "acme");
    story.okta_rollout(&["resume"]).exits(0);
    assert_eq!(kid(&story, "acme"), before);
    assert_eq!(story.report()["totals"]["changed"], 2);
    for org in ["acme", "globex"] {
        assert_eq!(registered(&story, org), [kid(&story, org)], "{org}");
        assert_eq!(all_keys(&story, org), 2, "{org}");
        never_shut_out(&story, org);
    }
}

/// Rotates keys while the hub lets nobody in: the spoke has a new key, and nobody else knows it.
fn rotate_half(story: &mut Scenario, flags: &[&str]) {
    let token = story.api_token("hub");
    story.set(&token_of("hub"), "00revoked-tell-tale");
    let before = all_keys(story, "acme");
    story.okta_rollout(&[&ROTATE[..], flags].concat()).exits(3);
    assert_eq!(all_keys(story, "acme"), before + 1);
    story.set(&token_of("hub"), &token);
}

#[test]
fn a_rotation_goes_on_as_it_was_begun_or_not_at_all() {
    let story = connected("", [by_hand("acme")]);
    let first = kid(&story, "acme");
    story.dies_after(3, &["rotate-keys", "job.toml", "--overlap", "1h"]);
    for org in ["acme", "hub"] {
        story.all_calls(org);
    }
    for flags in [
        &[][..],
        &["--overlap", "1h", "--years", "3"],
        &["--overlap", "2h"],
    ] {
        let refused = story.okta_rollout(&[&ROTATE[..], flags].concat()).exits(2);
        refused
            .says("was begun with another --overlap or --years; nothing was sent")
            .says("hint: go on with it as it was begun: okta-rollout rotate-keys job.toml --overlap 3600s");
    }
    for org in ["acme", "hub"] {
        assert_eq!(story.all_calls(org), [""; 0], "{org}");
    }
    let same = [&ROTATE[..], &["--overlap", "3600s"]].concat();
    story.okta_rollout(&same).exits(0).says("goes on");
    let second = kid(&story, "acme");
    assert_eq!(registered(&story, "acme"), [first, second]);
    assert_eq!(all_keys(&story, "acme"), 2);
    never_shut_out(&story, "acme");
}

#[test]
fn an_old_rotation_takes_nothing_back_of_a_later_one() {
    let mut story = connected("", [by_hand("acme")]);
    rotate(&story).exits(0);
    rotate_half(&mut story, &[]);
    let old = story.report()["run"].as_str().unwrap().to_owned();
    rotate(&story).exits(0);
    let now = kid(&story, "acme");
    for arguments in [&["resume", &old][..], &["resume", &old, "--failed"]] {
        story
            .okta_rollout(arguments)
            .exits(2)
            .says("was followed by another rotation of the same keys")
            .says("hint: rotate them anew: okta-rollout rotate-keys job.toml");
    }
    assert_eq!(kid(&story, "acme"), now);
    assert_eq!(registered(&story, "acme"), [now]);
    never_shut_out(&story, "acme");
    // The last one may be resumed, though nothing is left of it.
    story.okta_rollout(&["resume"]).exits(0);
}

#[test]
fn a_connection_that_somebody_gave_another_key_meanwhile_keeps_it() {
    let mut story = connected("", [by_hand("acme")]);
    rotate(&story).exits(0);
    rotate_half(&mut story, &[]);
    let path = "/api/v1/apps/0oa1/credentials/keys/generate?validityYears=2";
    story.somebody_else("acme", "POST", path, &Value::Null);
    let all = keys(&story, "acme");
    let theirs = all.last().unwrap();
    let jwk = json!({ "kty": "RSA", "kid": theirs["kid"], "e": theirs["e"], "n": theirs["n"] });
    register_keys(&story, "acme", &[jwk]);
    let mut app = story.somebody_looks("acme", "/api/v1/apps/0oa1");
    app["credentials"]["signing"]["kid"] = theirs["kid"].clone();
    story.somebody_else("acme", "PUT", "/api/v1/apps/0oa1", &app);
    story
        .okta_rollout(&["resume"])
        .exits(3)
        .says("which it did not when this rotation began: nothing was changed");
    assert_eq!(theirs["kid"], kid(&story, "acme"));
    never_shut_out(&story, "acme");
    rotate(&story).exits(0);
    assert_ne!(theirs["kid"], kid(&story, "acme"));
    assert_eq!(registered(&story, "acme"), [kid(&story, "acme")]);
    never_shut_out(&story, "acme");
}

#[test]
fn no_key_is_registered_where_it_would_shut_others_out() {
    // A service app that has come to read the keys of another connection.
    let story = connected("", [by_hand("acme")]);
    let first = kid(&story, "acme");
    let at = |app: &str| {
        let origin = story.url("acme");
        format!("{origin}/api/v1/apps/{app}/connections/default/jwks")
    };
    change_client(&story, "acme", |client| {
        client["jwks_uri"] = json!(at("0oaOther"));
    });
    story.all_calls("hub");
    rotate(&story)
        .exits(3)
        .says("no key was registered with it");
    let calls = story.all_calls("hub");
    assert!(
        calls.iter().all(|call| call.starts_with("GET ")),
        "{calls:?}"
    );
    assert_eq!(kid(&story, "acme"), first);
    // As the hint says.
    story.run().exits(0);
    rotate(&story).exits(0);
    assert_eq!(registered(&story, "acme"), [kid(&story, "acme")]);
    // One that has keys of others beside those that it reads: the connection signs with the old one until it has the new one.
    let story = connected("", [by_hand("acme")]);
    register(&story, 0..1);
    rotate(&story).exits(0);
    assert_eq!(
        registered(&story, "acme"),
        ["theirs0".to_owned(), kid(&story, "acme")]
    );
    never_shut_out(&story, "acme");
}

#[test]
fn only_the_entrys_own_service_app_gets_a_key() {
    let story = connected("", [by_hand("acme"), by_hand("globex")]);
    let key = &keys(&story, "acme")[0];
    let jwk = json!({ "kty": "RSA", "kid": key["kid"], "e": key["e"], "n": key["n"] });
    register_keys(&story, "globex", &[jwk]);
    let profile = json!({ "authScheme": "OAUTH2", "clientId": client_id(&story, "globex"),
        "signing": { "rotationMode": "MANUAL" } });
    let path = "/api/v1/apps/0oa1/connections/default?activate=true";
    story.somebody_else("acme", "POST", path, &json!({ "profile": profile }));
    let only = [&ROTATE[..], &["--only", "org=acme"]].concat();
    let refused = story.okta_rollout(&only).exits(3);
    refused.says("and that of this entry is");
    assert_eq!(all_keys(&story, "acme"), 1);
    // As the hint says.
    story.run().exits(0);
    story.okta_rollout(&only).exits(0);
    assert_eq!(registered(&story, "acme"), [kid(&story, "acme")]);
}

#[test]
fn a_new_key_that_cannot_be_used_is_made_once() {
    for missing in ["n", "kid"] {
        let mut story = connected("", [by_hand("acme")]);
        // Of all keys but the first.
        let hide = move |call: &Honest| {
            if !call.path.contains("/credentials/keys") {
                return call.told();
            }
            let mut shown: Value = serde_json::from_str(&call.body).unwrap();
            let new = match &mut shown {
                Value::Array(all) => all.iter_mut().skip(1).collect(),
                one => vec![one],
            };
            for key in new {
                key.as_object_mut().unwrap().remove(missing);
            }
            call.told_as(call.status, &shown.to_string())
        };
        story.distorts("acme", hide);
        story.manifest([by_hand("acme")]);
        let first = kid(&story, "acme");
        rotate(&story).exits(3).says("but does not show all of it");
        for _ in 0..2 {
            story.okta_rollout(&["resume", "--failed"]).exits(3);
        }
        assert_eq!(all_keys(&story, "acme"), 2, "{missing}");
        assert_eq!(kid(&story, "acme"), first, "{missing}");
    }
}
