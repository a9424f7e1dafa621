//! Makes a plan, and shows meanwhile how far it is.

use crate::cli::listeners::Listeners;
use crate::cli::output::Output;
use crate::cli::{open, progress, target};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::ledger::{Ledger, LedgerError};
use crate::report::counted;
use crate::rollout::refresh::{PlanRequest, Planned, Prepared};
use crate::rollout::target::Target;
use crate::settings::Settings;

/// Reads the live state of everything a file speaks of; `None` when interrupted. Sends nothing but GETs.
///
/// # Errors
/// When the manifest has mistakes, or the ledger cannot be read: nothing was sent then.
pub(super) async fn plan(
    target: &Target,
    request: &PlanRequest,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Option<Planned>, Failure> {
    let prepared = prepare(target, request, settings, output).await?;
    look(prepared, target, request, engine, settings, output).await
}

/// What is known before anything is sent.
///
/// # Errors
/// See [`plan`].
pub(super) async fn prepare(
    target: &Target,
    request: &PlanRequest,
    settings: &Settings,
    output: Output,
) -> Result<Prepared, Failure> {
    let ledger = ledger(settings, output).await?;
    let prepared = Prepared::of(target, request, ledger).await;
    prepared.map_err(|why| target::refused(&target.file, why, output))
}

/// Reads the live state; `None` when interrupted.
pub(super) async fn look(
    prepared: Prepared,
    target: &Target,
    request: &PlanRequest,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Option<Planned>, Failure> {
    let ledger = open::file(settings)?;
    let ready = prepared.open(target, request, engine, ledger.as_deref());
    let ready = ready.await?;
    let Some(ready) = ready else { return Ok(None) };
    output.note(format_args!(
        "reads the live state of {} in {}",
        counted(ready.entries, "entry", "entries"),
        counted(ready.orgs.len() as u64, "org", "orgs")
    ));
    let events = engine.events();
    let show = |listener| progress::show(listener, None, settings.animation, output);
    let listeners = Listeners::begin(events, show, settings, output).await;
    let planned = ready.look(target, request, engine).await;
    listeners.end().await;
    planned
}

/// What is remembered, if it can be read.
async fn ledger(settings: &Settings, output: Output) -> Result<Option<Ledger>, Failure> {
    let found = open::readable_if_there(settings).await?;
    if let Err(older @ LedgerError::OlderFormat { .. }) = &found {
        output.note(format_args!(
            "{older}: what it knows of secrets, consents and runs is left out of this plan; the next `run` or `resume` \
             upgrades it"
        ));
    }
    Ok(found.ok())
}
