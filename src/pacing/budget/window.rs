//! What is known of a bucket's window, and what the ledger knows of it.

use std::time::Duration;

use crate::pacing::budget::RESET_MARGIN;

/// What the ledger was told last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    pub until: Duration,
    pub durable: bool,
}

impl Note {
    /// Our idea of a window's end gets better by up to a second while it lasts.
    pub fn covers(self, until: Duration) -> bool {
        until <= self.until + RESET_MARGIN
    }
}

/// Where a window stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Window {
    /// Nothing known: one request at a time.
    Cold,
    /// The server does not meter this bucket.
    Unmetered,
    /// The window the server described last.
    Known {
        limit: u64,
        remaining: u64,
        // The latest of it that was shown, and the earliest: it may be computed anew for each answer.
        reset: i64,
        first: i64,
        // The earliest, on our clock.
        reset_at: Duration,
        others: bool,
    },
    /// A known window has ended, and no answer of the next one has come yet.
    /// `sent` counts ours since; `probe` = others spend from this bucket too, so one request goes first.
    Fresh {
        limit: u64,
        sent: u64,
        ended: i64,
        probe: bool,
    },
    /// Used up until then, as a refusal or an earlier process said.
    Closed { until: Duration, limit: Option<u64> },
}
