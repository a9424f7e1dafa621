//! The local clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::UnixMillis;

/// Whole milliseconds, to be added to times.
pub(super) fn signed_millis(duration: Duration) -> i64 {
    UnixMillis(0).after(duration).0
}

/// Now, by the local clock.
pub fn unix_millis() -> UnixMillis {
    // A clock before 1970 reads as 1970: it only ever delays.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixMillis(0).after(since.unwrap_or_default())
}
