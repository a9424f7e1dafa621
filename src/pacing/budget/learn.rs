//! What answers teach a budget of its window.

use std::time::Duration;

use crate::pacing::budget::neighbours::{First, Ours, follows};
use crate::pacing::budget::{
    Budget, GARBAGE_S, Observed, RESET_MARGIN, SAME_WINDOW_S, Spent, Window,
};

impl Budget {
    /// Takes in what an answer showed.
    pub fn learn(&mut self, now: Duration, seen: Observed) {
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
                first,
                others,
                ..
            } if same => {
                self.shown_at = self.shown_at.max(seen.sent);
                self.neighbours.look(&seen, self.counted());
                let expected = remaining.saturating_sub(1 + self.in_flight);
                let first = first.min(seen.reset);
                self.window = Window::Known {
                    limit: seen.limit,
                    remaining: remaining.min(seen.remaining),
                    reset: reset.max(seen.reset),
                    first,
                    // The newest idea of where the server's clock stands is the best.
                    reset_at: seen
                        .reset_at
                        .saturating_sub(Duration::from_secs(seen.reset.abs_diff(first))),
                    others: others || seen.remaining < expected,
                };
            }
            // No window of this server: that it counted is all that can be believed.
            Window::Known { reset, .. } if reset.saturating_sub(seen.reset) > GARBAGE_S => {
                self.count_silently();
            }
            // A straggler of a window that has ended.
            Window::Fresh { .. } | Window::Known { .. } if !newer => self.not_ours(),
            // Sent before the refusal that closed this window, or in a window before it.
            Window::Closed { until, .. } if seen.reset_at <= until => {
                self.window = Window::Closed {
                    until,
                    limit: Some(seen.limit),
                };
            }
            _ if seen.reset_at + RESET_MARGIN <= now => {
                // A reset that has passed already says nothing of the window we are in.
                self.window = Window::Cold;
            }
            _ => self.open(now, &seen),
        }
    }

    // A window that is shown for the first time.
    fn open(&mut self, now: Duration, seen: &Observed) {
        // Our own requests are at most those in flight and this one; whatever else is gone, others took.
        let ours = self.in_flight + 1;
        let first = match self.window {
            Window::Fresh { .. } => First::Whole,
            Window::Known { reset_at, .. } if follows(now, reset_at) => First::Whole,
            Window::Cold if self.in_flight == 0 => First::FromNow,
            _ => First::Unclear,
        };
        if let Window::Fresh { .. } = self.window {
            self.ours = ours.max(self.ours);
        } else {
            self.ours = ours;
            self.unclear = std::mem::take(&mut self.silent);
        }
        self.shown_at = seen.sent;
        self.opened_at = now;
        self.neighbours.open(now, seen, self.counted(), first);
        self.window = Window::Known {
            limit: seen.limit,
            remaining: seen.remaining,
            reset: seen.reset,
            first: seen.reset,
            reset_at: seen.reset_at,
            others: seen.remaining.saturating_add(ours) < seen.limit,
        };
    }

    #[expect(clippy::cast_precision_loss, reason = "limits are small")]
    fn note_share(&mut self, limit: u64) {
        let answered = self.ours.saturating_sub(self.in_flight);
        self.peak = self.peak.max((answered as f64 / limit as f64).min(1.0));
    }

    // What of the window's count is ours.
    const fn counted(&self) -> Ours {
        Ours {
            most: self.ours + self.unclear,
            in_flight: self.in_flight,
        }
    }

    /// A call did not count in the window at hand.
    pub(super) const fn not_ours(&mut self) {
        self.ours = self.ours.saturating_sub(1);
    }

    /// A call ended that may have counted.
    pub(super) fn count_silently(&mut self) {
        self.silent += 1;
        if let Window::Known { remaining, .. } = &mut self.window {
            *remaining = remaining.saturating_sub(1);
        }
    }

    /// A call was refused: nothing is left until then.
    pub(super) fn exhaust(&mut self, spent: Spent, reset: Option<i64>, left_at: Duration) {
        let Spent { until, limit } = spent;
        let known = match self.window {
            Window::Known { reset, .. } | Window::Fresh { ended: reset, .. } => Some(reset),
            _ => None,
        };
        let is_garbage =
            |reset: &i64| known.is_some_and(|known| known.saturating_sub(*reset) > GARBAGE_S);
        let reset = reset.filter(|reset| !is_garbage(reset));
        if let (Some(known), Some(reset)) = (known, reset)
            && known - reset > SAME_WINDOW_S
        {
            self.not_ours();
            // Else a straggler of a window that has ended. What was sent after the present one was shown is none: it
            // is about a window that nobody shows us, and tells us when that ends.
            if left_at > self.opened_at {
                self.not_before = self.not_before.max(until);
                self.window = Window::Closed { until, limit };
            }
            return;
        }
        // Refused, it was not counted.
        self.not_ours();
        self.not_before = self.not_before.max(until);
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
                self.neighbours.used_up(limit, self.counted());
            }
            (Window::Fresh { limit, .. }, Some(reset)) => {
                let limit = *limit;
                let reset_at = until.saturating_sub(RESET_MARGIN);
                self.window = Window::Known {
                    limit,
                    remaining: 0,
                    reset,
                    first: reset,
                    reset_at,
                    others: true,
                };
            }
            (window, _) => *window = Window::Closed { until, limit },
        }
    }
}
