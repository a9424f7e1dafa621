//! Continues a file's interrupted run, or starts a new one.

use std::path::Path;
use std::sync::Arc;

use super::args;
use super::execute::{Begun, How, Work, execute};
use super::notices::receiver;
use super::open::{file, note_new, url, workable};
use super::output::Output;
use super::plan::Approved;
use super::start_notes::{
    note_left_behind, say_begun, say_if_other_waves, say_nothing_to_do, say_waits,
};
use super::target::{refuse, refused};
use crate::engine::Engine;
use crate::failure::{Ending, Failure};
use crate::ledger::{Ledger, RunLock, RunRow};
use crate::manifest::{self, CheckOptions, ManifestError, Orgs, SecretCheck};
use crate::rollout::access::can_call;
use crate::rollout::beginning::{Beginning, BegunRun, Wanted, begin};
use crate::rollout::context::{RunContext, unreadable};
use crate::rollout::continuation::{Asked, Last, Next};
use crate::rollout::job_mistakes;
use crate::rollout::people::Stays;
use crate::rollout::rotation::refuse_otherwise;
use crate::rollout::shell::quoted;
use crate::rollout::simulated::refuse_state;
use crate::rollout::target::Target;
use crate::rollout::unknown_org::refuse_unknown_org;
use crate::rollout::waves::Decision;
use crate::selection::Selection;
use crate::settings::Settings;

/// What is answered to somebody who wants to see what would be done.
pub(super) fn no_dry_run(plan: &str) -> Failure {
    let error = anyhow::anyhow!("`run` has no --dry-run; nothing was sent");
    Failure::usage(error).hint(format!("use plan, which shows what would be done: {plan}"))
}

/// Refuses a run of a file that is only to be looked at.
pub(super) fn refuse_dry_run(file: &Path, args: &args::Run) -> Result<(), Failure> {
    if !args.dry_run {
        return Ok(());
    }
    let plan = format!("okta-rollout plan {}{}", quoted(file), args.of_plan());
    Err(no_dry_run(&plan))
}

/// Continues or begins a run of a file, or begins one of what was approved of it.
pub(super) async fn start(
    target: Target,
    approved: Option<Approved>,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    match prepare(target, approved, args, engine, settings, output).await? {
        Some(work) => Box::pin(execute(work, engine, settings, output)).await,
        None => Ok(Ending::Success),
    }
}

