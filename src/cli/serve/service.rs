//! The scheduler: looks when jobs are due, starts them, and says what came of it.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::clock::Clock;
use super::job::Job;
use super::{list, systemd};
use crate::cli::args;
use crate::cli::desk::WantedStart;
use crate::cli::failed_start::is_overlap;
use crate::cli::log;
use crate::cli::output::{Output, local_times};
use crate::cli::run::of_file;
use crate::desk::Jobs;
use crate::desk::asked::Trouble;
use crate::desk::shelves::Shelves;
use crate::engine::Engine;
use crate::failure::{Ending, Failure};
use crate::job::LedgerUrl;
use crate::model::UnixMillis;
use crate::report::rfc3339;
use crate::rollout::schedule::{Act, Skipped};
use crate::rollout::target::key;
use crate::settings::Settings;

/// The shortest pause between two looks at the clock: one that is due right away is not asked for without end.
const SHORTEST: Duration = Duration::from_millis(50);

/// What came of a start.
struct Ended {
    key: String,
    /// When it was due; `None` = somebody wanted it.
    due: Option<UnixMillis>,
    came_to: Result<Ending, Failure>,
}

/// What `serve` was given.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub args: &'a args::Serve,
    pub settings: &'a Settings,
    pub output: Output,
    /// The longest pause between two looks at the clock.
    pub longest: Duration,
    /// Where the desk looks into the ledgers of its jobs; `None` = there is no desk.
    pub shelves: Option<&'a Shelves>,
}

/// Jobs, and those of their runs that work.
pub(super) struct Service<'a, C> {
    given: Given<'a>,
    engine: Engine,
    clock: C,
    jobs: Vec<Job>,
    runs: JoinSet<Ended>,
    shown: Jobs,
    /// Jobs that somebody wants to start, by their keys.
    wanted: mpsc::Receiver<WantedStart>,
}

impl<'a, C: Clock> Service<'a, C> {
    pub fn new(
        given: Given<'a>,
        engine: Engine,
        clock: C,
        jobs: Vec<Job>,
        (shown, wanted): (Jobs, mpsc::Receiver<WantedStart>),
    ) -> Self {
        Self {
            given,
            engine,
            clock,
            jobs,
            runs: JoinSet::new(),
            shown,
            wanted,
        }
    }

