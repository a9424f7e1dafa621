//! The one way to an org: every call waits in its org's gate for the org's budget, caps and circuit, and
//! the gate learns from its answer.
//!
//! Waiting uses up no attempt and no time-out. Who may send what is not the gate's: see [`crate::steps::Reader`] and
//! [`crate::steps::Context`].

use std::sync::Arc;
use std::time::Duration;

use parking_lot::MutexGuard;
use tokio::sync::Semaphore;

use super::admission::State;
use super::budget::Outlook;
use super::cancellation::CancellationToken;
use super::counts::Counts;
use super::org_status::Remembered;
use super::shared_gate::{SharedGate, User};
use super::tally::Tally;
use crate::event::OrgEvent;
use crate::job::RetryPolicy;
use crate::model::{Stopped, whole_millis};
use crate::okta::Bucket;

/// Why a call was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halted {
    /// The run is being interrupted.
    Interrupted,
    /// The org was stopped.
    OrgStopped,
    /// It is the first call of an entry, and no further one may begin.
    NoFurtherEntry,
}

/// An org's gate as one run, plan or export has it: what others who have it do counts as well, and it is notified of
/// what happens to the org until this is dropped. When to stop, and what it was seen to do, is its own.
pub struct Gate {
    pub(super) shared: Arc<SharedGate>,
    pub(super) user: Arc<User>,
    /// The reference to the org's token, which whoever has to replace it looks for.
    pub(super) credentials: Option<Box<str>>,
    pub(super) retry: RetryPolicy,
    pub(super) interrupt: CancellationToken,
    pub(super) tally: Arc<Tally>,
    pub(super) counts: Arc<Counts>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.remove(&self.user);
    }
}

impl Gate {
    /// The same gate for somebody who may be told earlier to stop.
    #[must_use]
    pub fn until(&self, interrupt: CancellationToken) -> Self {
        let user = Arc::new(User::clone(&self.user));
        self.shared.add(Arc::clone(&user));
        Self {
            shared: Arc::clone(&self.shared),
            user,
            credentials: self.credentials.clone(),
            retry: self.retry,
            interrupt,
            tally: Arc::clone(&self.tally),
            counts: Arc::clone(&self.counts),
        }
    }

    /// Forgets what was learned of the org's budgets and continues from what a ledger remembers: another process may have
    /// spent from them since. Not while anything is in flight: whoever sent that knows better.
    pub fn begin_anew(&self, remembered: Option<&Remembered>) {
        let mut state = self.state();
        if !state.forget_buckets() {
            return;
        }
        if let Some(remembered) = remembered {
            remembered.restore(&mut state, self.shared.born.elapsed());
        }
    }

    /// How many entries it makes sense to work on at once: one a call in flight, and as many again, whose answers are
    /// being stored, where the org's limits are so far off that none of them stays half-done for it.
    pub fn concurrency(&self) -> usize {
        let most = self.shared.most_in_flight();
        let beside = if self.state().has_plenty() { most } else { 0 };
        self.shared.capacity.entries(most + beside)
    }

    /// One permit an entry that is claimed before its turn to send has come: no more of them than can be under way.
    pub fn claims(&self) -> &Semaphore {
        &self.shared.claims
    }

    /// Holds every further call back, whoever makes it.
    pub fn stop(&self, why: Stopped) {
        let mut state = self.state();
        state.stopped.get_or_insert(why);
        self.shared.wake(&state);
    }

    /// Why the org was stopped, if it was.
    pub fn stopped(&self) -> Option<Stopped> {
        let mut why = self.state().stopped.clone()?;
        let is_about_credentials = matches!(why.http_status, Some(401 | 403));
        if let Some(reference) = &self.credentials
            && is_about_credentials
        {
            why.hint = why.hint.take().map(|hint| format!("{reference}: {hint}"));
        }
        Some(why)
    }

    /// What was waited for does not matter any more: the org is stopped.
    pub(super) fn notify_stopped(&self) {
        let told = self.state().told.take();
        if told.is_some() {
            self.shared.send(|| OrgEvent::Continues);
        }
    }

    /// Ends when the org is stopped.
    pub async fn when_stopped(&self) {
        loop {
            let halted = self.shared.halted.notified();
            tokio::pin!(halted);
            halted.as_mut().enable();
            if self.shared.is_stopped() {
                return;
            }
            halted.await;
        }
    }

    /// Nothing of the org can continue before some time has passed, although nothing keeps its calls back.
    pub fn begin_wait(&self) {
        let now = self.shared.born.elapsed();
        self.state().begin_wait(now);
    }

    /// Nothing is asked of the org any more, for now.
    pub fn end_patience(&self) {
        self.state().patience.rest();
    }

    /// The largest part of a window's limit that the run spent, over all buckets.
    pub fn share_used(&self) -> Option<f64> {
        let state = self.state();
        let used = state.buckets().filter_map(|of| of.methods.share_used());
        used.reduce(f64::max)
    }

    /// Whether a call ever waited for a window to end, whoever used it up.
    pub fn was_at_its_limit(&self) -> bool {
        self.state().was_at_its_limit
    }

    /// Calls that a window of the bucket allows this program, if the org has shown its limit.
    pub fn allowance(&self, bucket: Bucket) -> Option<u64> {
        self.state().bucket(bucket).methods.allowance()
    }

    /// What the bucket's windows from now on allow this program, if the org has shown its limit.
    pub fn outlook(&self, bucket: Bucket) -> Option<Outlook> {
        let now = self.shared.born.elapsed();
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

    /// Waits before a refused call asks to be admitted again.
    pub async fn pause(&self, pause: Duration) -> Result<(), Halted> {
        if pause > Duration::ZERO {
            self.begin_wait();
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.interrupt.cancelled() => Err(Halted::Interrupted),
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
    /// milliseconds. A wait that continues ends here.
    pub fn end_waits(&self) -> u64 {
        let now = self.shared.born.elapsed();
        self.state().end_wait(now);
        self.take_waited()
    }

    /// What it was seen to do for this run.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Calls a second at most, if that is limited.
    pub fn max_rps(&self) -> Option<f64> {
        self.shared.limits.max_rps
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}
