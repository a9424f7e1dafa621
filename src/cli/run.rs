//! `run`: makes a file so, or what a saved plan says of it.

use std::path::Path;

use super::apply::{apply, planned_by};
use super::args;
use super::failed_start;
use super::output::Output;
use super::outputs::refuse_mixed;
use super::plan::{Answer, ask};
use super::start::start;
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
    if args.dry_run {
        let plan = match (&args.plan, &args.file) {
            (Some(plan), file) => planned_by(plan, file.as_deref(), settings, output)?,
            (None, Some(file)) => format!("okta-rollout plan {}{}", quoted(file), args.of_plan()),
            (None, None) => "okta-rollout plan FILE".to_owned(),
        };
        let error = anyhow::anyhow!("`run` has no --dry-run; nothing was sent");
        return Err(
            Failure::usage(error).hint(format!("use plan, which shows what would be done: {plan}"))
        );
    }
    let engine = Engine::new();
    match (&args.plan, &args.file) {
        (Some(plan), _) => apply(plan, args, &engine, settings, output).await,
        (None, Some(file)) => Box::pin(of_file(file, args, &engine, settings, output)).await,
        // The command line's definition does not allow it.
        (None, None) => Err(Failure::usage(anyhow::anyhow!("no FILE was given"))),
    }
}

/// Makes a file so.
pub(super) async fn of_file(
    file: &Path,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let at = unix_millis();
    let target = match target::read(file, settings, output) {
        Ok(target) => target,
        Err(failure) => {
            let settings = settings.with_ledger_of(file);
            failed_start::keep(file, &failure, at, &settings).await;
            return Err(failure);
        }
    };
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
