//! Whether a call of an org may go now: budgets, caps and circuit together, and what an answer teaches
//! each of them. Pure but for the cap of calls a second, which reads the clock.

use std::collections::BTreeMap;
use std::time::Duration;

use super::budget::{Grant, Others, Outlook, Settled, Spent};
use super::circuit::Circuit;
use super::clock::ServerClock;
use super::concurrency::{Concurrency, Pool};
use super::denied::{Denied, Why};
use super::methods::Methods;
use super::no_room::{NoRoom, Refusing};
use super::org_patience::{OrgPatience, no_answer, span};
use super::rate_cap::RateCap;
use super::rests::Rests;
use super::retry_budget::RetryBudget;
use super::wait_queue::{Kind, Ticket, WaitQueue};
use crate::job::RetryPolicy;
use crate::model::Stopped;
use crate::okta::{Bucket, Class, Exchange, Method};

/// An org without a useful answer for so long is told to be so with each wait.
const WORTH_COUNTING: Duration = Duration::from_secs(10);

/// Calls left in a window, as a multiple of those in flight at most, from which on there are plenty of them: more than
/// all entries at work still have to make.
const PLENTY: u64 = 30;

/// What a call spends from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) bucket: Bucket,
    pub(super) kind: Kind,
}

/// What is known of a bucket.
pub(super) struct OfBucket {
    pub(super) methods: Methods,
    pub(super) wait_queue: WaitQueue,
}

/// What is known of an org.
pub(super) struct State {
    share: f64,
    // Those that were called: there may be ten thousand orgs, and most calls are to one bucket. A node of the map has room
    // for eleven.
    buckets: BTreeMap<Bucket, Box<OfBucket>>,
    pub(super) tickets: u64,
    pub(super) clock: ServerClock,
    pub(super) pools: [Concurrency; Pool::COUNT],
    pub(super) circuit: Circuit,
    pub(super) patience: OrgPatience,
    pub(super) retries: RetryBudget,
    max_in_flight: u32,
    in_flight: u32,
    pub(super) stopped: Option<Stopped>,
    // Whether a call ever waited for a window to end.
    pub(super) was_at_its_limit: bool,
    pub(super) waiting_since: Option<Duration>,
    // Waited, and not in any sum yet.
    pub(super) waited: Duration,
    pub(super) told: Option<Duration>,
    pub(super) rests: Rests,
    // Whether a call went although people were told of a wait; another one, and it is over.
    passed: bool,
    refusing: NoRoom,
}

impl State {
    /// Nothing is known of the org yet.
    pub(super) fn new(share: f64, max_in_flight: u32) -> Self {
        Self {
            share,
            buckets: BTreeMap::new(),
            tickets: 0,
            clock: ServerClock::default(),
            pools: std::array::from_fn(|_| Concurrency::new(max_in_flight)),
            circuit: Circuit::default(),
            patience: OrgPatience::default(),
            retries: RetryBudget::default(),
            max_in_flight: max_in_flight.max(1),
            in_flight: 0,
            stopped: None,
            was_at_its_limit: false,
            waiting_since: None,
            waited: Duration::ZERO,
            told: None,
            rests: Rests::default(),
            passed: false,
            refusing: NoRoom::default(),
        }
    }

    /// What is known of this bucket.
    pub(super) fn bucket(&mut self, bucket: Bucket) -> &mut OfBucket {
        let share = self.share;
        self.buckets.entry(bucket).or_insert_with(|| {
            Box::new(OfBucket {
                methods: Methods::new(share),
                wait_queue: WaitQueue::default(),
            })
        })
    }

    /// Forgets every bucket; `false` = there are calls in flight, or about to be, that belong to one.
    pub(super) fn forget_buckets(&mut self) -> bool {
        let is_at_rest = self.in_flight == 0 && self.buckets().all(|of| of.wait_queue.is_empty());
        if is_at_rest {
            self.buckets.clear();
        }
        is_at_rest
    }

    /// What a bucket allows from now on; `None` = nobody counts, or it was never called.
    pub(super) fn outlook(&self, bucket: Bucket, now: Duration) -> Option<Outlook> {
        self.buckets.get(&bucket)?.methods.outlook(now)
    }

