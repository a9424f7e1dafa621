//! How many calls may be in flight: learned from the concurrency 429 (limit 0, remaining 0; API.md §10.1).
//! Pure: time is passed in.
//!
//! A refusal tells the level exactly: as the refusals of a burst come in, what is still in flight is what the org
//! took on. The cap is halved, returns to that level with every answer, and looks one above it first soon, in case
//! the level was measured too low, and then ever more rarely.

use std::time::Duration;

use crate::apps::App;

/// Calls that count against one limit of calls in flight: Office 365 has its own (API.md §10.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pool {
    /// Everything but Office 365.
    #[default]
    General,
    /// What is done for entries of office365.
    Office365,
}

impl Pool {
    /// How many there are.
    pub const COUNT: usize = 2;

    /// Its place among them.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The one that pays for an app's calls.
    pub const fn of(app: App) -> Self {
        match app {
            App::Office365 => Self::Office365,
            _ => Self::General,
        }
    }
}

/// A pool's in-flight cap as learned.
#[derive(Clone, Debug)]
pub struct Concurrency {
    max: u32,
    in_flight: u32,
    cap: f64,
    known: Option<Known>,
    halved_at: Option<Duration>,
    rests_until: Duration,
}

// What the org takes on at once, as far as it is known.
#[derive(Clone, Copy, Debug)]
struct Known {
    level: u32,
    look_at: Duration,
    patience: Duration,
}

/// A level is looked above for the first time after this, since it may have been measured too low.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// Looks that were refused are this far apart at most: 30 refusals an hour.
const LAST_LOOK: Duration = Duration::from_mins(2);

/// How long an org that takes on none of our calls at all is left alone.
const REST: Duration = Duration::from_secs(1);

