//! Waves: groups of a run's orgs of which each begins when the one before is at rest, its soak is over, and, where that is
//! asked for, a person let it begin; too many failed entries halt all of them.
//!
//! Here are the rules: from what is known of each wave to what happens next. No clock, no ledger, no tasks. What a wave
//! has come to is stored ([`WaveRow`]); that a run is halted is not, as it follows from what its entries came to.

mod groups;
mod halting;
mod live;
mod standing;

use std::time::Duration;

pub use groups::Groups;
pub(super) use halting::Halting;
pub use halting::InWave;
pub(super) use live::Waves;
pub use standing::{Doing, Standing, WaveStanding};

use crate::job::Wave;
use crate::ledger::WaveRow;
use crate::model::UnixMillis;

/// What is left to do in a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing that the command is about, although something is left: the wave is passed over.
    Elsewhere,
    /// Something: at work, or to be begun.
    Left,
    /// Every entry is done, failed, waiting, or of a stopped org.
    AtRest,
}

/// What is known of a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What has become of it.
    pub row: WaveRow,
    /// What is left to do.
    pub work: Work,
    /// Entries that failed, or are unfinished and of a stopped org.
    pub failed: u64,
    /// How many may; `None` = all.
    pub allowed: Option<u64>,
    /// Whether a person lets it begin.
    pub approve: bool,
    /// The end of its soak, as long as it has not come.
    pub soaks_until: Option<UnixMillis>,
}

/// What happens next in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// So many entries of this wave failed that no further entry begins.
    Halted(usize),
    /// This wave begins.
    Begins(usize),
    /// This wave continues.
    Works(usize),
    /// This wave is at rest.
    Ends(usize),
    /// Nothing begins before the soak of this wave is over.
    Soaks {
        /// The wave that soaks.
        after: usize,
        /// The wave that comes next.
        before: usize,
        /// The end of the soak.
        until: UnixMillis,
    },
    /// This wave waits for a person.
    Awaits(usize),
    /// No wave is left.
    Over,
}

impl Facts {
    /// Whether it has more failed entries than it may, and nobody had the run continue in spite of that.
    pub fn is_halted(&self) -> bool {
        let judged = self.row.started_at.is_some() && self.row.passed_at.is_none();
        judged && self.allowed.is_some_and(|allowed| self.failed > allowed)
    }

    const fn has_ended(&self) -> bool {
        self.row.started_at.is_some() && self.row.finished_at.is_some()
    }
}

/// What happens next. A wave that began was let through, and is not held up again.
pub fn next(waves: &[Facts]) -> Next {
    if let Some(halted) = waves.iter().position(Facts::is_halted) {
        return Next::Halted(halted);
    }
    let mut soak: Option<(usize, UnixMillis)> = None;
    for (no, wave) in waves.iter().enumerate() {
        if wave.has_ended() {
            let later = |until: &UnixMillis| soak.is_none_or(|(_, latest)| *until > latest);
            if let Some(until) = wave.soaks_until.filter(later) {
                soak = Some((no, until));
            }
            continue;
        }
        return match (wave.work, wave.row.started_at, soak) {
            (Work::Elsewhere, ..) => continue,
            (Work::Left, Some(_), _) => Next::Works(no),
            (Work::AtRest, Some(_), _) => Next::Ends(no),
            (_, None, Some((after, until))) => Next::Soaks {
                after,
                before: no,
                until,
            },
            (_, None, None) if wave.approve && wave.row.approved_at.is_none() => Next::Awaits(no),
            (_, None, None) => Next::Begins(no),
        };
    }
    Next::Over
}

/// What is left of a soak that began then. By a clock that was set back since it has just begun: it is never longer than
/// asked for, nor shorter.
pub fn soak_left(finished_at: UnixMillis, soak: Duration, now: UnixMillis) -> Duration {
    soak.saturating_sub(now.ahead_of(finished_at))
}

impl Facts {
    /// Of a wave of so many entries.
    pub fn new(wave: &Wave, row: WaveRow, entries: u64) -> Self {
        let halts = wave.halt_when_failed;
        Self {
            row,
            work: Work::AtRest,
            failed: 0,
            allowed: halts.map(|halts| halts.allowed(entries)),
            approve: wave.approve,
            soaks_until: None,
        }
    }
}

#[cfg(test)]
mod tests;
