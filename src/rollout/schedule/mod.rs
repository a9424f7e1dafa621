//! When a job starts by its `[schedule]`: given what is remembered of its starts, whether a run of it works, and the
//! time. There is no clock in here.

mod times;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

pub(crate) use times::Times;

use crate::job::{Overlap, Schedule};
use crate::ledger::Starts;
use crate::model::{UnixMillis, whole_millis};

/// A start that is later than this, jitter aside, was missed: nothing was awake when it was due.
const LATE: Duration = Duration::from_mins(3);

/// A clock that is set back by more has been wrong before: what is due by it now is due.
const CORRECTED: Duration = Duration::from_hours(3);

/// How often it is looked whether a run has ended that another process works on.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A run starts.
    Start,
    /// None starts, and why.
    Skip(Skipped),
    /// One starts when the run that works has ended.
    Queue,
}

/// Why no run starts at a time at which one was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// The run before has not ended.
    Works,
    /// Nothing was awake.
    Missed,
}

/// What comes of a look at a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// What is to be done now, and when it was due.
    pub act: Option<(Act, UnixMillis)>,
    /// What is to be remembered.
    pub starts: Starts,
    /// When to look again, if something is to come.
    pub again: Option<UnixMillis>,
}

/// When a job starts.
#[derive(Clone, Debug)]
pub(crate) struct Timetable {
    times: Times,
    overlap: Overlap,
    catch_up: bool,
    jitter: Duration,
    /// What the jitter is drawn from.
    seed: u64,
}

impl Timetable {
    /// By a schedule.
    pub fn new(schedule: &Schedule, times: Times, seed: u64) -> Self {
        Self {
            times,
            overlap: schedule.overlap,
            catch_up: schedule.catch_up,
            jitter: schedule.jitter,
            seed,
        }
    }

    /// When the next run is due, jitter aside.
    pub fn next(&self, now: UnixMillis) -> Option<UnixMillis> {
        self.times.after(now)
    }

    /// Whether a start is kept while the run before works.
    pub fn keeps_starts(&self) -> bool {
        self.overlap == Overlap::Queue
    }

    /// Looks at what is due by now. `starts` is what is remembered, nothing of a job that is seen for the first time;
    /// `works` says whether a process works on a run of it.
    pub fn look(&self, starts: Option<Starts>, now: UnixMillis, works: bool) -> Look {
        // Seen for the first time, it has missed nothing.
        let mut starts = starts.unwrap_or(Starts {
            until: now,
            queued: None,
            started_at: None,
        });
        if starts.until > now.after(CORRECTED) {
            starts.until = now;
        }
        let Due { act, waits_until } = self.due(&starts, now);
        if waits_until.is_none() {
            starts.until = starts.until.max(now);
        }
        let next = waits_until.or_else(|| self.begins(starts.until));
        let look = |act, starts| Look {
            act,
            starts,
            again: next,
        };
        let owed = match (starts.queued, act) {
            (Some(due), _) | (None, Some((Act::Start, due))) => due,
            (None, act) => return look(act, starts),
        };
        if !works {
            starts.queued = None;
            starts.started_at = Some(now);
            return look(Some((Act::Start, owed)), starts);
        }
        if self.overlap == Overlap::Skip {
            starts.queued = None;
            return look(Some((Act::Skip(Skipped::Works), owed)), starts);
        }
        let is_new = starts.queued.is_none();
        starts.queued = Some(owed);
        let look_again = now.after(LOOK_AGAIN);
        Look {
            act: is_new.then_some((Act::Queue, owed)),
            starts,
            again: Some(next.map_or(look_again, |next| next.min(look_again))),
        }
    }

    /// What the times say by now, whatever else there is.
    fn due(&self, starts: &Starts, now: UnixMillis) -> Due {
        let act = |act| Due {
            act,
            waits_until: None,
        };
        let Some(first) = self.times.after(starts.until).filter(|due| *due <= now) else {
            return act(None);
        };
        let late = now.before(LATE).before(self.jitter);
        if first < late && self.catch_up {
            // It makes up for all of them, and for one that is due right now.
            return act(Some((Act::Start, first)));
        }
        let in_time = self.times.after(starts.until.max(late));
        match in_time.filter(|due| *due <= now) {
            Some(due) if self.begin(due) > now => Due {
                act: None,
                waits_until: Some(self.begin(due)),
            },
            Some(due) => act(Some((Act::Start, due))),
            None => act(Some((Act::Skip(Skipped::Missed), first))),
        }
    }

    /// When the first run that is due after this begins.
    fn begins(&self, after: UnixMillis) -> Option<UnixMillis> {
        self.times.after(after).map(|due| self.begin(due))
    }

    /// When a run begins that is due then.
    fn begin(&self, due: UnixMillis) -> UnixMillis {
        let most = whole_millis(self.jitter);
        let mut hasher = DefaultHasher::new();
        (self.seed, due).hash(&mut hasher);
        due.after(Duration::from_millis(
            hasher.finish() % most.saturating_add(1).max(1),
        ))
    }
}

/// What the times of a job say.
struct Due {
    act: Option<(Act, UnixMillis)>,
    /// Until when a run waits that is due, because of its jitter.
    waits_until: Option<UnixMillis>,
}

#[cfg(test)]
mod tests;
