//! The entries in an org's queue as far as they are in memory: a few read ahead, those begun before those untouched, and those
//! that wait for their next try. The rest is in the ledger.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::selected::Selected;
use super::waves::InWave;
use crate::ledger::{EntryRow, Ledger, LedgerError};
use crate::manifest::{Connection, SecretRef};
use crate::model::{EntryNo, EntryState, OrgNo, RunId, UnixMillis};
use crate::pacing::unix_millis;

/// The part of an org's queue that is held in memory.
pub struct Window {
    ledger: Ledger,
    run: RunId,
    org: OrgNo,
    selected: Selected,
    in_wave: InWave,
    bounds: Bounds,
    started: Ahead,
    pending: Ahead,
    delayed: BinaryHeap<Reverse<Delayed>>,
    // Entries at work or delayed: the ledger still lists them.
    held: HashSet<EntryNo>,
    // Those that somebody else may have changed since they were taken up.
    overtaken: HashSet<EntryNo>,
    // What those refer to that were read since anybody asked.
    secrets: Vec<SecretRef>,
}

/// How much a window holds, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Entries of a state that are read ahead at most; at least one.
    pub ahead: usize,
    /// Longest time an entry can be put off for.
    pub rest: Duration,
}

// Entries of one state, read in order of their numbers.
#[derive(Default)]
struct Ahead {
    rows: VecDeque<EntryRow>,
    after: Option<EntryNo>,
    drained: bool,
}

// An entry and when it is tried again, by a clock that nobody sets.
struct Delayed(Instant, EntryRow);

impl Delayed {
    // Somebody else may be about to submit its consent, or to ask for a fresh link.
    fn is_left_to_others(&self) -> bool {
        is_left_to_others(&self.1)
    }
}

fn is_left_to_others(row: &EntryRow) -> bool {
    let in_flight = row.progress.in_flight.as_ref();
    row.progress.consent_lost || in_flight.is_some_and(|in_flight| !in_flight.ended)
}

impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0, self.1.no).cmp(&(other.0, other.1.no))
    }
}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Delayed {}

impl Window {
    /// Over the selected entries of a run that stand in an org's queue.
    pub fn new(
        ledger: Ledger,
        (run, org): (RunId, OrgNo),
        selected: Selected,
        in_wave: InWave,
        bounds: Bounds,
    ) -> Self {
        Self {
            ledger,
            run,
            org,
            selected,
            in_wave,
            bounds,
            started: Ahead::default(),
            pending: Ahead::default(),
            delayed: BinaryHeap::new(),
            held: HashSet::new(),
            overtaken: HashSet::new(),
            secrets: Vec::new(),
        }
    }

    /// What the entries refer to that were read ahead since this was last asked.
    pub fn take_secrets(&mut self) -> Vec<SecretRef> {
        std::mem::take(&mut self.secrets)
    }

    /// The entry to take up next, which is then held; `None` = none is ready now.
    pub async fn next(&mut self) -> Result<Option<EntryRow>, LedgerError> {
        if let Some(row) = self.due().await? {
            return Ok(Some(row));
        }
        loop {
            self.refill(EntryState::Started).await?;
            let Some(row) = self.started.rows.pop_front() else {
                break;
            };
            match row.due_at.filter(|due| *due > unix_millis()) {
                Some(due) => self.delay(row, due),
                None => return Ok(Some(self.hold(row))),
            }
        }
        if !self.in_wave.may_begin() {
            return Ok(None);
        }
        self.refill(EntryState::Pending).await?;
        // The run may have been halted meanwhile.
        let row = self
            .pending
            .rows
            .pop_front()
            .filter(|_| !self.in_wave.is_halted());
        Ok(row.map(|row| self.hold(row)))
    }

    /// Reads what [`Window::next`] gives first.
    pub async fn read_ahead(&mut self) -> Result<(), LedgerError> {
        self.refill(EntryState::Started).await?;
        if self.started.rows.is_empty() && self.in_wave.may_begin() {
            self.refill(EntryState::Pending).await?;
        }
        Ok(())
    }

    /// Gives an entry back that came to rest.
    pub fn release(&mut self, no: EntryNo) {
        self.held.remove(&no);
    }

    /// Keeps an entry that was at work until its next try. What is left to somebody else may be free already, if they told
    /// of it meanwhile: then it is read anew.
    pub fn put_off(&mut self, row: EntryRow, until: UnixMillis) {
        if self.overtaken.remove(&row.no) && is_left_to_others(&row) {
            self.arrived();
        } else {
            self.delay(row, until);
        }
    }

    /// Holds an entry that was not taken from here.
    pub fn hold(&mut self, row: EntryRow) -> EntryRow {
        self.held.insert(row.no);
        self.overtaken.remove(&row.no);
        row
    }

    /// Keeps an entry until its next try.
    fn delay(&mut self, row: EntryRow, until: UnixMillis) {
        self.held.insert(row.no);
        let ahead = ahead(until, unix_millis(), self.bounds.rest);
        self.delayed
            .push(Reverse(Delayed(Instant::now() + ahead, row)));
    }

    /// How many entries wait for their next try.
    pub fn delayed(&self) -> usize {
        self.delayed.len()
    }

    /// Whether some of them wait for one that we make.
    pub fn has_retries(&self) -> bool {
        let mut delayed = self.delayed.iter();
        delayed.any(|Reverse(delayed)| !delayed.is_left_to_others())
    }

    /// When the next delayed entry is due, if there is one.
    pub fn next_due(&self) -> Option<Instant> {
        self.delayed.peek().map(|Reverse(delayed)| delayed.0)
    }

