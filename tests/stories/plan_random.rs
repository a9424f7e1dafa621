//! `plan` against whatever may be there: random wanted and live states, and random drift. What it announces is what a
//! run then sends, and after the run there is nothing left to announce.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::plan::planned;
use crate::support::{
    Entry, Scenario, google, inbound, office365, org2org, partly_user, slack, user, zoomus, zscaler,
};

const ORGS: [&str; 3] = ["acme", "globex", "initech"];

/// Entries of one case; each is another app.
const ENTRIES: usize = 40;

/// What somebody may have done to an app, and what is wanted of it.
struct World {
    random: StdRng,
}

impl World {
    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.random.random_range(0..all.len())].clone()
    }

    /// What is wanted of the app of this number: always the same app, never quite the same wishes.
    fn entry(&mut self, number: usize) -> Entry {
        let id = format!("0oa{number:03}");
        let mut entry = match number % 8 {
            0 => zscaler(&id).with("connection", self.zscaler_connection()),
            1 => google(&id),
            2 => org2org(&id),
            3 => slack(&id),
            4 => org2org(&id).with("connection", self.two_legged()),
            5 => office365(&id),
            6 => zoomus(&id),
            _ => zscaler(&id).token(self.one_of(&TOKENS)),
        };
        entry = entry.at(ORGS[number % 3]);
        // What the app is found by does not change, nor whether it is the app it is said to be.
        match number {
            5 | 15 | 21 => entry = entry.labelled(&format!("App {number}")),
            8 => entry = entry.labelled("Nobody's").missing(),
            10 => entry = entry.missing(),
            11 => entry = entry.in_truth("salesforce"),
            24 | 32 => {
                let label = format!("New {number}");
                let create = json!({ "settings": { "app": {} } });
                entry = entry.labelled(&label).missing().with("create", create);
            }
            _ => {}
        }
        // An app to create is wanted to be connected.
        let created = entry.has("create");
        if !created && self.chance(10) {
            return entry.disabled();
        }
        if self.chance(70) {
            let feature = self.user_provisioning();
            entry = entry.feature(feature);
        }
        if !matches!(number % 8, 0 | 7) && self.chance(40) {
            entry = entry.feature(inbound());
        }
        let has_features = entry.has("features");
        if has_features && !created && self.chance(8) {
            entry = entry.without("connection");
        }
        entry
    }

    fn zscaler_connection(&mut self) -> Value {
        let base_url = format!(
            "https://scim.zscalerbeta.net/1/{}/scim",
            self.one_of(&[2, 3])
        );
        let profile = json!({ "authScheme": "TOKEN", "token": self.one_of(&TOKENS) });
        json!({ "baseUrl": base_url, "profile": profile })
    }

    fn two_legged(&mut self) -> Value {
        let mut profile =
            json!({ "authScheme": "OAUTH2", "clientId": self.one_of(&["0oaA", "0oaB"]) });
        if self.chance(50) {
            profile["signing"] = json!({ "rotationMode": self.one_of(&["AUTO", "MANUAL"]) });
        }
        json!({ "profile": profile })
    }

    fn user_provisioning(&mut self) -> (&'static str, Value) {
        let (name, mut wanted) = self.one_of(&[user(), partly_user()]);
        let status = self.one_of(&["ENABLED", "DISABLED"]);
        wanted["create"]["lifecycleCreate"]["status"] = json!(status);
        (name, wanted)
    }

    /// Changes an app behind the program's back, if it is one that can be changed.
    fn drift(&mut self, story: &Scenario, entry: &Entry) {
        let (org, Some(id)) = (entry.org(), entry.id()) else {
            return;
        };
        let Some(app) = story.find_app(org, id) else {
            return;
        };
        if app["name"] == "salesforce" {
            return;
        }
        let path = |rest: &str| format!("/api/v1/apps/{id}/{rest}");
        let enabled = app["connection"]["status"] == "ENABLED";
        match self.random.random_range(0..3) {
            0 => {
                let off = path("connections/default/lifecycle/deactivate");
                story.somebody_else(org, "POST", &off, &json!({}));
            }
            1 if enabled => {
                let status = self.one_of(&["ENABLED", "DISABLED"]);
                let theirs = json!({ "update": { "profile": { "status": status } } });
                let put = path("features/USER_PROVISIONING");
                story.somebody_else(org, "PUT", &put, &theirs);
            }
            2 if app["name"] == "zscalerbyz" => {
                let theirs = json!({ "baseUrl": "https://scim.zscalerbeta.net/9/9/scim",
                    "profile": { "authScheme": "TOKEN", "token": "theirs" } });
                let set = path("connections/default?activate=true");
                story.somebody_else(org, "POST", &set, &theirs);
            }
            _ => {}
        }
    }
}

