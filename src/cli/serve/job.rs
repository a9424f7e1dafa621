//! A job that is served: when it starts next, and what of that is in the ledger.

use std::path::{Path, PathBuf};

use crate::cli::carried::Apart;
use crate::cli::failed_start;
use crate::cli::open::{existing, note_new, writable};
use crate::cli::output::Output;
use crate::cli::target;
use crate::desk::jobs::JobStatus;
use crate::failure::{Ending, Failure, Kind};
use crate::job;
use crate::ledger::{Ledger, LedgerError, Starts};
use crate::model::UnixMillis;
use crate::pacing::unix_millis;
use crate::rollout::schedule::{Act, Look, Skipped, Times, Timetable};
use crate::rollout::target::key;
use crate::settings::Settings;

/// What is to be done now, with when it was due; and when to look again.
pub(super) type Looked = (Option<(Act, UnixMillis)>, Option<UnixMillis>);

/// A job that is served.
pub(super) struct Job {
    /// As given.
    pub file: PathBuf,
    /// What its runs are found by.
    pub key: String,
    /// With the ledger that it names, or named when it could be read.
    pub settings: Settings,
    /// What is said of it finds its ledger.
    pub apart: Apart,
    /// When it starts; `None` where it does not say so.
    timetable: Option<Timetable>,
    /// What the ledger has.
    stored: Option<Starts>,
    /// The same as of the last look.
    starts: Option<Starts>,
    /// Whether it may have starts in the ledger although it says of none.
    is_left: bool,
    /// Why the last look failed.
    complaint: Option<String>,
    /// Where it stands.
    pub metrics: JobStatus,
}

impl Job {
    /// Reads one, by what was given and, where its ledger cannot be read, what is known.
    ///
    /// # Errors
    /// When it has mistakes, which are shown and kept as those of a start that failed.
    pub async fn read(
        file: &Path,
        (settings, known): (&Settings, &Settings),
        output: Output,
    ) -> Result<Self, Failure> {
        let apart = Apart::default();
        let at = unix_millis();
        let read = apart.say(|| Self::parse(file, apart.clone(), settings, output));
        if let Err(failure) = &read {
            let keep = failed_start::keep(file, failure, at, known);
            apart.within(keep).await;
        }
        read
    }

    fn parse(
        file: &Path,
        apart: Apart,
        settings: &Settings,
        output: Output,
    ) -> Result<Self, Failure> {
        let target = target::read(file, settings, output)?;
        let schedule = target.policy.schedule.as_ref();
        if schedule.is_none() {
            let job = file.display();
            output.warning(format_args!(
                "{job} has no [schedule]: it starts only when somebody at the desk wants it"
            ));
        }
        let mut job = Self {
            settings: settings.with_policy(&target.policy),
            timetable: schedule.map(timetable).transpose()?,
            ..Self::new(file, apart, settings)?
        };
        job.metrics.schedule = schedule.map(words);
        Ok(job)
    }

    /// One that has mistakes: it is shown as broken, and its starts, as far as it says when they are, fail until it is
    /// mended.
    pub fn broken(file: &Path, settings: &Settings) -> Result<Self, Failure> {
        let mut job = Self {
            settings: settings.with_ledger_of(file),
            timetable: job::schedule_of(file).and_then(|schedule| timetable(&schedule).ok()),
            ..Self::new(file, Apart::default(), settings)?
        };
        job.metrics.broken = true;
        Ok(job)
    }

    fn new(file: &Path, apart: Apart, settings: &Settings) -> Result<Self, Failure> {
        Ok(Self {
            file: file.to_owned(),
            key: key(file)?,
            settings: settings.clone(),
            apart,
            timetable: None,
            stored: None,
            starts: None,
            is_left: true,
            complaint: None,
            metrics: JobStatus {
                job: file.display().to_string(),
                key: key(file)?,
                ..JobStatus::default()
            },
        })
    }

    /// Takes over what another reading of the file says.
    pub async fn take_over(&mut self, read: Self, output: Output) {
        if self.settings.ledger != read.settings.ledger && self.stored.take().is_some() {
            // What is known of its starts goes along to the ledger that it names now.
            self.forget(output).await;
        }
        self.settings = read.settings;
        self.timetable = read.timetable;
        self.metrics.schedule = read.metrics.schedule;
        self.file = read.file;
        self.metrics.broken = false;
    }

    /// What its file says now of schedule and ledger; one with mistakes keeps what it had, and its start tells.
    pub fn read_again(&mut self, given: &Settings) {
        let policy = target::policy_of(&self.file, given);
        self.metrics.broken = policy.is_none();
        if let Some(policy) = policy {
            self.settings = given.with_policy(&policy);
            let timetable = policy.schedule.as_ref().map(timetable);
            if let Ok(timetable) = timetable.transpose() {
                self.timetable = timetable;
                self.metrics.schedule = policy.schedule.as_ref().map(words);
            }
        }
    }

    /// Shows when it is due next.
    pub fn show_next(&mut self, now: UnixMillis) {
        let timetable = self.timetable.as_ref();
        self.metrics.next = timetable.and_then(|timetable| timetable.next(now));
    }

