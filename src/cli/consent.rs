//! `consent list|complete|refresh|share`: what waits for a person.

mod input;
mod list;
mod prompt;
mod seat;
mod share;
mod told;

use std::collections::HashSet;

use super::args;
use super::context::guarded;
use super::listeners::Listeners;
use super::log;
use super::open::existing;
use super::output::Output;
use super::signals::Signals;
use crate::consent::reader;
use crate::engine::Engine;
use crate::failure::{Ending, Failure, Kind};
use crate::ledger::{Ledger, Pending};
use crate::model::RunId;
use crate::rollout::access::can_call;
use crate::rollout::consent::Refreshed;
use crate::rollout::context::RunContext;
use crate::settings::{Policy, Settings};
pub(super) use list::list;
pub(super) use seat::Seat;
pub(super) use share::share;
use told::Tally;

/// What waits, and has a link.
async fn pending(ledger: &Ledger, run: Option<&str>) -> Result<Vec<Pending>, Failure> {
    let run = match run {
        None => None,
        Some(prefix) => Some(ledger.find_run(Some(prefix)).await?.id),
    };
    let mut pending = ledger.pending_consents(run.as_ref()).await?;
    pending.retain(|pending| pending.entry.progress.consent.is_some());
    Ok(pending)
}

/// Refuses what is wrong whichever run an answer is for, before anything else is done: proxies that are none, and a log in
/// a file of a run that something waits in, or of the newest.
async fn refuse(ledger: &Ledger, settings: &Settings) -> Result<(), Failure> {
    can_call(&Policy::of_nothing(settings).http)?;
    if settings.log.is_none() {
        return Ok(());
    }
    let waiting = ledger.waiting().await?.into_iter();
    let mut runs: HashSet<RunId> = waiting.map(|waiting| waiting.run).collect();
    runs.extend(ledger.find_run(None).await.ok().map(|newest| newest.id));
    for run in runs {
        let context = RunContext::of(&ledger.run(&run).await?)?;
        log::refuse(settings, |settings| guarded(&context, settings))?;
    }
    Ok(())
}

/// `consent complete`.
pub(super) async fn complete(
    args: &args::ConsentComplete,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = existing(settings).await?;
    let input = input::of(args, settings, output).await?;
    let reading = reader::read(&input.bytes);
    let (bytes, lines) = (reading.bytes, reading.lines);
    refuse(&ledger, settings).await?;
    let seat = Seat {
        ledger: &ledger,
        allow_exec: args.allow_exec,
        settings,
        output,
    };
    let engine = Engine::new();
    let signals = Signals::listen(engine.cancellation().clone(), output)?;
    let show = |listener| told::waits(listener, output);
    let listeners = Listeners::begin(engine.events(), show, settings, output).await;
    let mut tally = Tally::default();
    let completed = seat
        .hand_in(&engine, (reading, None), |at, answer| {
            tally.count(&answer);
            told::answer(at.line, &answer, output);
        })
        .await;
    listeners.end().await;
    tally.sum_up(output);
    completed?;
    if tally.all() == 0 {
        return Err(input.nothing_found(bytes, lines));
    }
    Ok(match signals.received() {
        Some(kind) => Ending::Short(kind),
        None => tally.ending(),
    })
}

/// `consent refresh`.
pub(super) async fn refresh(
    args: &args::ConsentRefresh,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = existing(settings).await?;
    let run = ledger.find_run(args.run.as_deref()).await?;
    refuse(&ledger, settings).await?;
    let seat = Seat {
        ledger: &ledger,
        allow_exec: args.allow_exec,
        settings,
        output,
    };
    let engine = Engine::new();
    let interrupt = engine.cancellation();
    let signals = Signals::listen(interrupt.clone(), output)?;
    // As `consent list`: of all runs, unless one is named.
    let only = args.run.as_ref().map(|_| &run.id);
    let mut pending = ledger.pending_consents(only).await?;
    pending.retain(|pending| wanted(args, pending));
    let show = |listener| told::waits(listener, output);
    let listeners = Listeners::begin(engine.events(), show, settings, output).await;
    let names: Vec<String> = pending.iter().map(name).collect();
    let mut worst = Ending::Success;
    let mut unwritten = None;
    let refreshed = seat
        .renew(&engine, pending, |no, refreshed| {
            match (&refreshed, worst) {
                (Refreshed::NoLink(_), _) => worst = Ending::Short(Kind::Failed),
                (Refreshed::Broken(_), Ending::Success) => worst = Ending::Short(Kind::Usage),
                _ => {}
            }
            if let Err(failure) = told::link(&names[no], &refreshed, output) {
                // Links that nobody can be shown are of no use: no further one is fetched.
                interrupt.cancel();
                unwritten.get_or_insert(failure);
            }
        })
        .await;
    listeners.end().await;
    refreshed?;
    if let Some(failure) = unwritten {
        return Err(failure);
    }
    Ok(match signals.received() {
        Some(kind) => Ending::Short(kind),
        None => worst,
    })
}

fn wanted(args: &args::ConsentRefresh, pending: &Pending) -> bool {
    let app = pending.entry.entry.app.name();
    (args.org.is_empty() || args.org.contains(&pending.org.name))
        && (args.app.is_empty() || args.app.iter().any(|wanted| wanted == app))
}

fn name(pending: &Pending) -> String {
    let row = &pending.entry;
    format!("{}/{} (row {})", pending.org.name, row.entry.app, row.row)
}
