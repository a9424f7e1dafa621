//! `serve`: runs jobs by their schedules, each as `run JOB` would, until it is stopped.

mod clock;
mod http;
mod job;
mod list;
mod metrics;
mod service;
mod systemd;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::args;
use super::log;
use super::output::Output;
use super::signals::Signals;
use crate::engine::Engine;
use crate::failure::{Ending, Failure};
use crate::settings::{Animation, Settings};
use clock::SystemClock;
use http::Shown;
use job::Job;
use service::{Given, Service};

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
    let settings = &Settings {
        // Nobody is there to be asked, and several runs may be at work.
        stdin_is_terminal: false,
        animation: Animation::Lines,
        ..settings.clone()
    };
    log::refuse(settings, |_| Ok(Vec::new()))?;
    let jobs = read(&args.jobs, settings, output).await?;
    let token = http::token(args.token.as_deref()).await?;
    let listener = http::bind(args.listen).await?;
    let address = listener.local_addr().map_err(Failure::usage)?;
    let (engine, reload) = (Engine::new(), Arc::<Notify>::default());
    let signals = Signals::of_service(engine.cancellation().clone(), Arc::clone(&reload), output)?;
    let silence = CancellationToken::new();
    let heard = engine.events().listen_until(silence.clone());
    let logged = log::listen(heard, settings, output).await;
    let shown = Shown::default();
    let answers = tokio::spawn({
        let (token, shown) = (token.clone(), Arc::clone(&shown));
        async move { http::answer(listener, &token, shown).await }
    });
    output.page(|page| {
        let token = token.expose_secret();
        page.line(format_args!("http://{address}/?token={token}"))
    })?;
    let longest = systemd::watchdog().map_or(LONGEST, |within| within.min(LONGEST));
    let given = Given {
        args,
        settings,
        output,
        longest,
    };
    let service = Service::new(given, engine, SystemClock, jobs, shown);
    output.note(format_args!("listens on http://{address}"));
    let serving = Box::pin(service.run(&reload));
    LocalSet::new().run_until(serving).await;
    answers.abort();
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
