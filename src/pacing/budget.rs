//! What may still be spent of one bucket of one org: learned from `x-rate-limit-*`, reserved before a
//! request is sent, settled by its answer (API.md §10). Pure: time is passed in.
//!
//! The count is conservative: a request in flight counts against what is left until its answer
//! is there, even if an earlier answer already included it.
//!
//! A process that dies takes its count with it, and the next one finds out with one request what is left. So
//! that this request never meets a window that is used up, the last two of a window are held back until the
//! ledger knows that the window is over for us ([`Budget::take_note`]): before that note at least one is left
//! for whoever comes after, and from then on it waits ([`Budget::restore`]).

use std::time::Duration;

mod learn;
mod left;
mod neighbours;
mod window;

use neighbours::Neighbours;
pub use window::{Grant, Observed, Others, RESET_MARGIN, Settled, Spent};
use window::{Note, Window};

/// What a budget allows from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Calls in the window at hand.
    pub left: u64,
    /// Calls in each window after it.
    pub allowance: u64,
    /// When the next one begins.
    pub resets_in: Duration,
    /// How long they last.
    pub window: Duration,
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
    // Those that have ended without a word, so that they may have counted in the next; and those before it.
    silent: u64,
    unclear: u64,
    note: Option<Note>,
    // The last refusal's wait, which answers that were on their way then do not shorten.
    not_before: Duration,
    neighbours: Neighbours,
    // When it was asked or told of something last, and since when the window at hand may have gone on unseen.
    latest: Duration,
    shown_at: Duration,
    /// When the answer came that showed the window for the first time.
    opened_at: Duration,
}

/// Resets are whole seconds and may be computed anew for each answer: within this they mean the same window.
const SAME_WINDOW_S: i64 = 1;

/// A reset this far (seconds) before the one of the window we are in is no straggler's: no call takes so long.
const GARBAGE_S: i64 = 600;

/// The last requests of a window, which wait for the ledger's note: one for the request of a process that comes
/// after us, and one more if that dies, too. It costs the window nothing but the milliseconds of a write.
const HELD_BACK: u64 = 2;

impl Budget {
    /// A bucket nothing is known of; `share` is the part of the shown limit that may be used.
    pub const fn new(share: f64) -> Self {
        Self {
            share,
            in_flight: 0,
            window: Window::Cold,
            ours: 0,
            peak: 0.0,
            silent: 0,
            unclear: 0,
            note: None,
            not_before: Duration::ZERO,
            neighbours: Neighbours::new(),
            latest: Duration::ZERO,
            shown_at: Duration::ZERO,
            opened_at: Duration::ZERO,
        }
    }

    /// Starts over with requests that are in flight already, of which nothing is known yet.
    pub fn begin_anew(&mut self, in_flight: u64) {
        *self = Self {
            in_flight,
            peak: self.peak,
            ..Self::new(self.share)
        };
    }

    /// Requests in flight that turn out to spend from this bucket, too.
    pub const fn take_in(&mut self, in_flight: u64) {
        self.in_flight += in_flight;
        self.ours += in_flight;
        // Those that have ended before counted elsewhere.
        self.neighbours.lose_track();
    }

    /// Requests in flight that turn out to spend from another bucket.
    pub const fn let_go(&mut self, in_flight: u64) {
        self.in_flight = self.in_flight.saturating_sub(in_flight);
    }

    /// Continues where an earlier process left off: nothing is left of a window.
    pub fn restore(&mut self, spent: Spent) {
        let Spent { until, limit } = spent;
        self.window = Window::Closed { until, limit };
        self.note = Some(Note {
            until,
            durable: true,
        });
    }

    /// Continues from what an earlier process saw others take.
    pub fn restore_others(&mut self, others: Others) {
        self.neighbours.restore(others);
    }

    /// What the ledger has to know of others, told once a window and when it has grown.
    pub fn take_others(&mut self) -> Option<Others> {
        self.neighbours.take_seen()
    }

