//! What `run` and `resume` have in common: a run that is in the ledger is driven, shown, summed up
//! and reported.

mod opening;

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::args::DataFormat;
use super::listeners::Listeners;
use super::only::say_nothing_matches;
use super::output::{Output, local_times};
use super::progress::Recount;
use super::question::{Said, can_ask};
use super::report::{self, Closing, Request};
use super::signals::Signals;
use super::{continuation, deactivations, progress, prune};
use crate::engine::{Engine, NextCommands, RunOptions, Selected, drive};
use crate::event::Events;
use crate::failure::{Ending, Failure, Kind};
use crate::job::Format;
use crate::ledger::{Counts, Ledger, OrgRow, Owner, RunLock, RunRow};
use crate::manifest::Orgs;
use crate::model::{OrgNo, State};
use crate::pacing::{CancellationToken, unix_millis};
use crate::report::{Held, counted};
use crate::rollout::context::{RunContext, options, renewed_by};
use crate::rollout::simulated::Simulated;
use crate::selection::Selection;
use crate::settings::{Policy, Settings};
use opening::{open, stop_shut, unfinished};

/// A run that is ready to be driven by this process.
pub(super) struct Work {
    pub ledger: Ledger,
    pub run: RunRow,
    /// Held until the last checkpoint.
    pub lock: RunLock,
    pub context: RunContext,
    pub policy: Policy,
    /// What `--only` says.
    pub selection: Selection,
    /// Whether failed entries are tried again.
    pub failed: bool,
    pub force: bool,
    pub allow_exec: bool,
    /// Whether connections are deactivated without asking.
    pub consent_to_deactivate: Said,
    pub format: DataFormat,
    /// Whether another process worked on the run before.
    pub begun: Begun,
    /// The orgs as their files say them, where they may be others than the run's.
    pub orgs_now: Option<Orgs>,
}

/// When a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// Just now.
    Now,
    /// Before: this process continues it. `looks_at_all` is what to give to have everything looked at.
    Earlier { looks_at_all: Option<&'static str> },
}

/// Drives a run until nothing moves any more.
pub(super) async fn execute(
    work: Work,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let Work {
        ledger,
        run,
        lock,
        context,
        policy,
        selection,
        failed,
        force,
        allow_exec,
        consent_to_deactivate,
        format,
        begun,
        orgs_now,
    } = work;
    let owner = Owner::of_run(Arc::new(lock));
    let all = ledger.orgs(&run.id).await?;
    let selected = Selected::of(&ledger, &run.id, &all, &selection).await?;
    let next = Arc::new(context.next_commands(&run, &selection));
    if selected.is_empty() {
        say_nothing_matches(&selection, output);
        drop(owner);
        for_programs(&ledger, &run, format, output).await?;
        return Ok(Ending::Success);
    }
    let retries = failed || selection.names_state(State::Failed);
    let asks = consent_to_deactivate == Said::No && can_ask(settings);
    set_out(
        &ledger,
        (&run, &owner),
        &selected,
        &next,
        (asks, retries),
        output,
    )
    .await?;
    let earlier = ended_before(&ledger, &run, &selected, begun, output).await?;
    let simulated = Simulated::serve(&ledger, &run.id, &all, &policy.sandbox).await?;
    let to_open = unfinished(&ledger, &run, &all, &selected).await?;
    let (now, served) = (orgs_now.as_ref(), simulated.as_ref());
    let opened = open(to_open, now, &context, allow_exec, served, &next).await?;
    let options = options_for(&run, &policy, force, &selected);

    ledger.mark(&owner).await?;
    let interrupt = engine.cancellation();
    let signals = Signals::listen(interrupt.clone(), output)?;
    let events = Events::new().for_run(&run.id);
    let recount = Recount {
        ledger: ledger.clone(),
        run: run.id.clone(),
        selected: selected.clone(),
    };
    let shown = progress::show(events.listen(), Some(recount), settings.animation, output);
    let listeners = Listeners::begin(&events, shown, settings, output).await;
    let orgs = stop_shut(&ledger, &run.id, opened, &next, &events).await?;
    let driven = drive(engine, (&ledger, &owner), orgs, &options, &events).await;
    drop(events);
    listeners.end().await;
    stop_serving(simulated).await;
    let shares = driven.map_err(|error| broken_off(error, &run, &next))?;
    if selection.is_all() && context.is_of(None) {
        note_whole(&ledger, &run, &next).await?;
    }
    let driven = Driven {
        share_used: in_order(shares, all.len()),
        ledger,
        run,
        owner,
        next,
        policy,
        selection,
        selected,
        earlier,
        format,
    };
    let ending = driven.conclude(&signals, interrupt, output).await;
    ending.map_err(too_late_for_usage)
}

