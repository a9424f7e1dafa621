//! `resume`: moves on whatever can move in a run.

use std::path::Path;
use std::sync::Arc;

use super::args::{self, DataFormat};
use super::as_worker::AsWorker;
use super::context::policy;
use super::execute::{Begun, How, Work, execute};
use super::failed_start::Start;
use super::notices::receiver;
use super::open::existing_workable;
use super::output::Output;
use super::outputs::refuse_mixed;
use super::start::refresh;
use crate::engine::{Engine, Selected};
use crate::failure::{Ending, Failure};
use crate::ledger::{Ledger, OrgRow, RunLock, RunRow};
use crate::manifest::{self, Orgs};
use crate::pacing::unix_millis;
use crate::rollout::access::can_call;
use crate::rollout::context::RunContext;
use crate::rollout::orgs_now::{orgs_now, orgs_of_fleet};
use crate::rollout::people::Stays;
use crate::rollout::rotation::refuse_superseded;
use crate::rollout::shell::quoted;
use crate::rollout::simulated::is_sandbox;
use crate::rollout::takeable::can_move;
use crate::rollout::unknown_org::refuse_unknown_org;
use crate::rollout::waves::Decision;
use crate::selection::Selection;
use crate::settings::{Policy, Settings};

/// `resume`. What keeps it from beginning is kept.
pub(super) async fn resume(
    args: &args::Resume,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = existing_workable(settings).await?;
    let run = ledger.find_run(args.run.as_deref()).await?;
    // It is the trace of itself.
    refuse_failed_start(&run)?;
    let start = Start::of_run(&run, unix_millis());
    let ended = Box::pin(move_on(args, (ledger, run), settings, output)).await;
    if let Err(failure) = &ended {
        start.keep(failure, settings).await;
    }
    ended
}

async fn move_on(
    args: &args::Resume,
    of_run: (Ledger, RunRow),
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let wanted = Wanted {
        selection: args.only.selection(),
        chosen: None,
        failed: args.failed,
        decision: Decision {
            approve: args.approve,
            past_halt: args.past_halt,
        },
        allow_exec: args.allow_exec,
        yes: args.yes,
        format: args.format,
        notifies: true,
        joins: false,
        worker: None,
    };
    let engine = Engine::new();
    Box::pin(continue_with(wanted, of_run, &engine, settings, output)).await
}

/// How a run is continued with.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Wanted {
    /// What `--only` says.
    pub selection: Selection,
    /// The only entries, where that takes more.
    pub chosen: Option<Selected>,
    /// Whether failed entries are tried again.
    pub failed: bool,
    /// What a person decides about its waves.
    pub decision: Decision,
    /// See `--allow-exec`.
    pub allow_exec: bool,
    /// See `--yes`.
    pub yes: bool,
    /// What is printed at the end.
    pub format: DataFormat,
    /// Whether its job's webhook hears of it.
    pub notifies: bool,
    /// Whether it is worked on beside whoever leads it.
    pub joins: bool,
    /// Who continues it, where nobody asked for this run.
    pub worker: Option<Arc<AsWorker>>,
}

impl Wanted {
    /// All of a run, as nobody is there to be asked.
    pub fn whole(decision: Decision, allow_exec: bool) -> Self {
        Self {
            selection: Selection::default(),
            chosen: None,
            failed: false,
            decision,
            allow_exec,
            yes: false,
            format: DataFormat::Human,
            notifies: true,
            joins: false,
            worker: None,
        }
    }
}

