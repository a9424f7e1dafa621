//! What a budget is told of its requests, and what it says.

use std::time::Duration;

use super::clock::ServerClock;
use super::time::unix_millis;
use crate::okta::{Class, Exchange, RateHeaders};

/// `reset` is cut to whole seconds, so the window may end up to a second after it.
pub const RESET_MARGIN: Duration = Duration::from_secs(1);

/// Wait after a 429 that says nothing of its reset.
const BLIND_WAIT: Duration = Duration::from_secs(10);

/// Shortest wait after a 429, whatever `Retry-After` says; also that after one whose reset has just passed.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// A reset that has passed for longer than this is no window's end.
const JUST_PASSED: Duration = Duration::from_secs(5);

/// Longest wait a header can cause: windows are 60 s, so anything beyond is garbage or a wrong clock.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(5);

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
        /// When to go on, on our clock.
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
    /// When to go on, on our clock.
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

/// What an answer, or its absence, says of the budget it spent from.
pub(super) fn settled(
    clock: &ServerClock,
    now: Duration,
    sent: Duration,
    exchange: &Exchange,
) -> Settled {
    let rate = &exchange.rate;
    let reset_at = rate.reset.map(|reset| {
        clock
            .local(reset)
            .unwrap_or_else(|| by_wall_clock(reset, now))
    });
    // Okta's windows last 60 s: what ends after more than the longest wait is none.
    let window_end = reset_at.filter(|at| *at <= now + LONGEST_WAIT);
    let reset_at = reset_at.map(|at| at.min(now + LONGEST_WAIT));
    match exchange.outcome.as_ref().err().map(|error| &error.class) {
        Some(Class::RateLimited {
            concurrency: true, ..
        }) => Settled::NotCounted,
        Some(Class::RateLimited { retry_after, .. }) => Settled::Exhausted {
            until: {
                // One from before we began is none.
                let shown = reset_at.filter(|at| !at.is_zero());
                let shown = shown.map(|at| at + RESET_MARGIN);
                let shown = shown.filter(|at| *at + JUST_PASSED > now);
                let shown = shown.map(|at| if at > now { at } else { now + LEAST_WAIT });
                let asked = retry_after.map(|asked| now + asked.clamp(LEAST_WAIT, LONGEST_WAIT));
                // The later of the two; `None` is less than any time.
                shown.max(asked).unwrap_or(now + BLIND_WAIT)
            },
            reset: rate.reset,
            limit: rate.limit.filter(|limit| *limit > 0),
            sent,
        },
        class => match (rate.limit, rate.remaining, rate.reset, window_end) {
            (Some(limit), Some(remaining), Some(reset), Some(reset_at)) if limit > 0 => {
                Settled::Shown(Observed {
                    limit,
                    remaining,
                    reset,
                    reset_at,
                    sent,
                })
            }
            _ => match class {
                // Headers that are there in part, or make no sense, are no sign that nothing is metered.
                None if *rate == RateHeaders::default() => Settled::Unmetered,
                Some(Class::NotSent | Class::NoRoom) => Settled::NotCounted,
                None | Some(_) => Settled::Silent,
            },
        },
    }
}

// Without any `Date` our own clock is all there is.
fn by_wall_clock(reset: i64, now: Duration) -> Duration {
    let ahead_ms = reset.saturating_mul(1_000).saturating_sub(unix_millis());
    now + Duration::from_millis(u64::try_from(ahead_ms).unwrap_or(0))
}
