//! What happens to the waves of a run.

use crate::model::UnixMillis;

/// What happens to a wave of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaveEvent {
    /// It begins.
    Began {
        /// How many orgs it has.
        orgs: u64,
        /// How many entries.
        entries: u64,
    },
    /// Every entry of it is done, failed, waiting, or of a stopped org.
    Ended {
        /// How many failed, with those of stopped orgs.
        failed: u64,
    },
    /// It has ended, and the next one begins later.
    Soaks {
        /// Then at the earliest, by the local clock.
        until: UnixMillis,
    },
    /// It begins when a person says so.
    AwaitsApproval,
    /// Too many of its entries failed: no further entry of the run begins.
    Halted {
        /// How many failed, with those of stopped orgs.
        failed: u64,
        /// How many may.
        allowed: u64,
        /// Of how many.
        entries: u64,
    },
}
