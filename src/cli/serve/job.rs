//! A job that is served: when it starts next, and what of that is in the ledger.

use std::path::{Path, PathBuf};

use super::metrics::JobMetrics;
use crate::cli::open::{existing, note_new, writable};
use crate::cli::output::Output;
use crate::cli::target;
use crate::failure::{Ending, Failure};
use crate::job;
use crate::ledger::{Ledger, Starts};
use crate::model::UnixMillis;
use crate::rollout::schedule::{Act, Look, Skipped, Times, Timetable};
use crate::settings::Settings;

/// What is to be done now, with when it was due; and when to look again.
pub(super) type Looked = (Option<(Act, UnixMillis)>, Option<UnixMillis>);

/// A job that is served.
pub(super) struct Job {
    /// As given.
    pub file: PathBuf,
    /// What its runs are found by.
    pub key: String,
    /// With the ledger that it names.
    pub settings: Settings,
    /// When it starts; `None` where it does not say so.
    timetable: Option<Timetable>,
    /// What the ledger has.
    stored: Option<Starts>,
    /// The same as of the last look.
    starts: Option<Starts>,
    /// Why the last look failed.
    complaint: Option<String>,
    /// Where it stands.
    pub metrics: JobMetrics,
}

impl Job {
    /// Reads one.
    ///
    /// # Errors
    /// When it has mistakes, which are shown.
    pub fn read(file: &Path, settings: &Settings, output: Output) -> Result<Self, Failure> {
        let target = target::read(file, settings, output)?;
        let schedule = target.policy.schedule.as_ref();
        let job = file.display();
        if schedule.is_none() {
            output.warning(format_args!("{job} has no [schedule]: it is not started"));
        }
        Ok(Self {
            settings: settings.with_policy(&target.policy),
            timetable: schedule.map(timetable).transpose()?,
            stored: None,
            starts: None,
            complaint: None,
            metrics: JobMetrics {
                job: job.to_string(),
                ..JobMetrics::default()
            },
            file: target.file,
            key: target.key,
        })
    }

    /// Takes over what another reading of the file says.
    pub fn take_over(&mut self, read: Self) {
        self.settings = read.settings;
        self.timetable = read.timetable;
        self.file = read.file;
    }

    /// Its schedule as its file says it now; one with mistakes keeps what it had, and its start tells.
    pub fn read_schedule(&mut self) {
        if let Ok(job) = job::read(&self.file) {
            let timetable = job.schedule.as_ref().map(timetable);
            if let Ok(timetable) = timetable.transpose() {
                self.timetable = timetable;
            }
        }
    }

    /// Looks whether it is to start; gives when to look again.
    ///
    /// # Errors
    /// When its ledger cannot be read or written: then nothing starts, and the next look is the same.
    pub async fn look(&mut self, now: UnixMillis, output: Output) -> Result<Looked, Failure> {
        let Some(timetable) = &self.timetable else {
            return Ok((None, None));
        };
        self.metrics.next = timetable.next(now);
        let look = timetable.look(self.starts, now, self.metrics.runs);
        if self.stored.is_some() && self.is_stored(&look) {
            self.starts = Some(look.starts);
            return Ok((None, look.again));
        }
        let ledger = writable(&self.settings).await?;
        note_new(&ledger, &self.settings, output)?;
        if self.stored.is_none() {
            self.stored = ledger.schedule(&self.key).await?;
            self.starts = self.stored;
        }
        let works = self.metrics.runs || self.is_held(&ledger).await?;
        let look = timetable.look(self.starts, now, works);
        if !self.is_stored(&look) || self.stored.is_none() {
            let moved = ledger.move_schedule(&self.key, self.stored, look.starts);
            if !moved.await? {
                // Another process was faster: what it left to do is seen with the next look.
                self.stored = ledger.schedule(&self.key).await?;
                self.starts = self.stored;
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
            moved.await?;
        }
        Ok(())
    }

    /// Nothing of it is kept any more.
    pub async fn forget(&self) -> Result<(), Failure> {
        let ledger = existing(&self.settings).await?;
        Ok(ledger.forget_schedule(&self.key).await?)
    }

    /// A run of it has ended.
    pub fn has_ended(&mut self, ended: &Result<Ending, Failure>, is_failed_start: bool) {
        self.metrics.runs = false;
        self.metrics.failed_starts += u64::from(is_failed_start);
        self.metrics.last_exit_code = Some(match ended {
            Ok(ending) => ending.exit_code(),
            Err(failure) => failure.kind.exit_code(),
        });
    }

    fn is_stored(&self, look: &Look) -> bool {
        let queued = self.stored.and_then(|stored| stored.queued);
        look.act.is_none() && look.starts.queued == queued
    }

    async fn is_held(&self, ledger: &Ledger) -> Result<bool, Failure> {
        Ok(match ledger.last_run_of(&self.key).await? {
            Some(run) => ledger.is_locked(&run.id)?,
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

fn timetable(schedule: &job::Schedule) -> Result<Timetable, Failure> {
    let times = Times::new(schedule).map_err(Failure::usage)?;
    Ok(Timetable::new(schedule, times, rand::random()))
}