    /// What the ledger has to know before the last requests may go, told once a window.
    pub fn take_note(&mut self) -> Option<Spent> {
        let (until, limit) = match self.window {
            Window::Known {
                limit, reset_at, ..
            } if self.left_now() <= HELD_BACK => (reset_at + RESET_MARGIN, Some(limit)),
            Window::Closed { until, limit } => (until, limit),
            _ => return None,
        };
        if self.note.is_some_and(|note| note.covers(until)) {
            return None;
        }
        self.note = Some(Note {
            until,
            durable: false,
        });
        Some(Spent { until, limit })
    }

    /// The ledger knows of the window that ends then.
    pub fn noted(&mut self, until: Duration) {
        if let Some(note) = self.note.as_mut().filter(|note| note.until == until) {
            note.durable = true;
        }
    }

    /// Asks for a place, for the first of so many calls that wait.
    pub fn reserve(&mut self, now: Duration, waiting: usize) -> Grant {
        self.roll(now);
        if now < self.not_before {
            return Grant::Wait {
                until: Some(self.not_before),
            };
        }
        let free = match self.window {
            Window::Cold => self.in_flight == 0,
            Window::Unmetered => true,
            Window::Known { reset_at, .. } => {
                let until = self.held_until(reset_at, waiting);
                let last = self.left_now() <= HELD_BACK;
                until.is_none() && (!last || self.is_noted(reset_at + RESET_MARGIN))
            }
            Window::Fresh {
                limit, sent, probe, ..
            } => {
                let spent = sent.max(self.in_flight) + self.headroom(limit) + HELD_BACK;
                self.in_flight == 0 || (!probe && spent < limit)
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
                Window::Known { reset_at, .. } => self.held_until(reset_at, waiting),
                Window::Closed { until, .. } => Some(until),
                // An answer or the ledger's note comes first.
                _ => None,
            },
        }
    }

    /// Ends a reservation.
    pub fn settle(&mut self, now: Duration, settled: Settled) {
        self.roll(now);
        self.in_flight = self.in_flight.saturating_sub(1);
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
                self.not_ours();
                if let Window::Fresh { sent, .. } = &mut self.window {
                    *sent = sent.saturating_sub(1);
                }
            }
            Settled::Exhausted {
                until,
                reset,
                limit,
                sent,
            } => self.exhaust(Spent { until, limit }, reset, sent),
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
            Window::Known { limit, .. } => Some((self.left_now(), self.usable(limit))),
            Window::Closed {
                limit: Some(limit), ..
            } => Some((0, self.usable(limit))),
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

    /// What the windows from now on allow us; `None` = not known, or nobody counts.
    pub fn outlook(&self, now: Duration) -> Option<Outlook> {
        let window = self.neighbours.length();
        let (left, limit, resets_in) = match self.window {
            Window::Known {
                limit, reset_at, ..
            } => {
                let resets_at = reset_at + RESET_MARGIN;
                (self.left_now(), limit, resets_at.saturating_sub(now))
            }
            Window::Fresh { limit, .. } => (self.usable(limit), limit, window),
            Window::Closed {
                until,
                limit: Some(limit),
            } => (0, limit, until.saturating_sub(now)),
            Window::Closed { limit: None, .. } | Window::Cold | Window::Unmetered => return None,
        };
        Some(Outlook {
            left,
            allowance: self.usable(limit),
            resets_in,
            window,
        })
    }

    /// Whether so many calls are left for us in the window, or nobody counts them.
    pub fn has_plenty(&self, calls: u64) -> bool {
        self.window == Window::Unmetered || self.left().is_some_and(|(left, _)| left >= calls)
    }

    /// Calls a second that are kept free for others, who were seen to make some.
    pub fn left_to_others(&self) -> Option<f64> {
        let (Window::Known { limit, .. } | Window::Fresh { limit, .. }) = self.window else {
            return None;
        };
        Some(self.neighbours.kept(limit)).filter(|pace| *pace > 0.0)
    }

    /// When the window ends, if none of it is left for us, or one call that is held back.
    pub fn ends(&self) -> Option<Duration> {
        match self.window {
            Window::Known { reset_at, .. } if self.left_now() <= 1 => Some(reset_at + RESET_MARGIN),
            Window::Closed { until, .. } => Some(until),
            _ => None,
        }
    }