    /// Looks whether it is to start; gives when to look again.
    ///
    /// # Errors
    /// When its ledger cannot be read or written: then nothing starts, and the next look is the same.
    pub async fn look(&mut self, now: UnixMillis, output: Output) -> Result<Looked, Failure> {
        self.show_next(now);
        let Some(timetable) = &self.timetable else {
            if !self.metrics.broken && std::mem::take(&mut self.is_left) {
                // Once it says of some again, it has missed nothing.
                (self.stored, self.starts) = (None, None);
                self.forget(output).await;
            }
            return Ok((None, None));
        };
        self.is_left = true;
        let look = timetable.look(self.starts, now, self.metrics.runs);
        if self.stored.is_some() && self.is_stored(&look) {
            self.starts = Some(look.starts);
            return Ok((None, look.again));
        }
        let ledger = writable(&self.settings).await?;
        note_new(&ledger, &self.settings, output)?;
        if self.stored.is_none() {
            (self.stored, self.starts) = known(&ledger, &self.key, self.starts).await?;
        }
        let works = self.metrics.runs || self.is_held(&ledger).await?;
        let look = timetable.look(self.starts, now, works);
        if !self.is_stored(&look) || self.stored.is_none() {
            let moved = ledger.move_schedule(&self.key, self.stored, look.starts);
            if !moved.await? {
                // Another process was faster: what it left to do is seen with the next look.
                (self.stored, self.starts) = known(&ledger, &self.key, self.starts).await?;
                return Ok((None, Some(now)));
            }
            self.stored = Some(look.starts);
        }
        self.starts = Some(look.starts);
        self.complaint = None;
        self.count(&look);
        Ok((look.act, look.again))
    }

    /// Says why it cannot be looked at, once.
    pub fn complain(&mut self, failure: &Failure, output: Output) {
        let complaint = Some(failure.to_string());
        if self.complaint != complaint {
            output.failure(failure);
            self.complaint = complaint;
        }
    }

    /// Keeps what is known by now, so that the next process knows until when this one was awake.
    pub async fn close(&mut self) -> Result<(), Failure> {
        if let (Some(stored), Some(starts)) = (self.stored, self.starts)
            && stored != starts
        {
            let ledger = existing(&self.settings).await?;
            let moved = ledger.move_schedule(&self.key, Some(stored), starts);
            if !moved.await? && ledger.schedule(&self.key).await?.is_none() {
                ledger.move_schedule(&self.key, None, starts).await?;
            }
        }
        Ok(())
    }

    /// Nothing of it is kept any more.
    pub async fn forget(&self, output: Output) {
        let forgotten = match existing(&self.settings).await {
            Ok(ledger) => ledger.forget_schedule(&self.key).await.map_err(Into::into),
            Err(failure) => Err(failure),
        };
        let is_missing = |failure: &Failure| {
            let error = failure.error.downcast_ref();
            matches!(error, Some(LedgerError::Missing { .. }))
        };
        if let Err(failure) = forgotten
            && !is_missing(&failure)
        {
            output.failure(&failure);
        }
    }

    /// A run of it has ended.
    pub fn has_ended(&mut self, ended: &Result<Ending, Failure>) {
        self.metrics.runs = false;
        let is_failed_start = |failure: &Failure| failure.kind == Kind::Usage;
        self.metrics.failed_starts += u64::from(ended.as_ref().is_err_and(is_failed_start));
        let code = match ended {
            Ok(ending) => ending.exit_code(),
            Err(failure) => failure.kind.exit_code(),
        };
        self.metrics.last_exit_code = Some(code);
        if code == 0 {
            self.metrics.last_success = Some(unix_millis());
        }
    }

    /// Somebody else began a run while this one was about to: its start is kept where starts are, else left out.
    pub fn was_overlapped(&mut self, due: Option<UnixMillis>) {
        self.metrics.runs = false;
        let keeps = self.timetable.as_ref().is_some_and(Timetable::keeps_starts);
        match (due, &mut self.starts) {
            (Some(due), Some(starts)) if keeps => starts.queued = starts.queued.or(Some(due)),
            (Some(_), _) => self.metrics.skipped += 1,
            (None, _) => {}
        }
    }

    fn is_stored(&self, look: &Look) -> bool {
        let queued = self.stored.and_then(|stored| stored.queued);
        look.act.is_none() && look.starts.queued == queued
    }

    async fn is_held(&self, ledger: &Ledger) -> Result<bool, Failure> {
        Ok(match ledger.last_run_of(&self.key).await? {
            Some(run) => ledger.is_locked(&run.id).await?,
            None => false,
        })
    }

    fn count(&mut self, look: &Look) {
        let metrics = &mut self.metrics;
        metrics.started_at = look.starts.started_at;
        match look.act {
            Some((Act::Start, _)) => {
                metrics.starts += 1;
                metrics.runs = true;
            }
            Some((Act::Skip(Skipped::Works | Skipped::Missed), _)) => metrics.skipped += 1,
            Some((Act::Queue, _)) | None => {}
        }
    }
}

/// What the ledger has of a job, and what is known of it. When the ledger has nothing any more, as one that was put away
/// or from which another process took a job that it does not serve, this one still knows until when it has looked: a start
/// that is due since is not lost.
async fn known(
    ledger: &Ledger,
    job: &str,
    starts: Option<Starts>,
) -> Result<(Option<Starts>, Option<Starts>), Failure> {
    let stored = ledger.schedule(job).await?;
    Ok((stored, stored.or(starts)))
}

fn timetable(schedule: &job::Schedule) -> Result<Timetable, Failure> {
    let times = Times::new(schedule).map_err(Failure::usage)?;
    Ok(Timetable::new(schedule, times, rand::random()))
}

/// `0 2 * * * America/New_York`.
fn words(schedule: &job::Schedule) -> String {
    let zone = schedule.timezone.as_deref().unwrap_or("UTC");
    format!("{} {zone}", schedule.cron)
}
