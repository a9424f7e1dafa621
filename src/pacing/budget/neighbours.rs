//! What others take of a bucket's windows, as far as the answers to our own calls show it, and at what pace some of
//! a window is kept free for them. Pure.
//!
//! Of what a window has counted, whatever cannot be ours was somebody else's. It is counted per second in which it
//! could be seen, because what others could not have was refused to them and never counted: from when a window was
//! shown first, since when it began is known to within two seconds only, to when the call was sent that showed it last,
//! since it counted some time before its answer came. The busiest of the last windows is believed. Where others used a window up before their pace was seen, most of the limit is kept free for
//! them until the next window has shown it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::pacing::budget::{Observed, Others, RESET_MARGIN};

/// What is kept free for others, as a multiple of what they were seen to take: no pace is quite steady.
const SURPLUS: f64 = 1.2;

/// Windows that are remembered, by a process that comes after this one, too: somebody who was quiet in one may be back
/// in the next.
const REMEMBERED: u8 = 3;

/// A pace counts once this part (1/n) of its window was seen: two calls in the first second say little.
const SEEN: u32 = 4;

/// The part of a limit that others are taken to need while all that is known is that they found a window used up.
const GUESS: f64 = 0.75;

/// The length of a window, as long as nothing says that it is shorter (API.md §10.1).
const OKTAS: Duration = Duration::from_mins(1);

/// A pace that is larger by this is told to the ledger before its window ends: few writes, and not much is lost.
const GROWN: f64 = 1.1;

/// A window that is shown before the one before has ended, but for rounding, is no successor of it.
const ROUNDING: Duration = Duration::from_secs(2);

/// What others were seen to take of the current window, and what is concluded for the next one.
#[derive(Clone, Debug)]
pub(super) struct Neighbours {
    length: Option<Duration>,
    // Of the window that was shown last.
    reset: Option<i64>,
    past: VecDeque<Past>,
    present: Option<Watch>,
    // What the ledger was told last.
    told: Option<Others>,
}

// How a window was that has ended.
#[derive(Clone, Copy, Debug)]
struct Past {
    // Calls a second of others; 0 = none were seen.
    pace: f64,
    // Whether others needed more than could be seen, or it was not seen for long.
    unsure: bool,
}

// The window at hand.
#[derive(Clone, Copy, Debug)]
struct Watch {
    limit: u64,
    // The least that was shown: answers may overtake each other.
    remaining: u64,
    reset_at: Duration,
    // Whether all of what others took of it is known, or only what they took since it was shown first.
    whole: bool,
    // When it was shown first, and what others had taken by then.
    since: Duration,
    before: u64,
    // What they have taken in all, and when that was true: then, or later.
    taken: u64,
    at: Duration,
    // Whether it was seen with none of ours in flight, long enough after it was shown first.
    surely: bool,
    used_up: bool,
}

impl Watch {
    // Whether others took any of it.
    const fn somebody(&self) -> bool {
        let unknown = if self.whole { 0 } else { self.before };
        self.taken > unknown
    }

    const fn seen_for(&self) -> Duration {
        self.at.saturating_sub(self.since)
    }
}

/// What of a window's count is ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ours {
    /// At most.
    pub most: u64,
    /// Of these, those that may not have counted yet.
    pub in_flight: u64,
}

/// What is known of a window that is shown for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// All of it: the one before was known, too.
    Whole,
    /// Nothing of what went before this answer: an earlier process of ours may have spent from it.
    FromNow,
    /// Not even what of it is ours.
    Unclear,
}

impl Neighbours {
    /// Nobody was seen yet.
    pub(super) const fn new() -> Self {
        Self {
            length: None,
            reset: None,
            past: VecDeque::new(),
            present: None,
            told: None,
        }
    }

