//! The run is stopped after every single checkpoint, once and twice in a row.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::history::{OnceOnly, once_only, state};
use crate::support::{Report, Rollout, SOON};

const ORGS: [&str; 3] = ["acme", "globex", "initech"];

/// Rows whose only write comes after a look: when it landed and nobody saw the answer, the look
/// finds it done, and the run cannot know that it was its own.
const READ_FIRST: [u64; 4] = [5, 7, 9, 11];

/// Every user capability, so that it is written without being read.
fn whole() -> Value {
    json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } },
            "update": { "lifecycleDeactivate": { "status": "ENABLED" },
                        "password": { "status": "ENABLED", "seed": "RANDOM", "change": "KEEP_EXISTING" },
                        "profile": { "status": "ENABLED" } } })
}

/// One of them: the others are read first.
fn part() -> Value {
    json!({ "update": { "profile": { "status": "ENABLED" } } })
}

fn imports() -> Value {
    json!({ "importSettings": { "username": { "userNameFormat": "EMAIL" },
                                "schedule": { "status": "DISABLED" } },
            "importRules": { "userCreateAndMatch": { "exactMatchCriteria": "EMAIL",
                "allowPartialMatch": false, "autoConfirmExactMatch": true } } })
}

fn token() -> Value {
    json!({ "baseUrl": "https://scim.example/1", "profile": { "authScheme": "TOKEN", "token": "file:token.txt" } })
}

fn consented() -> Value {
    json!({ "profile": { "authScheme": "OAUTH2" } })
}

fn manifest(apps: &Value) -> Value {
    let sandbox = json!({ "url": "sandbox" });
    json!({ "orgs": { "acme": sandbox, "globex": sandbox, "initech": sandbox }, "apps": apps })
}

/// What was set up long ago.
fn earlier() -> Value {
    manifest(&json!([
        { "org": "globex", "app": "zscalerbyz", "appId": "0oaOld", "connection": token() },
        { "org": "initech", "app": "google", "appId": "0oaRight", "connection": consented() },
        { "org": "initech", "app": "zoomus", "label": "Zoom off", "connection": consented() },
        { "org": "initech", "app": "zscalerbyz", "appId": "0oaSame", "connection": token(),
          "features": { "USER_PROVISIONING": whole() } },
    ]))
}

/// All six apps, found, given and created, to be set up, changed, switched off and left alone.
fn mixed() -> Value {
    let office = json!({ "profile": { "authScheme": "OAUTH2", "settings": {
        "adminUsername": "admin@acme.example", "adminPassword": "file:token.txt" } } });
    let client = json!({ "profile": { "authScheme": "OAUTH2", "clientId": "0oaClient",
        "signing": { "rotationMode": "AUTO" } } });
    let create = json!({ "signOnMode": "SAML_2_0", "settings": { "app": { "domain": "new" } } });
    manifest(&json!([
        { "org": "acme", "app": "google", "appId": "0oaGoogle", "connection": consented(),
          "features": { "USER_PROVISIONING": whole(), "INBOUND_PROVISIONING": imports() } },
        { "org": "acme", "app": "zscalerbyz", "label": "Zscaler (new)", "create": create,
          "connection": token(), "features": { "USER_PROVISIONING": part() } },
        { "org": "acme", "app": "office365", "label": "Office", "connection": office },
        { "org": "globex", "app": "slack", "label": "Slack (new)", "create": create,
          "connection": consented(), "features": { "USER_PROVISIONING": part() } },
        { "org": "globex", "app": "zscalerbyz", "appId": "0oaOld", "status": "DISABLED" },
        { "org": "globex", "app": "okta_org2org", "label": "To the hub", "connection":
          { "profile": { "authScheme": "TOKEN", "token": "file:token.txt" } },
          "features": { "USER_PROVISIONING": part(), "INBOUND_PROVISIONING": imports() } },
        { "org": "initech", "app": "google", "appId": "0oaRight", "connection": consented(),
          "features": { "USER_PROVISIONING": whole() } },
        { "org": "initech", "app": "zoomus", "appId": "0oaZoom", "connection": consented() },
        { "org": "initech", "app": "zoomus", "label": "Zoom off", "status": "DISABLED" },
        { "org": "initech", "app": "zscalerbyz", "appId": "0oaSame", "connection": token(),
          "features": { "USER_PROVISIONING": whole() } },
        { "org": "initech", "app": "okta_org2org", "appId": "0oaClientOnly", "connection": client },
    ]))
}

