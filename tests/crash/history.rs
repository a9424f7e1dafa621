//! What became of simulated orgs that a run served itself. Their state folder has one line for every
//! change that was applied, so it is a journal that survives the process.

use std::collections::BTreeMap;
use std::path::Path;

use okta_rollout::sandbox::{Sandbox, SandboxSettings};
use serde_json::Value;

/// All that the orgs hold.
pub fn state(folder: &Path, orgs: &[impl AsRef<str>]) -> Vec<Value> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let settings = SandboxSettings::default();
        let sandbox = Sandbox::start(settings, Some(folder.to_owned()), None);
        let sandbox = sandbox.await.unwrap();
        let dump = |org: &str| {
            sandbox.add_org(org).unwrap();
            sandbox.state(org).unwrap()
        };
        let state = orgs.iter().map(|org| dump(org.as_ref())).collect();
        sandbox.stop().await;
        state
    })
}

/// How often once-only calls took effect in an org.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OnceOnly {
    /// App instances by label, for those that were created through the API.
    pub created: BTreeMap<String, u32>,
    /// Accepted callbacks by app.
    pub consented: BTreeMap<String, u32>,
    /// Grants that a connection had and a later POST threw away, by app.
    pub lost: BTreeMap<String, u32>,
}

impl OnceOnly {
    /// So many apps were created and consented to, each of them once, and no grant was lost.
    pub fn assert(&self, (created, consented): (usize, usize)) {
        for (times, wanted) in [(&self.created, created), (&self.consented, consented)] {
            assert_eq!(times.len(), wanted, "{self:?}");
            assert!(times.values().all(|times| *times == 1), "{self:?}");
        }
        assert!(self.lost.is_empty(), "{self:?}");
    }
}

/// Reads what an org's apps went through.
pub fn once_only(folder: &Path, org: &str) -> OnceOnly {
    let text = std::fs::read_to_string(folder.join(format!("{org}.jsonl"))).unwrap();
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    let mut once_only = OnceOnly::default();
    for line in text.lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let app = record["app"].take();
        let id = app["id"].as_str().unwrap().to_owned();
        let granted = |app: &Value| app["connection"]["granted"] == true;
        let before = seen.get(&id).is_some_and(granted);
        // Only an app that the API created has settings.
        if !seen.contains_key(&id) && app["settings"].is_string() {
            let label = app["label"].as_str().unwrap().to_owned();
            *once_only.created.entry(label).or_default() += 1;
        }
        match (before, granted(&app)) {
            (false, true) => *once_only.consented.entry(id.clone()).or_default() += 1,
            (true, false) => *once_only.lost.entry(id.clone()).or_default() += 1,
            _ => {}
        }
        seen.insert(id, app);
    }
    once_only
}
