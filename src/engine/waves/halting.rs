//! What all orgs of a run share of its waves: how many entries of each failed, and whether that halts the run. Counted as
//! entries fail, so that no further one begins after the one that was too many.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::Groups;
use crate::ledger::{Counts, Ledger, LedgerError};
use crate::model::{OrgNo, RunId};
use crate::pacing::CancellationToken;

/// Nothing halts.
const ALL: u64 = u64::MAX;

/// The failures of a run's waves.
#[derive(Debug, Default)]
pub(in crate::engine) struct Halting {
    groups: Groups,
    /// Whether entries of one org may have steps in another.
    has_hubs: bool,
    tallies: Vec<Tally>,
    /// Cancelled when the run is halted.
    pub halted: CancellationToken,
}

#[derive(Debug)]
struct Tally {
    failed: AtomicU64,
    /// Unfinished entries of stopped orgs.
    held: Mutex<HashMap<OrgNo, u64>>,
    /// How many failed entries it may have; all until it begins.
    allowed: AtomicU64,
    has_begun: AtomicBool,
    /// Whether something of it is left to other processes: then it does not end here.
    is_left: AtomicBool,
}

impl Halting {
    /// Of waves of which none has begun.
    pub fn new(groups: Groups, has_hubs: bool) -> Self {
        let tally = || Tally {
            failed: AtomicU64::new(0),
            held: Mutex::default(),
            allowed: AtomicU64::new(ALL),
            has_begun: AtomicBool::new(false),
            is_left: AtomicBool::new(false),
        };
        let waves = groups.waves.len();
        Self {
            tallies: std::iter::repeat_with(tally).take(waves).collect(),
            groups,
            has_hubs,
            ..Self::default()
        }
    }

    /// The waves, and which org is in which.
    pub const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// A wave, to those who work on its entries.
    pub fn wave(self: &Arc<Self>, no: usize) -> InWave {
        InWave {
            halting: Arc::clone(self),
            no,
        }
    }

    /// A wave has begun. From now on it may have so many failed entries, or any number.
    pub fn begin(&self, wave: usize, allowed: Option<u64>) {
        if let Some(tally) = self.tallies.get(wave) {
            tally
                .allowed
                .store(allowed.unwrap_or(ALL), Ordering::Relaxed);
            tally.has_begun.store(true, Ordering::Relaxed);
            self.judge(wave);
        }
    }

    /// Something of a wave is left to other processes.
    pub fn leave(&self, wave: usize) {
        if let Some(tally) = self.tallies.get(wave) {
            tally.is_left.store(true, Ordering::Relaxed);
        }
    }

    /// Whether that is so.
    pub fn is_left(&self, wave: usize) -> bool {
        let is_left = |tally: &Tally| tally.is_left.load(Ordering::Relaxed);
        self.tallies.get(wave).is_some_and(is_left)
    }

    /// Failed entries of a wave, with those of stopped orgs.
    pub fn failed(&self, wave: usize) -> u64 {
        self.tallies.get(wave).map_or(0, Tally::all)
    }

    /// Takes over what the ledger has: somebody else's answers may have made entries fail. Never less than was counted, as
    /// an entry is counted before the ledger has it.
    pub fn recount(&self, by_org: &[(OrgNo, Counts)]) {
        for (org, counts) in by_org.iter().filter(|(_, counts)| counts.held_back > 0) {
            self.hold(*org, counts.held_back);
        }
        for (wave, counts) in self.groups.sums(by_org).iter().enumerate() {
            if let Some(tally) = self.tallies.get(wave) {
                tally.failed.fetch_max(counts.failed, Ordering::Relaxed);
                self.judge(wave);
            }
        }
    }

    /// So many unfinished entries of an org are held back by one that was stopped.
    fn hold(&self, org: OrgNo, entries: u64) {
        if let Some((wave, tally)) = self.of(org) {
            let mut held = tally.held.lock();
            let known = held.entry(org).or_default();
            *known = entries.max(*known);
            drop(held);
            self.judge(wave);
        }
    }

    fn of(&self, org: OrgNo) -> Option<(usize, &Tally)> {
        let wave = self.groups.wave_of(org)?;
        Some((wave, self.tallies.get(wave)?))
    }

    fn judge(&self, wave: usize) {
        let too_many = |tally: &Tally| tally.all() > tally.allowed.load(Ordering::Relaxed);
        if self.tallies.get(wave).is_some_and(too_many) {
            self.halted.cancel();
        }
    }
}

