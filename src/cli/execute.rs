//! What `run` and `resume` have in common: a run that is in the ledger is driven, shown, summed up
//! and reported.

mod again;
mod before;

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::args::DataFormat;
use super::as_worker::AsWorker;
use super::file::Guarded;
use super::listeners::Listeners;
use super::only::say_nothing_matches;
use super::output::{Output, local_times};
use super::progress::Recount;
use super::question::{Said, can_ask};
use super::report::{self, Closing, Request, Written};
use super::signals::Signals;
use super::{continuation, elsewhere, notices, outputs, progress, prune};
use crate::engine::{Engine, Selected};
use crate::failure::{Ending, Failure, Kind};
use crate::job::{Format, ReportFile};
use crate::ledger::{Ledger, OrgRow, RunLock, RunRow};
use crate::manifest::Orgs;
use crate::model::State;
use crate::pacing::unix_millis;
use crate::report::Held;
use crate::rollout::context::RunContext;
use crate::rollout::driving::{Driving, Ready, ending};
use crate::rollout::notices::{Notices, Outcome, Receiver};
use crate::rollout::people::Stays;
use crate::rollout::waves::{Decision, counts_by_org};
use crate::selection::Selection;
use crate::settings::{Policy, Settings};
use again::outlasting;
use before::{confirm, decide_on_waves, try_again};

/// A run that is ready to be driven by this process.
pub(super) struct Work {
    pub ledger: Ledger,
    pub run: RunRow,
    /// Held until the last checkpoint.
    pub lock: RunLock,
    pub how: How,
    /// Who drives it, where nobody asked for this run.
    pub worker: Option<Arc<AsWorker>>,
}

/// How a run is driven.
#[derive(Clone)]
pub(super) struct How {
    pub context: RunContext,
    pub policy: Policy,
    /// What `--only` says.
    pub selection: Selection,
    /// Whether failed entries are tried again.
    pub failed: bool,
    /// What a person decides about its waves.
    pub decision: Decision,
    pub force: bool,
    pub allow_exec: bool,
    /// Whether it waits for people when nothing else moves any more.
    pub stays: Stays,
    /// The only entries that are worked on, where `selection` takes more.
    pub chosen: Option<Selected>,
    /// Whether connections are deactivated without asking.
    pub consent_to_deactivate: Said,
    pub format: DataFormat,
    /// Whether another process worked on the run before.
    pub begun: Begun,
    /// The orgs as their files say them, where they may be others than the run's.
    pub orgs_now: Option<Arc<Orgs>>,
    /// Who is notified of what happens.
    pub receiver: Option<Arc<Receiver>>,
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
    // A worker goes on with all of its runs.
    if work.ledger.is_shared() && work.worker.is_none() {
        Box::pin(outlasting(work, engine, settings, output)).await
    } else {
        let mut stage = Stage::Prepares;
        Box::pin(once(work, &mut stage, engine, settings, output)).await
    }
}

/// How far a command has come with its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It may still ask, decide, and set back what failed.
    Prepares,
    /// That is done.
    Drives,
}

/// The same, until its ledger is lost.
async fn once(
    mut work: Work,
    stage: &mut Stage,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let (receiver, worker) = (work.how.receiver.take(), work.worker.take());
    let (ledger, run) = (&work.ledger, &work.run);
    let mut all = ledger.orgs(&run.id).await?;
    if let (Some(_), Some(orgs)) = (&worker, &work.how.orgs_now) {
        AsWorker::give(orgs, &mut all);
    }
    let selected = match work.how.chosen.take() {
        Some(chosen) => chosen,
        None => Selected::of(ledger, &run.id, &all, &work.how.selection).await?,
    };
    if selected.is_empty() {
        say_nothing_matches(&work.how.selection, output);
        drop(work.lock);
        for_programs(ledger, run, work.how.format, output).await?;
        return Ok(Ending::Success);
    }
    if !work.lock.leads() {
        let driving = driving(work, selected, true, settings);
        return join(&driving, (&all, worker), engine, settings, output).await;
    }
    let how = &work.how;
    let asks = how.consent_to_deactivate == Said::No && can_ask(settings);
    let retries = how.failed || how.selection.names_state(State::Failed);
    let (begun, format, decision) = (how.begun, how.format, how.decision);
    let leaves = worker.is_some();
    let driving = driving(work, selected, leaves, settings);
    confirm(&driving, (asks, retries), output).await?;
    // Before failed entries are set back, so that what they halted is known.
    decide_on_waves(&driving, &all, decision, retries, output).await?;
    if retries {
        try_again(&driving, output).await?;
    }
    *stage = Stage::Drives;
    let earlier = ended_before(&driving, begun, output).await?;
    let ready = driving.open(&all).await?;
    match &worker {
        Some(worker) => worker.tell(&driving.run, ready.shut(), output),
        None => elsewhere::say(&driving.ledger, ready.elsewhere(), output).await?,
    }
    let interrupt = engine.cancellation();
    let signals = Signals::listen(interrupt.clone(), output)?;
    let notices = receiver.map(|receiver| {
        Notices::begin(
            receiver,
            &driving.ledger,
            &driving.run,
            &all,
            engine.events(),
        )
    });
    drop(all);
    let share_used = match watch(&driving, ready, engine, settings, output).await {
        Ok(share_used) => share_used,
        Err(failure) => {
            let is_over = !(driving.ledger.is_shared() && again::goes_on(&failure, interrupt));
            notices::broken_off(notices, is_over.then_some(&failure), interrupt, output).await;
            return Err(failure);
        }
    };
    let driven = Driven {
        driving,
        earlier,
        share_used,
        format,
        notices,
    };
    let ending = driven.conclude(&signals, engine, settings, output).await;
    ending.map_err(Failure::too_late_for_usage)
}

