//! `run --plan`: a run of what a saved plan says, after a second look has found everything as it was. When that run
//! was interrupted, the same command continues with it: what it did already is no reason to refuse the plan.

use std::path::Path;

use super::args;
use super::failed_start;
use super::open;
use super::output::Output;
use super::outputs::refuse_mixed;
use super::plan::{Saved, approve};
use super::start::{go_on, no_dry_run, start};
use crate::engine::Engine;
use crate::failure::{Ending, Failure, Kind};
use crate::pacing::unix_millis;
use crate::report::counted;
use crate::rollout::continuation::goes_on;
use crate::rollout::shell::from_here;
use crate::rollout::target::Target;
use crate::selection::Selection;
use crate::settings::Settings;

/// Does what a saved plan says, if nothing moved since. A start that fails is kept.
pub(super) async fn apply(
    plan: &Path,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let at = unix_millis();
    let saved = Saved::read(plan);
    let planned = saved.as_ref().ok().map(|saved| from_here(&saved.file));
    let file = args.file.clone().or(planned);
    let ended = match saved {
        Ok(saved) => Box::pin(make_so(&saved, args, engine, settings, output)).await,
        Err(failure) => Err(failure),
    };
    if let (Err(failure), Some(file)) = (&ended, file) {
        failed_start::keep(&file, failure, at, settings).await;
    }
    ended
}

async fn make_so(
    saved: &Saved,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let target = saved.target(args.file.as_deref(), settings, output)?;
    let command = saved.command(&target);
    if args.dry_run {
        return Err(no_dry_run(&command));
    }
    refuse_mixed(&target.policy, args.format)?;
    let settings = settings.with_policy(&target.policy);
    let args = args::Run {
        new: true,
        ..args.clone()
    };
    // Boxed: what a run needs is more than a command's own memory should hold.
    let carried_out = carry_out(saved, target, &args, engine, &settings, output);
    let ending = Box::pin(carried_out).await?;
    let errors = saved.errors();
    if errors == 0 {
        return Ok(ending);
    }
    output.warning(format_args!(
        "{} of the plan could not be planned and {} left as {}; to see why: {command}",
        counted(errors, "entry", "entries"),
        if errors == 1 { "was" } else { "were" },
        if errors == 1 { "it is" } else { "they are" },
    ));
    Ok(match ending {
        Ending::Success | Ending::Short(Kind::Waiting) => Ending::Short(Kind::Failed),
        Ending::Short(_) => ending,
    })
}

async fn carry_out(
    saved: &Saved,
    target: Target,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    if let Ok(ledger) = open::readable_if_there(settings).await? {
        let all = Selection::default();
        let interrupted = goes_on(&ledger, &target, Some(&saved.plan), &all, false).await?;
        if let Some(run) = interrupted {
            drop(ledger);
            return Box::pin(go_on(target, run, args, engine, settings, output)).await;
        }
    }
    let approved = approve(saved, &target, args, engine, settings, output).await?;
    if approved.is_empty() {
        output.total("the plan has nothing to do");
        return Ok(Ending::Success);
    }
    Box::pin(start(
        target,
        Some(approved),
        args,
        engine,
        settings,
        output,
    ))
    .await
}
