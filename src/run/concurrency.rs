//! How many calls of an org may be in flight: additive increase, multiplicative decrease on the
//! concurrency 429 (limit 0, remaining 0; API.md §10.1). Pure: time is passed in.

use std::time::Duration;

/// The org's in-flight cap as learned.
#[derive(Clone, Debug)]
pub struct Concurrency {
    max: u32,
    cap: f64,
    // The number in flight at which the org last refused, and when: the cap stays below it.
    refused_at: Option<(u32, Duration)>,
    halved_at: Option<Duration>,
}

/// How long a level that was refused is not tried again.
const LOOK_ABOVE_AFTER: Duration = Duration::from_mins(2);

/// Refusals within this time are one event: they belong to the same burst.
const ONE_EVENT: Duration = Duration::from_secs(2);

impl Concurrency {
    /// Starts at `max`, the configured `maxInFlight`, and never goes above it.
    pub fn new(max: u32) -> Self {
        Self {
            max: max.max(1),
            cap: f64::from(max.max(1)),
            refused_at: None,
            halved_at: None,
        }
    }

    /// How many calls may be in flight now.
    pub fn cap(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 ≤ cap ≤ max, a u32"
        )]
        let cap = self.cap as u32;
        cap.clamp(1, self.max)
    }

    /// An answer came that was no concurrency refusal.
    pub fn succeeded(&mut self, now: Duration) {
        let ceiling = match self.refused_at {
            Some((level, at)) if now < at + LOOK_ABOVE_AFTER => {
                level.saturating_sub(1).max(1).min(self.max)
            }
            Some(_) => {
                self.refused_at = None;
                self.max
            }
            None => self.max,
        };
        // One more for each full round of answers.
        self.cap = (self.cap + 1.0 / self.cap).min(f64::from(ceiling)).max(1.0);
    }

    /// The org refused a call for concurrency while `in_flight` calls, that one included, were under way.
    pub fn refused(&mut self, now: Duration, in_flight: u32) {
        let level = in_flight.max(1);
        let recent = self.halved_at.is_some_and(|at| now < at + ONE_EVENT);
        self.refused_at = Some(match self.refused_at {
            Some((known, _)) if recent => (known.min(level), now),
            _ => (level, now),
        });
        if !recent {
            self.cap = (f64::from(level.min(self.cap())) / 2.0).max(1.0);
            self.halved_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_refusal_halves_and_the_level_is_remembered() {
        let mut concurrency = Concurrency::new(20);
        assert_eq!(concurrency.cap(), 20);
        concurrency.refused(T(0), 12);
        concurrency.refused(T(1), 11);
        assert_eq!(concurrency.cap(), 6, "one burst halves once");
        for _ in 0..500 {
            concurrency.succeeded(T(10));
        }
        assert_eq!(
            concurrency.cap(),
            10,
            "just under the lowest level that was refused"
        );
        for _ in 0..500 {
            concurrency.succeeded(T(200));
        }
        assert_eq!(concurrency.cap(), 20, "looks above after a while");
    }

    #[test]
    fn never_below_one_nor_above_the_configured_cap() {
        let mut concurrency = Concurrency::new(3);
        for burst in 0..10 {
            concurrency.refused(T(burst * 10), 1);
            assert_eq!(concurrency.cap(), 1);
        }
        for _ in 0..1_000 {
            concurrency.succeeded(T(1_000));
        }
        assert_eq!(concurrency.cap(), 3);
    }
}