    fn is_noted(&self, until: Duration) -> bool {
        self.note
            .is_some_and(|note| note.durable && note.covers(until))
    }

    // The end of a window makes the whole limit available again.
    fn roll(&mut self, now: Duration) {
        self.latest = self.latest.max(now);
        match self.window {
            Window::Known {
                limit,
                reset,
                reset_at,
                others,
                ..
            } if now >= reset_at + RESET_MARGIN => {
                self.ours = self.in_flight;
                self.unclear = std::mem::take(&mut self.silent);
                self.neighbours.close();
                self.window = Window::Fresh {
                    limit,
                    sent: 0,
                    ended: reset,
                    probe: others || self.neighbours.pace(limit) > 0.0,
                };
            }
            Window::Closed { until, .. } if now >= until => self.window = Window::Cold,
            _ => {}
        }
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
            sent: T(0),
        })
    }

    #[test]
    fn a_refusals_wait_outlasts_answers_that_were_on_their_way() {
        for reset in [None, Some(21)] {
            let mut budget = Budget::new(1.0);
            assert_eq!(budget.reserve(T(10), 1), Grant::Go);
            budget.settle(T(10), shown(500, 499, 70));
            assert_eq!(budget.reserve(T(11), 1), Grant::Go);
            assert_eq!(budget.reserve(T(11), 1), Grant::Go);
            let refused = Settled::Exhausted {
                until: T(15),
                reset: reset.map(|_| 70),
                limit: Some(500),
                sent: T(11),
            };
            budget.settle(T(12), refused);
            budget.settle(T(12), shown(500, 480, 70));
            let wait = budget.reserve(T(13), 1);
            assert!(
                matches!(wait, Grant::Wait { until: Some(until) } if until >= T(15)),
                "{wait:?}"
            );
        }
    }

    #[test]
    fn plenty_is_what_a_window_still_has_for_us_or_what_nobody_counts() {
        let mut budget = Budget::new(0.5);
        assert!(!budget.has_plenty(0), "nothing is known");
        assert_eq!(budget.reserve(T(1), 1), Grant::Go);
        budget.settle(T(1), shown(100, 99, 60));
        assert!(budget.has_plenty(49) && !budget.has_plenty(50));
        assert_eq!(budget.reserve(T(2), 1), Grant::Go);
        assert!(!budget.has_plenty(49), "one is in flight");
        let mut budget = Budget::new(0.5);
        assert_eq!(budget.reserve(T(1), 1), Grant::Go);
        budget.settle(T(1), Settled::Unmetered);
        assert!(budget.has_plenty(u64::MAX));
    }

    #[test]
    fn a_garbage_reset_counts_and_is_not_believed() {
        let mut budget = Budget::new(1.0);
        assert_eq!(budget.reserve(T(1_000), 1), Grant::Go);
        budget.settle(T(1_000), shown(20, 19, 1_060));
        note(&mut budget);
        let mut went = 1;
        while budget.reserve(T(1_001), 1) == Grant::Go {
            budget.settle(T(1_001), shown(20, 7, 1));
            note(&mut budget);
            went += 1;
        }
        assert_eq!(went, 20);
        // Nor does it make a refusal look like one of long ago.
        let refused = Settled::Exhausted {
            until: T(1_100),
            reset: Some(1),
            limit: Some(20),
            sent: T(1_001),
        };
        budget.settle(T(1_002), refused);
        let until = Some(T(1_100));
        assert_eq!(budget.reserve(T(1_070), 1), Grant::Wait { until });
    }

    // Where the ledger is as fast as we are.
    fn note(budget: &mut Budget) {
        if let Some(spent) = budget.take_note() {
            budget.noted(spent.until);
        }
    }

    fn grants(budget: &mut Budget, now: u64) -> u64 {
        std::iter::from_fn(|| {
            note(budget);
            (budget.reserve(T(now), 1) == Grant::Go).then_some(())
        })
        .take(1_000)
        .count() as u64
    }

    #[test]
    fn a_cold_bucket_is_probed_with_one_request() {
        let mut budget = Budget::new(0.9);
        assert_eq!(budget.reserve(T(0), 1), Grant::Go);
        assert_eq!(budget.reserve(T(0), 1), Grant::Wait { until: None });
        budget.settle(T(1), shown(50, 49, 60));
        assert_eq!(grants(&mut budget, 1), 44, "0.9 of 50 less the probe");
        assert_eq!(budget.reserve(T(1), 1), Grant::Wait { until: Some(T(61)) });
    }

    #[test]
    fn a_new_window_is_used_at_once() {
        let mut budget = Budget::new(1.0);
        budget.reserve(T(0), 1);
        budget.settle(T(1), shown(10, 9, 60));
        assert_eq!(grants(&mut budget, 1), 9);
        for left in (0..9).rev() {
            budget.settle(T(2), shown(10, left, 60));
        }
        assert_eq!(grants(&mut budget, 60), 0, "the second's margin");
        assert_eq!(grants(&mut budget, 61), 8, "two wait for the first answer");
        budget.settle(T(62), shown(10, 9, 121));
        assert_eq!(grants(&mut budget, 62), 2);
    }

    #[test]
    fn others_are_respected_and_probed_for() {
        let mut budget = Budget::new(0.9);
        budget.reserve(T(0), 1);
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
            assert_eq!(budget.reserve(T(0), 1), Grant::Go);
            budget.settle(T(0), Settled::Silent);
        }
        budget.reserve(T(0), 1);
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
        budget.reserve(T(0), 1);
        budget.settle(
            T(1),
            Settled::Exhausted {
                until: T(31),
                reset: Some(30),
                limit: Some(50),
                sent: T(0),
            },
        );
        assert_eq!(budget.left(), Some((0, 45)));
        budget.settle(T(2), shown(50, 7, 30));
        assert_eq!(
            budget.left(),
            Some((0, 45)),
            "an older answer does not open it"
        );
        assert_eq!(budget.reserve(T(30), 1), Grant::Wait { until: Some(T(31)) });
        assert_eq!(budget.reserve(T(31), 1), Grant::Go);
    }

    #[test]
    fn stragglers_of_an_old_window_change_nothing() {
        let mut budget = Budget::new(1.0);
        budget.reserve(T(0), 1);
        budget.settle(T(1), shown(10, 9, 60));
        assert_eq!(grants(&mut budget, 59), 9);
        budget.settle(T(62), shown(10, 3, 60));
        assert_eq!(
            grants(&mut budget, 62),
            0,
            "eight of the old window may yet count in the new one, two are held back"
        );
        budget.settle(T(63), shown(10, 9, 122));
        budget.settle(T(63), shown(10, 0, 60));
        assert_eq!(
            budget.left(),
            Some((3, 10)),
            "nine left, six of them in flight"
        );
    }

    #[test]
    fn a_limit_that_changes_is_followed() {
        let mut budget = Budget::new(1.0);
        budget.reserve(T(0), 1);
        budget.settle(T(1), shown(100, 99, 60));
        budget.reserve(T(1), 1);
        budget.settle(T(2), shown(20, 10, 60));
        assert_eq!(grants(&mut budget, 2), 10);
    }

    #[test]
    fn the_last_two_wait_for_the_ledger_and_a_restart_for_the_window() {
        let mut budget = Budget::new(1.0);
        budget.reserve(T(0), 1);
        budget.settle(T(1), shown(5, 4, 60));
        assert_eq!(budget.take_note(), None, "more than two are left");
        assert_eq!(budget.reserve(T(1), 1), Grant::Go);
        assert_eq!(budget.reserve(T(1), 1), Grant::Go);
        assert_eq!(budget.reserve(T(1), 1), Grant::Wait { until: None });
        let spent = budget.take_note().expect("two are left");
        assert_eq!((spent.until, spent.limit), (T(61), Some(5)));
        assert_eq!(budget.take_note(), None, "told once");
        assert_eq!(budget.reserve(T(1), 1), Grant::Wait { until: None });
        budget.noted(spent.until);
        assert_eq!(budget.reserve(T(1), 1), Grant::Go);
        assert_eq!(budget.reserve(T(1), 1), Grant::Go);
        assert_eq!(budget.reserve(T(1), 1), Grant::Wait { until: Some(T(61)) });

        let mut next = Budget::new(1.0);
        next.restore(spent);
        assert_eq!(next.reserve(T(60), 1), Grant::Wait { until: Some(T(61)) });
        assert_eq!(next.take_note(), None, "the ledger knows");
        assert_eq!(next.reserve(T(61), 1), Grant::Go, "then one goes first");
        assert_eq!(next.reserve(T(61), 1), Grant::Wait { until: None });
    }

    #[test]
    fn a_window_whose_end_becomes_clearer_is_noted_once_and_a_later_one_again() {
        let mut budget = Budget::new(1.0);
        budget.reserve(T(0), 1);
        budget.settle(T(1), shown(5, 1, 60));
        note(&mut budget);
        assert_eq!(budget.reserve(T(1), 1), Grant::Go);
        let again = Observed {
            limit: 5,
            remaining: 0,
            reset: 61,
            reset_at: T(59),
            sent: T(1),
        };
        budget.settle(T(2), Settled::Shown(again));
        assert_eq!(budget.take_note(), None);
        let later = Settled::Exhausted {
            until: T(90),
            reset: Some(89),
            limit: Some(5),
            sent: T(2),
        };
        budget.settle(T(3), later);
        assert_eq!(budget.take_note().map(|spent| spent.until), Some(T(90)));
    }

    #[test]
    fn a_bucket_that_others_exhaust_is_asked_for_once_a_window() {
        let mut budget = Budget::new(0.9);
        let mut refused = 0;
        for second in 0..600 {
            if grants(&mut budget, second) > 0 {
                refused += 1;
                let reset = i64::try_from(second / 60 * 60 + 59).expect("small");
                let until = T(second / 60 * 60 + 60);
                let (reset, limit) = (Some(reset), Some(50));
                let settled = Settled::Exhausted {
                    until,
                    reset,
                    limit,
                    sent: T(second),
                };
                budget.settle(T(second), settled);
            }
        }
        assert_eq!(refused, 10);
    }

    #[test]
    fn a_refusal_of_the_whole_org_leaves_the_principals_own_limit() {
        let mut budget = Budget::new(1.0);
        budget.reserve(T(0), 1);
        budget.settle(T(1), shown(50, 49, 60));
        budget.reserve(T(1), 1);
        let orgs = Settled::Exhausted {
            until: T(61),
            reset: Some(60),
            limit: Some(100),
            sent: T(1),
        };
        budget.settle(T(2), orgs);
        assert_eq!(budget.left(), Some((0, 50)));
        assert_eq!(grants(&mut budget, 61), 1, "others spend here");
    }

    #[test]
    fn a_refusal_that_speaks_of_an_earlier_end_is_waited_for_unless_it_is_a_straggler() {
        for (sent, is_straggler) in [(T(0), true), (T(3), false)] {
            let mut budget = Budget::new(1.0);
            budget.reserve(T(0), 1);
            budget.reserve(T(0), 1);
            budget.settle(T(2), shown(50, 48, 60));
            let refused = Settled::Exhausted {
                until: T(9),
                reset: Some(8),
                limit: Some(50),
                sent,
            };
            budget.settle(T(4), refused);
            let next = budget.reserve(T(5), 1);
            assert_eq!(next == Grant::Go, is_straggler, "{next:?}");
            // One looks whether it is over, not all that wait.
            let later = grants(&mut budget, 9);
            assert_eq!(later == 1, !is_straggler, "{later}");
        }
    }

    #[test]
    fn absurd_numbers_do_no_harm() {
        for (limit, remaining) in [(u64::MAX, u64::MAX), (u64::MAX, 0), (1, u64::MAX), (3, 7)] {
            let mut budget = Budget::new(0.9);
            budget.reserve(T(0), 1);
            budget.settle(T(1), shown(limit, remaining, i64::MAX));
            assert!(grants(&mut budget, 1) <= limit.min(1_000));
        }
    }

    #[test]
    fn a_share_never_rounds_down_to_nothing() {
        let mut budget = Budget::new(0.01);
        budget.reserve(T(0), 1);
        budget.settle(T(1), shown(10, 10, 60));
        assert_eq!(grants(&mut budget, 1), 1);
    }
}
