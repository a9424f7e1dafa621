//! Reads that are made again until they succeed: for commands that only look and keep no ledger, so that what
//! failed waits right here for its next attempt.
//!
//! Whether and when is [`super::retry`]'s word. Steps do not use this: between their attempts the entry rests in
//! the ledger and holds no worker.

use std::time::Duration;

use super::call_log::CallLog;
use super::gate::{Gate, Halted};
use super::retry::{Idempotency, Verdict, decide, delay, long_delay};
use crate::model::Stopped;
use crate::okta::{CallError, Class};

impl Gate {
    /// How long to wait before the attempt after `attempts` failed ones; takes one of the org's retries.
    pub fn retry_pause(&self, attempts: u32, class: &Class) -> Duration {
        let usual = delay(&self.retry, attempts, class);
        if self.spend_retry() {
            usual
        } else {
            usual.max(long_delay(&self.retry))
        }
    }

    // Waits, unless the org is stopped or the command interrupted: then there is nothing to wait for. People are told
    // when no other read continues meanwhile.
    async fn rest(&self, pause: Duration, cause: &str) -> Result<(), Halted> {
        let due = self.shared.born.elapsed() + pause;
        let told = self.state().rests.begin(due);
        if let Some(first) = told {
            self.begin_wait();
            self.notify_next_try(first, cause);
        }
        let rested = self.sleep(pause).await;
        self.state().rests.end(due);
        rested
    }

    async fn sleep(&self, pause: Duration) -> Result<(), Halted> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.interrupt.cancelled() => Err(Halted::Interrupted),
            () = self.when_stopped() => {
                self.notify_stopped();
                Err(Halted::OrgStopped)
            }
        }
    }
}

/// What one read has used up of its policy.
pub struct RetryLoop<'a> {
    gate: &'a Gate,
    attempts: u32,
    paused: Duration,
    // Of the log, before the first attempt.
    busy: Duration,
}

impl<'a> RetryLoop<'a> {
    /// Before the first attempt.
    pub fn new(gate: &'a Gate, log: &CallLog) -> Self {
        gate.state().rests.under_way += 1;
        Self {
            gate,
            attempts: 0,
            paused: Duration::ZERO,
            busy: log.busy,
        }
    }

    /// Returns when the next attempt is due, or at once if there is to be none. A failure that is about the whole org
    /// stops its gate.
    ///
    /// # Errors
    /// When the command is interrupted, or the org stopped, before that.
    pub async fn wait(
        &mut self,
        call: &CallError,
        idempotency: Idempotency,
        log: &mut CallLog,
    ) -> Result<Again, Halted> {
        self.attempts += 1;
        let elapsed = self.paused + log.busy.saturating_sub(self.busy);
        let policy = &self.gate.retry;
        match decide(policy, &call.class, idempotency, self.attempts, elapsed) {
            Verdict::Retry | Verdict::Look => {
                let pause = self.gate.retry_pause(self.attempts, &call.class);
                self.paused += pause;
                log.stats.retries += 1;
                self.gate.rest(pause, &call.message).await?;
                Ok(Again::Yes)
            }
            Verdict::Fail => Ok(Again::No),
            Verdict::StopOrg => {
                self.gate.stop(stopped_by(call));
                Ok(Again::No)
            }
        }
    }
}

/// Whether a read is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It is, now.
    Yes,
    /// The policy gives up.
    No,
}

impl Drop for RetryLoop<'_> {
    fn drop(&mut self) {
        self.gate.state().rests.under_way -= 1;
    }
}

fn stopped_by(call: &CallError) -> Stopped {
    Stopped {
        details: call.details.clone(),
        remedy: call.remedy,
    }
}