    /// A window was shown for the first time.
    pub(super) fn open(&mut self, now: Duration, seen: &Observed, ours: Ours, first: First) {
        self.close();
        self.measure(now, seen);
        let gone = (seen.limit - seen.remaining).saturating_sub(ours.most);
        if first == First::Unclear {
            return;
        }
        self.present = Some(Watch {
            limit: seen.limit,
            remaining: seen.remaining,
            reset_at: seen.reset_at,
            whole: first == First::Whole,
            since: now,
            before: gone,
            taken: gone,
            at: seen.sent,
            surely: false,
            used_up: false,
        });
    }

    /// The window at hand was shown again.
    pub(super) fn look(&mut self, seen: &Observed, ours: Ours) {
        let Some(mut watch) = self.present else {
            return;
        };
        if watch.limit != seen.limit {
            // What another limit counts is another count.
            self.present = None;
            return;
        }
        watch.reset_at = watch.reset_at.min(seen.reset_at);
        watch.remaining = watch.remaining.min(seen.remaining);
        let gone = (watch.limit - watch.remaining).saturating_sub(ours.most);
        let mut fresh = Watch {
            taken: gone.max(watch.before),
            at: watch.at.max(seen.sent),
            ..watch
        };
        if fresh.somebody() {
            // Some of ours may have yet to arrive.
            fresh.taken += ours.in_flight / 2;
        }
        let surely = ours.in_flight == 0;
        if surely {
            // Nobody so far: whoever makes a call or two in a window may come yet.
            let parts = if fresh.somebody() { 1 } else { SEEN - 1 };
            watch.surely |= fresh.seen_for() >= self.length() / SEEN * parts;
        }
        if surely || self.pace_in(&fresh) > self.pace_in(&watch) {
            (watch.taken, watch.at) = (fresh.taken, fresh.at);
        }
        self.present = Some(watch);
    }

    /// One of our calls was refused although something should have been left.
    pub(super) fn used_up(&mut self, limit: Option<u64>, ours: Ours) {
        if let Some(watch) = &mut self.present
            && limit.is_none_or(|limit| limit == watch.limit)
        {
            let gone = watch.limit.saturating_sub(ours.most);
            watch.taken = watch.taken.max(gone);
            watch.used_up = true;
        }
    }

    /// What of the window at hand is ours is not known any more.
    pub(super) const fn lose_track(&mut self) {
        self.present = None;
    }

    /// The window at hand has ended.
    pub(super) fn close(&mut self) {
        if let Some(watch) = self.present.take() {
            let past = self.past_of(&watch);
            self.remember(past);
        }
    }

    /// Continues from what an earlier process saw of the last windows.
    pub(super) fn restore(&mut self, seen: Others) {
        let Others { pace, unsure, .. } = seen;
        // What is no number was never noted.
        let pace = pace.max(0.0);
        self.remember(Past { pace, unsure });
        self.told = Some(seen);
    }

    /// What the ledger has to know of others, told once a window and when it has grown.
    pub(super) fn take_seen(&mut self) -> Option<Others> {
        let watch = self.present?;
        let Past { pace, unsure } = self.past_of(&watch);
        let seen = Others {
            pace: pace.max(self.before()),
            unsure: unsure || self.is_unsure(),
            until: watch.reset_at + RESET_MARGIN + self.length() * u32::from(REMEMBERED),
        };
        let known = self.told.is_some_and(|told| {
            seen.until <= told.until + ROUNDING
                && seen.pace <= told.pace * GROWN
                && seen.unsure == told.unsure
        });
        if known || seen.pace <= 0.0 && !seen.unsure {
            return None;
        }
        self.told = Some(seen);
        self.told
    }

    fn past_of(&self, watch: &Watch) -> Past {
        // Whoever is new may have come in the middle of it.
        let is_new = self.before() <= 0.0;
        let unsure = watch.used_up || !watch.surely || is_new;
        Past {
            pace: self.pace_in(watch),
            unsure: watch.somebody() && unsure,
        }
    }

    fn remember(&mut self, past: Past) {
        self.past.truncate(usize::from(REMEMBERED - 1));
        self.past.push_front(past);
    }

