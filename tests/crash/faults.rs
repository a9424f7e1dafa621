//! A run that meets faults in about every eighth call ends by itself, as if there had been none.

use crate::fleet::{FAULTS, LARGE};
use crate::history::state;
use crate::undisturbed::{rollout, undisturbed};

#[test]
fn a_run_full_of_faults_ends_as_one_without() {
    let faulty = rollout(&FAULTS.replace("[faults", "[sandbox.faults"));
    let report = faulty.run();
    let wanted = undisturbed();
    assert_eq!(report.essence(), wanted.report.essence());
    let (requests, retries) = (report.sum("requests"), report.sum("retries"));
    let percent = retries * 100 / requests;
    assert!((11..=15).contains(&percent), "{retries} of {requests}");
    assert_eq!(state(&faulty.state(), &LARGE.names()), wanted.state);
    LARGE.assert_once_only(&faulty.state());
}
