//! What a plan says of the waves of a job.

use serde::Serialize;

/// What a wave of a run would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WavePlan {
    /// What people call it.
    pub name: String,
    /// How many orgs it has.
    pub orgs: u64,
    /// How many entries.
    pub entries: u64,
    /// Their calls, as those of its orgs.
    pub calls: u64,
}

impl WavePlan {
    /// Adds an org of so many entries and calls to it.
    pub const fn add(&mut self, entries: u64, calls: u64) {
        self.orgs += 1;
        self.entries += entries;
        self.calls += calls;
    }
}
