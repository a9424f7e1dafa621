//! How much of a window is left for us, and when a call that finds nothing left may ask again.

use std::time::Duration;

use crate::pacing::budget::neighbours::number;
use crate::pacing::budget::{Budget, RESET_MARGIN, Window};

/// How long before a window's end (as far as we know it, which is up to two seconds late) its last call looks how much
/// others have taken, if further calls wait anyway: time for it to get there.
const LOOK_BEFORE: Duration = Duration::from_secs(3);

/// This part (1/n) of what we may have is ours without regard to `share`, as long as others get what they were seen
/// to take: where they take most of what `share` leaves us, we would come to a stand.
const LIGHTLY: u64 = 3;

/// This part (1/n) of what we may have is ours whatever others take.
const AT_LEAST: u64 = 10;

/// Calls that are there, though kept for others, when one of ours looks how many there are.
const A_FEW: u64 = 4;

/// Shortest wait for a window that has something left soon.
const A_MOMENT: Duration = Duration::from_millis(50);

impl Budget {
    pub(super) fn left_now(&self) -> u64 {
        let Window::Known {
            limit,
            remaining,
            reset_at,
            ..
        } = self.window
        else {
            return 0;
        };
        let there = remaining.saturating_sub(self.in_flight);
        let headroom = self.headroom(limit);
        let kept = self.kept(limit, reset_at).ceil();
        if kept <= 0.0 {
            return there.saturating_sub(headroom);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "over 0, and what is too much is cut"
        )]
        let kept = kept as u64;
        let part = |part: u64, free: u64| {
            let part = (self.usable(limit) / part).saturating_sub(self.ours);
            there.saturating_sub(free).min(part)
        };
        if self.neighbours.is_unsure() {
            return part(AT_LEAST, headroom);
        }
        let besides = there.saturating_sub(headroom.saturating_add(kept));
        besides
            .max(part(LIGHTLY, headroom.max(kept)))
            .max(part(AT_LEAST, headroom))
    }

    // What is kept free of the window for others: what they may have taken since we last saw it, and what they may
    // want until it ends.
    fn kept(&self, limit: u64, reset_at: Duration) -> f64 {
        let since = self.latest.saturating_sub(self.shown_at).as_secs_f64();
        let rest = (reset_at + RESET_MARGIN).saturating_sub(self.latest);
        self.neighbours.pace(limit) * since + self.neighbours.kept(limit) * rest.as_secs_f64()
    }

    /// Until when a call has to wait although the window is known; `None` = it does not.
    pub(super) fn held_until(&self, reset_at: Duration, waiting: usize) -> Option<Duration> {
        let now = self.latest;
        let look_at = reset_at.saturating_sub(LOOK_BEFORE);
        let left = self.left_now();
        let others_wait = waiting > 1;
        if left > 1 || left == 1 && (!others_wait || now >= look_at) {
            return None;
        }
        let opens = [
            Some(reset_at + RESET_MARGIN),
            self.more_at(left + 1, reset_at),
            Some(look_at).filter(|_| left == 1),
        ];
        let looks = self.looks(reset_at, look_at);
        let until = opens.into_iter().flatten().chain(looks).min();
        until.filter(|until| *until > now)
    }

    // When one call may see how much is left, although all of it is kept for others: now and then, and at the window's
    // end, as long as there is what they took in earlier windows.
    fn looks(&self, reset_at: Duration, look_at: Duration) -> impl Iterator<Item = Duration> {
        let there = match self.window {
            Window::Known {
                limit, remaining, ..
            } if self.in_flight == 0 && self.neighbours.pace(limit) > 0.0 => {
                remaining.saturating_sub(self.headroom(limit))
            }
            _ => 0,
        };
        let shown_at = self.shown_at;
        let rest = (reset_at + RESET_MARGIN).saturating_sub(shown_at);
        let theirs = self.neighbours.before() * rest.as_secs_f64();
        let between = self.neighbours.look_after(shown_at);
        let between = between.filter(|_| number(there) >= number(A_FEW) + theirs);
        let end = Some(look_at).filter(|at| number(there) >= 1.0 + theirs && *at > shown_at);
        between.into_iter().chain(end)
    }

    // When so many will be left if others keep to their pace: a little more is kept free than they take.
    fn more_at(&self, calls: u64, reset_at: Duration) -> Option<Duration> {
        let Window::Known {
            limit, remaining, ..
        } = self.window
        else {
            return None;
        };
        if self.neighbours.is_unsure() {
            return None;
        }
        let a_second = self.neighbours.kept(limit) - self.neighbours.pace(limit);
        let there = number(remaining) - number(self.in_flight + self.headroom(limit));
        let lacking = number(calls) - (there - self.kept(limit, reset_at));
        let wait = Duration::try_from_secs_f64(lacking / a_second).ok()?;
        // Not at once, whatever the rounding says.
        Some(self.latest + wait.max(A_MOMENT))
    }

    /// What of a limit we may have.
    pub(super) fn usable(&self, limit: u64) -> u64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "limits are small positive numbers, the share is in 0..=1"
        )]
        let usable = (limit as f64 * self.share + 1e-9).floor() as u64;
        usable.clamp(1, limit.max(1))
    }

    /// What is left for everybody else.
    pub(super) fn headroom(&self, limit: u64) -> u64 {
        limit - self.usable(limit).min(limit)
    }
}
