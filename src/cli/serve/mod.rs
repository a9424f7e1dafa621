//! `serve`: the desk, and jobs by their schedules, each as `run JOB` would, until it is stopped.

mod clock;
mod job;
mod list;
mod service;
mod systemd;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::args;
use super::desk::{At, Hands, Means};
use super::log;
use super::output::Output;
use super::signals::Signals;
use crate::desk::Jobs;
use crate::desk::asked::AT_ONCE;
use crate::desk::shelves::Scope;
use crate::engine::Engine;
use crate::failure::{Ending, Failure};
use crate::settings::Settings;
use clock::SystemClock;
use job::Job;
use service::{Given, Service, ledgers};

/// The longest pause between two looks at the clock, which may be set, or stand still while the machine sleeps.
const LONGEST: Duration = Duration::from_secs(20);

/// How long it waits for its log at its end.
const MOST_FOR_LOG: Duration = Duration::from_secs(5);

/// `serve`.
pub(super) async fn serve(
    args: &args::Serve,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let settings = &settings.unattended();
    log::refuse(settings, |_| Ok(Vec::new()))?;
    let jobs = read(&args.jobs, settings, output).await?;
    let at = At::of(&args.desk).await?;
    let (engine, reload) = (Engine::new(), Arc::<Notify>::default());
    let signals = Signals::of_service(engine.cancellation().clone(), Arc::clone(&reload), output)?;
    let silence = CancellationToken::new();
    let heard = engine.events().listen_until(silence.clone());
    let logged = log::listen(heard, settings, output).await;
    // Who comes at once sees them, too.
    let shown = Jobs::default();
    shown
        .lock()
        .extend(jobs.iter().map(|job| job.metrics.clone()));
    let (doer, asked) = mpsc::channel(AT_ONCE);
    let (starts, wanted) = mpsc::channel(AT_ONCE);
    at.say(output)?;
    let scope = (Scope::Everything, ledgers(&jobs, settings));
    let desk = at.open(scope, (Arc::clone(&shown), doer), &engine, settings);
    let given = Given {
        args,
        settings,
        output,
        longest: systemd::watchdog().map_or(LONGEST, |within| within.min(LONGEST)),
        shelves: Some(&desk.shelves),
    };
    let means = Means {
        engine: engine.clone(),
        settings: settings.clone(),
        output,
        allow_exec: args.allow_exec,
        continues: true,
        worker: None,
        starts: Some(starts),
    };
    let hands = Hands::new(means, asked).work(std::future::pending());
    let service = Service::new(given, engine, SystemClock, jobs, (shown, wanted));
    let serving = async { tokio::join!(Box::pin(service.run(&reload)), Box::pin(hands)) };
    LocalSet::new().run_until(serving).await;
    desk.close().await;
    silence.cancel();
    if let Some(logged) = logged {
        drop(tokio::time::timeout(MOST_FOR_LOG, logged).await);
    }
    Ok(signals.received().map_or(Ending::Success, Ending::Short))
}

/// The jobs that are given. One with mistakes keeps no other from being served.
///
/// # Errors
/// When there is none without.
async fn read(given: &[PathBuf], settings: &Settings, output: Output) -> Result<Vec<Job>, Failure> {
    let (mut jobs, mut first) = (Vec::new(), None);
    for file in list::jobs(given)? {
        match Job::read(&file, (settings, settings), output).await {
            Ok(job) => jobs.push(job),
            Err(failure) => {
                jobs.push(Job::broken(&file, settings)?);
                if let Some(before) = first.replace(failure) {
                    output.failure(&before);
                }
            }
        }
    }
    match first {
        Some(failure) if jobs.iter().all(|job| job.metrics.broken) => Err(failure),
        first => {
            if let Some(failure) = first {
                output.failure(&failure);
            }
            Ok(jobs)
        }
    }
}