    /// Calls a second that others are expected to make; 0 = nobody was seen.
    pub(super) fn pace(&self, limit: u64) -> f64 {
        let present = self.present.as_ref();
        let present = present.map_or(0.0, |watch| self.pace_in(watch));
        let busiest = present.max(self.before());
        if self.is_unsure() {
            busiest.max(GUESS * number(limit) / self.length().as_secs_f64().max(1.0))
        } else {
            busiest
        }
    }

    /// Calls a second that they made in the busiest of the last windows.
    pub(super) fn before(&self) -> f64 {
        self.past.iter().map(|past| past.pace).fold(0.0, f64::max)
    }

    /// Calls a second that are kept free for them.
    pub(super) fn kept(&self, limit: u64) -> f64 {
        self.pace(limit) * SURPLUS
    }

    /// When it is time to see how the window at hand continues, after it was seen last.
    pub(super) fn look_after(&self, seen_at: Duration) -> Option<Duration> {
        let since = self.present?.since;
        let part = self.length() / SEEN;
        (1..SEEN).map(|n| since + part * n).find(|at| *at > seen_at)
    }

    /// How long a window lasts, as far as is known.
    pub(super) fn length(&self) -> Duration {
        let left = || {
            let watch = self.present.filter(|watch| !watch.whole)?;
            Some(watch.reset_at.saturating_sub(watch.since))
        };
        self.length.or_else(left).unwrap_or(OKTAS)
    }

    /// Whether others need more than is known, and the window at hand has not shown yet how much.
    pub(super) fn is_unsure(&self) -> bool {
        !self.present.is_some_and(|watch| watch.surely)
            && self.past.front().is_some_and(|past| past.unsure)
    }

    // Calls a second of others; 0 = there were none, or it was not seen for long enough.
    fn pace_in(&self, watch: &Watch) -> f64 {
        if !watch.somebody() {
            return 0.0;
        }
        // When a window began is known to within two seconds only, when it was shown first exactly.
        let mut pace = self.pace_over(watch.seen_for(), watch.taken - watch.before);
        if watch.whole {
            let begin = watch.reset_at.saturating_sub(self.length());
            let mean = self.pace_over(watch.at.saturating_sub(begin), watch.taken);
            pace = pace.max(mean);
        }
        pace
    }

    fn pace_over(&self, span: Duration, taken: u64) -> f64 {
        if self.tells(span) {
            // One more may have come right after the last look.
            number(taken + 1) / span.as_secs_f64()
        } else {
            0.0
        }
    }

    fn tells(&self, span: Duration) -> bool {
        span >= self.length() / SEEN && !span.is_zero()
    }

    // A window lasts no longer than from the end of the one before, which it follows, to its own end; and no shorter
    // than what is left of it.
    fn measure(&mut self, now: Duration, seen: &Observed) {
        let least = seen.reset_at.saturating_sub(now);
        let most = self.reset.replace(seen.reset).and_then(|before| {
            let apart = u64::try_from(seen.reset.saturating_sub(before)).ok()?;
            Some(Duration::from_secs(apart))
        });
        if let Some(most) = most {
            let length = self.length.unwrap_or(most.min(OKTAS));
            self.length = Some(length.min(most).max(least));
        }
    }
}

/// Whether a window that is shown at this time, while one lasts until `reset_at`, can be its successor.
pub(super) fn follows(now: Duration, reset_at: Duration) -> bool {
    now + ROUNDING >= reset_at
}