    /// Wakes the calls that may go, or all of them once none may any more.
    pub(super) fn wake(&self) {
        if self.stopped.is_some() {
            self.wake_all();
        } else {
            self.buckets().for_each(|of| of.wait_queue.wake_first());
        }
    }

    /// Wakes every call.
    pub(super) fn wake_all(&self) {
        self.buckets().for_each(|of| of.wait_queue.wake_all());
    }

    /// Whether one more call may be in flight.
    pub(super) const fn has_room(&self) -> bool {
        self.in_flight < self.max_in_flight
    }

    /// Whether calls will not have to wait for a budget any time soon; not as long as nothing is known.
    pub(super) fn has_plenty(&self) -> bool {
        let calls = PLENTY * u64::from(self.max_in_flight);
        let mut buckets = self.buckets().peekable();
        buckets.peek().is_some() && buckets.all(|of| of.methods.has_plenty(calls))
    }

    /// Every bucket that was called.
    pub(super) fn buckets(&self) -> impl Iterator<Item = &OfBucket> {
        self.buckets.values().map(|of| &**of)
    }

    /// Learns from the answer to a call that was sent at `sent`, or from its absence.
    pub(super) fn settle(
        &mut self,
        slot: Slot,
        now: Duration,
        sent: Duration,
        exchange: &Exchange,
        retry: &RetryPolicy,
    ) {
        // A proxy's error page has the proxy's clock.
        if let (Some(date), Some(_)) = (exchange.date, exchange.rate.reset) {
            self.clock.observe(date, sent, now);
        }
        let class = exchange.outcome.as_ref().err().map(|error| &error.class);
        let refused = matches!(
            class,
            Some(Class::RateLimited {
                concurrency: false,
                ..
            })
        );
        if let Some(reset) = exchange.rate.reset.filter(|_| refused) {
            self.clock.refused(reset, sent);
        }
        let pool = &mut self.pools[slot.kind.pool.index()];
        pool.give_back();
        if let Some(Class::RateLimited {
            concurrency: true, ..
        }) = class
        {
            pool.refused(now, sent);
            if self.in_flight <= 1 {
                self.refusing.refused(now);
            }
        } else if exchange.status.is_some() {
            pool.succeeded(now);
            self.refusing.over();
        }
        if exchange.status.is_some() {
            self.circuit.answered();
        } else if class == Some(&Class::NoRoom) {
            // It never was asked.
        } else if self.circuit.unanswered(now, sent, retry) {
            self.stopped.get_or_insert_with(|| no_answer(exchange));
        }
        self.patience.observe(sent, exchange);
        if class.is_none() {
            self.retries.earn();
        }
        let settled = self.clock.settled(now, sent, exchange);
        self.end(slot, now, settled);
    }

    /// Ends a reservation that nothing was learned from.
    pub(super) fn give_up(&mut self, slot: Slot, now: Duration, settled: Settled) {
        self.pools[slot.kind.pool.index()].give_back();
        self.end(slot, now, settled);
    }

