//! The one way to an org: every call waits in its org's gate for the org's budget, caps and circuit, and
//! the gate learns from its answer.
//!
//! Waiting uses up no attempt and no time-out. Who may send what is not the gate's: see [`crate::steps::Reader`] and
//! [`crate::steps::Context`].

use std::sync::Arc;
use std::time::Duration;

use super::cancellation::CancellationToken;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::admission::State;
use super::budget::Outlook;
use super::capacity::Capacity;
use super::org_patience::Watch;
use super::org_status::{OrgStatusWriter, Remembered};
use super::tally::Tally;
use super::time::whole_millis;
use crate::event::{Events, OrgEvent};
use crate::job::RetryPolicy;
use crate::manifest::Limits;
use crate::model::Stopped;
use crate::okta::Bucket;

/// Part of the shown limit that is used when nothing else is configured; the rest is left to others.
const DEFAULT_SHARE: f64 = 0.9;

/// Calls in flight per org when nothing else is configured: at 50 calls a minute and 3 s a call, 3 would do; more
/// uses up a fresh window sooner and stays far below Okta's 35 to 75 (API.md §10.1).
const DEFAULT_IN_FLIGHT: u32 = 20;

/// Why a call was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halted {
    /// The run is being interrupted.
    Interrupted,
    /// The org was stopped.
    OrgStopped,
}

/// What a gate is made of.
pub(super) struct GateConfig {
    pub(super) org: Arc<str>,
    pub(super) limits: Limits,
    /// The reference to the org's credentials, which whoever has to replace them looks for.
    pub(super) credentials: Option<Box<str>>,
    pub(super) retry: RetryPolicy,
    pub(super) capacity: Capacity,
    pub(super) events: Events,
    pub(super) interrupt: CancellationToken,
}

/// See the module.
pub struct Gate {
    pub(super) config: GateConfig,
    pub(super) rps: Option<DefaultDirectRateLimiter>,
    pub(super) born: Instant,
    state: Arc<Mutex<State>>,
    // Told when the org is stopped.
    pub(super) halted: Arc<Notify>,
    // Of each run that has the org.
    pub(super) writers: RwLock<Vec<Arc<OrgStatusWriter>>>,
    pub(super) tally: Tally,
    claims: Semaphore,
}

/// As long as somebody has this, a ledger is told of an org.
pub struct Kept {
    gate: Arc<Gate>,
    writer: Arc<OrgStatusWriter>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut writers = self.gate.writers.write();
        writers.retain(|writer| !Arc::ptr_eq(writer, &self.writer));
    }
}

impl Gate {
    pub(super) fn new(config: GateConfig) -> Self {
        let share = config.limits.share.unwrap_or(DEFAULT_SHARE);
        let max = config.limits.max_in_flight.unwrap_or(DEFAULT_IN_FLIGHT);
        let state = Arc::new(Mutex::new(State::new(share, max)));
        Self {
            rps: config
                .limits
                .max_rps
                .and_then(quota)
                .map(RateLimiter::direct),
            born: Instant::now(),
            state,
            halted: Arc::default(),
            writers: RwLock::default(),
            tally: Tally::default(),
            claims: Semaphore::new(max as usize),
            config,
        }
    }

    /// Has a ledger remember what a process that comes after this one must know, and continues from what it remembers
    /// of the org.
    #[must_use]
    pub fn keep(
        self: &Arc<Self>,
        writer: OrgStatusWriter,
        remembered: Option<&Remembered>,
    ) -> Kept {
        // In this order, as where a window is noted.
        let mut state = self.state();
        let is_known = state.buckets().next().is_some();
        if let Some(remembered) = remembered.filter(|_| !is_known) {
            remembered.restore(&mut state, self.born.elapsed());
        }
        drop(state);
        let writer = Arc::new(writer);
        self.writers.write().push(Arc::clone(&writer));
        Kept {
            gate: Arc::clone(self),
            writer,
        }
    }

    /// How many entries it makes sense to work on at once: one a call in flight, and as many again, whose answers are
    /// being stored, where the org's limits are so far off that none of them stays half-done for it.
    pub fn concurrency(&self) -> usize {
        let most = self.config.limits.max_in_flight;
        let most = most.unwrap_or(DEFAULT_IN_FLIGHT) as usize;
        let beside = if self.state().has_plenty() { most } else { 0 };
        self.config.capacity.entries(most + beside)
    }

    /// One permit an entry that is claimed before its turn to send has come: no more of them than can be under way.
    pub const fn claims(&self) -> &Semaphore {
        &self.claims
    }

    /// Holds every further call back.
    pub fn stop(&self, mut why: Stopped) {
        let is_about_credentials = matches!(why.http_status, Some(401 | 403));
        if let Some(reference) = &self.config.credentials
            && is_about_credentials
        {
            why.hint = why.hint.take().map(|hint| format!("{reference}: {hint}"));
        }
        let mut state = self.state();
        state.stopped.get_or_insert(why);
        self.wake(&state);
    }

    /// Says what happened to the org.
    pub(super) fn send(&self, what: impl FnOnce() -> OrgEvent) {
        self.config.events.org(&self.config.org, what);
    }

    /// What was waited for does not matter any more: the org is stopped.
    pub(super) fn tell_stopped(&self) {
        let told = self.state().told.take();
        if told.is_some() {
            self.send(|| OrgEvent::Continues);
        }
    }

