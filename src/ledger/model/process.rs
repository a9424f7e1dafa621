//! Processes that work on a ledger together.

use crate::manifest::Label;
use crate::model::RunId;

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
