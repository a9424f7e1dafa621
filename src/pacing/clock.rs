//! The server's clock as seen through `Date` headers: rate-limit resets are on it, not on ours, and
//! ours may be hours off (API.md §10.1).
//!
//! An org is more than one server, and their clocks differ. So no single answer moves a window: what is believed
//! is what all recent answers allow, and where they contradict each other, the clock that opens windows last. A
//! refusal in a window that should have been over tells most: it comes from the clock that counts.

use std::time::Duration;

use super::budget::{Observed, RESET_MARGIN, Settled};
use super::time::{signed_millis, unix_millis};
use crate::model::UnixMillis;
use crate::okta::{Class, Exchange, RateHeaders};

/// Where the server's clock stands against our monotonic one. Times are since an origin of the
/// caller's choosing.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerClock {
    bounds: Option<Bounds>,
    // Where the clock of an answer stood that is too far off to be true, unless the next one says the same.
    doubted_ms: Option<i64>,
    // Refusals say that it is not ahead of this.
    refused_ms: Option<i64>,
}

// Of (server epoch − our time), in milliseconds. `Date` is cut to whole seconds, and was written after the call was
// sent and before its answer was received.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    // The largest lower bound that the upper one allows: the closest.
    lower_ms: i64,
    // The smallest upper bound of late, and when it was seen.
    upper_ms: i64,
    upper_at: Duration,
    // Whether an answer had an upper bound below the lower one: the next that has is believed.
    slower: bool,
    // Whether one had a lower bound above an upper one that nothing has confirmed for long: likewise.
    faster: bool,
}

/// A clock this far from where it stood was set, or is another one's: believed when a second answer says the same.
const STEP_MS: i64 = 5_000;

/// An upper bound that nothing has confirmed for so long gives way: clocks drift, and one answer may have been wrong.
const UPPER_LASTS: Duration = Duration::from_mins(2);

/// How much later than the refused call the next one goes.
const LATER_MS: i64 = 500;

/// Wait after a 429 that says nothing of its reset.
const BLIND_WAIT: Duration = Duration::from_secs(10);

/// Shortest wait after a 429, whatever `Retry-After` says; also that after one whose reset has just passed.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// A reset that has passed for longer than this is no window's end.
const JUST_PASSED: Duration = Duration::from_secs(5);

/// Longest wait a header can cause: windows are 60 s, so anything beyond is garbage or a wrong clock.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(5);

impl ServerClock {
    /// Learns from an answer that carried `date` (epoch seconds), to a call that was sent at `sent` and received
    /// at `now`.
    pub fn observe(&mut self, date: i64, sent: Duration, now: Duration) {
        let Some(date_ms) = date.checked_mul(1_000) else {
            return;
        };
        let (lower, upper) = (
            date_ms.checked_sub(signed_millis(now)),
            date_ms.checked_add(1_000 - signed_millis(sent)),
        );
        let (Some(lower_ms), Some(upper_ms)) = (lower, upper) else {
            return;
        };
        let fresh = Bounds {
            lower_ms,
            upper_ms,
            upper_at: now,
            slower: false,
            faster: false,
        };
        let Some(bounds) = &mut self.bounds else {
            self.bounds = Some(fresh);
            return;
        };
        let known = bounds.lower_ms;
        if lower_ms.saturating_sub(known) > STEP_MS || known.saturating_sub(upper_ms) > STEP_MS {
            let doubted = self.doubted_ms.replace(lower_ms);
            if doubted.is_some_and(|doubted| doubted.abs_diff(lower_ms) <= STEP_MS.unsigned_abs()) {
                *self = Self {
                    bounds: Some(fresh),
                    ..Self::default()
                };
            }
            return;
        }
        self.doubted_ms = None;
        if upper_ms < bounds.lower_ms {
            if std::mem::replace(&mut bounds.slower, true) {
                *bounds = fresh;
            }
            return;
        }
        let unconfirmed = now.saturating_sub(bounds.upper_at) > UPPER_LASTS;
        if unconfirmed && lower_ms > bounds.upper_ms && !std::mem::replace(&mut bounds.faster, true)
        {
            return;
        }
        if upper_ms <= bounds.upper_ms || unconfirmed {
            bounds.upper_ms = upper_ms;
            bounds.upper_at = now;
            bounds.faster = false;
        }
        // One above belongs to a faster clock.
        if lower_ms <= bounds.upper_ms {
            bounds.lower_ms = bounds.lower_ms.max(lower_ms);
        }
    }

    /// Learns that a call that was sent at `sent` was refused in a window that ends with the second `reset`.
    pub fn refused(&mut self, reset: i64, sent: Duration) {
        let Some(known) = self.offset_ms() else {
            return;
        };
        // The second had not passed when the call was sent.
        let end_ms = reset.saturating_add(1).saturating_mul(1_000);
        let upper_ms = end_ms
            .saturating_sub(signed_millis(sent))
            .saturating_sub(LATER_MS);
        // One that is farther off is garbage.
        if upper_ms < known && known.saturating_sub(upper_ms) <= STEP_MS {
            self.refused_ms = Some(upper_ms);
        }
    }

    /// When, on our clock, the server's clock shows `epoch_s`; never earlier than it really does, by up to a second later.
    pub fn local(&self, epoch_s: i64) -> Option<Duration> {
        let at = epoch_s.checked_mul(1_000)?.checked_sub(self.offset_ms()?)?;
        Some(Duration::from_millis(u64::try_from(at).unwrap_or(0)))
    }