    /// Ends when the org is stopped.
    pub async fn when_stopped(&self) {
        loop {
            let halted = self.halted.notified();
            tokio::pin!(halted);
            halted.as_mut().enable();
            if self.stopped().is_some() {
                return;
            }
            halted.await;
        }
    }

    /// Stops the org when it gave no useful answer for as long as the policy allows.
    pub(super) fn watch(&self) {
        let (state, halted) = (Arc::downgrade(&self.state), Arc::clone(&self.halted));
        let (born, patience) = (self.born, self.config.retry.org_patience);
        // Ends with the gate, or as the org answers. It holds nothing that anybody waits for.
        drop(tokio::spawn(async move {
            let look = || look(&*state.upgrade()?, &halted, born.elapsed(), patience);
            while let Some(until) = look() {
                tokio::time::sleep_until(born + until).await;
            }
        }));
    }

    /// Nothing of the org can go on before some time has passed, although nothing keeps its calls back.
    pub fn begin_wait(&self) {
        let now = self.born.elapsed();
        self.state().begin_wait(now);
    }

    /// Nothing is asked of the org any more, for now.
    pub fn end_patience(&self) {
        self.state().patience.rest();
    }

    /// Wakes every call that waits: each finds out itself what for.
    pub(super) fn wake_all(&self) {
        self.state().wake_all();
    }

    /// Something changed that calls may wait for.
    pub(super) fn wake(&self, state: &State) {
        state.wake();
        if state.stopped.is_some() {
            self.halted.notify_waiters();
        }
    }

    /// The largest part of a window's limit that the run spent, over all buckets.
    pub fn share_used(&self) -> Option<f64> {
        let state = self.state();
        let used = state.buckets().filter_map(|of| of.methods.share_used());
        used.reduce(f64::max)
    }

    /// Calls that a window of the bucket allows this program, if the org has shown its limit.
    pub fn allowance(&self, bucket: Bucket) -> Option<u64> {
        self.state().bucket(bucket).methods.allowance()
    }

    /// What the bucket's windows from now on allow this program, if the org has shown its limit.
    pub fn outlook(&self, bucket: Bucket) -> Option<Outlook> {
        let now = self.born.elapsed();
        self.state().outlook(bucket, now)
    }

    /// Whether the org has stopped answering, for now.
    pub fn is_silent(&self) -> bool {
        self.state().circuit.probe_at().is_some()
    }

    /// Takes one of the org's retries; `false` = it has had so many that the next must wait long.
    pub fn spend_retry(&self) -> bool {
        self.state().retries.spend()
    }

    /// Why the org was stopped, if it was.
    pub fn stopped(&self) -> Option<Stopped> {
        self.state().stopped.clone()
    }

    /// Waits before a refused call asks to be admitted again.
    pub async fn pause(&self, pause: Duration) -> Result<(), Halted> {
        if pause > Duration::ZERO {
            self.begin_wait();
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.config.interrupt.cancelled() => Err(Halted::Interrupted),
            () = self.when_stopped() => Err(Halted::OrgStopped),
        }
    }

    /// Time that the org could not send, as far as no call log has it yet; whole milliseconds.
    pub(super) fn take_waited(&self) -> u64 {
        let mut state = self.state();
        let waited_ms = whole_millis(state.waited);
        state.waited = state
            .waited
            .saturating_sub(Duration::from_millis(waited_ms));
        waited_ms
    }

    /// Time that the org could not send, as far as no call log has it, when no more calls will be made; whole
    /// milliseconds. A wait that goes on ends here.
    pub fn end_waits(&self) -> u64 {
        let now = self.born.elapsed();
        self.state().end_wait(now);
        self.take_waited()
    }

    /// Tells the ledger of windows that are used up; their last calls go once it knows.
    pub(super) fn note_windows(&self, state: &mut State, bucket: Bucket, now: Duration) {
        while let Some((name, spent)) = state.take_note(bucket) {
            let writers = self.writers.read();
            let Some(writer) = writers.iter().find(|writer| writer.url.is_some()) else {
                state.bucket(bucket).methods.noted(spent.until);
                continue;
            };
            let state = Arc::clone(&self.state);
            let done = move || {
                let mut state = state.lock();
                state.bucket(bucket).methods.noted(spent.until);
                state.wake();
            };
            writer.window(name, spent, now, Box::new(done));
        }
    }

    /// Tells the ledger what others were seen to take.
    pub(super) fn note_others(&self, state: &mut State, bucket: Bucket, now: Duration) {
        while let Some((name, others)) = state.take_others(bucket) {
            // It is the org's, not a run's.
            if let Some(writer) = self.writers.read().first() {
                writer.others(name, others, now);
            }
        }
    }

    /// What it was seen to do in this process.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Calls a second at most, if that is limited.
    pub fn max_rps(&self) -> Option<f64> {
        self.config.limits.max_rps
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

// When to look again whether the org answers; none when there is no more need to.
fn look(
    state: &Mutex<State>,
    halted: &Notify,
    now: Duration,
    patience: Duration,
) -> Option<Duration> {
    let mut state = state.lock();
    match state.patience.watch(now, patience) {
        Watch::Until(until) => Some(until),
        Watch::Over(stopped) => {
            state.stopped.get_or_insert(*stopped);
            state.wake();
            halted.notify_waiters();
            None
        }
        Watch::Ended => None,
    }
}

fn quota(rps: f64) -> Option<Quota> {
    // Slower than a call an hour is a typing mistake; it must not turn into "no limit".
    let period_s = (1.0 / rps).clamp(1e-9, 3_600.0);
    Quota::with_period(Duration::from_secs_f64(period_s))
}
