//! `consent list|complete|refresh`: what waits for a person.

mod input;
mod list;
mod prompt;
mod told;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore};

use super::args;
use super::context::policy;
use super::listeners::Listeners;
use super::open::existing;
use super::output::Output;
use super::signals::Signals;
use crate::consent::reader;
use crate::engine::{Engine, OrgAccess};
use crate::failure::{Ending, Failure, Kind};
use crate::ledger::{Ledger, Pending};
use crate::manifest;
use crate::model::RunId;
use crate::rollout::access::{SECRETS_AT_ONCE, access, can_call, moved};
use crate::rollout::consent::{Desk, Refreshed, Unopened};
use crate::rollout::context::{RunContext, options, orgs_now};
use crate::rollout::simulated::is_sandbox;
use crate::selection::Selection;
use crate::settings::Settings;
pub(super) use list::list;
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
    let newest = ledger.find_run(None).await?;
    let policy = policy(&RunContext::of(&newest)?, settings, output)?;
    can_call(&policy.http)?;
    let options = options(&policy, false);
    let engine = Engine::new();
    let interrupt = engine.cancellation();
    let signals = Signals::listen(interrupt.clone(), output)?;
    let orgs = Orgs::new(&ledger, args.allow_exec, settings, output);
    let open = async |pending: &Pending| orgs.open(pending).await;
    let show = |listener| told::waits(listener, output);
    let listeners = Listeners::begin(engine.events(), show, settings, output).await;
    let mut desk = Desk::new(&engine.child(), &ledger, &options, open)
        .await
        .map_err(Failure::usage)?;
    let mut tally = Tally::default();
    let completed = desk
        .complete(reading, |line, answer| {
            tally.count(&answer);
            told::answer(line, &answer, output);
        })
        .await;
    drop(desk);
    listeners.end().await;
    tally.sum_up(output);
    completed.map_err(Failure::usage)?;
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
    let policy = policy(&RunContext::of(&run)?, settings, output)?;
    can_call(&policy.http)?;
    let options = options(&policy, false);
    let engine = Engine::new();
    let interrupt = engine.cancellation();
    let signals = Signals::listen(interrupt.clone(), output)?;
    // As `consent list`: of all runs, unless one is named.
    let only = args.run.as_ref().map(|_| &run.id);
    let mut pending = ledger.pending_consents(only).await?;
    pending.retain(|pending| wanted(args, pending));
    let orgs = Orgs::new(&ledger, args.allow_exec, settings, output);
    let open = async |pending: &Pending| orgs.open(pending).await;
    let show = |listener| told::waits(listener, output);
    let listeners = Listeners::begin(engine.events(), show, settings, output).await;
    let mut desk = Desk::new(&engine.child(), &ledger, &options, open)
        .await
        .map_err(Failure::usage)?;
    let names: Vec<String> = pending.iter().map(name).collect();
    let mut worst = Ending::Success;
    let mut unwritten = None;
    let refreshed = desk
        .refresh(pending, |no, refreshed| {
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
    drop(desk);
    listeners.end().await;
    refreshed.map_err(Failure::usage)?;
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

/// Opens orgs at the desk's request.
struct Orgs<'a> {
    ledger: &'a Ledger,
    allow_exec: bool,
    // Programs of `exec:` secrets that run at once.
    places: Semaphore,
    settings: &'a Settings,
    output: Output,
    // The orgs of each run as their files say them now.
    now: Mutex<HashMap<RunId, Arc<manifest::Orgs>>>,
}

impl<'a> Orgs<'a> {
    fn new(ledger: &'a Ledger, allow_exec: bool, settings: &'a Settings, output: Output) -> Self {
        Self {
            ledger,
            allow_exec,
            places: Semaphore::const_new(SECRETS_AT_ONCE),
            settings,
            output,
            now: Mutex::default(),
        }
    }

    /// Read once a run.
    async fn now(&self, run: &RunId, context: &RunContext) -> Result<Arc<manifest::Orgs>, Failure> {
        let mut now = self.now.lock().await;
        if let Some(orgs) = now.get(run) {
            return Ok(Arc::clone(orgs));
        }
        let policy = policy(context, self.settings, self.output)?;
        let orgs = Arc::new(orgs_now(&policy)?);
        now.insert(run.clone(), Arc::clone(&orgs));
        Ok(orgs)
    }

    async fn open(&self, pending: &Pending) -> anyhow::Result<OrgAccess> {
        let place = self.places.acquire().await?;
        let run = self.ledger.run(&pending.run).await?;
        let context = RunContext::of(&run).map_err(|failure| failure.error)?;
        if is_sandbox(&pending.org) {
            anyhow::bail!(
                "org {} is simulated by okta-rollout itself, and only while a run lives: resume run {}",
                pending.org.name,
                run.id.0
            );
        }
        let now = self.now(&run.id, &context).await;
        let now = now.map_err(|failure| Unopened {
            message: format!("org {}: {failure}", pending.org.name),
            hint: failure.hint,
        })?;
        if let Some(why) = moved(&pending.org, &now) {
            return Err(anyhow::Error::new(Unopened {
                message: format!("org {}: {why}; nothing was sent there", pending.org.name),
                hint: Some(why.cure()),
            }));
        }
        let next = Arc::new(context.next_commands(&run, &Selection::default()));
        let opened = access(pending.org.clone(), &context, self.allow_exec, None, &next).await;
        drop(place);
        Ok(opened.map_err(|failure| failure.error)??)
    }
}

fn name(pending: &Pending) -> String {
    let row = &pending.entry;
    format!("{}/{} (row {})", pending.org.name, row.entry.app, row.row)
}
