//! What all who call an org with the same credentials share: its budget, its caps, its circuit, and who is notified.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::admission::State;
use super::capacity::Capacity;
use super::org_patience::Watch;
use super::org_status::OrgStatusWriter;
use super::rate_cap::RateCap;
use crate::event::{Events, OrgEvent};
use crate::job::RetryPolicy;
use crate::manifest::Limits;
use crate::okta::{Authorization, Bucket};

/// Part of the shown limit that is used when nothing else is configured; the rest is left to others.
const DEFAULT_SHARE: f64 = 0.9;

/// Calls in flight per org when nothing else is configured: at 50 calls a minute and 3 s a call, 3 would do; more
/// uses up a fresh window sooner and stays far below Okta's 35 to 75 (API.md §10.1).
const DEFAULT_IN_FLIGHT: u32 = 20;

/// What holds for an org where neither it nor its job says anything.
pub const DEFAULT_LIMITS: Limits = Limits {
    share: Some(DEFAULT_SHARE),
    max_rps: None,
    max_in_flight: Some(DEFAULT_IN_FLIGHT),
};

/// One of those who call an org: a run, a plan, an export.
#[derive(Clone)]
pub(super) struct User {
    /// What it calls the org.
    pub(super) org: Arc<str>,
    /// Where it says what happens.
    pub(super) events: Events,
    /// What its ledger has to know at once, if it keeps one.
    pub(super) status: Option<OrgStatusWriter>,
}

/// See the first lines of this file.
pub(super) struct SharedGate {
    pub(super) authorization: Authorization,
    pub(super) limits: Limits,
    /// When the circuit and the org's patience give up.
    pub(super) retry: RetryPolicy,
    pub(super) capacity: Capacity,
    pub(super) rps: Option<RateCap>,
    pub(super) born: Instant,
    /// Notified when the org is stopped.
    pub(super) halted: Arc<Notify>,
    pub(super) claims: Semaphore,
    state: Arc<Mutex<State>>,
    users: RwLock<Vec<Arc<User>>>,
}

impl SharedGate {
    pub(super) fn new(
        authorization: Authorization,
        limits: Limits,
        retry: RetryPolicy,
        capacity: Capacity,
    ) -> Self {
        let share = limits.share.unwrap_or(DEFAULT_SHARE);
        let max = limits.max_in_flight.unwrap_or(DEFAULT_IN_FLIGHT);
        Self {
            authorization,
            limits,
            retry,
            capacity,
            rps: limits.max_rps.and_then(RateCap::of),
            born: Instant::now(),
            halted: Arc::default(),
            claims: Semaphore::new(max as usize),
            state: Arc::new(Mutex::new(State::new(share, max))),
            users: RwLock::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Notifies this one, too, until it is [removed](Self::remove).
    pub(super) fn add(&self, user: Arc<User>) {
        self.users.write().push(user);
    }

    pub(super) fn remove(&self, user: &Arc<User>) {
        self.users.write().retain(|other| !Arc::ptr_eq(other, user));
    }

    /// Whether the org was stopped.
    pub(super) fn is_stopped(&self) -> bool {
        self.state().stopped.is_some()
    }

    /// Most entries whose calls may be in flight.
    pub(super) fn most_in_flight(&self) -> usize {
        self.limits.max_in_flight.unwrap_or(DEFAULT_IN_FLIGHT) as usize
    }

    /// Says what happened to the org to all who use it: once to those who hear the same and call it the same. Not to
    /// be called while its state is locked, nor may `what` lock it.
    pub(super) fn send(&self, what: impl Fn() -> OrgEvent) {
        let users = self.users.read();
        for (place, user) in users.iter().enumerate() {
            let mut before = users[..place].iter();
            if !before.any(|one| one.org == user.org && one.events.are(&user.events)) {
                user.events.org(&user.org, &what);
            }
        }
    }

    /// The ledgers that have to know of the org.
    pub(super) fn each_status(&self, mut tell: impl FnMut(&OrgStatusWriter)) {
        let users = self.users.read();
        users
            .iter()
            .filter_map(|user| user.status.as_ref())
            .for_each(&mut tell);
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

    /// Stops the org when it gave no useful answer for as long as the policy allows.
    pub(super) fn watch(&self) {
        let (state, halted) = (Arc::downgrade(&self.state), Arc::clone(&self.halted));
        let (born, patience) = (self.born, self.retry.org_patience);
        // Ends with the gate, or as the org answers. It holds nothing that anybody waits for.
        drop(tokio::spawn(async move {
            let look = || look(&*state.upgrade()?, &halted, born.elapsed(), patience);
            while let Some(until) = look() {
                tokio::time::sleep_until(born + until).await;
            }
        }));
    }

    /// Tells the ledger of windows that are used up; their last calls go once it knows.
    pub(super) fn note_windows(&self, state: &mut State, bucket: Bucket, now: Duration) {
        while let Some((name, spent)) = state.take_note(bucket) {
            let users = self.users.read();
            let mut writers = users.iter().filter_map(|user| user.status.as_ref());
            let Some(writer) = writers.find(|writer| writer.url.is_some()) else {
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
            let users = self.users.read();
            // It is the org's, not a run's.
            if let Some(writer) = users.iter().find_map(|user| user.status.as_ref()) {
                writer.others(name, others, now);
            }
        }
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
