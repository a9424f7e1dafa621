//! The one way to an org: every call of a run goes through its org's lane, which waits for the
//! org's budget, caps and circuit, sends, and learns from the answer (PRODUCT.md §6).
//!
//! Waiting uses up no attempt and no time-out. A 429 is waited out and sent again here, so steps never see one.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::Instant;

use super::admission::{Denied, State};
use super::budget::Budget;
use super::interrupt::Interrupt;
use super::places::Places;
use super::retry::RetryPolicy;
use crate::event::{Event, Events};
use crate::ledger::{Attempt, Millis, OrgStats, Stopped};
use crate::manifest::Limits;
use crate::okta::{Bucket, Class, Exchange, OrgClient, Request};
use crate::steps::Step;

/// Part of the shown limit that is used when nothing else is configured (PRODUCT.md §6).
const DEFAULT_SHARE: f64 = 0.9;

/// Calls in flight per org when nothing else is configured: at 50 calls a minute and 3 s a call, 3 would do; more
/// uses up a fresh window sooner and stays far below Okta's 35 to 75 (API.md §10.1).
const DEFAULT_IN_FLIGHT: u32 = 20;

/// Waits shorter than this are not worth telling.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// Why a call was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halted {
    /// The run is being interrupted.
    Interrupted,
    /// The org was stopped.
    OrgStopped,
}

/// The calls of one step attempt, until a checkpoint takes them.
#[derive(Debug, Default)]
pub struct CallLog {
    /// Each call.
    pub attempts: Vec<Attempt>,
    /// Their sums.
    pub stats: OrgStats,
    /// Time spent in calls, without waiting.
    pub busy: Duration,
}

impl CallLog {
    /// What the next checkpoint stores; the time spent stays, it belongs to the attempt.
    pub fn take(&mut self) -> (Vec<Attempt>, OrgStats) {
        (
            std::mem::take(&mut self.attempts),
            std::mem::take(&mut self.stats),
        )
    }
}

/// What a lane is made of.
pub struct LaneConfig {
    /// Org's name.
    pub org: Arc<str>,
    /// How it is reached.
    pub client: OrgClient,
    /// Its limits, the job's defaults applied.
    pub limits: Limits,
    /// When the circuit gives up.
    pub retry: RetryPolicy,
    /// What all orgs share.
    pub places: Places,
    /// Where waits are told.
    pub events: Events,
    /// When to stop.
    pub interrupt: Interrupt,
}

/// See the module.
pub struct Lane {
    config: LaneConfig,
    rps: Option<DefaultDirectRateLimiter>,
    born: Instant,
    state: Mutex<State>,
    changed: Notify,
}

impl Lane {
    /// A lane nothing is known of yet.
    pub fn new(config: LaneConfig) -> Self {
        let share = config.limits.share.unwrap_or(DEFAULT_SHARE);
        let max = config.limits.max_in_flight.unwrap_or(DEFAULT_IN_FLIGHT);
        Self {
            rps: config
                .limits
                .max_rps
                .and_then(quota)
                .map(RateLimiter::direct),
            born: Instant::now(),
            state: Mutex::new(State::new(share, max)),
            changed: Notify::new(),
            config,
        }
    }

    /// A place for one more entry at work beside the `busy` ones; the first is always free.
    pub fn worker(&self, busy: usize) -> Option<Option<OwnedSemaphorePermit>> {
        match busy {
            0 => Some(None),
            busy if busy < self.width() => self.config.places.worker().map(Some),
            _ => None,
        }
    }

    /// How many entries it makes sense to work on at once.
    fn width(&self) -> usize {
        self.config
            .limits
            .max_in_flight
            .unwrap_or(DEFAULT_IN_FLIGHT) as usize
    }

    /// The org's origin, for matching what a person hands in.
    pub fn origin(&self) -> &str {
        self.config.client.origin()
    }

    /// Holds every further call back.
    pub fn stop(&self, why: Stopped) -> bool {
        let first = {
            let mut state = self.state();
            let first = state.stopped.is_none();
            if first {
                state.stopped = Some(why);
            }
            first
        };
        self.changed.notify_waiters();
        first
    }

    /// The largest part of a window's limit that the run spent, over all buckets.
    pub fn share_used(&self) -> Option<f64> {
        let state = self.state();
        let used = state.budgets.iter().filter_map(Budget::share_used);
        used.reduce(f64::max)
    }

    /// Takes one of the org's retries; `false` = it has had so many that the next must wait long.
    pub fn spend_retry(&self) -> bool {
        self.state().retries.spend()
    }

    /// Why the org was stopped, if it was.
    pub fn stopped(&self) -> Option<Stopped> {
        self.state().stopped.clone()
    }

