//! An org that is reached as a service app: the token is asked for with an assertion, shared, renewed and proven, and
//! what Okta does not take is told so that it can be mended.

use okta_rollout::jose::SigningKey;
use okta_rollout::sandbox::{Client, Switches};
use serde_json::{Value, json};

use crate::support::{Entry, Ran, Scenario, user, zscaler};

const TOKEN: &str = "POST /oauth2/v1/token";

const BOTH: [&str; 2] = ["okta.apps.read", "okta.apps.manage"];

fn key(name: &str) -> String {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/keys/");
    std::fs::read_to_string(format!("{keys}{name}")).unwrap()
}

/// What Okta shows of a key.
fn public(text: &str, kid: &str) -> Value {
    let key = SigningKey::read(text).unwrap();
    let mut jwk: Value = serde_json::from_str(key.public().jwk()).unwrap();
    jwk["kid"] = json!(kid);
    jwk
}

/// A service app with one of the keys, which may do everything that a run needs.
fn client(name: &str) -> Client {
    Client {
        keys: vec![public(&key(name), "k1")],
        scopes: BOTH.map(str::to_owned).to_vec(),
        ..Client::default()
    }
}

fn knowing(client: Client) -> Switches {
    Switches {
        clients: [("0oaService".to_owned(), client)].into(),
        ..Switches::default()
    }
}

/// How acme is reached in most stories.
fn auth() -> Value {
    json!({ "clientId": "0oaService", "keyId": "k1", "key": "file:secrets/key", "scopes": BOTH })
}