const TOKENS: [&str; 2] = ["file:secrets/app-token", "file:secrets/other-token"];

/// People give this many percent of the consents that the newest run waits for, and their entries continue.
fn consent(world: &mut World, story: &Scenario, percent: u32) {
    let mut pages = String::new();
    let report = story.report();
    let list = [
        "consent",
        "list",
        report["run"].as_str().unwrap(),
        "--format",
        "json",
    ];
    let consents = story.okta_rollout(&list).exits(0).json();
    for consent in consents.as_array().unwrap() {
        if world.chance(percent) {
            pages += &story.approve(consent["authorizeUrl"].as_str().unwrap());
            pages.push('\n');
        }
    }
    if !pages.is_empty() {
        story.fed(&["consent", "complete"], &pages).exits(0);
        story.okta_rollout(&["resume"]);
    }
}

fn sent(story: &Scenario) -> BTreeMap<&'static str, u64> {
    let calls = |org: &&'static str| (*org, story.all_calls(org).len() as u64);
    ORGS.iter().map(calls).collect()
}

proptest! {
    // A case is some twenty commands and a few hundred calls.
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn a_run_sends_what_its_plan_listed_and_leaves_nothing_to_plan(seed: u64) {
        let mut world = World { random: StdRng::seed_from_u64(seed) };
        let story = Scenario::of([]);
        story.write("secrets/other-token", "tell-tale-other-token");
        if world.chance(50) {
            story.write("job.toml", "onDrift = 'report'\nmanifest = 'm.json'\n");
        }
        let first: Vec<_> = (0..ENTRIES).map(|number| world.entry(number)).collect();
        story.manifest(first.clone());
        let ran = story.run();
        prop_assert!(!ran.said().contains("nothing was sent"), "{}", ran.said());
        consent(&mut world, &story, 60);
        for entry in &first {
            if world.chance(40) {
                world.drift(&story, entry);
            }
        }
        // Some are left as they were: their consents are taken over.
        let second: Vec<_> = first
            .into_iter()
            .enumerate()
            .map(|(number, before)| if world.chance(40) { before } else { world.entry(number) })
            .collect();
        story.manifest(second);
        if world.chance(60) {
            story.write("secrets/admin-password", "tell-tale-second-admin-password");
        }
        let reconnect: &[&str] = if world.chance(50) { &["--reconnect"] } else { &[] };
        sent(&story);

        let (_, plan) = planned(&story, reconnect);
        for org in ORGS {
            let calls = story.calls(org);
            prop_assert!(calls.iter().all(|call| call.starts_with("GET")), "{:?}", calls);
        }
        let ran = story.okta_rollout(&[&["run", "job.toml"], reconnect].concat());
        prop_assert!(!ran.said().contains("nothing was sent"), "{}", ran.said());
        let first = sent(&story);
        let mut all = first.clone();
        consent(&mut world, &story, 100);
        for (org, calls) in sent(&story) {
            *all.entry(org).or_default() += calls;
        }
        for org in plan["orgs"].as_array().unwrap() {
            let name = org["org"].as_str().unwrap();
            let count = |key: &str| org[key].as_u64().unwrap();
            let (most, uncertain) = (count("total"), count("uncertain"));
            let until_consents = most.saturating_sub(uncertain)..=most;
            prop_assert!(until_consents.contains(&first[name]), "{}: sent {}: {:#}", name, first[name], plan);
            let most = most + count("callsAfterConsent");
            let in_all = most - uncertain..=most;
            prop_assert!(in_all.contains(&all[name]), "{}: in all {}: {:#}", name, all[name], plan);
        }
        let (_, plan) = planned(&story, &[]);
        let totals = &plan["totals"];
        for change in ["setUp", "change", "deactivate", "consent"] {
            prop_assert_eq!(&totals[change], &json!(0), "{}: {:#}", change, plan);
        }
        prop_assert_eq!(totals["entries"].as_u64(), Some(ENTRIES as u64));
    }
}

