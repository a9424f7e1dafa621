//! `run`: makes a file so, or what a saved plan says of it.

use std::path::Path;

use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::apply::apply;
use super::args;
use super::desk::{At, Hands, Means};
use super::detach::detach;
use super::failed_start;
use super::output::Output;
use super::outputs::refuse_mixed;
use super::plan::{Answer, ask};
use super::start::{no_dry_run, refuse_dry_run, start};
use super::target;
use crate::desk::Jobs;
use crate::desk::asked::AT_ONCE;
use crate::desk::shelves::Scope;
use crate::engine::Engine;
use crate::failure::{Ending, Failure};
use crate::pacing::unix_millis;
use crate::settings::Settings;

/// `run`.
pub(super) async fn run(
    args: &args::Run,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let engine = Engine::new();
    if args.desk {
        return Box::pin(at_desk(args, &engine, settings, output)).await;
    }
    args.desk_at.refuse()?;
    if let (true, Some(file)) = (args.detach, &args.file) {
        return Box::pin(detach(file, args, settings, output)).await;
    }
    any(args, &engine, settings, output).await
}

/// A run of whatever is given.
async fn any(
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    match (&args.plan, &args.file) {
        (Some(plan), _) => apply(plan, args, engine, settings, output).await,
        (None, Some(file)) => Box::pin(of_file(file, args, engine, settings, output)).await,
        (None, None) if args.dry_run => Err(no_dry_run("okta-rollout plan FILE")),
        // The command line's definition does not allow it.
        (None, None) => Err(Failure::usage(anyhow::anyhow!("no FILE was given"))),
    }
}

/// The same, while people see at the desk what waits for them, and hand it in there.
async fn at_desk(
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let at = At::of(&args.desk_at).await?;
    at.say(output)?;
    let (doer, asked) = mpsc::channel(AT_ONCE);
    let scope = (Scope::LiveRuns, Vec::new());
    let desk = at.open(scope, (Jobs::default(), doer), engine, settings);
    let means = Means {
        engine: engine.clone(),
        settings: settings.clone(),
        output,
        allow_exec: args.allow_exec,
        continues: false,
        worker: None,
        starts: None,
    };
    let end = CancellationToken::new();
    let hands = Hands::new(means, asked).work(end.cancelled());
    let run = async {
        let ended = Box::pin(any(args, engine, settings, output)).await;
        end.cancel();
        ended
    };
    let both = async { tokio::join!(run, Box::pin(hands)) };
    let (ended, ()) = LocalSet::new().run_until(both).await;
    desk.close().await;
    ended
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
    refuse_dry_run(file, args)?;
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
