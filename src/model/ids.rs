//! What runs, orgs and entries are named by, and the unit of times.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time by the local clock: milliseconds since the Unix epoch, which are also what is stored and sent as JSON.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Earlier than anything.
    pub const MIN: Self = Self(i64::MIN);
    /// Later than anything.
    pub const MAX: Self = Self(i64::MAX);

    /// So much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(ms))
    }

    /// So much earlier.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(ms))
    }

    /// How long it takes from `now` until then; nothing if that is over.
    pub fn ahead_of(self, now: Self) -> Duration {
        let ms = u64::try_from(self.0.saturating_sub(now.0)).unwrap_or(0);
        Duration::from_millis(ms)
    }
}

/// A duration in whole milliseconds, as what is stored and sent as JSON has it.
pub fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Short id of a run; a unique prefix names it everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub String);

/// Place of an entry in its run, from 0, in manifest order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryNo(pub i64);

/// Index of an org in its run, from 0, in order of first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgNo(pub i64);

impl OrgNo {
    /// The org at this index of its run's list.
    pub fn at(index: usize) -> Self {
        Self(i64::try_from(index).unwrap_or(i64::MAX))
    }

    /// Its index in the run's list of orgs.
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for EntryNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for OrgNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
