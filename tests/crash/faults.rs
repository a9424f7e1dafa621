//! A run that meets faults in about every eighth call ends by itself, as if there had been none.

use serde_json::json;

use crate::fleet::{APPS, FAULTS, ONCE_ONLY, ORGS, manifest};
use crate::history::{once_only, state};
use crate::support::Rollout;

#[test]
fn a_run_full_of_faults_ends_as_one_without() {
    let manifest = manifest(|_| json!({ "url": "sandbox" }));
    let [quiet, faulty] = ["", &FAULTS.replace("[faults", "[sandbox.faults")]
        .map(|sandbox| Rollout::new(&manifest, sandbox));
    let wanted = quiet.run();
    assert_eq!(wanted.count("done"), ORGS.len() * APPS);
    let report = faulty.run();
    assert_eq!(report.essence(), wanted.essence());
    let retries: u64 = report.sum("retries");
    // A good 800 calls, 13 in 100 of which fail.
    assert!(retries > 50, "{retries}");
    assert_eq!(state(&faulty.state(), &ORGS), state(&quiet.state(), &ORGS));
    for org in ORGS {
        once_only(&quiet.state(), org).assert(ONCE_ONLY);
        once_only(&faulty.state(), org).assert(ONCE_ONLY);
    }
}