#[expect(clippy::cast_precision_loss, reason = "limits are small")]
pub(super) const fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: fn(u64) -> Duration = Duration::from_secs;

    // A bucket of 100 in windows of 10 s that end at 10, 20, …
    fn seen(sent: u64, remaining: u64, reset: u64) -> Observed {
        Observed {
            sent: T(sent),
            limit: 100,
            remaining,
            reset: i64::try_from(reset).expect("small"),
            reset_at: T(reset),
        }
    }

    const fn ours(most: u64, in_flight: u64) -> Ours {
        Ours { most, in_flight }
    }

    // After a first window, of which nobody took anything that we saw.
    fn after_one() -> Neighbours {
        let mut neighbours = Neighbours::new();
        neighbours.open(T(0), &seen(0, 99, 10), ours(1, 0), First::FromNow);
        neighbours.look(&seen(8, 90, 10), ours(10, 0));
        neighbours.close();
        neighbours
    }

    fn near(pace: f64, wanted: f64) {
        assert!((pace - wanted).abs() < 1e-6, "{pace}, not {wanted}");
    }

    #[test]
    fn what_is_not_ours_counts_per_second_that_was_seen() {
        for (remaining, most, in_flight, pace) in [
            (90, 10, 0, 0.0),
            // One more may have come after the look.
            (70, 10, 0, 21.0 / 7.0),
            // Nothing that can be ours is theirs; half of what may have yet to come is not ours.
            (70, 30, 20, 0.0),
            (70, 20, 10, 16.0 / 7.0),
        ] {
            let mut neighbours = after_one();
            neighbours.open(T(11), &seen(11, 99, 20), ours(1, 0), First::Whole);
            neighbours.look(&seen(18, remaining, 20), ours(most, in_flight));
            near(neighbours.pace(100), pace);
            near(neighbours.kept(100), pace * 1.2);
        }
    }

    #[test]
    fn the_busiest_of_three_windows_counts_and_then_it_is_forgotten() {
        let mut neighbours = after_one();
        for (window, taken, pace) in [
            (2, 16, 17.0 / 7.0),
            (3, 32, 33.0 / 7.0),
            (4, 0, 33.0 / 7.0),
            (5, 8, 33.0 / 7.0),
            (6, 8, 9.0 / 7.0),
            (7, 0, 9.0 / 7.0),
            (8, 0, 9.0 / 7.0),
            (9, 0, 0.0),
        ] {
            let (begin, end) = (window * 10 - 10, window * 10);
            neighbours.open(
                T(begin + 1),
                &seen(begin + 1, 99, end),
                ours(1, 0),
                First::Whole,
            );
            neighbours.look(&seen(begin + 8, 90 - taken, end), ours(10, 0));
            neighbours.close();
            if window > 2 {
                near(neighbours.pace(100), pace);
            }
        }
    }

    #[test]
    fn an_answer_that_was_overtaken_says_nothing_new() {
        let mut neighbours = after_one();
        neighbours.open(T(11), &seen(11, 99, 20), ours(1, 0), First::Whole);
        neighbours.look(&seen(18, 70, 20), ours(10, 1));
        neighbours.look(&seen(18, 95, 20), ours(10, 0));
        near(neighbours.pace(100), 21.0 / 7.0);
    }

    #[test]
    fn most_is_kept_for_those_whose_pace_is_not_known_until_it_is() {
        for (at, remaining, refused, unsure) in [
            // Nobody there; somebody new, who may have come in the middle; seen for a second; refused.
            (18, 90, false, false),
            (18, 80, false, true),
            (12, 89, false, true),
            (18, 90, true, true),
        ] {
            let mut neighbours = after_one();
            neighbours.open(T(11), &seen(11, 99, 20), ours(1, 0), First::Whole);
            neighbours.look(&seen(at, remaining, 20), ours(10, 0));
            if refused {
                neighbours.used_up(Some(100), ours(10, 0));
            }
            neighbours.close();
            assert_eq!(neighbours.is_unsure(), unsure, "{at} {remaining} {refused}");
            neighbours.open(T(21), &seen(21, 99, 30), ours(1, 0), First::Whole);
            if unsure {
                assert!(neighbours.pace(100) >= 7.5, "three quarters");
                assert_eq!(neighbours.look_after(T(21)), Some(T(23) + T(1) / 2));
            }
            neighbours.look(&seen(24, 96, 30), ours(2, 0));
            assert!(!neighbours.is_unsure(), "a quarter of it was seen");
        }
    }

    #[test]
    fn the_ledger_is_notified_once_a_window_and_when_they_take_more() {
        let mut neighbours = after_one();
        assert_eq!(neighbours.take_seen(), None);
        let mut told = Vec::new();
        for (at, end, remaining, ours_now) in [
            (11, 20, 99, 1),
            // Too little was seen yet; a pace; the same; a tenth more; the next window.
            (12, 20, 97, 2),
            (15, 20, 87, 5),
            (16, 20, 83, 6),
            (18, 20, 60, 9),
            (21, 30, 99, 1),
            (28, 30, 90, 4),
        ] {
            let seen = seen(at, remaining, end);
            if ours_now == 1 {
                neighbours.open(T(at), &seen, ours(1, 0), First::Whole);
            } else {
                neighbours.look(&seen, ours(ours_now, 0));
            }
            told.extend(neighbours.take_seen().map(|seen| (at, seen)));
            assert_eq!(neighbours.take_seen(), None, "told once");
        }
        let told: Vec<_> = told
            .into_iter()
            .map(
                |(
                    at,
                    Others {
                        pace,
                        unsure,
                        until,
                    },
                )| (at, format!("{pace:.2}"), unsure, until),
            )
            .collect();
        // Whoever is new may have come in the middle, so more is left to them in the window after.
        assert_eq!(
            told,
            [
                (12, "0.00".to_owned(), true, T(51)),
                (15, "2.25".to_owned(), true, T(51)),
                (18, "4.57".to_owned(), true, T(51)),
                (21, "4.57".to_owned(), true, T(61)),
                (28, "4.57".to_owned(), false, T(61)),
            ]
        );
        let mut next = Neighbours::new();
        next.restore(neighbours.told.expect("told"));
        near(next.pace(100), 32.0 / 7.0);
        assert_eq!(next.take_seen(), None, "the ledger knows");
    }

    #[test]
    fn what_was_gone_before_we_came_is_nobodys() {
        for first in [First::FromNow, First::Unclear] {
            let mut neighbours = Neighbours::new();
            neighbours.open(T(2), &seen(2, 40, 10), ours(1, 0), first);
            neighbours.look(&seen(8, 30, 10), ours(11, 0));
            near(neighbours.pace(100), 0.0);
        }
    }

    #[test]
    fn what_cannot_be_counted_is_not() {
        let mut neighbours = after_one();
        neighbours.open(T(11), &seen(11, 99, 20), ours(1, 0), First::Whole);
        let other = Observed {
            limit: 200,
            ..seen(18, 100, 20)
        };
        neighbours.look(&other, ours(10, 0));
        near(neighbours.pace(100), 0.0);
        neighbours.open(T(21), &seen(21, 99, 30), ours(1, 0), First::Whole);
        neighbours.used_up(Some(500), ours(10, 0));
        neighbours.lose_track();
        neighbours.look(&seen(28, 10, 30), ours(10, 0));
        neighbours.close();
        near(neighbours.pace(100), 0.0);
    }

    #[test]
    fn a_window_is_as_long_as_its_successor_shows() {
        for (resets, length_s) in [
            (vec![10, 20, 30], 10),
            (vec![10, 22, 32], 10),
            (vec![10, 3_600, 3_660], 60),
            (vec![10, 20, 80], 59),
            (vec![60, 120, 130, 140], 10),
        ] {
            let mut neighbours = Neighbours::new();
            let mut before = 0;
            for reset in &resets {
                let begin = before.max(u64::saturating_sub(*reset, 60)) + 1;
                neighbours.open(T(begin), &seen(begin, 99, *reset), ours(1, 0), First::Whole);
                before = *reset;
            }
            assert_eq!(neighbours.length(), T(length_s), "{resets:?}");
        }
    }
}
