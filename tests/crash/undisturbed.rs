//! The large fleet in orgs that its run serves itself, and what becomes of it when nothing happens.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::fleet::LARGE;
use crate::history::state;
use crate::support::{PATIENTLY, Report, Rollout};

/// What a disturbed run must lead to.
pub struct Undisturbed {
    pub report: Report,
    /// All that the orgs hold.
    pub state: Vec<Value>,
}

/// The fleet's rollout; `faults` is what the job says of them.
pub fn rollout(faults: &str) -> Rollout {
    let org = |_: &str| json!({ "url": "sandbox", "limits": { "maxInFlight": 4 } });
    Rollout::new(&LARGE.manifest(org), PATIENTLY, faults)
}

/// Run once, whoever asks.
pub fn undisturbed() -> &'static Undisturbed {
    static UNDISTURBED: LazyLock<Undisturbed> = LazyLock::new(|| {
        let rollout = rollout("");
        let report = rollout.run();
        assert_eq!(report.count("done"), LARGE.entries());
        LARGE.assert_once_only(&rollout.state());
        Undisturbed {
            report,
            state: state(&rollout.state(), &LARGE.names()),
        }
    });
    &UNDISTURBED
}