    fn end(&mut self, slot: Slot, now: Duration, settled: Settled) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let methods = &mut self.bucket(slot.bucket).methods;
        methods.settle(now, slot.kind.method, settled);
    }

    /// Whether it is the turn of the call at this place.
    pub(super) fn is_turn(&self, slot: Slot, ticket: Ticket, now: Duration) -> bool {
        let Some(OfBucket {
            methods,
            wait_queue,
        }) = self.buckets.get(&slot.bucket).map(|of| &**of)
        else {
            return false;
        };
        let takes_calls = |pool: Pool| {
            let pool = &self.pools[pool.index()];
            pool.has_room() && pool.rests_until(now).is_none()
        };
        let rivals = |other: Kind| {
            methods.share(other.method, slot.kind.method)
                && (other.pool == slot.kind.pool || takes_calls(other.pool))
        };
        wait_queue.is_turn(slot.kind, ticket, rivals)
    }

    /// `None` = the place is taken: send.
    pub(super) fn allow(
        &mut self,
        slot: Slot,
        now: Duration,
        rps: Option<&RateCap>,
    ) -> Option<Denied> {
        if let Some(until) = self.circuit.probe_at()
            && (now < until || self.in_flight > 0)
        {
            let until = (now < until).then_some(until);
            return Some(Denied {
                until,
                lasts: until,
                why: Why::Circuit,
            });
        }
        let pool = &self.pools[slot.kind.pool.index()];
        if !self.has_room() || !pool.has_room() {
            return Some(Denied::behind_others());
        }
        if let Some(until) = pool.rests_until(now) {
            return Some(Denied::until(until, Why::Concurrency));
        }
        let method = slot.kind.method;
        let OfBucket {
            methods,
            wait_queue,
        } = self.bucket(slot.bucket);
        let waiting = wait_queue.waiting(|kind| methods.share(kind.method, method));
        if let Grant::Wait { until } = methods.reserve(method, now, waiting) {
            // The one that is held back for the window's end is none to be had now.
            let held = u64::from(until.is_some());
            let budget = methods.of(method);
            let left = budget.left();
            let left = left.map(|(left, of)| (if left == held { 0 } else { left }, of));
            let why = Why::Budget {
                bucket: name(slot.bucket, method, methods),
                left,
                others: budget.left_to_others(),
            };
            let lasts = until.and_then(|until| Some(budget.ends()?.max(until)));
            return Some(Denied {
                until,
                lasts: lasts.or(until),
                why,
            });
        }
        let Some(Err(wait)) = rps.map(RateCap::check) else {
            self.pools[slot.kind.pool.index()].take();
            self.in_flight += 1;
            return None;
        };
        methods.settle(now, method, Settled::NotCounted);
        Some(Denied::until(now + wait, Why::Rate))
    }

    /// Whether an org that takes on no call at all has to be told of, or that it does again.
    pub(super) fn refusing(&mut self, now: Duration) -> Option<Refusing> {
        self.refusing.news(now)
    }

    /// What is added to a wait that is told: how long there was no useful answer.
    pub(super) fn so_far(&self, now: Duration) -> String {
        let since = self.patience.since();
        let lasts = since.map(|since| now.saturating_sub(since));
        match lasts.filter(|lasts| *lasts >= WORTH_COUNTING) {
            Some(lasts) => {
                let whole = Duration::from_secs(lasts.as_secs());
                format!("; no useful answer for {} by now", span(whole))
            }
            None => String::new(),
        }
    }

    /// Nothing of the org can continue before some time has passed.
    pub(super) fn begin_wait(&mut self, now: Duration) {
        if self.in_flight == 0 {
            self.waiting_since.get_or_insert(now);
        }
    }

    /// A call has to wait, whatever went before.
    pub(super) fn held_up(&mut self) {
        self.passed = false;
    }

    /// A call goes. The wait that people were told of is over when none waits any more, or another one went before
    /// it: what one call leaves of a window the next may take, while the others continue waiting.
    pub(super) fn end_notified(&mut self) -> Option<Duration> {
        let others_wait = self.buckets().any(|of| !of.wait_queue.is_empty());
        if self.told.is_some() && others_wait && !self.passed {
            self.passed = true;
            return None;
        }
        self.passed = false;
        self.told.take()
    }

    /// The org continues, or nobody waits any more.
    pub(super) fn end_wait(&mut self, now: Duration) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += now.saturating_sub(since);
        }
    }

    /// Windows that the ledger has to know of, by the name of what they are of.
    pub(super) fn take_note(&mut self, bucket: Bucket) -> Option<(String, Spent)> {
        let methods = &mut self.bucket(bucket).methods;
        let (method, spent) = methods.take_note()?;
        Some((name(bucket, method, methods), spent))
    }

    /// What others were seen to take, for the ledger, by the name of what it is of.
    pub(super) fn take_others(&mut self, bucket: Bucket) -> Option<(String, Others)> {
        let methods = &mut self.bucket(bucket).methods;
        let (method, others) = methods.take_others()?;
        Some((name(bucket, method, methods), others))
    }

    /// Continues where an earlier process left off.
    pub(super) fn restore(&mut self, name: &str, spent: Spent) {
        if let Some(of) = self.named(name) {
            of.methods.restore(spent);
        }
    }

    /// Continues from what an earlier process saw others take.
    pub(super) fn restore_others(&mut self, name: &str, others: Others) {
        if let Some(of) = self.named(name) {
            of.methods.restore_others(others);
        }
    }

    fn named(&mut self, name: &str) -> Option<&mut OfBucket> {
        let named = |bucket: &&Bucket| name.split(' ').next_back() == Some(bucket.name());
        let bucket = Bucket::ALL.iter().find(named)?;
        Some(self.bucket(*bucket))
    }
}

