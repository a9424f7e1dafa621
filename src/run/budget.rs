//! What may still be spent of one bucket of one org: learned from `x-rate-limit-*`, reserved before a
//! request is sent, settled by its answer (PRODUCT.md §6, API.md §10). Pure: time is passed in.
//!
//! The count is conservative: a request in flight counts against what is left until its answer
//! is there, even if an earlier answer already included it.

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
    },
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

/// The bucket's state.
#[derive(Clone, Debug)]
pub struct Budget {
    share: f64,
    in_flight: u64,
    window: Window,
    // Our requests in the window, and the largest part of a limit they ever were.
    ours: u64,
    peak: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Window {
    /// Nothing known: one request at a time.
    Cold,
    /// The server does not meter this bucket.
    Unmetered,
    /// The window the server described last.
    Known {
        limit: u64,
        remaining: u64,
        reset: i64,
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
    /// Refused until then, without knowing the limit.
    Closed { until: Duration },
}

/// Resets are whole seconds and may be computed anew for each answer: within this they mean the same window.
const SAME_WINDOW_S: i64 = 1;

/// `reset` is cut to whole seconds, so the window may end up to a second after it.
pub const RESET_MARGIN: Duration = Duration::from_secs(1);

impl Budget {
    /// A bucket nothing is known of; `share` is the part of the shown limit that may be used.
    pub const fn new(share: f64) -> Self {
        Self {
            share,
            in_flight: 0,
            window: Window::Cold,
            ours: 0,
            peak: 0.0,
        }
    }

    /// Asks for a place.
    pub fn reserve(&mut self, now: Duration) -> Grant {
        self.roll(now);
        let free = match self.window {
            Window::Cold => self.in_flight == 0,
            Window::Unmetered => true,
            Window::Known {
                limit, remaining, ..
            } => self.in_flight + self.headroom(limit) < remaining,
            Window::Fresh {
                limit, sent, probe, ..
            } => {
                let spent = sent.max(self.in_flight);
                self.in_flight == 0 || (!probe && spent + self.headroom(limit) < limit)
            }
            Window::Closed { .. } => false,
        };
        if free {
            if let Window::Fresh { sent, .. } = &mut self.window {
                *sent += 1;
            }
            self.in_flight += 1;
            self.ours += 1;
            return Grant::Go;
        }
        Grant::Wait {
            until: match self.window {
                Window::Known { reset_at, .. } => Some(reset_at + RESET_MARGIN),
                Window::Closed { until } => Some(until),
                Window::Cold | Window::Unmetered | Window::Fresh { .. } => None,
            },
        }
    }

    /// Ends a reservation.
    pub fn settle(&mut self, now: Duration, settled: Settled) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.roll(now);
        match settled {
            Settled::Shown(observed) => self.learn(now, observed),
            Settled::Unmetered => {
                if self.window == Window::Cold {
                    self.window = Window::Unmetered;
                }
                self.count_silently();
            }
            Settled::Silent => self.count_silently(),
            Settled::NotCounted => {
                self.ours = self.ours.saturating_sub(1);
                if let Window::Fresh { sent, .. } = &mut self.window {
                    *sent = sent.saturating_sub(1);
                }
            }
            Settled::Exhausted { until, reset } => self.exhaust(until, reset),
        }
    }

    /// The largest part of a window's limit that was spent from here, if a limit was ever shown.
    pub fn share_used(&self) -> Option<f64> {
        (self.peak > 0.0).then_some(self.peak)
    }

    /// Requests left for us in the window, those in flight counted as spent, and how many we may have in
    /// all: for people to read.
    pub fn left(&self) -> Option<(u64, u64)> {
        match self.window {
            Window::Known {
                limit, remaining, ..
            } => Some((
                remaining.saturating_sub(self.headroom(limit) + self.in_flight),
                self.usable(limit),
            )),
            _ => None,
        }
    }

    /// Requests a window allows us, if the server has shown its limit.
    pub fn allowance(&self) -> Option<u64> {
        match self.window {
            Window::Known { limit, .. } | Window::Fresh { limit, .. } => Some(self.usable(limit)),
            _ => None,
        }
    }

    // The end of a window makes the whole limit available again.
    fn roll(&mut self, now: Duration) {
        match self.window {
            Window::Known {
                limit,
                reset,
                reset_at,
                others,
                ..
            } if now >= reset_at + RESET_MARGIN => {
                self.ours = self.in_flight;
                self.window = Window::Fresh {
                    limit,
                    sent: 0,
                    ended: reset,
                    probe: others,
                };
            }
            Window::Closed { until } if now >= until => self.window = Window::Cold,
            _ => {}
        }
    }

    fn learn(&mut self, now: Duration, seen: Observed) {
        let remaining = seen.remaining.min(seen.limit);
        let seen = Observed { remaining, ..seen };
        self.note_share(seen.limit);
        let known = match self.window {
            Window::Known { reset, .. } => Some(reset),
            Window::Fresh { ended, .. } => Some(ended),
            _ => None,
        };
        let newer = known.is_none_or(|known| seen.reset - known > SAME_WINDOW_S);
        let same = known.is_some_and(|known| (seen.reset - known).abs() <= SAME_WINDOW_S);
        match self.window {
            Window::Known {
                remaining,
                reset,
                reset_at,
                others,
                ..
            } if same => {
                let expected = remaining.saturating_sub(1 + self.in_flight);
                self.window = Window::Known {
                    limit: seen.limit,
                    remaining: remaining.min(seen.remaining),
                    reset: reset.max(seen.reset),
                    reset_at: reset_at.min(seen.reset_at),
                    others: others || seen.remaining < expected,
                };
            }
            // A straggler of a window that has ended.
            Window::Fresh { .. } | Window::Known { .. } if !newer => {}
            _ if seen.reset_at + RESET_MARGIN <= now => {
                // A reset that has passed already says nothing of the window we are in.
                self.window = Window::Cold;
            }
            _ => {
                // Our own requests are at most those in flight and this one; whatever else is gone, others took.
                let ours = self.in_flight + 1;
                self.ours = ours;
                self.window = Window::Known {
                    limit: seen.limit,
                    remaining: seen.remaining,
                    reset: seen.reset,
                    reset_at: seen.reset_at,
                    others: seen.remaining + ours < seen.limit,
                };
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "limits are small")]
    fn note_share(&mut self, limit: u64) {
        let answered = self.ours.saturating_sub(self.in_flight);
        self.peak = self.peak.max((answered as f64 / limit as f64).min(1.0));
    }

    fn count_silently(&mut self) {
        if let Window::Known { remaining, .. } = &mut self.window {
            *remaining = remaining.saturating_sub(1);
        }
    }

    fn exhaust(&mut self, until: Duration, reset: Option<i64>) {
        let known = match self.window {
            Window::Known { reset, .. } | Window::Fresh { ended: reset, .. } => Some(reset),
            _ => None,
        };
        if let (Some(known), Some(reset)) = (known, reset)
            && known - reset > SAME_WINDOW_S
        {
            // A straggler of a window that has ended.
            return;
        }
        match (&mut self.window, reset) {
            (
                Window::Known {
                    remaining,
                    reset: known,
                    reset_at,
                    others,
                    ..
                },
                Some(reset),
            ) => {
                *remaining = 0;
                *known = (*known).max(reset);
                *reset_at = (*reset_at).max(until.saturating_sub(RESET_MARGIN));
                // We reserve before we send, so somebody else was faster.
                *others = true;
            }
            (Window::Fresh { limit, .. }, Some(reset)) => {
                let limit = *limit;
                let reset_at = until.saturating_sub(RESET_MARGIN);
                self.window = Window::Known {
                    limit,
                    remaining: 0,
                    reset,
                    reset_at,
                    others: true,
                };
            }
            (window, _) => *window = Window::Closed { until },
        }
    }

    fn usable(&self, limit: u64) -> u64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "limits are small positive numbers, the share is in 0..=1"
        )]
        let usable = (limit as f64 * self.share + 1e-9).floor() as u64;
        usable.clamp(1, limit.max(1))
    }

    // What is left for everybody else.
    fn headroom(&self, limit: u64) -> u64 {
        limit - self.usable(limit).min(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: fn(u64) -> Duration = Duration::from_secs;

    fn shown(limit: u64, remaining: u64, reset: i64) -> Settled {
        Settled::Shown(Observed {
            limit,
            remaining,
            reset,
            reset_at: T(u64::try_from(reset).expect("positive")),
        })
    }

    fn grants(budget: &mut Budget, now: u64) -> u64 {
        std::iter::from_fn(|| (budget.reserve(T(now)) == Grant::Go).then_some(()))
            .take(1_000)
            .count() as u64
    }

    #[test]
    fn a_cold_bucket_is_probed_with_one_request() {
        let mut budget = Budget::new(0.9);
        assert_eq!(budget.reserve(T(0)), Grant::Go);
        assert_eq!(budget.reserve(T(0)), Grant::Wait { until: None });
        budget.settle(T(1), shown(50, 49, 60));
        assert_eq!(grants(&mut budget, 1), 44, "0.9 of 50 less the probe");
        assert_eq!(budget.reserve(T(1)), Grant::Wait { until: Some(T(61)) });
    }

    #[test]
    fn a_new_window_is_used_at_once() {
        let mut budget = Budget::new(1.0);
        budget.reserve(T(0));
        budget.settle(T(1), shown(10, 9, 60));
        assert_eq!(grants(&mut budget, 1), 9);
        for left in (0..9).rev() {
            budget.settle(T(2), shown(10, left, 60));
        }
        assert_eq!(grants(&mut budget, 60), 0, "the second's margin");
        assert_eq!(grants(&mut budget, 61), 10);
        budget.settle(T(62), shown(10, 9, 121));
        assert_eq!(grants(&mut budget, 62), 0);
    }

    #[test]
    fn others_are_respected_and_probed_for() {
        let mut budget = Budget::new(0.9);
        budget.reserve(T(0));
        budget.settle(T(1), shown(50, 20, 60));
        assert_eq!(grants(&mut budget, 1), 15, "20 left, 5 of them for others");
        for _ in 0..15 {
            budget.settle(T(2), Settled::Silent);
        }
        assert_eq!(
            grants(&mut budget, 61),
            1,
            "one probe, since others spend here"
        );
        budget.settle(T(62), shown(50, 49, 121));
        assert_eq!(grants(&mut budget, 62), 44);
    }

    #[test]
    fn errors_without_headers_do_not_close_a_cold_bucket() {
        let mut budget = Budget::new(0.9);
        for _ in 0..5 {
            assert_eq!(budget.reserve(T(0)), Grant::Go);
            budget.settle(T(0), Settled::Silent);
        }
        budget.reserve(T(0));
        budget.settle(T(0), Settled::Unmetered);
        assert_eq!(grants(&mut budget, 0), 1_000);
        budget.settle(T(0), shown(50, 3, 60));
        assert_eq!(
            grants(&mut budget, 0),
            0,
            "headers that appear later are believed"
        );
    }

    #[test]
    fn a_429_closes_the_bucket_until_its_reset() {
        let mut budget = Budget::new(0.9);
        budget.reserve(T(0));
        budget.settle(
            T(1),
            Settled::Exhausted {
                until: T(31),
                reset: Some(30),
            },
        );
        assert_eq!(budget.reserve(T(30)), Grant::Wait { until: Some(T(31)) });
        assert_eq!(budget.reserve(T(31)), Grant::Go);
    }

    #[test]
    fn stragglers_of_an_old_window_change_nothing() {
        let mut budget = Budget::new(1.0);
        budget.reserve(T(0));
        budget.settle(T(1), shown(10, 9, 60));
        assert_eq!(grants(&mut budget, 59), 9);
        budget.settle(T(62), shown(10, 3, 60));
        assert_eq!(
            grants(&mut budget, 62),
            2,
            "eight of the old window may yet count in the new one"
        );
        budget.settle(T(63), shown(10, 9, 122));
        budget.settle(T(63), shown(10, 0, 60));
        assert_eq!(
            budget.left(),
            Some((1, 10)),
            "nine left, eight of them in flight"
        );
    }

    #[test]
    fn a_limit_that_changes_is_followed() {
        let mut budget = Budget::new(1.0);
        budget.reserve(T(0));
        budget.settle(T(1), shown(100, 99, 60));
        budget.reserve(T(1));
        budget.settle(T(2), shown(20, 10, 60));
        assert_eq!(grants(&mut budget, 2), 10);
    }

    #[test]
    fn a_share_never_rounds_down_to_nothing() {
        let mut budget = Budget::new(0.01);
        budget.reserve(T(0));
        budget.settle(T(1), shown(10, 10, 60));
        assert_eq!(grants(&mut budget, 1), 1);
    }
}
