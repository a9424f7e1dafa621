//! `work`: takes up the runs of a ledger on PostgreSQL, beside any number of others that do, until it is stopped.

mod taken;
mod worker;

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::args;
use super::as_worker::AsWorker;
use super::desk::At;
use super::log;
use super::open::{refuse_unshared, workable};
use super::output::Output;
use super::signals::Signals;
use crate::desk::Jobs;
use crate::desk::shelves::Scope;
use crate::engine::Engine;
use crate::failure::{Ending, Failure};
use crate::settings::Settings;
use worker::Worker;

/// How long it waits for its log at its end.
const MOST_FOR_LOG: std::time::Duration = std::time::Duration::from_secs(5);

/// `work`.
pub(super) async fn work(
    args: &args::Work,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let settings = &settings.unattended();
    log::refuse(settings, |_| Ok(Vec::new()))?;
    refuse_unshared(settings)?;
    let as_worker = AsWorker::of(args, settings)?;
    let flags = args.at();
    let at = match &flags {
        Some(flags) => Some(At::of(flags).await?),
        None => None,
    };
    let ledger = workable(settings).await?;
    let (engine, reload) = (Engine::new(), Arc::<Notify>::default());
    // For good: the program ends once it has returned.
    let _signals = Signals::of_service(engine.cancellation().clone(), Arc::clone(&reload), output)?;
    let silence = CancellationToken::new();
    let heard = engine.events().listen_until(silence.clone());
    let logged = log::listen(heard, settings, output).await;
    let (doer, _nobody) = mpsc::channel(1);
    let numbers = match at {
        Some(at) => {
            at.say_numbers(args.token.is_none(), output)?;
            let scope = (Scope::Numbers, vec![ledger.url().clone()]);
            Some(at.open(scope, (Jobs::default(), doer), &engine, settings))
        }
        None => None,
    };
    output.note(format_args!("works on the runs of {}", ledger.url()));
    let worker = Worker {
        settings,
        output,
        engine,
        own: Arc::new(as_worker),
        allow_exec: args.allow_exec,
        drains: args.drain,
        taken: taken::Taken::default(),
    };
    LocalSet::new()
        .run_until(Box::pin(worker.work(ledger, &reload)))
        .await;
    if let Some(numbers) = numbers {
        numbers.close().await;
    }
    silence.cancel();
    if let Some(logged) = logged {
        drop(tokio::time::timeout(MOST_FOR_LOG, logged).await);
    }
    Ok(Ending::Success)
}