    /// Runs jobs until it is interrupted, and those that work then have ended in good order.
    pub async fn run(mut self, reload: &Notify) {
        let interrupt = self.engine.cancellation().clone();
        let mut is_ready = false;
        while !interrupt.is_cancelled() {
            let now = self.clock.now();
            let again = self.look(now).await;
            self.show();
            if !is_ready {
                systemd::ready();
                self.say_next();
                is_ready = true;
            }
            systemd::alive();
            let longest = self.given.longest;
            let pause = again.map_or(longest, |again| again.ahead_of(now).min(longest));
            tokio::select! {
                () = self.clock.wait(pause.max(SHORTEST)) => {}
                Some(ended) = self.runs.join_next() => self.ended(ended),
                Some((key, reply)) = self.wanted.recv() => {
                    // Who asked may have gone.
                    drop(reply.send(self.start_now(&key)));
                }
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
            let apart = job.apart.clone();
            if let Err(failure) = apart.within(job.close()).await {
                apart.say(|| self.given.output.failure(&failure));
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
            let (apart, output) = (job.apart.clone(), self.given.output);
            if job.metrics.broken {
                apart.say(|| mended(job, self.given));
            }
            let (act, again) = match apart.within(job.look(now, output)).await {
                Ok(looked) => looked,
                Err(failure) => {
                    apart.say(|| job.complain(&failure, output));
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
        let (name, due_at) = (job.file.display(), rfc3339(due));
        let say = |what: &str| {
            let line = format!("{name}, due {due_at}: {what}");
            self.given.output.total(local_times(&line));
        };
        match act {
            Act::Start => say("starts"),
            Act::Queue => say("starts when the run before has ended"),
            Act::Skip(Skipped::Works) => say("left out, the run before has not ended"),
            Act::Skip(Skipped::Missed) => say("missed, nothing was awake"),
        }
        if act == Act::Start {
            self.start(at, Some(due));
        }
    }

    /// Starts a job although it is not due.
    fn start_now(&mut self, key: &str) -> Result<(), Trouble> {
        let at = self.jobs.iter().position(|job| job.key == key);
        let Some((at, job)) = at.and_then(|at| Some((at, self.jobs.get_mut(at)?))) else {
            return Err(Trouble::new(
                "this job is not served any more",
                "reload the page",
            ));
        };
        let name = job.file.display();
        if job.metrics.runs {
            let hint = "wait for its end, or stop it";
            return Err(Trouble::new(format!("a run of {name} works already"), hint));
        }
        self.given.output.total(format_args!(
            "{name}: starts, because somebody at the desk wants it"
        ));
        job.metrics.starts += 1;
        job.metrics.runs = true;
        self.start(at, None);
        self.show();
        Ok(())
    }

    fn start(&mut self, at: usize, due: Option<UnixMillis>) {
        let Some(job) = self.jobs.get_mut(at) else {
            return;
        };
        job.read_again(self.given.settings);
        let run = args::Run::of_file(job.file.clone(), self.given.args.allow_exec);
        let (file, key) = (job.file.clone(), job.key.clone());
        // The job names its ledger itself, each time; one that cannot be read had named one before.
        let (engine, settings) = (self.engine.child(), job.settings.clone());
        let (apart, output) = (job.apart.clone(), self.given.output);
        self.runs.spawn_local(async move {
            let run = Box::pin(of_file(&file, &run, &engine, &settings, output));
            let came_to = apart.within(run).await;
            Ended { key, due, came_to }
        });
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ended { key, due, came_to } = match ended {
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
        let is_left_out = matches!(&came_to, Err(failure) if is_overlap(failure));
        if is_left_out {
            job.was_overlapped(due);
        } else {
            job.has_ended(&came_to);
        }
        let (name, apart) = (job.file.display().to_string(), job.apart.clone());
        // Whoever reads that it ended sees it so at the desk.
        self.show();
        let output = self.given.output;
        match &came_to {
            Ok(ending) => {
                let code = ending.exit_code();
                output.total(format_args!("{name}: ended with {code}"));
            }
            Err(failure) if is_left_out => {
                output.total(format_args!("{name}: left out, {failure}"));
            }
            Err(failure) => apart.say(|| output.failure(failure)),
        }
    }

    /// Reads the list of jobs again; one that cannot be read stays as it was.
    async fn reload(&mut self) {
        let Given {
            args,
            settings,
            output,
            ..
        } = self.given;
        systemd::reloading();
        log::reopen(settings, output).await;
        let came_of_it = match list::jobs(&args.jobs) {
            Ok(files) => {
                self.serve(&files).await;
                "was read again"
            }
            Err(failure) => {
                output.failure(&failure);
                "stays as it was"
            }
        };
        let now = self.clock.now();
        self.jobs.iter_mut().for_each(|job| job.show_next(now));
        self.show();
        let count = crate::report::counted(self.jobs.len() as u64, "job", "jobs");
        output.total(format_args!("the list of jobs {came_of_it}: {count}"));
        self.say_next();
        systemd::ready();
    }

    /// Serves these jobs and no others. One that cannot be read stays as it was.
    async fn serve(&mut self, files: &[PathBuf]) {
        let Given {
            settings, output, ..
        } = self.given;
        let mut jobs = Vec::new();
        for file in files {
            let is_it = |job: &Job| key(file).is_ok_and(|key| key == job.key);
            let kept = self.jobs.iter().position(is_it);
            let kept = kept.map(|at| self.jobs.swap_remove(at));
            let known = kept.as_ref().map_or(settings, |job| &job.settings);
            let read = Job::read(file, (settings, known), output).await;
            match (kept, read) {
                (Some(mut job), Ok(read)) => {
                    let apart = job.apart.clone();
                    apart.within(job.take_over(read, output)).await;
                    jobs.push(job);
                }
                (None, Ok(job)) => jobs.push(job),
                (kept, Err(failure)) => {
                    output.failure(&failure);
                    let broken = kept.or_else(|| Job::broken(file, settings).ok());
                    jobs.extend(broken.map(|mut job| {
                        job.metrics.broken = true;
                        job
                    }));
                }
            }
        }
        let gone = std::mem::replace(&mut self.jobs, jobs);
        for job in gone {
            let apart = job.apart.clone();
            apart.within(job.forget(output)).await;
        }
    }

    fn say_next(&self) {
        for job in &self.jobs {
            if let Some(next) = job.metrics.next {
                let line = format!("{}: next {}", job.file.display(), rfc3339(next));
                self.given.output.note(local_times(&line));
            }
        }
    }

    fn show(&self) {
        if let Some(shelves) = self.given.shelves {
            shelves.set(ledgers(&self.jobs, self.given.settings));
        }
        *self.shown.lock() = self.jobs.iter().map(|job| job.metrics.clone()).collect();
    }
}

/// The ledgers of jobs, and the one of the settings.
pub(super) fn ledgers(jobs: &[Job], settings: &Settings) -> Vec<LedgerUrl> {
    let own = jobs.iter().map(|job| &job.settings);
    let all = own.chain([settings]);
    all.filter_map(|settings| settings.ledger.url().ok())
        .collect()
}

/// Looks whether a job that had mistakes has none any more.
fn mended(job: &mut Job, given: Given<'_>) {
    job.read_again(given.settings);
    if !job.metrics.broken {
        let name = job.file.display();
        given
            .output
            .total(format_args!("{name}: is without mistakes now"));
    }
}

#[cfg(test)]
mod tests;
