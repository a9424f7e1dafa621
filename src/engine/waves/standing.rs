//! Where the waves of a run stand, as its ledger has it: for whoever does not drive the run, and before it is driven.

use std::ops::ControlFlow;

use super::{Facts, Groups, Next, Work, next, soak_left};
use crate::engine::Selected;
use crate::job::Wave;
use crate::ledger::{Counts, Ledger, LedgerError, OrgRow, WaveRow};
use crate::model::{OrgNo, RunId, UnixMillis};

/// The waves of a run.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which org is in which.
    pub groups: Groups,
    /// One for each of them.
    pub waves: Vec<WaveStanding>,
    now: UnixMillis,
}

/// A wave of a run.
#[derive(Clone, Debug)]
pub struct WaveStanding {
    /// How many orgs it has.
    pub orgs: u64,
    /// Its entries, by state.
    pub counts: Counts,
    /// Those that are selected.
    pub wanted: Counts,
    /// Of these, those that have not begun, and are not of a stopped org.
    pub unbegun: u64,
    /// Whether there are such, selected or not.
    has_unbegun: bool,
    /// What is known of it.
    pub facts: Facts,
}

/// What a wave is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It has not begun.
    Pending,
    /// It has begun, and has not ended.
    Running,
    /// It has ended, and the next one begins then at the earliest.
    Soaking(UnixMillis),
    /// It begins when a person says so.
    AwaitingApproval,
    /// Too many of its entries failed.
    Halted,
    /// It has ended.
    Done,
}

impl Standing {
    /// Of a run with these orgs that was begun with these waves; what is left to do is what `selected` takes. `None` without
    /// waves.
    pub async fn read(
        (ledger, run): (&Ledger, &RunId),
        waves: &[Wave],
        orgs: &[OrgRow],
        selected: &Selected,
        now: UnixMillis,
    ) -> Result<Option<Self>, LedgerError> {
        let groups = Groups::of(waves, orgs.iter().map(|org| org.name.as_str()));
        if groups.waves.is_empty() {
            return Ok(None);
        }
        let rows = ledger.waves(run, groups.waves.len()).await?;
        let all = ledger.counts_by_org(run).await?;
        let wanted = if selected.is_all() {
            all.clone()
        } else {
            selected.counts_by_org(ledger, run).await?
        };
        let [unbegun, unbegun_of_all] =
            [&wanted, &all].map(|by_org| groups.sums_of(by_org, unbegun));
        let (all, wanted) = (groups.sums(&all), groups.sums(&wanted));
        let waves = groups.waves.iter().enumerate().map(|(no, wave)| {
            let (counts, row) = (all[no], rows[no]);
            let mut facts = Facts::new(wave, row, counts.entries());
            facts.failed = counts.failed + counts.held_back;
            facts.work = match (wanted[no].movable(), counts.movable()) {
                _ if counts.entries() == 0 => Work::Elsewhere,
                (1.., _) => Work::Left,
                (0, 1..) => Work::Elsewhere,
                (0, 0) => Work::AtRest,
            };
            let left = row.finished_at.map(|at| soak_left(at, wave.soak, now));
            let left = left.filter(|left| !left.is_zero());
            facts.soaks_until = left.map(|left| now.after(left));
            WaveStanding {
                orgs: groups.orgs_in(no).count() as u64,
                counts,
                wanted: wanted[no],
                unbegun: unbegun[no].pending,
                has_unbegun: unbegun_of_all[no].pending > 0,
                facts,
            }
        });
        let waves = waves.collect();
        Ok(Some(Self { groups, waves, now }))
    }

    /// What happens next when the run continues; that a wave is at rest may not be stored yet.
    pub fn next(&self) -> Next {
        self.settled().1
    }

    /// The wave at which the run is halted.
    pub fn halted(&self) -> Option<usize> {
        match self.next() {
            Next::Halted(wave) => Some(wave),
            _ => None,
        }
    }

    /// The wave that a person may let begin: the one that comes next, once all before are at rest.
    pub fn awaits(&self) -> Option<usize> {
        let (Next::Awaits(wave) | Next::Soaks { before: wave, .. }) = self.next() else {
            return None;
        };
        let facts = &self.waves[wave].facts;
        (facts.approve && facts.row.approved_at.is_none()).then_some(wave)
    }

    /// What each wave is doing.
    pub fn doing(&self) -> Vec<Doing> {
        let (facts, next) = self.settled();
        let mut all_done = true;
        let of = |(no, facts): (usize, &Facts)| {
            let row = facts.row;
            let doing = match next {
                Next::Halted(halted) if halted == no => Doing::Halted,
                Next::Soaks { after, until, .. } if after == no => Doing::Soaking(until),
                Next::Awaits(waits) if waits == no => Doing::AwaitingApproval,
                // With `--only` a part of it may have ended.
                _ if row.finished_at.is_some() && !self.waves[no].has_unbegun => Doing::Done,
                _ if row.started_at.is_some() => Doing::Running,
                _ if self.waves[no].counts.entries() == 0 && all_done => Doing::Done,
                _ => Doing::Pending,
            };
            all_done &= doing == Doing::Done;
            doing
        };
        facts.iter().enumerate().map(of).collect()
    }

    /// While the run is halted, entries that have not begun are held back.
    pub fn hold_back(&self, by_org: &mut [(OrgNo, Counts)]) {
        if self.halted().is_some() {
            for (_, counts) in by_org {
                counts.held_back = counts.held_back.max(counts.pending);
            }
        }
    }

    fn settled(&self) -> (Vec<Facts>, Next) {
        let mut facts: Vec<Facts> = self.waves.iter().map(|wave| wave.facts).collect();
        let step = |facts: &mut [Facts]| match next(facts) {
            Next::Ends(wave) => {
                let soak = self.groups.waves[wave].soak;
                facts[wave].row.finished_at = Some(self.now);
                facts[wave].soaks_until = (!soak.is_zero()).then(|| self.now.after(soak));
                ControlFlow::Continue(())
            }
            next => ControlFlow::Break(next),
        };
        loop {
            if let ControlFlow::Break(next) = step(&mut facts) {
                return (facts, next);
            }
        }
    }

    /// What is stored of each.
    pub fn rows(&self) -> Vec<WaveRow> {
        self.waves.iter().map(|wave| wave.facts.row).collect()
    }
}

/// Those that have not begun, and are not of a stopped org.
fn unbegun(counts: Counts) -> Counts {
    let pending = if counts.held_back > 0 {
        0
    } else {
        counts.pending
    };
    Counts {
        pending,
        ..Counts::default()
    }
}

impl Groups {
    /// What is known of orgs, of each wave.
    pub(super) fn sums(&self, by_org: &[(OrgNo, Counts)]) -> Vec<Counts> {
        self.sums_of(by_org, |counts| counts)
    }

    fn sums_of(&self, by_org: &[(OrgNo, Counts)], of: impl Fn(Counts) -> Counts) -> Vec<Counts> {
        let mut sums = vec![Counts::default(); self.waves.len()];
        for (org, counts) in by_org {
            if let Some(sum) = self.wave_of(*org).and_then(|wave| sums.get_mut(wave)) {
                *sum = [*sum, of(*counts)].into_iter().sum();
            }
        }
        sums
    }
}