/// A run that continues or begins; `None` when nothing of it is selected.
async fn prepare(
    target: Target,
    approved: Option<Approved>,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Option<Work>, Failure> {
    let selection = args.only.selection();
    let context = context(&target, args, settings)?;
    let (context, wanted) = match approved {
        Some(Approved { plan, wanted }) => {
            (context.of_plan(plan, wanted.selection.clone()), wanted)
        }
        None => (context, Wanted::of_file(&target, selection.clone())?),
    };
    let reconnect = args.reconnect.then(|| wanted.selection.with_state(None));
    let context = context.reconnecting(reconnect);
    // Also for a run that continues: credentials may have been replaced since.
    let orgs = read_orgs(&target, options(args), output)?;
    refuse_misnamed_orgs(&target, &orgs, &selection, output)?;
    can_call(&target.policy.http)?;
    refuse_state(file(settings)?.as_deref(), &orgs)?;
    let receiver = receiver(
        &target.file,
        &target.policy,
        args.allow_exec,
        engine,
        output,
    )
    .await?;
    let ledger = workable(settings).await?;
    // Until the run is held: two that start at once would each begin one.
    let starting = ledger.lock_file(&target.run_key()).await?;
    let asked = Asked {
        digest: &wanted.digest,
        plan: None,
        selection: &selection,
        reconnect: context.reconnects(),
        orgs: Some(&orgs),
    };
    let goes_on = to_continue(&ledger, &target, &asked, args.new, output).await?;
    let (ledger, held, begun, orgs_now) = if let Some(run) = goes_on {
        let begun = Begun::Earlier {
            looks_at_all: Some("--new"),
        };
        let held = take_up(&ledger, run, &orgs).await?;
        drop(starting);
        (ledger, held, begun, Some(Arc::new(orgs)))
    } else {
        let beginning = Beginning {
            target: &target,
            context: &context,
            wanted,
            orgs,
            options: options(args),
        };
        let begun = begin(ledger, starting, beginning, |call| say_waits(call, output)).await;
        let begun = begun.map_err(|why| refused(&target.file, why, output))?;
        let Some(begun) = begun else {
            say_nothing_to_do(&target, &selection, output);
            return Ok(None);
        };
        note_new(&begun.ledger, settings, output)?;
        say_begun(&begun, output);
        let BegunRun {
            ledger, run, lock, ..
        } = begun;
        (ledger, (run, lock), Begun::Now, None)
    };
    let mut work = work(ledger, held, target, context, args);
    work.how = How {
        begun,
        orgs_now,
        receiver,
        ..work.how
    };
    Ok(Some(work))
}

/// What a run that begins remembers.
pub(super) fn context(
    target: &Target,
    args: &args::Run,
    settings: &Settings,
) -> Result<RunContext, Failure> {
    let context = RunContext::new(&target.file, &target.policy)?
        .forced(args.force)
        .rotating(target.rotates)
        .begun_with(&args.only.selection());
    Ok(if url(settings)?.is_shared() {
        context.with_job()
    } else {
        context
    })
}

/// Refuses what names orgs that there are none of: the command line, and the job.
pub(super) fn refuse_misnamed_orgs(
    target: &Target,
    orgs: &Orgs,
    selection: &Selection,
    output: Output,
) -> Result<(), Failure> {
    let names: Vec<&str> = orgs.iter().map(|(name, _)| name).collect();
    refuse_unknown_org(selection, &names)?;
    let problems = job_mistakes::about_orgs(&target.file, &target.policy, &names);
    match problems.len() as u64 {
        0 => Ok(()),
        count => Err(refuse(&target.file, &problems, count, output)),
    }
}

/// How a manifest is checked before a run of it begins.
fn options(args: &args::Run) -> CheckOptions {
    CheckOptions {
        secrets: SecretCheck::Entries,
        exec: args.allow_exec.into(),
    }
}

/// Continues with a file's interrupted run.
pub(super) async fn go_on(
    target: Target,
    run: RunRow,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let context = RunContext::new(&target.file, &target.policy)?.rotating(target.rotates);
    let orgs = read_orgs(&target, options(args), output)?;
    can_call(&target.policy.http)?;
    let receiver = receiver(
        &target.file,
        &target.policy,
        args.allow_exec,
        engine,
        output,
    )
    .await?;
    let ledger = workable(settings).await?;
    let held = take_up(&ledger, run, &orgs).await?;
    let mut work = work(ledger, held, target, context, args);
    (work.how.orgs_now, work.how.receiver) = (Some(Arc::new(orgs)), receiver);
    Box::pin(execute(work, engine, settings, output)).await
}

async fn take_up(ledger: &Ledger, run: RunRow, orgs: &Orgs) -> Result<(RunRow, RunLock), Failure> {
    let lock = ledger.lock_run(&run.id).await?;
    refresh(ledger, &lock, orgs).await?;
    Ok((run, lock))
}

fn work(
    ledger: Ledger,
    (run, lock): (RunRow, RunLock),
    target: Target,
    context: RunContext,
    args: &args::Run,
) -> Work {
    let begun = RunContext::of(&run).ok();
    let how = How {
        // Whoever began the run may have wanted it, or whoever continues with it.
        force: args.force || begun.as_ref().is_some_and(RunContext::is_forced),
        context: context.with_waves_of(&run),
        policy: target.policy,
        selection: args.only.selection(),
        failed: false,
        decision: Decision::default(),
        allow_exec: args.allow_exec,
        stays: if args.desk { Stays::Yes } else { args.stays },
        chosen: None,
        consent_to_deactivate: args.yes.into(),
        format: args.format,
        begun: Begun::Earlier { looks_at_all: None },
        orgs_now: None,
        receiver: None,
    };
    Work {
        ledger,
        run,
        lock,
        how,
        worker: None,
    }
}

/// The orgs; when they have mistakes, those of the manifest are shown with them.
pub(super) fn read_orgs(
    target: &Target,
    options: CheckOptions,
    output: Output,
) -> Result<Orgs, Failure> {
    let source = target.source();
    match manifest::read_orgs(&source) {
        Ok(orgs) => Ok(orgs),
        // What was taken out of a pipe is gone, and one that keeps silent would be waited for again.
        Err(ManifestError::Orgs(problems)) if source.passes() => Err(refuse(
            &target.file,
            &problems,
            problems.len() as u64,
            output,
        )),
        Err(ManifestError::Orgs(problems)) => {
            let checked = manifest::check(&source, &options, &mut |_| {});
            Err(match checked {
                Ok(checked) if checked.problem_count > 0 => refuse(
                    &target.file,
                    &checked.problems,
                    checked.problem_count,
                    output,
                ),
                // The file changed in between; what was found first is told.
                _ => refuse(&target.file, &problems, problems.len() as u64, output),
            })
        }
        Err(error) => Err(unreadable(error)),
    }
}

/// The file's last run, if it continues; what becomes of it otherwise is told.
async fn to_continue(
    ledger: &Ledger,
    target: &Target,
    asked: &Asked<'_>,
    new: bool,
    output: Output,
) -> Result<Option<RunRow>, Failure> {
    let Some(run) = ledger.last_run_of(&target.run_key()).await? else {
        return Ok(None);
    };
    if ledger.is_locked(&run.id).await? {
        // The lock's own error says who holds it.
        drop(ledger.lock_run(&run.id).await?);
    }
    let Last { run, left, next } = Last::of(ledger, run, asked).await?;
    if next == Next::GoesOn && !new {
        refuse_otherwise(&run, target, asked.selection)?;
        say_if_other_waves(&run, target, output);
        return Ok(Some(run));
    }
    if left > 0 && !new {
        note_left_behind(&run, left, next, output);
    }
    Ok(None)
}

/// Gives a run the credentials and limits that its orgs have now.
pub(super) async fn refresh(ledger: &Ledger, lock: &RunLock, orgs: &Orgs) -> Result<(), Failure> {
    let specs = ledger
        .orgs(lock.run())
        .await?
        .into_iter()
        .filter(|row| orgs.url(&row.name) == row.url)
        .filter_map(|row| {
            let spec = orgs.anchored(&row.name)?;
            Some((row.no, spec))
        })
        .collect();
    Ok(ledger.set_orgs(lock, specs).await?)
}
