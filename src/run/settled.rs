//! What a budget is told of its requests, and what it says.

use std::time::Duration;

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
        /// When to go on, on our clock.
        until: Duration,
        /// The window's identity, if the headers said.
        reset: Option<i64>,
        /// Requests a window, if the headers said.
        limit: Option<u64>,
    },
}

/// A window that is used up, as the ledger keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When to go on, on our clock.
    pub until: Duration,
    /// Requests a window, if known.
    pub limit: Option<u64>,
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
