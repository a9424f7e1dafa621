//! Simulated orgs that outlive the processes that work on them, and the person who consents.

use std::sync::LazyLock;

use okta_rollout::sandbox::{Call, Sandbox, SeedApp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fleet::{ORGS, manifest, seeds};
use crate::history::{OnceOnly, once_only};
use crate::support::{Report, Rollout};

/// No limit, every call remembered, and so slow that no machine works off the fleet at once.
const SETTINGS: &str = "limit = 0\njournal = 100000\nlatency = '40ms'\n";

/// Commands after which a story that has not ended never will.
const PATIENCE: usize = 60;

pub struct World {
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    state: TempDir,
}

impl World {
    /// The fleet's orgs, with these faults.
    pub fn new(faults: &str) -> Self {
        let settings = toml::from_str(&format!("{SETTINGS}{faults}")).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let state = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(settings, Some(state.path().to_owned()), None);
        let sandbox = runtime.block_on(sandbox).unwrap();
        for org in ORGS {
            sandbox.add_org(org).unwrap();
        }
        for (org, name, id) in seeds() {
            let app = SeedApp {
                name: name.to_owned(),
                id: Some(id),
                label: None,
            };
            sandbox.add_app(org, &app).unwrap();
        }
        Self {
            runtime,
            sandbox,
            state,
        }
    }

    /// The fleet's rollout in these orgs, two calls at a time each.
    pub fn rollout(&self) -> Rollout {
        let manifest = manifest(|org| {
            json!({ "url": self.sandbox.url(org), "limits": { "maxInFlight": 2 },
                    "auth": { "apiToken": format!("file:{org}.txt") } })
        });
        let rollout = Rollout::new(&manifest, "");
        for org in ORGS {
            rollout.write(&format!("{org}.txt"), &self.sandbox.api_token(org));
        }
        rollout
    }

    /// What becomes of the fleet when nothing happens to it.
    pub fn undisturbed() -> &'static (Self, Report) {
        static UNDISTURBED: LazyLock<(World, Report)> = LazyLock::new(|| {
            let world = World::new("");
            let rollout = world.rollout();
            let report = world.carry_on(&rollout, |command| rollout.output(command).status.code());
            (world, report)
        });
        &UNDISTURBED
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
    fn consent(&self, rollout: &Rollout) -> bool {
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
        let state = |org: &&str| self.sandbox.state(org).unwrap();
        ORGS.iter().map(state).collect()
    }

    /// How often once-only calls took effect in each org.
    pub fn once_only(&self) -> Vec<OnceOnly> {
        let of = |org: &&str| once_only(self.state.path(), org);
        ORGS.iter().map(of).collect()
    }

    /// Every call that could change something, as sent, sorted.
    pub fn writes(&self) -> Vec<String> {
        let journal = |org: &&str| self.sandbox.journal(org).unwrap();
        let mut writes: Vec<_> = ORGS
            .iter()
            .flat_map(journal)
            .filter(|call: &Call| call.method != "GET")
            .map(|call| format!("{} {}", call.method, call.path))
            .collect();
        writes.sort();
        writes
    }
}
