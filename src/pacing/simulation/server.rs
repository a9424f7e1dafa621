//! The simulated org that budgets are tried with.

use std::time::Duration;

use super::{Rounding, World};
use crate::okta::Method;

/// Okta's side: fixed windows from their first request on, on a clock of its own.
pub(super) struct Server {
    pub(super) world: World,
    pub(super) epoch_ms: i64,
    pub(super) windows: [Window; 2],
}

#[derive(Default)]
pub(super) struct Window {
    pub(super) ends: Duration,
    pub(super) limit: u64,
    pub(super) counted: u64,
    pub(super) opened: u64,
}

pub(super) struct Answer {
    pub(super) accepted: bool,
    pub(super) limit: u64,
    pub(super) remaining: u64,
    pub(super) reset: i64,
    pub(super) date: i64,
}

impl Server {
    pub(super) fn handle(&mut self, now: Duration, method: Method) -> Answer {
        let (limit, window_s) = match self.world.later {
            Some((from, limit, window_s)) if now >= from => (limit, window_s),
            _ => (self.world.limit, self.world.window_s),
        };
        let (which, limit) = match self.world.reads {
            Some(reads) if method == Method::Get => (1, reads),
            _ => (0, limit),
        };
        let window = &mut self.windows[which];
        if now >= window.ends {
            // One that has begun keeps its limit and its end.
            window.ends = now + Duration::from_secs(window_s);
            window.limit = limit;
            window.opened += 1;
            // The others are quicker than we are in every window.
            window.counted = self.world.others_per_window.min(limit);
        }
        let limit = window.limit;
        let accepted = window.counted < limit;
        if accepted {
            window.counted += 1;
        }
        let remaining = limit - window.counted;
        let ends = window.ends;
        let ends_ms = self.epoch(ends);
        let reset = match self.world.reset {
            Rounding::Down => ends_ms.div_euclid(1_000),
            Rounding::Up => (ends_ms + 999).div_euclid(1_000),
        };
        Answer {
            accepted,
            limit,
            remaining,
            reset,
            date: self.epoch(now).div_euclid(1_000),
        }
    }

    pub(super) fn epoch(&self, at: Duration) -> i64 {
        self.epoch_ms
            + self.world.skew_s * 1_000
            + i64::try_from(at.as_millis()).expect("a short simulation")
    }
}