fn driving(work: Work, selected: Selected, leaves: bool, settings: &Settings) -> Driving {
    let Work {
        ledger,
        run,
        lock,
        how,
        ..
    } = work;
    Driving {
        next: Arc::new(how.context.next_commands(&run, &how.selection)),
        lock,
        ledger,
        run,
        context: how.context,
        policy: how.policy,
        selection: how.selection,
        selected,
        force: how.force,
        allow_exec: how.allow_exec,
        stays: how.stays,
        orgs_now: how.orgs_now,
        leaves,
        labels: settings.labels.clone(),
    }
}

/// Works on a run beside whoever leads it, who also says what came of it.
async fn join(
    driving: &Driving,
    (orgs, worker): (&[OrgRow], Option<Arc<AsWorker>>),
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ready = driving.open(orgs).await?;
    if let Some(worker) = &worker {
        worker.tell(&driving.run, ready.shut(), output);
    }
    output.note(format_args!(
        "works on run {id} of {file} with others",
        id = driving.run.id.0,
        file = driving.run.file
    ));
    let joined = watch(driving, ready, engine, settings, output).await;
    joined.map(|_| Ending::Success)
}

/// Drives it while people see how far it is.
async fn watch(
    driving: &Driving,
    ready: Ready,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Vec<Option<f64>>, Failure> {
    let events = engine.events();
    let recount = Recount {
        ledger: driving.ledger.clone(),
        run: driving.run.id.clone(),
        selected: driving.selected.clone(),
    };
    let show = |listener| progress::show(listener, Some(recount), settings.animation, output);
    let listeners = Listeners::begin(events, show, settings, output).await;
    let driven = driving.drive(ready, engine).await;
    listeners.end().await;
    driven
}

/// A run that this process drove.
struct Driven {
    driving: Driving,
    earlier: Option<u64>,
    share_used: Vec<Option<f64>>,
    format: DataFormat,
    notices: Option<Notices>,
}

impl Driven {
    /// Says and writes what came of it.
    async fn conclude(
        self,
        signals: &Signals,
        engine: &Engine,
        settings: &Settings,
        output: Output,
    ) -> Result<Ending, Failure> {
        let interrupt = engine.cancellation();
        let driving = self.driving;
        let finished = driving
            .ledger
            .set_finished(&driving.lock, Some(unix_millis()));
        finished
            .await
            .map_err(|error| driving.broken_off(error.into()))?;
        let Driving {
            ledger,
            run,
            lock,
            context,
            policy,
            selection,
            selected,
            ..
        } = driving;
        drop(lock);
        let orgs = ledger.orgs(&run.id).await?;
        let closing = Closing {
            held: Held::No,
            share_used: self.share_used,
            counts: counts_by_org(&ledger, &run, &orgs, &selected).await?,
            selection,
            selected,
            earlier: self.earlier,
            undelivered: Vec::new(),
        };
        let guarded = || outputs::guarded(context.file(), &policy, settings);
        let closed = close(&ledger, &run, &closing, &policy.reports, guarded, output).await;
        // Somebody may have stopped it at the desk.
        let stopped = engine
            .live()
            .was_stopped(&run.id)
            .then_some(Kind::Interrupted);
        let signal = signals.received().or(stopped);
        let ended = match closed {
            Ok(Written::All) => {
                let (selected, counts) = (&closing.selected, &closing.counts);
                ending(&ledger, &run, selected, counts, signal).await
            }
            Ok(Written::NotAll) => Ok(Ending::Short(Kind::Failed)),
            Err(failure) => Err(failure),
        };
        let outcome = Outcome {
            ledger: &ledger,
            run: &run,
            counts: &closing.counts,
            selected: &closing.selected,
            ended: &ended,
            signal,
        };
        notices::finish(self.notices, outcome, interrupt, output).await;
        let told = for_programs(&ledger, &run, self.format, output).await;
        prune::after_run(&ledger, policy.ledger.keep, interrupt, output).await;
        let ended = ended?;
        told?;
        Ok(ended)
    }
}

/// How many entries had ended before, of a run that continues, which is said with what of it is left as it ended.
async fn ended_before(
    driving: &Driving,
    begun: Begun,
    output: Output,
) -> Result<Option<u64>, Failure> {
    let (ledger, run, selected) = (&driving.ledger, &driving.run, &driving.selected);
    let Begun::Earlier { looks_at_all } = begun else {
        return Ok(None);
    };
    let (now, ended) = (unix_millis(), ledger.counts(&run.id).await?.ended());
    let line = continuation::Line {
        run,
        ended,
        looks_at_all,
    };
    output.total(line.text(now, &TimeZone::system()));
    ledger.set_continued(&driving.lock, now, ended).await?;
    if selected.is_all() {
        return Ok(Some(ended));
    }
    let counts = selected.counts(ledger, &run.id).await?;
    Ok(Some(counts.ended()))
}

/// The closing summary and the reports of the job.
async fn close(
    ledger: &Ledger,
    run: &RunRow,
    closing: &Closing,
    reports: &[ReportFile],
    guarded: impl Fn() -> Result<Vec<Guarded>, Failure>,
    output: Output,
) -> Result<Written, Failure> {
    let run = ledger.run(&run.id).await?;
    let summary = report::summary(ledger, &run, closing, output).await?;
    output.totals(&local_times(summary.trim_end()));
    Ok(report::of_job(ledger, &run, reports, guarded, output).await)
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