/// Where every story begins and what it must lead to.
struct Story {
    begun: Rollout,
    report: Report,
    state: Vec<Value>,
    once_only: Vec<OnceOnly>,
}

impl Story {
    fn new() -> Self {
        let begun = Rollout::new(&earlier(), SOON, "");
        begun.run();
        begun.write("m.json", &mixed().to_string());
        // Each copy finds a port of its own.
        std::fs::remove_file(begun.state().join("port")).unwrap();
        let undisturbed = begun.copy();
        let report = undisturbed.run();
        assert_eq!(report.count("done"), 11, "{}", report.0);
        let state = state(&undisturbed.state(), &ORGS);
        let once_only = applied(&undisturbed);
        for (applied, wanted) in once_only.iter().zip([(1, 2), (1, 1), (0, 3)]) {
            applied.assert(wanted);
        }
        Self {
            begun,
            report,
            state,
            once_only,
        }
    }

    /// Stops a run after each of these numbers of checkpoints in turn, then lets it end; `false` =
    /// it ended before the first stop.
    fn survives(&self, stops: &[u64]) -> bool {
        let rollout = self.begun.copy();
        let mut stopped = Vec::new();
        for checkpoints in stops {
            if !rollout.dies_after(*checkpoints) {
                let ended = rollout.status();
                assert_eq!(ended.essence(), self.report.essence(), "{stops:?}");
                return !stopped.is_empty();
            }
            stopped.push(rollout.status());
        }
        let report = rollout.run();
        assert_eq!(report.essence(), self.report.essence(), "{stops:?}");
        if stopped.iter().all(|stopped| stopped.id() == report.id()) {
            assert_eq!(report.drift(), self.report.drift(), "{stops:?}");
            let unseen = &self.report.changed() - &report.changed();
            assert!(
                unseen.is_subset(&READ_FIRST.into()),
                "{stops:?}: {unseen:?}"
            );
        } else {
            // At one of the stops nothing was left to do, so the command began anew.
            let settled = stopped.iter().any(Report::is_settled);
            assert!(settled, "{stops:?}");
        }
        assert_eq!(state(&rollout.state(), &ORGS), self.state, "{stops:?}");
        assert_eq!(applied(&rollout), self.once_only, "{stops:?}");
        true
    }

    /// Survives stops after 1, 2, 3… checkpoints until a run ends before; gives the number of stops.
    fn survives_every(&self, stops: impl Fn(u64) -> Vec<u64> + Sync) -> u64 {
        let (next, ended) = (AtomicU64::new(1), AtomicBool::new(false));
        let stopped = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while !ended.load(Ordering::Relaxed) {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if self.survives(&stops(n)) {
                            stopped.fetch_add(1, Ordering::Relaxed);
                        } else {
                            ended.store(true, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        stopped.into_inner()
    }
}

/// Runs at a time: they mostly wait for the disk.
const THREADS: u32 = 4;

fn applied(rollout: &Rollout) -> Vec<OnceOnly> {
    ORGS.iter()
        .map(|org| once_only(&rollout.state(), org))
        .collect()
}

#[test]
fn a_run_survives_a_stop_after_every_checkpoint() {
    let story = Story::new();
    let stops = story.survives_every(|n| vec![n]);
    // Every step of every entry is one at least.
    assert!(stops >= 40, "{stops}");
}

#[test]
fn a_run_survives_two_stops_in_a_row() {
    let story = Story::new();
    let stops = story.survives_every(|n| vec![n, 1]);
    assert!(stops >= 40, "{stops}");
}

#[test]
fn links_that_led_to_another_port_are_asked_for_anew() {
    let story = Story::new();
    let waits = |n: &u64| {
        let rollout = story.begun.copy();
        assert!(rollout.dies_after(*n), "{n}");
        (rollout.status().count("waiting") > 0).then_some(rollout)
    };
    let rollout = (1..).find_map(|n| waits(&n)).unwrap();
    let port = std::fs::read_to_string(rollout.state().join("port")).unwrap();
    let taken = TcpListener::bind(("127.0.0.1", port.trim().parse().unwrap())).unwrap();
    let report = rollout.run();
    drop(taken);
    assert_eq!(report.essence(), story.report.essence());
    assert_eq!(state(&rollout.state(), &ORGS), story.state);
    assert_eq!(applied(&rollout), story.once_only);
}