/// `/api/v1/apps`, or `PUT /api/v1/apps` where methods have windows of their own.
fn name(bucket: Bucket, method: Method, methods: &Methods) -> String {
    if methods.is_one() {
        bucket.name().to_owned()
    } else {
        format!("{} {}", method.name(), bucket.name())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::okta::{CallError, RateHeaders};

    const T: fn(u64) -> Duration = Duration::from_secs;

    const APPS: Slot = slot(Method::Put, Pool::General);

    const fn slot(method: Method, pool: Pool) -> Slot {
        Slot {
            bucket: Bucket::Apps,
            kind: Kind { method, pool },
        }
    }

    // An answer of the server whose clock shows 1,000,000 at our 0. It is an error: a good one has a body.
    fn answer(rate: (Option<u64>, Option<u64>, Option<i64>), date: i64, class: Class) -> Exchange {
        let (limit, remaining, reset) = rate;
        Exchange {
            status: Some(400),
            rate: RateHeaders {
                limit,
                remaining,
                reset: reset.map(|reset| 1_000_000 + reset),
            },
            date: Some(1_000_000 + date),
            request_id: None,
            sent_at: Instant::now(),
            duration: Duration::ZERO,
            outcome: Err(CallError::new(class, "")),
        }
    }

    fn calls(state: &mut State, slot: Slot, now: u64) -> u64 {
        std::iter::from_fn(|| {
            while let Some((_, spent)) = state.take_note(slot.bucket) {
                state.bucket(slot.bucket).methods.noted(spent.until);
            }
            state.allow(slot, T(now), None).is_none().then_some(())
        })
        .count() as u64
    }

    fn settle(state: &mut State, slot: Slot, now: u64, exchange: &Exchange) {
        state.settle(slot, T(now), T(now), exchange, &RetryPolicy::default());
    }

    #[test]
    fn headers_that_are_missing_or_absurd_never_open_the_gates() {
        for (limit, remaining, reset, then) in [
            (Some(50), Some(49), Some(61), 49),
            (Some(50), Some(49), None, 1),
            (Some(50), None, Some(61), 1),
            (None, Some(3), Some(61), 1),
            (Some(0), Some(7), Some(61), 1),
            (Some(5), Some(9), Some(61), 5),
            // A reset that has passed, and one far ahead.
            (Some(50), Some(49), Some(-100), 1),
            (Some(50), Some(49), Some(9_000_000), 1),
            (Some(50), Some(49), Some(i64::MAX - 2_000_000), 1),
            (None, None, None, 1),
        ] {
            let mut state = State::new(1.0, 100);
            assert_eq!(calls(&mut state, APPS, 1), 1, "a probe");
            let exchange = answer((limit, remaining, reset), 1, Class::Refused);
            settle(&mut state, APPS, 1, &exchange);
            let what = (limit, remaining, reset);
            assert_eq!(calls(&mut state, APPS, 1), then, "{what:?}");
        }
    }

    #[test]
    fn no_wait_is_longer_than_five_minutes() {
        let limited = |retry_after| Class::RateLimited {
            concurrency: false,
            retry_after,
        };
        for (reset, retry_after, until) in [
            (Some(30), None, 31),
            (None, None, 11),
            (Some(-30), None, 11),
            (None, Some(T(20)), 21),
            (Some(30), Some(T(50)), 51),
            (None, Some(Duration::ZERO), 2),
            (None, Some(T(86_400)), 301),
            (Some(86_400), None, 302),
        ] {
            let mut state = State::new(1.0, 100);
            calls(&mut state, APPS, 1);
            let exchange = answer((Some(50), Some(0), reset), 1, limited(retry_after));
            settle(&mut state, APPS, 1, &exchange);
            let denied = state.allow(APPS, T(1), None).expect("closed");
            assert_eq!(denied.until, Some(T(until)), "{reset:?} {retry_after:?}");
            assert_eq!(
                denied.why.to_string(),
                "budget of /api/v1/apps: 0 of 50 left"
            );
        }
    }

    #[test]
    fn a_proxys_clock_is_not_the_orgs() {
        let mut state = State::new(1.0, 100);
        calls(&mut state, APPS, 1);
        let rate = (Some(50), Some(49), Some(61));
        settle(&mut state, APPS, 1, &answer(rate, 1, Class::Refused));
        // Three seconds ahead: taken for the org's clock it would open the next window too soon.
        calls(&mut state, APPS, 1);
        let page = answer((None, None, None), 4, Class::Unclear);
        settle(&mut state, APPS, 1, &page);
        assert_eq!(state.clock.local(1_000_061), Some(T(61)));
    }

    #[test]
    fn a_full_pool_leaves_the_other_its_calls() {
        let office = slot(Method::Put, Pool::Office365);
        let mut state = State::new(1.0, 10);
        calls(&mut state, APPS, 0);
        let rate = (Some(500), Some(499), Some(61));
        settle(&mut state, APPS, 0, &answer(rate, 0, Class::Refused));
        for _ in 0..4 {
            assert!(state.allow(office, T(1), None).is_none());
        }
        let refused = Class::RateLimited {
            concurrency: true,
            retry_after: None,
        };
        let refused = answer((Some(0), Some(0), None), 1, refused);
        settle(&mut state, office, 1, &refused);
        settle(&mut state, office, 1, &refused);
        let denied = state.allow(office, T(1), None).expect("halved");
        assert_eq!((denied.until, denied.why), (None, Why::Others));
        assert_eq!(
            calls(&mut state, APPS, 1),
            8,
            "maxInFlight is the whole org's"
        );
    }

    #[test]
    fn a_restart_waits_for_the_bucket_that_was_used_up_and_no_other() {
        let mut state = State::new(1.0, 10);
        let (until, limit) = (T(40), Some(50));
        state.restore("PUT /api/v1/apps", Spent { until, limit });
        state.restore("/api/v9/unheard-of", Spent { until, limit });
        let denied = state.allow(APPS, T(1), None).expect("used up");
        assert_eq!(denied.until, Some(T(40)));
        let token = Slot {
            bucket: Bucket::Token,
            ..APPS
        };
        assert!(state.allow(token, T(1), None).is_none());
        assert!(state.allow(APPS, T(40), None).is_none());
    }

    #[test]
    fn a_restart_leaves_others_what_the_process_before_saw_them_take() {
        let others = |pace, unsure| Others {
            pace,
            unsure,
            until: T(240),
        };
        for (bucket, seen, went) in [
            ("/api/v1/apps", None, 49),
            ("/api/v9/unheard-of", Some(others(0.5, false)), 49),
            ("/oauth2/v1/token", Some(others(0.5, false)), 49),
            // A fifth more for each of the 60 s that are left, and the margin.
            ("/api/v1/apps", Some(others(0.5, false)), 49 - 37),
            ("PUT /api/v1/apps", Some(others(0.5, false)), 49 - 37),
            ("/api/v1/apps", Some(others(0.6, false)), 49 - 44),
            // A tenth is ours in any case, and while their pace is not known.
            ("/api/v1/apps", Some(others(5.0, false)), 50 / 10 - 1),
            ("/api/v1/apps", Some(others(0.0, true)), 50 / 10 - 1),
            // What is no number was never noted.
            ("/api/v1/apps", Some(others(f64::NAN, false)), 49),
            ("/api/v1/apps", Some(others(-3.0, false)), 49),
        ] {
            let mut state = State::new(1.0, 100);
            if let Some(seen) = seen {
                state.restore_others(bucket, seen);
            }
            assert_eq!(calls(&mut state, APPS, 1), 1, "a probe");
            let rate = (Some(50), Some(49), Some(61));
            settle(&mut state, APPS, 1, &answer(rate, 1, Class::Refused));
            assert_eq!(calls(&mut state, APPS, 1), went, "{bucket} {seen:?}");
        }
    }

    #[test]
    fn a_wait_counts_once_and_is_not_lost_when_it_ends_in_nothing() {
        let mut state = State::new(1.0, 10);
        state.waiting_since = Some(T(5));
        state.end_wait(T(9));
        state.end_wait(T(20));
        assert_eq!(state.waited, T(4));
    }
}