/// Only now are the apps of its labels known, by which they are compared with what the run before gave by id.
async fn note_whole(ledger: &Ledger, run: &RunRow, next: &NextCommands) -> Result<(), Failure> {
    let noted = ledger.note_whole(&run.id).await;
    noted.map_err(|error| broken_off(error.into(), run, next))
}

/// A run that this process drove.
struct Driven {
    ledger: Ledger,
    run: RunRow,
    owner: Owner,
    next: Arc<NextCommands>,
    policy: Policy,
    selection: Selection,
    selected: Selected,
    earlier: Option<u64>,
    share_used: Vec<Option<f64>>,
    format: DataFormat,
}

impl Driven {
    /// Says and writes what came of it.
    async fn conclude(
        self,
        signals: &Signals,
        interrupt: &CancellationToken,
        output: Output,
    ) -> Result<Ending, Failure> {
        let (ledger, run, policy) = (self.ledger, self.run, self.policy);
        ledger
            .set_finished(&run.id, Some(unix_millis()))
            .await
            .map_err(|error| broken_off(error.into(), &run, &self.next))?;
        drop(self.owner);
        let closing = Closing {
            held: Held::No,
            share_used: self.share_used,
            counts: self.selected.counts_by_org(&ledger, &run.id).await?,
            selection: self.selection,
            selected: self.selected,
            earlier: self.earlier,
        };
        let closed = close(&ledger, &run, &closing, &policy, output).await;
        let told = for_programs(&ledger, &run, self.format, output).await;
        prune::after_run(&ledger, policy.ledger.keep, interrupt, output).await;
        closed.and(told)?;
        let orgs = ledger.orgs(&run.id).await?;
        let renewed = renewed_by(&run);
        Ok(ending(
            &closing.counts,
            &orgs,
            renewed.as_deref(),
            signals.received(),
        ))
    }
}

fn options_for(run: &RunRow, policy: &Policy, force: bool, selected: &Selected) -> RunOptions {
    RunOptions {
        selected: selected.clone(),
        reconnect: renewed_by(run),
        ..options(policy, force)
    }
}

async fn stop_serving(simulated: Option<Simulated>) {
    if let Some(simulated) = simulated {
        simulated.stop().await;
    }
}

/// Says that a run is continued, and what of it is left as it ended.
async fn continue_run(
    ledger: &Ledger,
    run: &RunRow,
    looks_at_all: Option<&str>,
    output: Output,
) -> Result<(), Failure> {
    let (now, ended) = (unix_millis(), ledger.counts(&run.id).await?.ended());
    let line = continuation::Line {
        run,
        ended,
        looks_at_all,
    };
    output.total(line.text(now, &TimeZone::system()));
    Ok(ledger.set_continued(&run.id, now, ended).await?)
}

/// What is known of some of so many orgs, for each of them.
fn in_order(known: Vec<(OrgNo, Option<f64>)>, orgs: usize) -> Vec<Option<f64>> {
    let mut all = vec![None; orgs];
    for (no, value) in known {
        let place = usize::try_from(no).ok().and_then(|no| all.get_mut(no));
        if let Some(place) = place {
            *place = value;
        }
    }
    all
}

/// How many entries had ended before, of a run that goes on.
async fn ended_before(
    ledger: &Ledger,
    run: &RunRow,
    selected: &Selected,
    begun: Begun,
    output: Output,
) -> Result<Option<u64>, Failure> {
    let Begun::Earlier { looks_at_all } = begun else {
        return Ok(None);
    };
    continue_run(ledger, run, looks_at_all, output).await?;
    Ok(Some(selected.counts(ledger, &run.id).await?.ended()))
}