impl Tally {
    fn all(&self) -> u64 {
        let held: u64 = self.held.lock().values().sum();
        self.failed.load(Ordering::Relaxed) + held
    }
}

/// The wave of an org, to those who work on its entries; without waves nothing is counted and nothing halts.
#[derive(Clone, Debug, Default)]
pub struct InWave {
    halting: Arc<Halting>,
    no: usize,
}

impl InWave {
    /// Its place among the waves of the run.
    pub const fn no(&self) -> usize {
        self.no
    }

    /// Whether no further entry may begin.
    pub fn is_halted(&self) -> bool {
        self.halting.halted.is_cancelled()
    }

    /// As [`Self::is_halted`], to those who do not know waves; `None` where nothing can halt.
    pub fn halted(&self) -> Option<&CancellationToken> {
        (!self.halting.tallies.is_empty()).then_some(&self.halting.halted)
    }

    /// Whether entries of the org may begin.
    pub fn may_begin(&self) -> bool {
        let has_begun = |tally: &Tally| tally.has_begun.load(Ordering::Relaxed);
        self.halting.tallies.get(self.no).is_none_or(has_begun) && !self.is_halted()
    }

    /// An entry of the wave is left to other processes: no later wave begins before one has done it.
    pub fn leave(&self) {
        self.halting.leave(self.no);
    }

    /// An entry of that org failed and is about to be stored so: whoever waits for its turn to send must know first.
    pub fn count_failure(&self, org: OrgNo) {
        if let Some((wave, tally)) = self.halting.of(org) {
            tally.failed.fetch_add(1, Ordering::Relaxed);
            self.halting.judge(wave);
        }
    }

    /// The org was stopped: what is held back because of that counts as failed. Nothing is read where that halts nothing.
    pub async fn org_stopped(
        &self,
        (ledger, run): (&Ledger, &RunId),
        org: OrgNo,
    ) -> Result<(), LedgerError> {
        let halting = &self.halting;
        let is_judged = |tally: &Tally| tally.allowed.load(Ordering::Relaxed) != ALL;
        if self.is_halted() || !halting.tallies.iter().any(is_judged) {
            return Ok(());
        }
        if halting.has_hubs {
            // It may hold entries of others back.
            halting.recount(&ledger.counts_by_org(run).await?);
        } else if halting.tallies.get(self.no).is_some_and(is_judged) {
            let counts = ledger.counts_of_org(run, org).await?;
            halting.hold(org, counts.held_back);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Wave;

    fn waves() -> (Arc<Halting>, [InWave; 2]) {
        let first = Wave {
            orgs: vec!["a*".to_owned()],
            ..Wave::default()
        };
        // Of two orgs, and of one.
        let groups = Groups::of(&[first], ["a1", "a2", "b"].into_iter());
        let halting = Arc::new(Halting::new(groups, false));
        (Arc::clone(&halting), [halting.wave(0), halting.wave(1)])
    }

    fn counts(org: i64, failed: u64, held_back: u64) -> (OrgNo, Counts) {
        let counts = Counts {
            failed,
            pending: held_back,
            held_back,
            ..Counts::default()
        };
        (OrgNo(org), counts)
    }

    #[test]
    fn the_entry_that_is_too_many_halts_and_none_before() {
        let (halting, [first, second]) = waves();
        halting.begin(0, Some(2));
        for (failed, halted) in [(1, false), (2, false), (3, true)] {
            second.count_failure(OrgNo(1));
            assert_eq!((halting.failed(0), second.is_halted()), (failed, halted));
            assert_eq!((first.may_begin(), second.may_begin()), (!halted, false));
        }
    }

    #[test]
    fn what_is_counted_twice_counts_once() {
        let (halting, [first, _]) = waves();
        halting.begin(0, Some(3));
        first.count_failure(OrgNo(0));
        for _ in 0..2 {
            halting.recount(&[counts(0, 1, 0), counts(1, 0, 2), counts(2, 9, 9)]);
        }
        assert_eq!((halting.failed(0), first.is_halted()), (3, false));
        // Somebody else's answer made one fail.
        halting.recount(&[counts(0, 2, 0), counts(1, 0, 2)]);
        assert!(first.is_halted());
    }

    #[test]
    fn a_wave_that_has_not_begun_is_not_judged() {
        let (halting, [_, second]) = waves();
        halting.recount(&[counts(2, 0, 5)]);
        assert!(!second.is_halted() && !second.may_begin());
        halting.begin(1, Some(4));
        assert!(second.is_halted());
        let without = InWave::default();
        without.count_failure(OrgNo(0));
        assert!(!without.is_halted() && without.may_begin());
    }
}
