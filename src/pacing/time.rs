//! The local clock, and durations in whole milliseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::Millis;

/// Whole milliseconds.
pub(super) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Now, by the local clock.
pub fn unix_millis() -> Millis {
    // A clock before 1970 reads as 1970: it only ever delays.
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
