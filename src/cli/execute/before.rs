//! What is asked, decided and set back before a run continues.

use crate::cli::deactivations;
use crate::cli::output::Output;
use crate::failure::Failure;
use crate::ledger::OrgRow;
use crate::report::{counted, wave_called};
use crate::rollout::driving::Driving;
use crate::rollout::waves::{Decided, Decision, decide};

/// Asks before connections are switched off, if somebody is asked.
pub(super) async fn confirm(
    driving: &Driving,
    (asks, retries): (bool, bool),
    output: Output,
) -> Result<(), Failure> {
    let Driving {
        ledger,
        run,
        selected,
        next,
        ..
    } = driving;
    if asks {
        let again = if retries { &next.retry } else { &next.resume };
        deactivations::confirm(ledger, run, selected, again, output).await?;
    }
    Ok(())
}

/// Stores what a person decides about the waves of the run, and says what came of it.
pub(super) async fn decide_on_waves(
    driving: &Driving,
    orgs: &[OrgRow],
    decision: Decision,
    retries: bool,
    output: Output,
) -> Result<(), Failure> {
    let Driving {
        ledger,
        run,
        lock,
        selected,
        ..
    } = driving;
    let of_run = (ledger, lock, run);
    let id = &run.id.0;
    for decided in decide(of_run, orgs, selected, decision, retries).await? {
        match decided {
            Decided::Approved(wave) => {
                output.note(format_args!("{} may begin", wave_called(&wave)));
            }
            Decided::NothingAwaits => {
                output.note(format_args!("no wave of run {id} waits for an approval"));
            }
            Decided::Passed(wave) => output.note(format_args!(
                "run {id} continues in spite of the failures in {}",
                wave_called(&wave)
            )),
            Decided::NoHalt => output.note(format_args!("run {id} is not halted")),
        }
    }
    Ok(())
}

/// Sets the selected failed entries back to where they stopped.
pub(super) async fn try_again(driving: &Driving, output: Output) -> Result<(), Failure> {
    let selected = driving.selected.clone();
    let retried = driving
        .ledger
        .retry_failed(&driving.lock, move |no| selected.contains(no))
        .await?;
    output.note(format_args!(
        "{} tried again",
        counted(retried, "failed entry is", "failed entries are")
    ));
    Ok(())
}