    /// Sends one call of a step, as soon as the org allows it. `rank`: of the calls that wait, those
    /// of entries nearer their end go first.
    pub async fn send(
        &self,
        step: Step,
        request: &Request,
        rank: usize,
        log: &mut CallLog,
    ) -> Result<Exchange, Halted> {
        loop {
            log.stats.waited_ms += self.admit(request.bucket, rank).await?;
            let place = self.config.places.calls.acquire().await;
            let at = unix_millis();
            let exchange = self.config.client.exchange(request).await;
            drop(place);
            self.settle(request.bucket, &exchange);
            log.busy += exchange.duration;
            log.stats.requests += 1;
            log.attempts.push(attempt(step, request, at, &exchange));
            let Err(error) = &exchange.outcome else {
                return Ok(exchange);
            };
            let Class::RateLimited { concurrency, .. } = error.class else {
                return Ok(exchange);
            };
            log.stats.rate_limited += 1;
            if concurrency {
                self.pause(Duration::from_millis(rand::random_range(500..1_500)))
                    .await?;
            }
        }
    }

    // Waits for a place; returns for how long the org waited as a whole, in milliseconds.
    async fn admit(&self, bucket: Bucket, rank: usize) -> Result<u64, Halted> {
        let queued = Queued::new(self, bucket, rank);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.config.interrupt.is_requested() {
                return Err(Halted::Interrupted);
            }
            let until = match self.try_admit(&queued)? {
                Ok(waited_ms) => return Ok(waited_ms),
                Err(denied) => denied.until,
            };
            let timer = async {
                match until {
                    Some(until) => tokio::time::sleep_until(self.born + until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = timer => {}
                () = self.config.interrupt.requested() => return Err(Halted::Interrupted),
            }
        }
    }

    fn try_admit(&self, queued: &Queued<'_>) -> Result<Result<u64, Denied>, Halted> {
        let now = self.born.elapsed();
        let index = queued.bucket.index();
        let mut state = self.state();
        if state.stopped.is_some() {
            return Err(Halted::OrgStopped);
        }
        let first = state.queues[index].first() == Some(&queued.key);
        let denied = if first {
            match state.allow(queued.bucket, now, self.rps.as_ref()) {
                None => {
                    state.queues[index].remove(&queued.key);
                    state.in_flight += 1;
                    let waited = state
                        .waiting_since
                        .take()
                        .map_or(Duration::ZERO, |since| now.saturating_sub(since));
                    let told = state.told.take().is_some();
                    drop(state);
                    if told {
                        self.config.events.send(Event::OrgGoesOn {
                            org: Arc::clone(&self.config.org),
                        });
                    }
                    // The next in the queue may go as well.
                    self.changed.notify_waiters();
                    return Ok(Ok(whole_millis(waited)));
                }
                Some(denied) => denied,
            }
        } else {
            Denied {
                until: None,
                reason: String::new(),
            }
        };
        if let Some(until) = denied.until {
            state.waiting_since.get_or_insert(now);
            let for_how_long = until.saturating_sub(now);
            let news = state
                .told
                .is_none_or(|told| told.abs_diff(until) >= WORTH_TELLING);
            if for_how_long >= WORTH_TELLING && news {
                state.told = Some(until);
                drop(state);
                self.config.events.send(Event::OrgWaits {
                    org: Arc::clone(&self.config.org),
                    reason: denied.reason.clone(),
                    for_how_long: Some(for_how_long),
                    until: Some(
                        unix_millis()
                            + Millis::try_from(whole_millis(for_how_long)).unwrap_or(Millis::MAX),
                    ),
                });
            }
        }
        Ok(Err(denied))
    }

    fn settle(&self, bucket: Bucket, exchange: &Exchange) {
        let now = self.born.elapsed();
        self.state()
            .settle(bucket, now, exchange, &self.config.retry);
        self.changed.notify_waiters();
    }

    async fn pause(&self, pause: Duration) -> Result<(), Halted> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.config.interrupt.requested() => Err(Halted::Interrupted),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock; if it did, the sums would still be sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// A place in a bucket's queue, given up when dropped.
struct Queued<'a> {
    lane: &'a Lane,
    bucket: Bucket,
    key: (Reverse<usize>, u64),
}

impl<'a> Queued<'a> {
    fn new(lane: &'a Lane, bucket: Bucket, rank: usize) -> Self {
        let mut state = lane.state();
        state.tickets += 1;
        let key = (Reverse(rank), state.tickets);
        state.queues[bucket.index()].insert(key);
        Self { lane, bucket, key }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        if self.lane.state().queues[self.bucket.index()].remove(&self.key) {
            self.lane.changed.notify_waiters();
        }
    }
}

fn attempt(step: Step, request: &Request, at: Millis, exchange: &Exchange) -> Attempt {
    Attempt {
        at,
        step,
        call: request.label(),
        http_status: exchange.status,
        okta_error_code: exchange
            .outcome
            .as_ref()
            .err()
            .and_then(|error| error.okta_error_code.clone()),
        request_id: exchange.request_id.clone(),
        duration_ms: whole_millis(exchange.duration),
        next_at: None,
    }
}

fn quota(rps: f64) -> Option<Quota> {
    Quota::with_period(Duration::try_from_secs_f64(1.0 / rps).ok()?)
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Now, by the local clock.
pub fn unix_millis() -> Millis {
    // A clock before 1970 reads as 1970: it only ever delays.
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
