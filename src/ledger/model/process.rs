//! Processes that work on a ledger together.

use crate::manifest::Label;
use crate::model::{RunId, UnixMillis};

/// A process, as it is held in place by its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtWork {
    /// What it is called: `pid 4711 on host since 2026-01-02T03:04:05Z`.
    pub name: String,
    /// What its machine is, as a worker says.
    pub labels: Vec<Label>,
    /// Runs that it leads.
    pub leads: Vec<RunId>,
    /// Partitions that it holds, in order; see [`partition_of`](crate::ledger::partition_of).
    pub partitions: Vec<u16>,
    /// How many more it asks for.
    pub asks: usize,
}

impl AtWork {
    /// The process, without the time at which it took up what it has: `pid 4711 on host`.
    pub fn process(&self) -> &str {
        let name = self.name.split_once(" since ");
        name.map_or(&self.name, |(process, _)| process)
    }
}

/// What this process holds on ledgers that several share, and what became of that since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Partitions that it holds.
    pub held: u64,
    /// Those that it wants and does not hold.
    pub wanted: u64,
    /// Of those: others hold them, and were asked for them.
    pub asked: u64,
    /// How often one was taken,
    pub taken: u64,
    /// given up in good order,
    pub given_up: u64,
    /// or lost with the session that it was held in.
    pub lost: u64,
    /// Sessions that something was held in.
    pub sessions_begun: u64,
    /// Of those: they ended, or did not answer, under what was held.
    pub sessions_lost: u64,
    /// When such a session last answered: the one that answered longest ago, of several.
    pub answered_at: Option<UnixMillis>,
}
