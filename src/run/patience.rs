//! Reads that are made again until they succeed: for commands that only look and keep no ledger, so that what
//! failed waits right here for its next attempt (PRODUCT.md §6).
//!
//! Whether and when is [`super::retry`]'s word. Steps do not use this: between their attempts the entry rests in
//! the ledger and holds no worker.

use std::time::Duration;

use super::lane::{CallLog, Halted, Lane};
use super::reader::Reader;
use super::retry::{Verdict, decide, delay, long_delay};
use crate::ledger::Stopped;
use crate::okta::{CallError, Class, Read};
use crate::steps::{Extent, Pages, StepError};

impl Reader {
    /// As [`Reader::read`], made again as the lane's retry policy allows.
    ///
    /// # Errors
    /// The last error, when the policy gives up. One that is about the whole org stops its lane:
    /// [`Lane::stopped`] tells why, and the org's other calls end as [`Halted::OrgStopped`].
    pub async fn read_patiently<T>(
        &self,
        call: &Read<T>,
        rank: usize,
        log: &mut CallLog,
    ) -> Result<T, StepError> {
        let mut patience = Patience::new(self.lane(), log);
        loop {
            match self.read(call, rank, log).await {
                Err(error) => patience.wait(error, log).await?,
                read => return read,
            }
        }
    }

    /// As [`Pages::read`], every page made again as the lane's retry policy allows.
    ///
    /// # Errors
    /// As [`Reader::read_patiently`].
    pub async fn list_patiently(
        &self,
        pages: &mut Pages,
        extent: Extent,
        rank: usize,
        log: &mut CallLog,
    ) -> Result<(), StepError> {
        let mut patience = Patience::new(self.lane(), log);
        loop {
            let read = pages.pages;
            match pages.read(extent, self, rank, log).await {
                Err(error) => {
                    if pages.pages > read {
                        // Another page than the one that failed before.
                        patience = Patience::new(self.lane(), log);
                    }
                    patience.wait(error, log).await?;
                }
                listed => return listed,
            }
        }
    }
}

impl Lane {
    /// How long to wait before the attempt after `attempts` failed ones; takes one of the org's retries.
    pub(super) fn retry_pause(&self, attempts: u32, class: &Class) -> Duration {
        let usual = delay(&self.config.retry, attempts, class);
        if self.spend_retry() {
            usual
        } else {
            usual.max(long_delay(&self.config.retry))
        }
    }

    // Waits, unless the org is stopped or the command interrupted: then there is nothing to wait for.
    async fn rest(&self, pause: Duration) -> Result<(), Halted> {
        let stopped = async {
            loop {
                let halted = self.halted.notified();
                tokio::pin!(halted);
                halted.as_mut().enable();
                if self.stopped().is_some() {
                    return;
                }
                halted.await;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.config.interrupt.requested() => Err(Halted::Interrupted),
            () = stopped => Err(Halted::OrgStopped),
        }
    }
}

// What one read has used up of its policy.
struct Patience<'a> {
    lane: &'a Lane,
    attempts: u32,
    paused: Duration,
    // Of the log, before the first attempt.
    busy: Duration,
}

impl<'a> Patience<'a> {
    const fn new(lane: &'a Lane, log: &CallLog) -> Self {
        Self {
            lane,
            attempts: 0,
            paused: Duration::ZERO,
            busy: log.busy,
        }
    }

    // Returns when the next attempt is due, or the error if there is to be none.
    async fn wait(&mut self, error: StepError, log: &mut CallLog) -> Result<(), StepError> {
        let StepError::Call {
            error: call,
            effect,
        } = &error
        else {
            return Err(error);
        };
        self.attempts += 1;
        let elapsed = self.paused + log.busy.saturating_sub(self.busy);
        let policy = &self.lane.config.retry;
        match decide(policy, &call.class, *effect, self.attempts, elapsed) {
            Verdict::Retry | Verdict::Look => {
                let pause = self.lane.retry_pause(self.attempts, &call.class);
                self.paused += pause;
                log.stats.retries += 1;
                Ok(self.lane.rest(pause).await?)
            }
            Verdict::Fail => Err(error),
            Verdict::StopOrg => {
                self.lane.stop(stopped_by(call));
                Err(error)
            }
        }
    }
}

fn stopped_by(call: &CallError) -> Stopped {
    Stopped {
        message: call.message.clone(),
        hint: call.hint.clone(),
        okta_error_code: call.okta_error_code.clone(),
        http_status: call.http_status,
        request_id: call.request_id.clone(),
    }
}
