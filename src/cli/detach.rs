//! `run --detach`: a run is checked and stored for workers, and nothing of it is sent.

use std::path::Path;

use super::args::{self, DataFormat};
use super::failed_start;
use super::open::{file as ledger_file, note_new, url, writable};
use super::output::Output;
use super::start::{context, read_orgs, refresh, refuse_dry_run, refuse_misnamed_orgs};
use super::start_notes::{
    note_left_behind, say_begun, say_if_other_waves, say_nothing_to_do, say_waits,
};
use super::target::{self, refused};
use crate::failure::{Ending, Failure};
use crate::ledger::{Ledger, LedgerError, RunRow};
use crate::manifest::{CheckOptions, ExecPolicy, Orgs, SecretCheck};
use crate::model::RunId;
use crate::pacing::unix_millis;
use crate::rollout::access::can_call;
use crate::rollout::beginning::{Beginning, Wanted, begin};
use crate::rollout::context::{MOST_OF_JOB, RunContext};
use crate::rollout::continuation::{Asked, Last, Next};
use crate::rollout::rotation::refuse_otherwise;
use crate::rollout::simulated::refuse_state;
use crate::rollout::target::Target;
use crate::settings::Settings;

/// Stores a run of a file, unless workers still have to do one, and prints its id. A start that fails is kept.
pub(super) async fn detach(
    file: &Path,
    args: &args::Run,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    refuse_dry_run(file, args)?;
    refuse_flags(args)?;
    refuse_unshared(&settings.with_ledger_of(file))?;
    let at = unix_millis();
    match Box::pin(store(file, args, settings, output)).await {
        Ok(run) => {
            if let Some(run) = run {
                output.page(|page| page.line(format_args!("{}", run.0)))?;
            }
            Ok(Ending::Success)
        }
        Err(failure) => {
            failed_start::keep(file, &failure, at, settings).await;
            Err(failure)
        }
    }
}

/// Refuses what speaks of something that only happens later, elsewhere, or of another run.
fn refuse_flags(args: &args::Run) -> Result<(), Failure> {
    if args.format != DataFormat::Human {
        let error = anyhow::anyhow!(
            "--detach prints the run's id and nothing else, and there is no report yet; nothing was sent"
        );
        let hint = "leave --format out, and ask later: okta-rollout report RUN --format json";
        return Err(Failure::usage(error).hint(hint));
    }
    if args.only.selection().has_states() {
        let error = anyhow::anyhow!(
            "--only with a state is about entries of a run that there is, and --detach stores another; nothing was sent"
        );
        let hint = "move that run on: okta-rollout resume RUN --only STATE";
        return Err(Failure::usage(error).hint(hint));
    }
    Ok(())
}

/// Refuses a ledger that no worker can have.
fn refuse_unshared(settings: &Settings) -> Result<(), Failure> {
    let url = url(settings)?;
    if url.is_shared() {
        return Ok(());
    }
    let error = anyhow::anyhow!(
        "--detach leaves the run to workers, which share a ledger on PostgreSQL, and {url} is a file; nothing was sent"
    );
    Err(Failure::usage(error).hint(
        "give --ledger postgres://USER@HOST/DB, or leave --detach out: then this process does it",
    ))
}

