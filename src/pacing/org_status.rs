//! What other processes have to know of orgs at once, on its way to the ledger: windows that are used up, what
//! others were seen to take, and what orgs wait for. It goes ahead of every checkpoint that follows it, and notes that come while the ledger
//! writes share its next write: ten thousand orgs whose windows end together cost a few. Nobody waits for them but
//! the last two calls of a window.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::cancellation::CancellationToken;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::admission::State;
use super::budget::{Others, Spent};
use super::clock::LONGEST_WAIT;
use super::denied::Why;
use super::time::{signed_millis, unix_millis};
use crate::ledger::{Ledger, LedgerError, Note, OrgWait, OtherSpenders, SpentWindow};
use crate::model::{OrgNo, RunId, UnixMillis};

/// Called once a note is durable.
type Done = Box<dyn FnOnce() + Send>;

/// Shared by all orgs of a process. Cheap to clone.
#[derive(Clone)]
pub struct StatusWriter {
    ledger: Ledger,
    shared: Arc<Shared>,
}

// What the ledger's writer has a part in: without the ledger, which must not be closed by its own writer.
struct Shared {
    interrupt: CancellationToken,
    queue: Mutex<Queue>,
    writes: watch::Sender<usize>,
}

#[derive(Default)]
struct Queue {
    windows: HashMap<(Arc<str>, String), (SpentWindow, Done)>,
    others: HashMap<(Arc<str>, String), OtherSpenders>,
    waits: HashMap<(RunId, OrgNo), Option<OrgWait>>,
    // Whether a write that has not begun will take what is here.
    is_asked_for: bool,
    failed: Option<LedgerError>,
}

impl StatusWriter {
    /// Nothing to note yet. A note that cannot be written stops the run.
    pub fn new(ledger: Ledger, interrupt: CancellationToken) -> Self {
        Self {
            ledger,
            shared: Arc::new(Shared {
                interrupt,
                queue: Mutex::default(),
                writes: watch::Sender::new(0),
            }),
        }
    }

    /// Waits until everything is durable.
    ///
    /// # Errors
    /// What kept a note from being written.
    pub async fn settled(&self) -> Result<(), LedgerError> {
        let mut writes = self.shared.writes.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        drop(writes.wait_for(|writes| *writes == 0).await);
        let failed = self.shared.queue.lock().failed.clone();
        failed.map_or(Ok(()), Err)
    }

    fn put(&self, put: impl FnOnce(&mut Queue)) {
        {
            let mut queue = self.shared.queue.lock();
            if queue.failed.is_some() {
                return;
            }
            put(&mut queue);
            if std::mem::replace(&mut queue.is_asked_for, true) {
                return;
            }
        }
        let write = Write::begin(&self.shared);
        let done: Arc<Mutex<Vec<Done>>> = Arc::default();
        let (taken, shared) = (Arc::clone(&done), Arc::clone(&self.shared));
        let take = move || {
            let (notes, done) = shared.take();
            *taken.lock() = done;
            notes
        };
        let end = move |result: Result<(), LedgerError>| match result {
            Ok(()) => std::mem::take(&mut *done.lock())
                .into_iter()
                .for_each(|done| done()),
            Err(error) => write.0.fail(error),
        };
        self.ledger.note(take, end);
    }
}

impl Shared {
    fn take(&self) -> (Vec<Note>, Vec<Done>) {
        let mut queue = self.queue.lock();
        queue.is_asked_for = false;
        let (windows, done): (Vec<_>, Vec<_>) = queue
            .windows
            .drain()
            .map(|(_, (window, done))| (Note::Spent(window), done))
            .unzip();
        let Queue { waits, others, .. } = &mut *queue;
        let waits = waits.drain();
        let waits = waits.map(|((run, org), wait)| Note::Waits { run, org, wait });
        let others = others.drain().map(|(_, others)| Note::Others(others));
        let notes = windows.into_iter().chain(others).chain(waits);
        (notes.collect(), done)
    }

    // As with checkpoints: without them no further call may be sent.
    fn fail(&self, error: LedgerError) {
        self.queue.lock().failed.get_or_insert(error);
        self.interrupt.cancel();
    }
}

// A write that was asked for, until it ended or its writer did.
struct Write(Arc<Shared>);

impl Write {
    fn begin(shared: &Arc<Shared>) -> Self {
        shared.writes.send_modify(|writes| *writes += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        self.0.writes.send_modify(|writes| *writes -= 1);
    }
}

/// Notes of one org.
#[derive(Clone)]
pub struct OrgStatusWriter {
    /// Where they go.
    pub status: StatusWriter,
    /// The run.
    pub run: RunId,
    /// The org in it.
    pub org: OrgNo,
    /// The org's URL; absent where its windows end with this process, which serves it itself.
    pub url: Option<Arc<str>>,
}

impl OrgStatusWriter {
    /// Notes a window that is used up; `done` follows once that is durable.
    pub(super) fn window(&self, bucket: String, spent: Spent, now: Duration, done: Done) {
        let Some(url) = &self.url else { return done() };
        let left = spent.until.saturating_sub(now);
        let window = SpentWindow {
            org_url: url.to_string(),
            bucket: bucket.clone(),
            limit: spent.limit,
            until: unix_millis().after(left),
            left_ms: signed_millis(left),
        };
        let key = (Arc::clone(url), bucket);
        self.status.put(|queue| {
            queue.windows.insert(key, (window, done));
        });
    }

