//! The local clock, and durations in whole milliseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::UnixMillis;

/// Whole milliseconds.
pub(super) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Now, by the local clock.
pub fn unix_millis() -> UnixMillis {
    // A clock before 1970 reads as 1970: it only ever delays.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixMillis(0).after(since.unwrap_or_default())
}
