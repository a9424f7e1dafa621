//! What an org was seen to do in this process: calls, the time they took, entries that came to rest.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::whole_millis;

/// What an org was seen to do in this process.
#[derive(Debug, Default)]
pub struct Tally {
    calls: AtomicU64,
    busy_ms: AtomicU64,
    ended: AtomicU64,
}

impl Tally {
    /// A call was answered after so long.
    pub fn called(&self, took: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.busy_ms
            .fetch_add(whole_millis(took), Ordering::Relaxed);
    }

    /// An entry came to rest: done, failed or waiting.
    pub fn ended(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// What it was so far.
    pub fn seen(&self) -> Tallied {
        Tallied {
            calls: self.calls.load(Ordering::Relaxed),
            busy_ms: self.busy_ms.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
        }
    }
}

/// [`Tally`] at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallied {
    /// Calls that were answered.
    pub calls: u64,
    /// Time they took.
    pub busy_ms: u64,
    /// Entries that came to rest.
    pub ended: u64,
}

impl Tallied {
    /// Of two orgs together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            busy_ms: self.busy_ms + other.busy_ms,
            ended: self.ended + other.ended,
        }
    }

    /// Calls that so many entries take, if any entry tells.
    pub fn calls_of(self, entries: u64) -> Option<u64> {
        Some((self.calls * entries).div_ceil((self.ended > 0).then_some(self.ended)?))
    }

    /// How long a call takes.
    pub fn of_a_call(self) -> Duration {
        Duration::from_millis(self.busy_ms.checked_div(self.calls).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_as_many_calls_as_those_before_it() {
        let tally = Tally::default();
        assert_eq!(tally.seen().calls_of(7), None, "nothing has ended");
        for took_ms in [1_000, 1_000, 2_000, 4_000] {
            tally.called(Duration::from_millis(took_ms));
        }
        tally.ended();
        assert_eq!(tally.seen().calls_of(7), Some(28));
        tally.ended();
        tally.ended();
        assert_eq!(tally.seen().calls_of(7), Some(10));
        assert_eq!(tally.seen().of_a_call(), Duration::from_secs(2));
        let both = tally.seen().and(Tallied::default());
        assert_eq!(both, tally.seen());
        assert_eq!(Tallied::default().of_a_call(), Duration::ZERO);
    }
}
