//! `serve`: runs jobs by their schedules, each as `run JOB` would, until it is stopped.

mod http;
mod job;
mod list;
mod metrics;
mod systemd;

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

use super::args;
use super::failed_start::is_overlap;
use super::log;
use super::output::Output;
use super::run::of_file;
use super::signals::Signals;
use crate::engine::Engine;
use crate::failure::{Ending, Failure, Kind};
use crate::model::UnixMillis;
use crate::pacing::unix_millis;
use crate::report::rfc3339;
use crate::rollout::schedule::{Act, Skipped};
use crate::settings::{Animation, Settings};
use http::Shown;
use job::Job;

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
    let files = list::jobs(&args.jobs)?;
    let jobs = files.iter().map(|file| Job::read(file, settings, output));
    let jobs = jobs.collect::<Result<Vec<_>, _>>()?;
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
    let service = Service {
        args,
        settings,
        output,
        engine,
        jobs,
        runs: JoinSet::new(),
        shown,
    };
    output.note(format_args!("listens on http://{address}"));
    LocalSet::new().run_until(service.run(&reload)).await;
    answers.abort();
    silence.cancel();
    if let Some(logged) = logged {
        drop(tokio::time::timeout(MOST_FOR_LOG, logged).await);
    }
    Ok(signals.received().map_or(Ending::Success, Ending::Short))
}

/// What came of a start.
struct Ended {
    key: String,
    came_to: Result<Ending, Failure>,
}

struct Service<'a> {
    args: &'a args::Serve,
    settings: &'a Settings,
    output: Output,
    engine: Engine,
    jobs: Vec<Job>,
    runs: JoinSet<Ended>,
    shown: Shown,
}

impl Service<'_> {
    /// Runs jobs until it is interrupted, and those that work then have ended in good order.
    async fn run(mut self, reload: &Notify) {
        let interrupt = self.engine.cancellation().clone();
        let longest = systemd::watchdog().map_or(LONGEST, |within| within.min(LONGEST));
        let mut is_ready = false;
        while !interrupt.is_cancelled() {
            let now = unix_millis();
            let again = self.look(now).await;
            self.show();
            if !is_ready {
                systemd::ready();
                self.say_next();
                is_ready = true;
            }
            systemd::alive();
            let pause = again.map_or(longest, |again| again.ahead_of(now).min(longest));
            tokio::select! {
                () = tokio::time::sleep(pause.max(Duration::from_millis(50))) => {}
                Some(ended) = self.runs.join_next() => self.ended(ended),
                () = reload.notified() => self.reload().await,
                () = interrupt.cancelled() => {}
            }
        }
        systemd::stopping();
        while let Some(ended) = self.runs.join_next().await {
            self.ended(ended);
            systemd::alive();
        }
        for job in &mut self.jobs {
            if let Err(failure) = job.close().await {
                self.output.failure(&failure);
            }
        }
    }

    /// Starts what is due; gives when something is next.
    async fn look(&mut self, now: UnixMillis) -> Option<UnixMillis> {
        let mut first: Option<UnixMillis> = None;
        for at in 0..self.jobs.len() {
            let Some(job) = self.jobs.get_mut(at) else {
                continue;
            };
            let (act, again) = match job.look(now, self.output).await {
                Ok(looked) => looked,
                Err(failure) => {
                    job.complain(&failure, self.output);
                    (None, None)
                }
            };
            first = first.into_iter().chain(again).min();
            if let Some((act, due)) = act {
                self.act(at, act, due);
            }
        }
        first
    }

    fn act(&mut self, at: usize, act: Act, due: UnixMillis) {
        let Some(job) = self.jobs.get_mut(at) else {
            return;
        };
        let (name, due) = (job.file.display(), rfc3339(due));
        let say = |what: &str| {
            let line = format!("{name}, due {due}: {what}");
            self.output.total(super::output::local_times(&line));
        };
        match act {
            Act::Start => say("starts"),
            Act::Queue => say("starts when the run before has ended"),
            Act::Skip(Skipped::Works) => say("left out, the run before has not ended"),
            Act::Skip(Skipped::Missed) => say("missed, nothing was awake"),
        }
        if act != Act::Start {
            return;
        }
        job.read_schedule();
        let run = args::Run::of_file(job.file.clone(), self.args.allow_exec);
        let (file, key) = (job.file.clone(), job.key.clone());
        // The settings as given: the job names its ledger itself, each time.
        let (engine, settings, output) = (self.engine.child(), self.settings.clone(), self.output);
        self.runs.spawn_local(async move {
            let came_to = Box::pin(of_file(&file, &run, &engine, &settings, output)).await;
            Ended { key, came_to }
        });
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ended { key, came_to } = match ended {
            Ok(ended) => ended,
            // A bug of one run is one of the process: it is started again.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return,
            },
        };
        let Some(job) = self.jobs.iter_mut().find(|job| job.key == key) else {
            return;
        };
        let name = job.file.display();
        let is_failed_start = match &came_to {
            Ok(ending) => {
                let code = ending.exit_code();
                self.output.total(format_args!("{name}: ended with {code}"));
                false
            }
            Err(failure) if is_overlap(failure) => {
                self.output
                    .total(format_args!("{name}: left out, {failure}"));
                false
            }
            Err(failure) => {
                self.output.failure(failure);
                failure.kind == Kind::Usage
            }
        };
        job.has_ended(&came_to, is_failed_start);
    }

    /// Reads the list of jobs again; one that cannot be read stays as it was.
    async fn reload(&mut self) {
        systemd::reloading();
        log::reopen(self.settings, self.output).await;
        match list::jobs(&self.args.jobs) {
            Ok(files) => {
                let mut jobs = Vec::new();
                for file in files {
                    let kept = self.jobs.iter().position(|job| job.file == file);
                    let kept = kept.map(|at| self.jobs.swap_remove(at));
                    match (kept, Job::read(&file, self.settings, self.output)) {
                        (Some(mut job), Ok(read)) => {
                            job.take_over(read);
                            jobs.push(job);
                        }
                        (None, Ok(job)) => jobs.push(job),
                        (kept, Err(failure)) => {
                            self.output.failure(&failure);
                            jobs.extend(kept);
                        }
                    }
                }
                let gone = std::mem::replace(&mut self.jobs, jobs);
                for job in gone {
                    if let Err(failure) = job.forget().await {
                        self.output.failure(&failure);
                    }
                }
            }
            Err(failure) => self.output.failure(&failure),
        }
        self.show();
        let count = crate::report::counted(self.jobs.len() as u64, "job", "jobs");
        self.output
            .total(format_args!("the list of jobs was read again: {count}"));
        self.say_next();
        systemd::ready();
    }

    fn say_next(&self) {
        for job in &self.jobs {
            if let Some(next) = job.metrics.next {
                let line = format!("{}: next {}", job.file.display(), rfc3339(next));
                self.output.note(super::output::local_times(&line));
            }
        }
    }

    fn show(&self) {
        *self.shown.lock() = self.jobs.iter().map(|job| job.metrics.clone()).collect();
    }
}
