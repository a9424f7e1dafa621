//! What `run` and `resume` have in common: a run that is in the ledger is driven, shown, summed up
//! and reported.

use super::access;
use super::args::DataFormat;
use super::context::{RunContext, options};
use super::output::Output;
use super::progress;
use super::report::{self, Request};
use super::signals::Signals;
use super::simulated::Simulated;
use crate::event::Events;
use crate::failure::{Ending, Failure, Kind};
use crate::ledger::{Counts, Ledger, OrgRow, RunLock, RunRow};
use crate::report::{Format, Held};
use crate::run::{Interrupt, drive, unix_millis};
use crate::settings::{Policy, Settings};

/// A run that is ready to be driven by this process.
pub(super) struct Work {
    pub ledger: Ledger,
    pub run: RunRow,
    /// Held until the last checkpoint.
    pub lock: RunLock,
    pub context: RunContext,
    pub policy: Policy,
    pub force: bool,
    pub allow_exec: bool,
    pub format: DataFormat,
}

/// Drives a run until nothing moves any more.
pub(super) async fn execute(
    work: Work,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let Work {
        ledger,
        run,
        lock,
        context,
        policy,
        force,
        allow_exec,
        format,
    } = work;
    let all = ledger.orgs(&run.id).await?;
    let simulated = Simulated::serve(&ledger, &run.id, &all, &policy.sandbox).await?;
    let unfinished = unfinished(&ledger, &run, &all).await?;
    let orgs = access::open(unfinished, &context, allow_exec, simulated.as_ref()).await?;
    let options = options(&policy, force);

    ledger.set_finished(&run.id, None).await?;
    let interrupt = Interrupt::new();
    let signals = Signals::listen(interrupt.clone(), output)?;
    let (events, receiver) = Events::channel();
    let shown = tokio::spawn(progress::show(receiver, settings.animation, output));
    let driven = drive(&ledger, &run.id, orgs, &options, &events, &interrupt).await;
    drop(events);
    // Progress ends with the last sender of events; what it did not show is in the ledger.
    drop(shown.await);
    if let Some(simulated) = simulated {
        simulated.stop().await;
    }
    let shares = driven.map_err(|error| broken_off(error, &run))?;
    ledger.set_finished(&run.id, Some(unix_millis())).await?;
    drop(lock);

    let mut share_used = vec![None; all.len()];
    for (no, share) in shares {
        if let Some(used) = usize::try_from(no)
            .ok()
            .and_then(|no| share_used.get_mut(no))
        {
            *used = share;
        }
    }
    close(&ledger, &run, &share_used, &policy, format, output).await?;
    let counts = ledger.counts(&run.id).await?;
    let orgs = ledger.orgs(&run.id).await?;
    Ok(ending(counts, &orgs, signals.received()))
}

/// The orgs that something can still happen in.
async fn unfinished(ledger: &Ledger, run: &RunRow, all: &[OrgRow]) -> Result<Vec<OrgRow>, Failure> {
    let counts = ledger.counts_by_org(&run.id).await?;
    Ok(counts
        .into_iter()
        .filter(|(_, counts)| counts.pending + counts.started + counts.waiting > 0)
        .filter_map(|(no, _)| all.get(usize::try_from(no).ok()?).cloned())
        .collect())
}

/// A run ends early only when its checkpoints cannot be kept.
fn broken_off(error: anyhow::Error, run: &RunRow) -> Failure {
    let hint = format!(
        "everything up to here is stored; mend the cause, then: okta-rollout resume {}",
        run.id.0
    );
    Failure {
        kind: Kind::Failed,
        error: error.context(format!("run {} was broken off", run.id.0)),
        hint: Some(hint),
    }
}

/// The closing summary, the reports of the job, and the report for programs.
async fn close(
    ledger: &Ledger,
    run: &RunRow,
    share_used: &[Option<f64>],
    policy: &Policy,
    format: DataFormat,
    output: Output,
) -> Result<(), Failure> {
    let run = ledger.run(&run.id).await?;
    output.note(
        report::summary(ledger, &run, Held::No, share_used)
            .await?
            .trim_end(),
    );
    let mut written = Ok(());
    for file in &policy.reports {
        let request = Request::all(file.format);
        match report::to_file(ledger, &run, &request, &file.path).await {
            Ok(()) => output.note(format_args!("report: {}", file.path.display())),
            // The others are written all the same.
            Err(failure) => written = written.and(Err(failure)),
        }
    }
    if format == DataFormat::Json {
        let request = Request::all(Format::Json);
        written = written.and(report::to_stdout(ledger, &run, &request, output).await);
    }
    // Calls were sent, so this is no wrong usage any more.
    written.map_err(|failure| Failure {
        kind: Kind::Failed,
        ..failure
    })
}

fn ending(counts: Counts, orgs: &[OrgRow], signal: Option<Kind>) -> Ending {
    let left = counts.pending + counts.started;
    match signal {
        Some(kind) if left > 0 => Ending::Short(kind),
        _ => {
            let stopped = orgs.iter().filter(|org| org.stopped.is_some()).count();
            Ending::of_run(counts.failed, stopped as u64, counts.waiting)
        }
    }
}
