//! A run on a ledger that others share goes on after that was lost: with PostgreSQL, with the network, or because this
//! process was taken for gone. What was answered and not stored is looked at in Okta first, as after a crash.

use std::time::Duration;

use tokio::time::Instant;

use super::{How, Stage, Work, once};
use crate::cli::output::Output;
use crate::cli::question::Said;
use crate::cli::reach::{Patience, Reached, lost, reached_again};
use crate::cli::signals::Signals;
use crate::engine::{Engine, Selected};
use crate::failure::{Ending, Failure};
use crate::ledger::{Ledger, LedgerError, RunLock};
use crate::model::RunId;
use crate::pacing::CancellationToken;
use crate::rollout::waves::Decision;
use crate::settings::Settings;

/// How often it is looked whether whoever took the run over is done with it.
const LOOK: Duration = Duration::from_secs(1);

/// How long what this process itself held may be held yet: PostgreSQL ends a session that is silent for three seconds.
const OUR_OWN: Duration = Duration::from_secs(5);

/// Whether a run on a ledger that is shared goes on by itself after a failure.
pub(super) fn goes_on(failure: &Failure, interrupt: &CancellationToken) -> bool {
    is_passing(failure) && !interrupt.is_cancelled()
}

/// Whether the ledger may be used again where it is: one that was moved is somewhere else for good.
fn is_passing(failure: &Failure) -> bool {
    lost(failure).is_some_and(|error| !matches!(error, LedgerError::Gone { .. }))
}

/// Drives a run until nothing moves any more, however often its ledger is lost meanwhile.
pub(super) async fn outlasting(
    mut work: Work,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let interrupt = engine.cancellation();
    let signals = Signals::of_command(interrupt.clone(), output)?;
    work.how.chosen = chosen(&work).await?;
    let (run, mut how, mut stage) = (work.run.id.clone(), work.how.clone(), Stage::Prepares);
    let mut patience = Patience::default();
    let mut ended = Box::pin(once(work, &mut stage, engine, settings, output)).await;
    loop {
        let failure = match ended {
            Err(failure) if goes_on(&failure, interrupt) => failure,
            ended => return ended,
        };
        let Some(why) = lost(&failure) else {
            return Err(failure);
        };
        let reached = reached_again(why, is_passing, &mut patience, interrupt, settings, output);
        let ledger = match reached.await {
            Reached::Again(ledger) => ledger,
            Reached::Never(failure) => return Err(failure.too_late_for_usage()),
            Reached::Stopped => {
                let kind = signals.received().unwrap_or(failure.kind);
                return Err(Failure { kind, ..failure });
            }
        };
        if stage == Stage::Drives {
            how = later(how);
        }
        ended = async {
            let Some(lock) = taken_up(&ledger, &run, interrupt, output).await? else {
                let kind = signals.received().unwrap_or(failure.kind);
                return Ok(Ending::Short(kind));
            };
            let work = Work {
                run: ledger.run(&run).await?,
                ledger,
                lock,
                how: how.clone(),
                worker: None,
            };
            Box::pin(once(work, &mut stage, engine, settings, output)).await
        }
        .await
        .map_err(Failure::too_late_for_usage);
    }
}

/// The same entries each time, also where they were selected by what they were then.
async fn chosen(work: &Work) -> Result<Option<Selected>, LedgerError> {
    let (ledger, run, how) = (&work.ledger, &work.run.id, &work.how);
    if how.chosen.is_some() || how.selection.is_all() {
        return Ok(how.chosen.clone());
    }
    let orgs = ledger.orgs(run).await?;
    let selected = Selected::of(ledger, run, &orgs, &how.selection).await?;
    Ok(Some(selected))
}

/// How it is driven from then on: what was asked, decided and set back is.
fn later(how: How) -> How {
    How {
        failed: false,
        selection: how.selection.with_state(None),
        decision: Decision::default(),
        consent_to_deactivate: Said::Yes,
        ..how
    }
}

/// The run once nobody works on it; `None` = it was stopped before.
async fn taken_up(
    ledger: &Ledger,
    run: &RunId,
    interrupt: &CancellationToken,
    output: Output,
) -> Result<Option<RunLock>, LedgerError> {
    let (begun, mut told) = (Instant::now(), None);
    loop {
        let by = match ledger.lock_run(run).await {
            Ok(lock) => return Ok(Some(lock)),
            Err(LedgerError::Held { by, .. }) => by,
            Err(error) => return Err(error),
        };
        if begun.elapsed() > OUR_OWN && told.as_ref() != Some(&by) {
            output.total(format_args!(
                "run {} goes on with {by}; what it comes to is said here",
                run.0
            ));
            told = Some(by);
        }
        tokio::select! {
            () = interrupt.cancelled() => return Ok(None),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