/// Sets how acme is reached.
fn reached(story: &Scenario, auth: &Value) {
    let text = std::fs::read_to_string(story.path("m.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    manifest["orgs"]["acme"]["auth"] = json!({ "privateKeyJwt": auth });
    story.write("m.json", &manifest.to_string());
}

/// Entries that need three calls each.
fn entries(count: usize) -> Vec<Entry> {
    let ids = (1..=count).map(|n| format!("0oa{n}"));
    ids.map(|id| zscaler(&id).feature(user())).collect()
}

/// Where this key is given, and what the org knows.
fn with(name: &str, switches: Switches, count: usize) -> Scenario {
    let story = Scenario::of(entries(count));
    story.write("secrets/key", &key(name));
    reached(&story, &auth());
    story.switch("acme", switches);
    story
}

/// What became of the calls for tokens so far.
fn asked(story: &Scenario) -> Vec<Option<u16>> {
    let calls = story.answered("acme").into_iter();
    let asked = calls.filter(|(call, _)| call == TOKEN);
    asked.map(|(_, status)| status).collect()
}

fn changed(story: &Scenario) -> Value {
    story.report()["totals"]["changed"].clone()
}

#[test]
fn a_token_is_asked_for_once_whatever_the_key_and_shared_by_all() {
    for name in [
        "rsa.pkcs8.pem",
        "p256.sec1.pem",
        "p384.pkcs8.pem",
        "p521.pkcs8.pem",
    ] {
        let story = with(name, knowing(client(name)), 20);
        story.run().exits(0);
        assert_eq!(asked(&story), [Some(200)], "{name}");
        assert_eq!(changed(&story), 20);
        // As it is already.
        story.run().exits(0);
        assert_eq!(changed(&story), 0);
    }
}

#[test]
fn requests_are_proven_as_soon_as_okta_asks_for_it() {
    let demanding = Client {
        dpop: true,
        ..client("rsa.pkcs8.pem")
    };
    let story = with("rsa.pkcs8.pem", knowing(demanding.clone()), 10);
    story.run().exits(0);
    // Without a proof, without a nonce, and given.
    assert_eq!(asked(&story), [Some(400), Some(400), Some(200)]);
    assert_eq!(changed(&story), 10);
    for client in [client("rsa.pkcs8.pem"), demanding] {
        let mut auth = auth();
        auth["dpop"] = json!(true);
        let story = with("rsa.pkcs8.pem", knowing(client), 10);
        reached(&story, &auth);
        story.run().exits(0);
        assert_eq!(asked(&story), [Some(400), Some(200)]);
        assert_eq!(changed(&story), 10);
    }
}

#[test]
fn a_nonce_that_any_call_wants_is_given_to_it() {
    let switches = Switches {
        nonce_for_calls: true,
        ..knowing(Client {
            dpop: true,
            ..client("p256.pkcs8.pem")
        })
    };
    let story = with("p256.pkcs8.pem", switches, 10);
    story.run().exits(0);
    assert_eq!(changed(&story), 10);
    assert_eq!(asked(&story).len(), 3);
    let refused = |(_, status): &(String, Option<u16>)| *status == Some(401);
    assert!(story.answered("acme").iter().any(refused));
}

#[test]
fn a_token_that_ends_in_the_middle_is_renewed_and_nothing_is_lost() {
    for dpop in [false, true] {
        let switches = Switches {
            token_calls: Some(7),
            ..knowing(Client {
                dpop,
                ..client("p256.pkcs8.pem")
            })
        };
        let story = with("p256.pkcs8.pem", switches, 12);
        // Otherwise more calls are under way at once than a token is good for.
        story.job("[limits]\nmaxInFlight = 2\n");
        story.run().exits(0);
        assert_eq!(changed(&story), 12);
        let given = asked(&story)
            .iter()
            .filter(|status| **status == Some(200))
            .count();
        assert!(given >= 4, "{given}");
    }
}

#[test]
fn a_token_that_is_good_for_nothing_stops_the_org() {
    let switches = Switches {
        token_calls: Some(0),
        ..knowing(client("p256.pkcs8.pem"))
    };
    let story = with("p256.pkcs8.pem", switches, 3);
    let run = story.run().exits(3);
    run.says(
        "acme: stopped: Okta does not take the token that it gave to the service app 0oaService",
    );
    assert_eq!(asked(&story), [Some(200), Some(200)]);
    story.switch("acme", knowing(client("p256.pkcs8.pem")));
    story.okta_rollout(&["resume"]).exits(0);
    assert_eq!(changed(&story), 3);
}

#[test]
fn a_clock_that_is_wrong_is_made_up_for() {
    for skew_s in [-600, 600, -86_400] {
        for dpop in [false, true] {
            let switches = Switches {
                clock_skew_s: skew_s,
                ..knowing(Client {
                    dpop,
                    ..client("rsa.pkcs8.pem")
                })
            };
            let story = with("rsa.pkcs8.pem", switches, 3);
            story.run().exits(0);
            assert_eq!(changed(&story), 3, "{skew_s} {dpop}");
            let asked = asked(&story);
            assert_eq!(asked[0], Some(401), "{asked:?}");
            assert_eq!(asked.len(), if dpop { 4 } else { 2 }, "{asked:?}");
        }
    }
}

/// Something that is wrong, what is said of it, what is said to help, and what helps.
struct Wrong {
    switches: Switches,
    auth: Value,
    says: &'static str,
    helps: &'static str,
}

fn of_client(change: impl FnOnce(&mut Client), says: &'static str, helps: &'static str) -> Wrong {
    let mut client = client("p256.pkcs8.pem");
    change(&mut client);
    Wrong {
        switches: knowing(client),
        auth: auth(),
        says,
        helps,
    }
}

fn of_auth(key: &str, value: Value, says: &'static str, helps: &'static str) -> Wrong {
    let mut auth = auth();
    auth[key] = value;
    Wrong {
        switches: knowing(client("p256.pkcs8.pem")),
        auth,
        says,
        helps,
    }
}

fn all_wrong() -> Vec<Wrong> {
    vec![
        of_client(
            |client| client.keys = vec![public(&key("p256.jwk.json"), "k2")],
            "the service app 0oaService has no active key with the kid k1: The client_assertion JWT kid is invalid (invalid_client",
            "`auth.privateKeyJwt.keyId`",
        ),
        of_client(
            |client| client.keys = vec![public(&key("p384.jwk.json"), "k1")],
            "the private key is not the one that the service app 0oaService has as k1; its thumbprint is Oac2J5d0wdKh3hsdITIY8RMILmohpS4eVugL-Vzv80c",
            "put the private key whose kid is k1 behind file:",
        ),
        of_client(
            |client| client.keys.clear(),
            "Okta has no public key of the service app 0oaService",
            "register the public key with the kid k1",
        ),
        of_client(
            |client| client.scopes.clear(),
            "none of the scopes okta.apps.read okta.apps.manage is granted to the service app 0oaService: You are not allowed any of the requested scopes (consent_required",
            "let a super administrator grant them",
        ),
        of_client(
            |client| client.scopes = vec!["okta.apps.read".to_owned()],
            "the token of the service app 0oaService lacks the scope okta.apps.manage, which it asks for (it has okta.apps.read) (insufficient_scope)",
            "let a super administrator grant it",
        ),
        of_client(
            |client| client.missing_role = true,
            "the admin role of the service app 0oaService does not allow it",
            "give it an admin role that may manage apps",
        ),
        of_auth(
            "clientId",
            json!("0oaOther"),
            "Okta lets no service app 0oaOther into this org",
            "`auth.privateKeyJwt.clientId`",
        ),
        of_auth(
            "scopes",
            json!(["okta.apps.read"]),
            "the token of the service app 0oaService lacks the scope okta.apps.manage, which it does not ask for (it has okta.apps.read) (insufficient_scope)",
            "add okta.apps.manage to `auth.privateKeyJwt.scopes`",
        ),
        of_auth(
            "scopes",
            json!(["okta.apps.read", "apps.manage"]),
            "Okta does not have one of the scopes okta.apps.read apps.manage",
            "correct `auth.privateKeyJwt.scopes`",
        ),
        Wrong {
            switches: Switches {
                audience: Some("https://acme.okta.com/oauth2/v1/token".to_owned()),
                ..knowing(client("p256.pkcs8.pem"))
            },
            auth: auth(),
            says: "/oauth2/v1/token is not what Okta calls the token endpoint of this org: The audience claim",
            helps: "give the org's `url` as Okta has it",
        },
    ]
}

/// The command at the end of the hint after these words.
fn hinted(ran: &Ran, helps: &str) -> Vec<String> {
    let said = ran.said();
    let hint = said.lines().find(|line| line.contains(helps));
    let hint = hint.unwrap_or_else(|| panic!("no hint with {helps} in\n{said}"));
    let (_, command) = hint.rsplit_once("okta-rollout ").unwrap();
    command.split(' ').map(str::to_owned).collect()
}

#[test]
fn what_okta_does_not_take_is_named_and_the_hint_does_the_rest_once_it_is_mended() {
    for wrong in all_wrong() {
        let Wrong {
            switches,
            auth: wrong_auth,
            says,
            helps,
        } = wrong;
        let story = with("p256.pkcs8.pem", switches, 2);
        reached(&story, &wrong_auth);
        let run = story.run().exits(3).says("acme: stopped: ").says(says);
        let command = hinted(&run, helps);
        let report = story.report();
        assert_eq!(report["totals"]["pending"], 2, "{says}");
        assert_eq!(report["totals"]["changed"], 0, "{says}");
        let stopped = report["orgs"][0]["stopped"]["message"].as_str().unwrap();
        let (says, _) = says.split_once(" (invalid_client").unwrap_or((says, ""));
        let (says, _) = says.split_once(" (consent_required").unwrap_or((says, ""));
        assert!(stopped.contains(says), "{stopped}");
        // Nothing was sent that changes anything.
        let calls = story.all_calls("acme");
        let writes = calls
            .iter()
            .filter(|call| !call.starts_with("GET ") && *call != TOKEN);
        assert!(writes.count() <= 2, "{calls:?}");

        story.switch("acme", knowing(client("p256.pkcs8.pem")));
        reached(&story, &auth());
        let command: Vec<_> = command.iter().map(String::as_str).collect();
        story.okta_rollout(&command).exits(0);
        assert_eq!(changed(&story), 2, "{says}");
    }
}

#[test]
fn another_key_file_is_all_that_a_resumed_run_needs() {
    let story = with("p384.pkcs8.pem", knowing(client("p256.pkcs8.pem")), 2);
    story.run().exits(3).says("its thumbprint is ");
    story.write("secrets/key", &key("p256.sec1.pem"));
    story.okta_rollout(&["resume"]).exits(0);
    assert_eq!(changed(&story), 2);
}

#[test]
fn commands_that_only_look_ask_for_a_token_and_for_nothing_else() {
    let story = with("p521.pkcs8.pem", knowing(client("p521.pkcs8.pem")), 3);
    for command in [
        &["plan", "job.toml"][..],
        &["doctor", "job.toml"],
        &["export", "--orgs", "orgs.json", "--org", "acme"],
    ] {
        let text = std::fs::read_to_string(story.path("m.json")).unwrap();
        let manifest: Value = serde_json::from_str(&text).unwrap();
        story.write("orgs.json", &manifest["orgs"].to_string());
        story.okta_rollout(command).exits(0);
        let calls = story.all_calls("acme");
        let asked = calls.iter().filter(|call| *call == TOKEN);
        assert_eq!(asked.count(), 1, "{command:?} {calls:?}");
        let other = |call: &&String| *call != TOKEN && !call.starts_with("GET ");
        assert_eq!(calls.iter().find(other), None, "{command:?}");
    }
}

#[test]
fn doctor_tells_which_scopes_are_there_and_which_are_not() {
    for (granted, held, asked, helps) in [
        (
            &["okta.apps.read", "okta.apps.manage"][..],
            ["yes", "yes"],
            &BOTH[..],
            None,
        ),
        (&["okta.apps.manage"], ["yes", "yes"], &BOTH, None),
        (
            &["okta.apps.read"],
            ["no", "yes"],
            &BOTH,
            Some("let a super administrator grant"),
        ),
        (
            &["okta.apps.read", "okta.apps.manage"],
            ["no", "yes"],
            &["okta.apps.read"],
            Some("add okta.apps.manage to `auth.privateKeyJwt.scopes`"),
        ),
    ] {
        let client = Client {
            scopes: granted.iter().map(|&scope| scope.to_owned()).collect(),
            ..client("rsa.pkcs8.pem")
        };
        let story = with("rsa.pkcs8.pem", knowing(client), 1);
        let mut auth = auth();
        auth["scopes"] = json!(asked);
        reached(&story, &auth);
        let code = if helps.is_some() { 3 } else { 0 };
        let ran = story
            .okta_rollout(&["doctor", "job.toml", "--format", "json"])
            .exits(code);
        let acme = &ran.json()["orgs"][0];
        assert_eq!(acme["auth"], "privateKeyJwt");
        assert_eq!(acme["credentials"], "accepted");
        let scopes = &acme["rights"]["scopes"];
        assert_eq!(scopes[0]["scope"], "okta.apps.manage");
        assert_eq!([&scopes[0]["held"], &scopes[1]["held"]], held, "{scopes}");
        if let Some(helps) = helps {
            ran.says("the token of the service app lacks okta.apps.manage, which its entries need")
                .says(helps);
        }
    }
}

#[test]
fn doctor_tells_why_a_service_app_is_not_let_in() {
    let mut client = client("rsa.pkcs8.pem");
    client.keys = vec![public(&key("rsa.pkcs8.pem"), "k2")];
    let story = with("rsa.pkcs8.pem", knowing(client), 1);
    let ran = story.okta_rollout(&["doctor", "job.toml"]).exits(3);
    ran.says("acme: the service app 0oaService has no active key with the kid k1")
        .says("hint: make the kid of one of its active keys");
}

#[test]
fn a_plan_tells_which_scopes_its_entries_need_and_which_are_missing() {
    let story = with("rsa.pkcs8.pem", knowing(client("rsa.pkcs8.pem")), 2);
    let ran = story.okta_rollout(&["plan", "job.toml"]).exits(0);
    let needs = "its service app needs okta.apps.manage, okta.apps.read";
    assert!(ran.data().contains(needs), "{}", ran.data());
    assert!(!ran.data().contains("lacks"), "{}", ran.data());
    story.switch(
        "acme",
        knowing(Client {
            scopes: vec!["okta.apps.read".to_owned()],
            ..client("rsa.pkcs8.pem")
        }),
    );
    let ran = story.okta_rollout(&["plan", "job.toml"]).exits(0);
    let lacks = "! the token of the service app lacks okta.apps.manage, which its entries need";
    assert!(ran.data().contains(lacks), "{}", ran.data());
    assert!(
        ran.data().contains("hint: let a super administrator grant"),
        "{}",
        ran.data()
    );
    let ran = story
        .okta_rollout(&["plan", "job.toml", "--format", "json"])
        .exits(0);
    assert_eq!(
        ran.json()["orgs"][0]["scopes"],
        json!({ "needed": ["okta.apps.manage", "okta.apps.read"], "missing": ["okta.apps.manage"] })
    );
}