    fn offset_ms(&self) -> Option<i64> {
        let offset_ms = self.bounds?.lower_ms;
        Some(
            self.refused_ms
                .map_or(offset_ms, |refused| refused.min(offset_ms)),
        )
    }
}

impl ServerClock {
    /// What an answer, or its absence, says of the budget it spent from.
    pub(super) fn settled(&self, now: Duration, sent: Duration, exchange: &Exchange) -> Settled {
        let rate = &exchange.rate;
        let reset_at = rate.reset.map(|reset| {
            self.local(reset)
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
                    let asked =
                        retry_after.map(|asked| now + asked.clamp(LEAST_WAIT, LONGEST_WAIT));
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
}

// Without any `Date` our own clock is all there is.
fn by_wall_clock(reset: i64, now: Duration) -> Duration {
    now + UnixMillis(reset.saturating_mul(1_000)).ahead_of(unix_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(f64) -> Duration = Duration::from_secs_f64;

    // An answer of a clock that is 1,000 s ahead of ours and `off` more, to a call of 0.2 s.
    fn answer(clock: &mut ServerClock, now: f64, off: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "small")]
        let date = (1_000.0 + off + now - 0.1).floor() as i64;
        clock.observe(date, S(now - 0.2), S(now));
    }

    // When it opens the window that ends with second 1,060 of that clock, 60 of ours.
    fn opens(clock: &ServerClock) -> f64 {
        clock.local(1_060).expect("known").as_secs_f64()
    }

    #[test]
    fn the_closest_bound_wins_and_is_never_early() {
        let mut clock = ServerClock::default();
        assert_eq!(clock.local(100), None);
        // Its second is cut off.
        answer(&mut clock, 5.9, 0.0);
        assert!((60.0..61.0).contains(&opens(&clock)), "{}", opens(&clock));
        answer(&mut clock, 7.2, 0.0);
        let at = opens(&clock);
        assert!((60.0..60.25).contains(&at), "{at}");
        // A worse bound does not spoil it.
        answer(&mut clock, 8.9, 0.0);
        assert!((opens(&clock) - at).abs() < f64::EPSILON);
    }

    #[test]
    fn a_clock_that_is_set_is_followed_when_two_answers_say_so() {
        for off in [-3_600.0, 3_600.0, 60.0, -60.0] {
            let mut clock = ServerClock::default();
            answer(&mut clock, 1.2, 0.0);
            let before = opens(&clock);
            answer(&mut clock, 2.2, off);
            assert!(
                (opens(&clock) - before).abs() < f64::EPSILON,
                "one answer may be wrong"
            );
            answer(&mut clock, 3.2, 0.0);
            answer(&mut clock, 4.2, off);
            assert!(
                (opens(&clock) - before).abs() < f64::EPSILON,
                "as often as it likes"
            );
            answer(&mut clock, 5.2, off);
            let at = (60.0 - off).max(0.0);
            assert!(
                (at..=at + 1.0).contains(&opens(&clock)),
                "{off}: {}",
                opens(&clock)
            );
        }
    }

    #[test]
    fn of_clocks_that_differ_the_one_that_opens_last_is_believed() {
        for off in [1.0, 2.0, 4.0] {
            let mut clock = ServerClock::default();
            for n in 0_u8..20 {
                answer(
                    &mut clock,
                    1.2 + 0.3 * f64::from(n),
                    if n % 2 == 0 { 0.0 } else { off },
                );
            }
            assert!(
                (60.0 - 0.3..61.0).contains(&opens(&clock)),
                "{off}: {}",
                opens(&clock)
            );
        }
        // One that was behind once holds nothing up for long.
        let mut clock = ServerClock::default();
        for n in 0_u8..20 {
            answer(
                &mut clock,
                1.2 + 20.0 * f64::from(n),
                if n == 3 { -4.0 } else { 0.0 },
            );
        }
        assert!((60.0..61.0).contains(&opens(&clock)), "{}", opens(&clock));
    }

    #[test]
    fn a_refusal_in_a_window_that_was_over_shows_that_it_was_not() {
        let mut clock = ServerClock::default();
        answer(&mut clock, 1.2, 0.0);
        answer(&mut clock, 2.2, 1.3);
        let early = opens(&clock);
        // Sent when the window should have been over for its margin of a second.
        clock.refused(1_060, S(early + 1.0));
        let later = opens(&clock);
        assert!((later - early - 0.5).abs() < 0.01, "{early} {later}");
        // What comes after does not change that.
        answer(&mut clock, 70.2, 1.3);
        assert!(opens(&clock) >= later);
        // A window that still lasts, and garbage, say nothing.
        clock.refused(1_120, S(later + 2.0));
        clock.refused(60, S(later + 2.0));
        clock.refused(i64::MAX, S(later + 2.0));
        clock.refused(i64::MIN, S(later + 2.0));
        assert!((opens(&clock) - later).abs() < f64::EPSILON);
    }

    #[test]
    fn absurd_dates_do_not_overflow() {
        let mut clock = ServerClock::default();
        clock.observe(i64::MAX, S(0.5), S(1.0));
        assert_eq!(clock.local(1), None);
        for date in [i64::MIN / 1_000, i64::MAX / 1_000, 0] {
            clock.observe(date, S(0.5), S(1.0));
            clock.observe(date, Duration::ZERO, Duration::MAX);
        }
        assert_eq!(clock.local(i64::MAX), None);
    }
}