impl Concurrency {
    /// Starts at `max`, the configured `maxInFlight`, and never goes above it.
    pub fn new(max: u32) -> Self {
        let max = max.max(1);
        Self {
            max,
            in_flight: 0,
            cap: f64::from(max),
            known: None,
            halved_at: None,
            rests_until: Duration::ZERO,
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

    /// Whether one more call may go.
    pub fn has_room(&self) -> bool {
        self.in_flight < self.cap()
    }

    /// When calls may go again, if none may now whatever is in flight.
    pub fn rests_until(&self, now: Duration) -> Option<Duration> {
        (now < self.rests_until).then_some(self.rests_until)
    }

    /// A call goes.
    pub const fn take(&mut self) {
        self.in_flight += 1;
    }

    /// A call ended, with or without an answer.
    pub const fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// An answer came that was no concurrency refusal.
    pub fn succeeded(&mut self, now: Duration) {
        let max = f64::from(self.max);
        let Some(known) = self.known else { return };
        let level = f64::from(known.level);
        if self.cap < level {
            self.cap = (self.cap + 1.0).min(level);
        } else if now >= known.look_at && level < max {
            // One above; then one more for each full round of answers, and the level follows behind.
            self.cap = (self.cap + 1.0 / self.cap).max(level + 1.0).min(max);
            if self.cap >= level + 2.0 {
                self.known = Some(Known {
                    level: known.level + 1,
                    patience: FIRST_LOOK,
                    ..known
                });
            }
        }
    }

    /// The org refused a call for concurrency that was sent at `sent` and has been given back.
    pub fn refused(&mut self, now: Duration, sent: Duration) {
        let others = self.in_flight;
        let level = others.max(1);
        let same_burst = self.halved_at.is_some_and(|halved_at| sent <= halved_at);
        if others == 0 {
            self.rests_until = now + REST;
            if !same_burst || self.known.is_none_or(|known| known.level <= 1) {
                // Others' calls fill it, or those of the process before: how many of ours it takes on is to be found
                // out anew, from one on.
                self.cap = 1.0;
                self.halved_at = Some(now);
                self.known = Some(Known {
                    level: self.max,
                    look_at: now,
                    patience: FIRST_LOOK,
                });
                return;
            }
        }
        if let Some(known) = self.known.as_mut().filter(|_| same_burst) {
            // The fewer are left of a burst the better they tell.
            if known.patience == FIRST_LOOK {
                known.level = known.level.min(level);
            }
            self.cap = self.cap.min(half(known.level));
            return;
        }
        // A look above that was refused says nothing new, but for how rarely to look.
        let looked = self.known.filter(|known| self.cap() > known.level);
        let known = match looked {
            Some(known) => Known {
                patience: (known.patience * 2).min(LAST_LOOK),
                ..known
            },
            None => Known {
                level,
                look_at: now,
                patience: FIRST_LOOK,
            },
        };
        self.cap = half(known.level);
        self.halved_at = Some(now);
        self.known = Some(Known {
            look_at: now + known.patience,
            ..known
        });
    }
}

fn half(level: u32) -> f64 {
    (f64::from(level) / 2.0).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: fn(u64) -> Duration = Duration::from_secs;

    // Sends until there is no room; how many went.
    fn fill(concurrency: &mut Concurrency) -> u32 {
        let mut went = 0;
        while concurrency.has_room() {
            concurrency.take();
            went += 1;
        }
        went
    }

    fn refuse(concurrency: &mut Concurrency, now: u64, sent: u64, calls: u32) {
        for _ in 0..calls {
            concurrency.give_back();
            concurrency.refused(T(now), T(sent));
        }
    }

    fn answer(concurrency: &mut Concurrency, now: u64, calls: u32) {
        for _ in 0..calls {
            concurrency.give_back();
            concurrency.succeeded(T(now));
        }
    }

    #[test]
    fn a_burst_shows_the_level_and_halves_once() {
        let mut concurrency = Concurrency::new(20);
        assert_eq!(fill(&mut concurrency), 20);
        refuse(&mut concurrency, 1, 0, 8);
        assert_eq!(concurrency.cap(), 6, "half of the twelve it took on");
        answer(&mut concurrency, 3, 6);
        assert_eq!(concurrency.cap(), 12, "an answer each, back to the level");
        answer(&mut concurrency, 5, 6);
        assert_eq!(concurrency.cap(), 12);
    }

    #[test]
    fn a_look_above_that_is_refused_makes_the_next_one_rarer() {
        let mut concurrency = Concurrency::new(20);
        fill(&mut concurrency);
        refuse(&mut concurrency, 0, 0, 15);
        answer(&mut concurrency, 5, 5);
        assert_eq!(concurrency.cap(), 5);
        let mut looks = Vec::new();
        for now in 6..600 {
            fill(&mut concurrency);
            if concurrency.cap() > 5 {
                looks.push(now);
                refuse(&mut concurrency, now, now, 1);
                assert_eq!(concurrency.cap(), 2, "halved");
            }
            answer(&mut concurrency, now, 1);
        }
        assert_eq!(looks, [11, 32, 73, 154, 275, 396, 517]);
    }

    #[test]
    fn a_look_above_that_is_taken_on_is_followed() {
        let mut concurrency = Concurrency::new(20);
        fill(&mut concurrency);
        refuse(&mut concurrency, 0, 0, 15);
        for now in 1..200 {
            fill(&mut concurrency);
            answer(&mut concurrency, now, 5);
        }
        assert_eq!(concurrency.cap(), 20);
    }

    #[test]
    fn never_below_one_nor_above_the_configured_cap() {
        let mut concurrency = Concurrency::new(3);
        for burst in 0..10 {
            fill(&mut concurrency);
            refuse(&mut concurrency, burst * 10, burst * 10, 1);
            answer(&mut concurrency, burst * 10, 3);
            assert!((1..=3).contains(&concurrency.cap()));
        }
        for now in 100..1_000 {
            fill(&mut concurrency);
            answer(&mut concurrency, now, 1);
        }
        assert_eq!(concurrency.cap(), 3);
    }

    #[test]
    fn an_org_that_takes_on_nothing_rests() {
        let mut concurrency = Concurrency::new(0);
        assert_eq!(fill(&mut concurrency), 1);
        refuse(&mut concurrency, 5, 4, 1);
        assert_eq!(concurrency.rests_until(T(5)), Some(T(6)));
        assert_eq!(concurrency.rests_until(T(6)), None);
    }
}