/// What somebody did to an app, as `plan` has to name it.
#[derive(Clone, Copy)]
enum Drift {
    Deactivated,
    BaseUrl,
    Feature,
    TwoFields,
}

impl Drift {
    fn make(self, story: &Scenario, id: &str) {
        let put = format!("/api/v1/apps/{id}/features/USER_PROVISIONING");
        let connection = format!("/api/v1/apps/{id}/connections/default");
        let off = json!({ "status": "DISABLED" });
        let (method, path, body) = match self {
            Self::Deactivated => (
                "POST",
                format!("{connection}/lifecycle/deactivate"),
                json!({}),
            ),
            Self::BaseUrl => (
                "POST",
                format!("{connection}?activate=true"),
                json!({ "baseUrl": "https://scim.zscalerbeta.net/9/9/scim",
                    "profile": { "authScheme": "TOKEN", "token": "theirs" } }),
            ),
            Self::Feature => ("PUT", put, json!({ "create": { "lifecycleCreate": off } })),
            Self::TwoFields => (
                "PUT",
                put,
                json!({ "update": { "profile": off, "password": { "seed": "OKTA" } } }),
            ),
        };
        story.somebody_else("acme", method, &path, &body);
    }

    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Deactivated => &["connection.status"],
            Self::BaseUrl => &["connection.baseUrl"],
            Self::Feature => &["features.USER_PROVISIONING.create.lifecycleCreate.status"],
            Self::TwoFields => &[
                "features.USER_PROVISIONING.update.password.seed",
                "features.USER_PROVISIONING.update.profile.status",
            ],
        }
    }
}

#[test]
fn drift_in_a_thousand_entries_is_named_and_repaired_and_nothing_else_is_touched() {
    let ids: Vec<_> = (0..1_000).map(|n| format!("0oa{n:04}")).collect();
    let story = Scenario::of(ids.iter().map(|id| zscaler(id).feature(user())));
    story.run().exits(0);
    let seed = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let kinds = [
        Drift::Deactivated,
        Drift::BaseUrl,
        Drift::Feature,
        Drift::TwoFields,
    ];
    let mut drifted = BTreeMap::new();
    for id in &ids {
        if random.random_range(0..100) < 15 {
            let drift = kinds[random.random_range(0..kinds.len())];
            drift.make(&story, id);
            drifted.insert(id.clone(), drift);
        }
    }
    let apps: BTreeSet<_> = drifted.keys().cloned().collect();

    let (ran, plan) = planned(&story, &["--detailed-exitcode"]);
    ran.exits(5);
    assert!(story.written_apps("acme").is_empty());
    for entry in plan["entries"].as_array().unwrap() {
        let id = entry["appId"].as_str().unwrap();
        // What Okta shows differently; a secret that is sent along and what is not shown are no differences.
        let mut named: Vec<_> = entry["changes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|change| change.get("live").is_some())
            .map(|change| change["field"].as_str().unwrap())
            .collect();
        named.sort_unstable();
        let expected = drifted.get(id).map_or(&[][..], |drift| drift.fields());
        assert_eq!(named, expected, "seed {seed}: {entry:#}");
    }

    story.run().exits(0);
    assert_eq!(story.written_apps("acme"), apps, "seed {seed}");
    let (ran, _) = planned(&story, &["--detailed-exitcode"]);
    ran.exits(0);
    assert!(story.written_apps("acme").is_empty());
}
