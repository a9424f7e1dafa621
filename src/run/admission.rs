//! Whether a call of an org may go now: budget, caps and circuit together, and what an answer teaches
//! each of them. Pure but for `governor`, which reads its own clock.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, RateLimiter};

use super::budget::{Budget, Grant, Observed, RESET_MARGIN, Settled};
use super::circuit::Circuit;
use super::clock::ServerClock;
use super::concurrency::Concurrency;
use super::lane::unix_millis;
use super::retry::RetryPolicy;
use super::retry_budget::RetryBudget;
use crate::ledger::Stopped;
use crate::okta::{Bucket, Class, Exchange};

/// Wait after a 429 that says nothing of its reset.
const BLIND_WAIT: Duration = Duration::from_secs(10);

/// Shortest wait after a 429, whatever `Retry-After` says.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// Longest wait a header can cause: windows are 60 s, so anything beyond is garbage or a wrong clock.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// What is known of an org.
pub(super) struct State {
    pub(super) budgets: Vec<Budget>,
    pub(super) queues: Vec<BTreeSet<(Reverse<usize>, u64)>>,
    pub(super) tickets: u64,
    pub(super) clock: ServerClock,
    pub(super) concurrency: Concurrency,
    pub(super) circuit: Circuit,
    pub(super) retries: RetryBudget,
    pub(super) in_flight: u32,
    pub(super) stopped: Option<Stopped>,
    pub(super) waiting_since: Option<Duration>,
    pub(super) told: Option<Duration>,
}

// Why a call may not go now.
pub(super) struct Denied {
    pub(super) until: Option<Duration>,
    pub(super) reason: String,
}

impl Denied {
    /// Others have to finish first.
    pub(super) const fn behind_others() -> Self {
        Self {
            until: None,
            reason: String::new(),
        }
    }
}

impl State {
    /// Nothing is known of the org yet.
    pub(super) fn new(share: f64, max_in_flight: u32) -> Self {
        Self {
            budgets: Bucket::ALL.iter().map(|_| Budget::new(share)).collect(),
            queues: Bucket::ALL.iter().map(|_| BTreeSet::new()).collect(),
            tickets: 0,
            clock: ServerClock::default(),
            concurrency: Concurrency::new(max_in_flight),
            circuit: Circuit::default(),
            retries: RetryBudget::default(),
            in_flight: 0,
            stopped: None,
            waiting_since: None,
            told: None,
        }
    }

    /// Learns from the answer to a call that was sent at `sent`, or from its absence.
    pub(super) fn settle(
        &mut self,
        bucket: Bucket,
        now: Duration,
        sent: Duration,
        exchange: &Exchange,
        retry: &RetryPolicy,
    ) {
        if let Some(date) = exchange.date {
            self.clock.observe(date, now);
        }
        let class = exchange.outcome.as_ref().err().map(|error| &error.class);
        if matches!(
            class,
            Some(Class::RateLimited {
                concurrency: true,
                ..
            })
        ) {
            self.concurrency.refused(now, self.in_flight);
        } else if exchange.status.is_some() {
            self.concurrency.succeeded(now);
        }
        if exchange.status.is_some() {
            self.circuit.answered();
        } else if self.circuit.unanswered(now, sent, retry) {
            self.stopped.get_or_insert_with(|| no_answer(exchange));
        }
        if class.is_none() {
            self.retries.earn();
        }
        let settled = settled(&self.clock, now, exchange);
        self.give_up(bucket, now, settled);
    }

    /// Ends a reservation.
    pub(super) fn give_up(&mut self, bucket: Bucket, now: Duration, settled: Settled) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.budgets[bucket.index()].settle(now, settled);
    }

    /// `None` = the place is taken: send.
    pub(super) fn allow(
        &mut self,
        bucket: Bucket,
        now: Duration,
        rps: Option<&DefaultDirectRateLimiter>,
    ) -> Option<Denied> {
        if let Some(until) = self.circuit.probe_at()
            && (now < until || self.in_flight > 0)
        {
            return Some(Denied {
                until: (now < until).then_some(until),
                reason: "the org does not answer; trying it again soon".to_owned(),
            });
        }
        if self.in_flight >= self.concurrency.cap() {
            return Some(Denied::behind_others());
        }
        let budget = &mut self.budgets[bucket.index()];
        if let Grant::Wait { until } = budget.reserve(now) {
            let reason = match budget.left() {
                Some((left, of)) => format!("budget of {}: {left} of {of} left", bucket.name()),
                None => format!("budget of {}: used up", bucket.name()),
            };
            return Some(Denied { until, reason });
        }
        let Some(Err(not_until)) = rps.map(RateLimiter::check) else {
            self.in_flight += 1;
            return None;
        };
        budget.settle(now, Settled::NotCounted);
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        Some(Denied {
            until: Some(now + wait),
            reason: "maxRps".to_owned(),
        })
    }
}

fn settled(clock: &ServerClock, now: Duration, exchange: &Exchange) -> Settled {
    let rate = &exchange.rate;
    let reset_at = rate.reset.map(|reset| {
        let local = clock
            .local(reset)
            .unwrap_or_else(|| by_wall_clock(reset, now));
        local.min(now + LONGEST_WAIT)
    });
    match exchange.outcome.as_ref().err().map(|error| &error.class) {
        Some(Class::RateLimited {
            concurrency: true, ..
        }) => Settled::NotCounted,
        Some(Class::RateLimited { retry_after, .. }) => Settled::Exhausted {
            until: {
                let shown = reset_at.map(|at| at + RESET_MARGIN).filter(|at| *at > now);
                let asked = retry_after.map(|asked| now + asked.clamp(LEAST_WAIT, LONGEST_WAIT));
                // The later of the two; `None` is less than any time.
                shown.max(asked).unwrap_or(now + BLIND_WAIT)
            },
            reset: rate.reset,
        },
        class => match (rate.limit, rate.remaining, rate.reset, reset_at) {
            (Some(limit), Some(remaining), Some(reset), Some(reset_at)) if limit > 0 => {
                Settled::Shown(Observed {
                    limit,
                    remaining,
                    reset,
                    reset_at,
                })
            }
            _ => match class {
                None => Settled::Unmetered,
                Some(Class::NotSent) => Settled::NotCounted,
                Some(_) => Settled::Silent,
            },
        },
    }
}

// Without any `Date` our own clock is all there is.
fn by_wall_clock(reset: i64, now: Duration) -> Duration {
    let ahead_ms = reset.saturating_mul(1_000).saturating_sub(unix_millis());
    now + Duration::from_millis(u64::try_from(ahead_ms).unwrap_or(0)).min(LONGEST_WAIT)
}

fn no_answer(exchange: &Exchange) -> Stopped {
    let message = exchange
        .outcome
        .as_ref()
        .err()
        .map_or_else(String::new, |error| error.message.clone());
    Stopped {
        message: format!("the org does not answer: {message}"),
        hint: Some("check the org's URL, DNS, proxy and network".to_owned()),
        okta_error_code: None,
        http_status: None,
        request_id: None,
    }
}