/// Moves on whatever of that can move.
pub(super) async fn continue_with(
    wanted: Wanted,
    (ledger, run): (Ledger, RunRow),
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let selection = wanted.selection;
    let orgs = ledger.orgs(&run.id).await?;
    let names: Vec<&str> = orgs.iter().map(|org| org.name.as_str()).collect();
    refuse_unknown_org(&selection, &names)?;
    let worker = wanted.worker;
    let context = RunContext::of(&run)?
        .with_orgs(settings.orgs.as_deref())?
        .with_secrets_in(worker.as_ref().and_then(|worker| worker.secrets.as_deref()));
    refuse_superseded(&ledger, &run, &context, &selection).await?;
    let mut policy = policy(&context, settings, output)?;
    can_call(&policy.http)?;
    refuse_mixed(&policy, wanted.format)?;
    let receiver = if wanted.notifies && !wanted.joins {
        let job = context.job_here();
        receiver(&job, &policy, wanted.allow_exec, engine, output).await?
    } else {
        None
    };
    let lock = if wanted.joins {
        ledger.join_run(&run.id).await?
    } else {
        ledger.lock_run(&run.id).await?
    };
    let orgs_now = if worker.is_some() {
        let of_run = (&run, &orgs[..]);
        if wanted.chosen.is_none()
            && !can_move(&ledger, of_run, &selection, &settings.labels).await?
        {
            // Another worker was faster.
            return Ok(Ending::Success);
        }
        // They are of people who run the job.
        policy.reports.clear();
        orgs_of_fleet(&policy)?
    } else {
        say_if_changed(&run, &context, &selection, output);
        renewed(&ledger, (&lock, &orgs), &policy, output).await?
    };
    // Of thousands nobody keeps a copy while the run is driven.
    drop(orgs);
    let how = How {
        force: context.is_forced(),
        context,
        policy,
        selection,
        chosen: wanted.chosen,
        stays: Stays::No,
        failed: wanted.failed,
        decision: wanted.decision,
        allow_exec: wanted.allow_exec,
        consent_to_deactivate: wanted.yes.into(),
        format: wanted.format,
        orgs_now: orgs_now.map(Arc::new),
        receiver,
        begun: Begun::Earlier {
            looks_at_all: Some("run --new"),
        },
    };
    let work = Work {
        ledger,
        run,
        lock,
        how,
        worker,
    };
    Box::pin(execute(work, engine, settings, output)).await
}

/// The orgs as their files say them now, with which the run continues.
async fn renewed(
    ledger: &Ledger,
    (lock, orgs): (&RunLock, &[OrgRow]),
    policy: &Policy,
    output: Output,
) -> Result<Option<Orgs>, Failure> {
    let orgs_now = match orgs_now(policy) {
        Ok(orgs) => Some(orgs),
        // They are reached without credentials.
        Err(failure) if orgs.iter().all(is_sandbox) => {
            output.warning(format_args!(
                "{failure}: orgs are used as they were when the run began"
            ));
            None
        }
        Err(failure) => return Err(failure),
    };
    if let Some(orgs) = &orgs_now {
        refresh(ledger, lock, orgs).await?;
    }
    Ok(orgs_now)
}

/// Of a start that failed nothing can move.
fn refuse_failed_start(run: &RunRow) -> Result<(), Failure> {
    let Some(failed) = &run.failed else {
        return Ok(());
    };
    let error = anyhow::anyhow!(
        "run {} did not begin, so that nothing of it can continue: {}",
        run.id.0,
        failed.message.lines().next().unwrap_or_default()
    );
    let file = quoted(Path::new(&run.file));
    Err(Failure::usage(error).hint(format!("start a new one: okta-rollout run {file}")))
}

/// A run keeps its entries as they were when it began: whoever has edited the manifest since wants to know.
fn say_if_changed(run: &RunRow, context: &RunContext, selection: &Selection, output: Output) {
    // One that is gone or cannot be read is told of where it is needed.
    let Ok(digest) = manifest::digest(context.manifest()) else {
        return;
    };
    if digest != run.digest {
        output.warning(format_args!(
            "{} has changed since run {} began: entries are tried as they were then; to run it as it is now: {}",
            context.manifest().display(),
            run.id.0,
            context.next_commands(run, selection).run_file
        ));
    }
}
