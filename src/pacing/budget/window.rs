//! What a budget is told of its requests, what it knows of its bucket's window, and what it says.

use std::time::Duration;

/// `reset` is cut to whole seconds, so the window may end up to a second after it.
pub const RESET_MARGIN: Duration = Duration::from_secs(1);

/// What an answer said, with the reset already on our clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// `x-rate-limit-limit`: requests a window; over 0.
    pub limit: u64,
    /// `x-rate-limit-remaining`.
    pub remaining: u64,
    /// `x-rate-limit-reset` as sent (epoch seconds): tells windows apart.
    pub reset: i64,
    /// The same on our clock.
    pub reset_at: Duration,
    /// When the call was sent: it counted then, or later.
    pub sent: Duration,
}

/// How an answer ended a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It carried the headers.
    Shown(Observed),
    /// It was a good answer without the headers: this server does not meter the bucket.
    Unmetered,
    /// It was an error without the headers, or none came: it may have counted.
    Silent,
    /// It never left, or was refused for concurrency: it did not count.
    NotCounted,
    /// 429 for the window: nothing is left until then.
    Exhausted {
        /// When to continue, on our clock.
        until: Duration,
        /// The window's identity, if the headers said.
        reset: Option<i64>,
        /// Requests a window, if the headers said.
        limit: Option<u64>,
        /// When the call was sent.
        sent: Duration,
    },
}

/// A window that is used up, as the ledger keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When to continue, on our clock.
    pub until: Duration,
    /// Requests a window, if known.
    pub limit: Option<u64>,
}

/// What others were seen to take of a bucket, as the ledger keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Others {
    /// Calls a second, in the busiest of the last windows.
    pub pace: f64,
    /// Whether they needed more than could be seen.
    pub unsure: bool,
    /// How long that counts, on our clock.
    pub until: Duration,
}

/// Whether a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Its place is reserved: send it, then settle.
    Go,
    /// Not now.
    Wait {
        /// When it makes sense to ask again; `None` = when a request in flight is settled.
        until: Option<Duration>,
    },
}

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
