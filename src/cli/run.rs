//! `run`: makes a file so, or what a saved plan says of it.

use std::path::Path;

use super::apply::apply;
use super::args;
use super::failed_start;
use super::output::Output;
use super::outputs::refuse_mixed;
use super::plan::{Answer, ask};
use super::start::{no_dry_run, start};
use super::target;
use crate::engine::Engine;
use crate::failure::{Ending, Failure};
use crate::pacing::unix_millis;
use crate::rollout::shell::quoted;
use crate::settings::Settings;

/// `run`.
pub(super) async fn run(
    args: &args::Run,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let engine = Engine::new();
    match (&args.plan, &args.file) {
        (Some(plan), _) => apply(plan, args, &engine, settings, output).await,
        (None, Some(file)) => Box::pin(of_file(file, args, &engine, settings, output)).await,
        (None, None) if args.dry_run => Err(no_dry_run("okta-rollout plan FILE")),
        // The command line's definition does not allow it.
        (None, None) => Err(Failure::usage(anyhow::anyhow!("no FILE was given"))),
    }
}

/// Makes a file so. A start that fails is kept.
pub(super) async fn of_file(
    file: &Path,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let at = unix_millis();
    let ended = Box::pin(make_so(file, args, engine, settings, output)).await;
    if let Err(failure) = &ended {
        failed_start::keep(file, failure, at, settings).await;
    }
    ended
}

async fn make_so(
    file: &Path,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    if args.dry_run {
        let plan = format!("okta-rollout plan {}{}", quoted(file), args.of_plan());
        return Err(no_dry_run(&plan));
    }
    let target = target::read(file, settings, output)?;
    refuse_mixed(&target.policy, args.format)?;
    let settings = settings.with_policy(&target.policy);
    let mut args = args.clone();
    if args.ask {
        let answer = ask(&target, &args, engine, &settings, output).await?;
        if let Answer::NothingToDo(ending) = answer {
            return Ok(ending);
        }
        // What the plan showed need not be asked again.
        args.yes = true;
    }
    Box::pin(start(target, None, &args, engine, &settings, output)).await
}