    /// Notes what others were seen to take of a bucket.
    pub(super) fn others(&self, bucket: String, others: Others, now: Duration) {
        let Some(url) = &self.url else { return };
        let left = others.until.saturating_sub(now);
        let seen = OtherSpenders {
            org_url: url.to_string(),
            bucket: bucket.clone(),
            per_second: others.pace,
            unsure: others.unsure,
            until: unix_millis().after(left),
            left_ms: signed_millis(left),
        };
        let key = (Arc::clone(url), bucket);
        self.status.put(|queue| {
            queue.others.insert(key, seen);
        });
    }

    /// Notes what the org waits for until then, or that it continues.
    pub(super) fn waits(&self, wait: Option<OrgWait>) {
        let key = (self.run.clone(), self.org);
        self.status.put(|queue| {
            queue.waits.insert(key, wait);
        });
    }
}

/// What a wait looks like to people in another process.
pub(super) fn wait(why: &Why, reason: &str, until: UnixMillis) -> OrgWait {
    let (bucket, left, others) = match why {
        Why::Budget {
            bucket,
            left,
            others,
        } => (Some(bucket.clone()), *left, *others),
        _ => (None, None, None),
    };
    OrgWait {
        reason: reason.to_owned(),
        bucket,
        left: left.map(|(left, _)| left),
        limit: left.map(|(_, of)| of),
        others_per_second: others.map(|pace| (pace * 10.0).round() / 10.0),
        until,
    }
}

/// What the ledger remembers of an org's rate limits.
#[derive(Default)]
pub struct Remembered {
    spent: Vec<SpentWindow>,
    others: Vec<OtherSpenders>,
}

impl Remembered {
    /// Of all orgs, by URL.
    pub async fn load(ledger: &Ledger) -> Result<HashMap<String, Self>, LedgerError> {
        let now = unix_millis();
        let mut orgs: HashMap<String, Self> = HashMap::new();
        for window in ledger.spent_windows(now).await? {
            let org = orgs.entry(window.org_url.clone());
            org.or_default().spent.push(window);
        }
        for others in ledger.other_spenders(now).await? {
            let org = orgs.entry(others.org_url.clone());
            org.or_default().others.push(others);
        }
        Ok(orgs)
    }

    /// Has an org's state continue from it.
    pub(super) fn restore(&self, state: &mut State, now: Duration) {
        let unix_now = unix_millis();
        let lasts = |until, ahead_ms| Some(now + still_lasts(until, ahead_ms, unix_now)?);
        let mut windows: Vec<_> = (self.spent.iter())
            .filter_map(|window| Some((lasts(window.until, window.left_ms)?, window)))
            .collect();
        // Of a bucket whose methods had windows of their own the last to end counts.
        windows.sort_by_key(|(until, _)| *until);
        for (until, window) in windows {
            let limit = window.limit;
            state.restore(&window.bucket, Spent { until, limit });
        }
        for seen in &self.others {
            if let Some(until) = lasts(seen.until, seen.left_ms) {
                let others = Others {
                    pace: seen.per_second,
                    unsure: seen.unsure,
                    until,
                };
                state.restore_others(&seen.bucket, others);
            }
        }
    }
}

/// How long what was noted still counts by a clock that may have been set since: until then, which was so far ahead
/// when it was noted, and never longer than that. `None` = no more, or what was noted cannot be true.
fn still_lasts(until: UnixMillis, ahead_ms: i64, now: UnixMillis) -> Option<Duration> {
    let ahead = Duration::from_millis(u64::try_from(ahead_ms).unwrap_or(0));
    let left = until.ahead_of(now);
    let is_plausible = |time: Duration| !time.is_zero() && time <= LONGEST_WAIT;
    (is_plausible(left) && is_plausible(ahead)).then(|| left.min(ahead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_window_is_judged_by_a_clock_that_may_have_been_set() {
        const NOW: i64 = 1_767_323_045_000;
        let minute = 60_000;
        let hour = 60 * minute;
        for (until, left_ms, lasts) in [
            (NOW + 20_000, minute, Some(20_000)),
            (NOW, minute, None),
            (NOW - 1, minute, None),
            // Set back by two minutes: no longer than it had to go.
            (NOW + 2 * minute + 20_000, minute, Some(60_000)),
            (NOW + hour, minute, None),
            (NOW - hour, minute, None),
            (NOW + 20_000, 0, None),
            (NOW + 20_000, -5, None),
            (NOW + 20_000, i64::MAX, None),
            (i64::MAX, minute, None),
            (i64::MIN, minute, None),
        ] {
            let lasts = lasts.map(Duration::from_millis);
            let still = still_lasts(UnixMillis(until), left_ms, UnixMillis(NOW));
            assert_eq!(still, lasts, "{until} {left_ms}");
        }
    }
}