/// `None` = nothing is selected.
async fn store(
    file: &Path,
    args: &args::Run,
    settings: &Settings,
    output: Output,
) -> Result<Option<RunId>, Failure> {
    let target = target::read(file, settings, output)?;
    let settings = &settings.with_policy(&target.policy);
    let selection = args.only.selection();
    let wanted = Wanted::of_file(&target, selection.clone())?;
    let context = context(&target, args, settings)?
        .reconnecting(args.reconnect.then(|| selection.clone()))
        .detached();
    refuse_long_job(&target, &context)?;
    let options = CheckOptions {
        secrets: SecretCheck::Skip,
        exec: ExecPolicy::Refuse,
    };
    let orgs = read_orgs(&target, options, output)?;
    refuse_misnamed_orgs(&target, &orgs, &selection, output)?;
    can_call(&target.policy.http)?;
    refuse_state(ledger_file(settings)?.as_deref(), &orgs)?;
    let ledger = writable(settings).await?;
    // Until the run is there: two that start at once would each store one.
    let starting = ledger.lock_file(&target.run_key()).await?;
    let asked = Asked {
        digest: &wanted.digest,
        plan: None,
        selection: &selection,
        reconnect: context.reconnects(),
        orgs: Some(&orgs),
    };
    if let Some(run) = still_to_do(&ledger, &target, &asked, args, output).await? {
        renew(&ledger, &run, &orgs).await?;
        output.note(format_args!(
            "run {} of {} is still to be done: no second one is stored",
            run.id.0, run.file
        ));
        return Ok(Some(run.id));
    }
    let beginning = Beginning {
        target: &target,
        context: &context,
        wanted,
        orgs,
        options,
    };
    let begun = begin(ledger, starting, beginning, |call| say_waits(call, output)).await;
    let Some(begun) = begun.map_err(|why| refused(&target.file, why, output))? else {
        say_nothing_to_do(&target, &selection, output);
        return Ok(None);
    };
    note_new(&begun.ledger, settings, output)?;
    say_begun(&begun, output);
    output.note("stored for workers, nothing was sent; to be one: okta-rollout work");
    Ok(Some(begun.run.id))
}

/// Refuses a job that workers would not know.
fn refuse_long_job(target: &Target, context: &RunContext) -> Result<(), Failure> {
    if context.has_job() {
        return Ok(());
    }
    let error = anyhow::anyhow!(
        "{} cannot be stored with the run for machines that do not have it: it is over {} KiB; nothing was sent",
        target.file.display(),
        MOST_OF_JOB / 1024
    );
    Err(Failure::usage(error).hint("make it shorter, or leave --detach out"))
}

/// The file's last run, if workers still have to do what is asked for in it.
async fn still_to_do(
    ledger: &Ledger,
    target: &Target,
    asked: &Asked<'_>,
    args: &args::Run,
    output: Output,
) -> Result<Option<RunRow>, Failure> {
    let Some(run) = ledger.last_run_of(&target.run_key()).await? else {
        return Ok(None);
    };
    let Last { run, left, next } = Last::of(ledger, run, asked).await?;
    if next == Next::GoesOn && !args.new {
        refuse_otherwise(&run, target, asked.selection)?;
        refuse_other_part(&run, asked, args)?;
        say_if_other_waves(&run, target, output);
        return Ok(Some(run));
    }
    if ledger.is_locked(&run.id).await? {
        // The lock's own error says who is at it.
        drop(ledger.lock_run(&run.id).await?);
    }
    if left > 0 && !args.new {
        note_left_behind(&run, left, next, output);
    }
    Ok(None)
}

/// Refuses to leave to workers what they would not do in the run that there is.
fn refuse_other_part(run: &RunRow, asked: &Asked<'_>, args: &args::Run) -> Result<(), Failure> {
    let begun = RunContext::of(run)?;
    let only = begun.only();
    let why = if !only.is_all() && only != *asked.selection {
        format!("does --only {only} of it")
    } else if args.force && !begun.is_forced() {
        "was begun without --force".to_owned()
    } else {
        return Ok(());
    };
    let id = &run.id.0;
    let error = anyhow::anyhow!(
        "run {id} of {} is still to be done, and {why}; nothing was sent",
        run.file
    );
    Err(Failure::usage(error).hint(format!(
        "wait for its end (okta-rollout status {id}), or give --new: workers leave the run of before alone then"
    )))
}

/// Gives a run that nobody works on the credentials and limits that its orgs have now.
async fn renew(ledger: &Ledger, run: &RunRow, orgs: &Orgs) -> Result<(), Failure> {
    match ledger.lock_run(&run.id).await {
        Ok(lock) => refresh(ledger, &lock, orgs).await,
        // Whoever works on it has what it needs.
        Err(LedgerError::Held { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
