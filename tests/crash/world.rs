//! Simulated orgs that outlive the processes that work on them, and the person who consents.

use std::collections::BTreeMap;

#[cfg(feature = "postgres")]
use okta_rollout::sandbox::Switches;
use okta_rollout::sandbox::{Call, Fault, Sandbox, SeedApp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fleet::Fleet;
use crate::support::{Report, Rollout};

/// No limit, and every call remembered.
const SETTINGS: &str = "limit = 0\njournal = 100000\n";

/// Commands after which a story that has not ended never will.
const PATIENCE: usize = 1000;

pub struct World {
    pub fleet: Fleet,
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    state: TempDir,
}

impl World {
    /// A fleet's orgs; `more` is what else their sandbox is told.
    pub fn new(fleet: Fleet, more: &str) -> Self {
        let settings = toml::from_str(&format!("{SETTINGS}{more}")).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let state = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(settings, Some(state.path().to_owned()), None);
        let sandbox = runtime.block_on(sandbox).unwrap();
        for org in fleet.names() {
            sandbox.add_org(&org).unwrap();
            for (name, id) in fleet.seeds(&org) {
                let app = SeedApp {
                    name: name.to_owned(),
                    id: Some(id),
                    label: None,
                };
                sandbox.add_app(&org, &app).unwrap();
            }
        }
        Self {
            fleet,
            runtime,
            sandbox,
            state,
        }
    }

    /// The fleet's rollout in these orgs, two calls at a time each, none of which takes longer than
    /// `timeout`; `more` is what else the job says.
    pub fn rollout(&self, timeout: &str, more: &str) -> Rollout {
        let manifest = self.fleet.manifest(|org| {
            json!({ "url": self.sandbox.url(org), "limits": { "maxInFlight": 2 },
                    "auth": { "apiToken": format!("file:{org}.txt") } })
        });
        let rollout = Rollout::new(&manifest, timeout, more);
        for org in self.fleet.names() {
            let token = self.sandbox.api_token(&org);
            rollout.secret(&format!("API token of {org}"), &token);
            rollout.write(&format!("{org}.txt"), &token);
        }
        rollout
    }

    /// Types the next command until all is done, consenting to what waits. `act` gives a command's
    /// exit code, or none when it was killed; then the same comes again.
    pub fn carry_on(
        &self,
        rollout: &Rollout,
        mut act: impl FnMut(&[&str]) -> Option<i32>,
    ) -> Report {
        let mut parked = false;
        for _ in 0..PATIENCE {
            if parked && self.consent(rollout) {
                // Whether accepted, refused or killed: what still waits is asked for again.
                act(&["consent", "complete", "--file", "answers.txt"]);
                continue;
            }
            let command: &[&str] = if parked {
                &["resume"]
            } else {
                &["run", "job.toml"]
            };
            match act(command) {
                None => {}
                Some(0) => return rollout.status(),
                Some(4) => parked = true,
                Some(code) => panic!("{command:?}: {code}: {}", rollout.status().0),
            }
        }
        panic!("no end: {}", rollout.status().0);
    }

    /// Consents to everything that waits and writes down what Okta showed; `false` = nothing waits.
    pub fn consent(&self, rollout: &Rollout) -> bool {
        let waiting = rollout.json(&["consent", "list", "--format", "json"]);
        let link = |waits: &Value| waits["authorizeUrl"].as_str().unwrap().to_owned();
        let links: Vec<_> = waiting.as_array().unwrap().iter().map(link).collect();
        let shown: Vec<_> = links
            .iter()
            .map(|link| self.runtime.block_on(self.sandbox.approve(link)).unwrap())
            .collect();
        rollout.write("answers.txt", &shown.join("\n"));
        !shown.is_empty()
    }

    /// All that the orgs hold.
    pub fn holds(&self) -> Vec<Value> {
        self.of_each_org(|org| self.sandbox.state(org).unwrap())
    }

    /// Every once-only call took effect once.
    pub fn assert_once_only(&self) {
        self.fleet.assert_once_only(self.state.path());
    }

    /// Every call that could change something, as sent, sorted.
    pub fn writes(&self) -> Vec<String> {
        let mut writes: Vec<_> = self
            .journal()
            .filter(|call| call.method != "GET")
            .map(|call| format!("{} {}", call.method, call.path))
            .collect();
        writes.sort();
        writes
    }

    /// How many calls came to an end, or began to hang.
    pub fn calls(&self) -> u64 {
        let counts = self.of_each_org(|org| self.sandbox.counts(org).unwrap());
        counts.iter().flat_map(BTreeMap::values).sum()
    }

    /// How often each fault was played.
    pub fn faults(&self) -> BTreeMap<Fault, u64> {
        let mut faults = BTreeMap::new();
        for fault in self.journal().filter_map(|call| call.fault) {
            *faults.entry(fault).or_default() += 1;
        }
        faults
    }

    /// From now on so many calls are allowed in a window of each org.
    #[cfg(feature = "postgres")]
    pub fn limit(&self, calls: u32) {
        for org in self.fleet.names() {
            let switches = Switches {
                limit: Some(calls),
                ..Switches::default()
            };
            self.sandbox.switch(&org, switches).unwrap();
        }
    }

    /// Where an org is.
    #[cfg(feature = "postgres")]
    pub fn url(&self, org: &str) -> String {
        self.sandbox.url(org)
    }

    /// The token of an org.
    #[cfg(feature = "postgres")]
    pub fn api_token(&self, org: &str) -> String {
        self.sandbox.api_token(org)
    }

    /// What an org was asked, in the order of the answers.
    #[cfg(feature = "postgres")]
    pub fn calls_of(&self, org: &str) -> Vec<Call> {
        self.sandbox.journal(org).unwrap()
    }

    fn journal(&self) -> impl Iterator<Item = Call> {
        let journals = self.of_each_org(|org| self.sandbox.journal(org).unwrap());
        journals.into_iter().flatten()
    }

    fn of_each_org<T>(&self, of: impl FnMut(&str) -> T) -> Vec<T> {
        let names = self.fleet.names();
        names.iter().map(String::as_str).map(of).collect()
    }
}