    /// Others handed entries over: they are read once those at hand are taken up.
    pub fn arrived(&mut self) {
        self.started.drained = false;
        self.started.after = None;
    }

    /// Looks again for entries that were begun: somebody else may have made some ready. Those that wait for the end of
    /// somebody's call, or for a link that somebody asks for, may be free earlier than thought.
    pub fn look_again(&mut self) {
        self.started.drained = false;
        self.started.after = None;
        let (theirs, ours): (Vec<_>, Vec<_>) = std::mem::take(&mut self.delayed)
            .into_iter()
            .partition(|Reverse(delayed)| delayed.is_left_to_others());
        self.delayed.extend(ours);
        for Reverse(Delayed(_, row)) in theirs {
            self.held.remove(&row.no);
        }
        self.started.rows.clear();
        self.overtaken.clone_from(&self.held);
    }

    async fn due(&mut self) -> Result<Option<EntryRow>, LedgerError> {
        while self.next_due().is_some_and(|due| due <= Instant::now()) {
            let Some(Reverse(Delayed(_, waited))) = self.delayed.pop() else {
                break;
            };
            // Somebody may have handed in its consent meanwhile.
            let row = self.ledger.entry(&self.run, waited.no).await?;
            if row.stands_at() != self.org {
                self.held.remove(&row.no);
                continue;
            }
            let again = row.due_at.filter(|due| *due > unix_millis());
            // The time that was waited for has come, whatever a clock that was set back says.
            let again = again.filter(|_| row.version != waited.version);
            match (row.state, again) {
                // Somebody else has it: their call may be under way.
                (EntryState::Started, Some(again)) => self.delay(row, again),
                (EntryState::Pending | EntryState::Started, _) => return Ok(Some(self.hold(row))),
                _ => drop(self.held.remove(&row.no)),
            }
        }
        Ok(None)
    }

    async fn refill(&mut self, state: EntryState) -> Result<(), LedgerError> {
        let ahead = match state {
            EntryState::Started => &mut self.started,
            _ => &mut self.pending,
        };
        let size = self.bounds.ahead.max(1);
        while ahead.rows.is_empty() && !ahead.drained {
            let rows = self
                .ledger
                .load(&self.run, self.org, state, ahead.after, size)
                .await?;
            ahead.drained = rows.len() < size;
            ahead.after = rows.last().map(|row| row.no).or(ahead.after);
            let free = rows
                .into_iter()
                .filter(|row| !self.held.contains(&row.no) && self.selected.contains(row.no));
            let before = ahead.rows.len();
            ahead.rows.extend(free);
            let read = ahead.rows.iter().skip(before);
            // What another org's entry refers to is not sent here.
            let read = read.filter(|row| row.org == self.org);
            let connections = read.filter_map(|row| row.entry.connection.as_ref());
            self.secrets
                .extend(connections.flat_map(Connection::secrets));
        }
        Ok(())
    }
}

// How long it is until then. A time that no entry can be put off to was stored before the clock was set back: it has
// come, or every restart would wait anew.
fn ahead(until: UnixMillis, now: UnixMillis, longest: Duration) -> Duration {
    let ahead = until.ahead_of(now);
    if ahead > longest {
        return Duration::ZERO;
    }
    ahead
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::job::LedgerUrl;
    use crate::ledger::{InFlight, OpenMode, Progress};
    use crate::model::Step;
    use crate::plan::tests::entry;

    async fn window(folder: &std::path::Path) -> Window {
        let url = LedgerUrl::file(folder.join("ledger.db"));
        let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
        let of_run = (RunId("k3f9".to_owned()), OrgNo(0));
        let bounds = Bounds {
            ahead: 10,
            rest: Duration::from_mins(5),
        };
        Window::new(
            ledger,
            of_run,
            Selected::default(),
            InWave::default(),
            bounds,
        )
    }

    fn begun(in_flight: Option<InFlight>) -> EntryRow {
        let entry = entry(json!({ "org": "acme", "app": "google", "appId": "0oa1",
            "connection": { "profile": { "authScheme": "OAUTH2" } } }));
        let progress = Progress {
            in_flight,
            ..Progress::default()
        };
        crate::ledger::tests::begun(entry, progress)
    }

    /// It was read while somebody's call was under way, and they told of its end before it came back.
    #[tokio::test]
    async fn an_entry_that_was_overtaken_at_work_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut window = window(folder.path()).await;
        let later = unix_millis().after(Duration::from_mins(1));
        let handed_in = || InFlight {
            step: Step::CompleteConsent,
            sent_at: unix_millis(),
            ended: false,
            link_before: None,
            credentials: None,
        };
        for (in_flight, delayed) in [(Some(handed_in()), 0), (None, 1)] {
            let row = window.hold(begun(in_flight));
            window.look_again();
            window.release(row.no);
            window.put_off(row, later);
            assert_eq!(window.delayed(), delayed);
        }
        // Nobody has told of this one since.
        let row = window.hold(begun(Some(handed_in())));
        window.release(row.no);
        window.put_off(row, later);
        assert_eq!(window.delayed(), 2);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_no_entry_waiting() {
        const NOW: i64 = 1_767_323_045_000;
        let longest = Duration::from_mins(5);
        for (until, ahead_ms) in [
            (NOW - 1, 0),
            (NOW, 0),
            (NOW + 1_500, 1_500),
            (NOW + 300_000, 300_000),
            (NOW + 300_001, 0),
            (NOW + 3_600_000, 0),
            (i64::MAX, 0),
            (i64::MIN, 0),
        ] {
            let wanted = Duration::from_millis(ahead_ms);
            let ahead = ahead(UnixMillis(until), UnixMillis(NOW), longest);
            assert_eq!(ahead, wanted, "{until}");
        }
    }
}