/// Asks before connections are switched off, if somebody is asked, and sets failed entries back if they are tried again.
async fn set_out(
    ledger: &Ledger,
    (run, owner): (&RunRow, &Owner),
    selected: &Selected,
    next: &NextCommands,
    (asks, retries): (bool, bool),
    output: Output,
) -> Result<(), Failure> {
    if asks {
        let again = if retries { &next.retry } else { &next.resume };
        deactivations::confirm(ledger, run, selected, again, output).await?;
    }
    if retries {
        try_again(ledger, owner, selected, output).await?;
    }
    Ok(())
}

/// Sets the selected failed entries back to where they stopped.
async fn try_again(
    ledger: &Ledger,
    owner: &Owner,
    selected: &Selected,
    output: Output,
) -> Result<(), Failure> {
    let selected = selected.clone();
    let retried = ledger
        .retry_failed(owner, move |no| selected.contains(no))
        .await?;
    output.note(format_args!(
        "{} tried again",
        counted(retried, "failed entry is", "failed entries are")
    ));
    Ok(())
}

/// A run ends early only when its checkpoints cannot be kept.
fn broken_off(error: anyhow::Error, run: &RunRow, next: &NextCommands) -> Failure {
    let hint = format!(
        "what was stored before stands, and calls whose answers were not are looked at or made again; mend the cause, \
         then: {}",
        next.resume
    );
    Failure {
        kind: Kind::Failed,
        error: error.context(format!("run {} was broken off", run.id.0)),
        hint: Some(hint),
    }
}

/// The closing summary and the reports of the job.
async fn close(
    ledger: &Ledger,
    run: &RunRow,
    closing: &Closing,
    policy: &Policy,
    output: Output,
) -> Result<(), Failure> {
    let run = ledger.run(&run.id).await?;
    let summary = report::summary(ledger, &run, closing, output).await?;
    output.totals(&local_times(summary.trim_end()));
    let mut written = Ok(());
    for file in &policy.reports {
        let request = Request::all(file.format);
        match report::to_file(ledger, &run, &request, &file.path).await {
            Ok(_) => output.note(format_args!("report: {}", file.path.display())),
            // The others are written all the same.
            Err(failure) => written = written.and(Err(failure)),
        }
    }
    written
}

/// The report for programs, of the whole run.
async fn for_programs(
    ledger: &Ledger,
    run: &RunRow,
    format: DataFormat,
    output: Output,
) -> Result<(), Failure> {
    if format != DataFormat::Json {
        return Ok(());
    }
    let run = ledger.run(&run.id).await?;
    report::to_stdout(ledger, &run, &Request::all(Format::Json), output).await?;
    Ok(())
}

/// Calls were sent, so that nothing is wrong usage any more.
fn too_late_for_usage(failure: Failure) -> Failure {
    Failure {
        kind: Kind::Failed,
        ..failure
    }
}

/// By what the selected entries came to.
fn ending(
    by_org: &[(OrgNo, Counts)],
    orgs: &[OrgRow],
    renewed: Option<&Selection>,
    signal: Option<Kind>,
) -> Ending {
    let counts: Counts = by_org.iter().map(|(_, counts)| *counts).sum();
    match signal {
        Some(kind) if counts.unfinished() > 0 => Ending::Short(kind),
        _ => {
            // What stopped an org earlier is no matter of a command for which nothing was left there.
            // Whether a consent that waits was to be renewed is seen in an open org only.
            let held_back = by_org.iter().filter(|(_, counts)| {
                counts.unfinished() > 0 || renewed.is_some() && counts.waiting > 0
            });
            let stopped = held_back
                .filter_map(|(no, _)| orgs.get(usize::try_from(*no).ok()?))
                .filter(|org| org.stopped.is_some());
            Ending::of_run(counts.failed, stopped.count() as u64, counts.waiting)
        }
    }
}
