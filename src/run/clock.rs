//! The server's clock as seen through `Date` headers: rate-limit resets are on it, not on ours, and
//! ours may be hours off (API.md §10.1).

use std::time::Duration;

/// Where the server's clock stands against our monotonic one. Times are since an origin of the
/// caller's choosing.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerClock {
    // Largest lower bound seen of (server epoch − our time), in milliseconds. `Date` is cut to whole seconds and was
    // written before we received it, so every answer gives a lower bound; the largest is the closest.
    offset_ms: Option<i64>,
}

/// A bound that falls this far behind a newer answer's means that the server's clock was set, or another server answered.
const STEP_MS: i64 = 5_000;

impl ServerClock {
    /// Learns from an answer that carried `date` (epoch seconds) and was received at `now`.
    pub fn observe(&mut self, date: i64, now: Duration) {
        let Some(bound) = date
            .checked_mul(1_000)
            .and_then(|ms| ms.checked_sub(millis(now)))
        else {
            return;
        };
        self.offset_ms = Some(match self.offset_ms {
            Some(known) if bound > known || known - bound > STEP_MS => bound,
            Some(known) => known,
            None => bound,
        });
    }

    /// When, on our clock, the server's clock shows `epoch_s`; never earlier than it really does, by up to a second later.
    pub fn local(&self, epoch_s: i64) -> Option<Duration> {
        let at = epoch_s.checked_mul(1_000)?.checked_sub(self.offset_ms?)?;
        Some(Duration::from_millis(u64::try_from(at).unwrap_or(0)))
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(f64) -> Duration = Duration::from_secs_f64;

    #[test]
    fn the_closest_bound_wins_and_is_never_early() {
        let mut clock = ServerClock::default();
        assert_eq!(clock.local(100), None);
        // The server's clock is 1,000 s ahead of ours; latency 0.2 s; Date cut to the second.
        clock.observe(1_005, S(5.9 + 0.2));
        assert!(clock.local(1_060).expect("known") >= S(60.0));
        clock.observe(1_007, S(7.0 + 0.2));
        let at = clock.local(1_060).expect("known");
        assert!(at >= S(60.0) && at <= S(60.25), "{at:?}");
        // A worse bound does not spoil it.
        clock.observe(1_008, S(8.9 + 0.2));
        assert_eq!(clock.local(1_060), Some(at));
    }

    #[test]
    fn a_clock_that_is_set_back_is_followed() {
        let mut clock = ServerClock::default();
        clock.observe(10_000, S(1.0));
        clock.observe(6_400, S(2.0));
        assert_eq!(clock.local(6_460), Some(S(62.0)));
    }

    #[test]
    fn absurd_dates_do_not_overflow() {
        let mut clock = ServerClock::default();
        clock.observe(i64::MAX, S(1.0));
        assert_eq!(clock.local(1), None);
        clock.observe(i64::MIN / 1_000, S(1.0));
        assert_eq!(clock.local(i64::MAX), None);
    }
}
