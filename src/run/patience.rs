//! Reads that are made again until they succeed: for commands that only look and keep no ledger, so that what
//! failed waits right here for its next attempt.
//!
//! Whether and when is [`super::retry`]'s word. Steps do not use this: between their attempts the entry rests in
//! the ledger and holds no worker.

use std::time::Duration;

use super::call_log::CallLog;
use super::lane::{Halted, Lane};
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

    // Waits, unless the org is stopped or the command interrupted: then there is nothing to wait for. People are told
    // when no other read goes on meanwhile.
    async fn rest(&self, pause: Duration, cause: &str) -> Result<(), Halted> {
        let due = self.born.elapsed() + pause;
        let told = self.state().rests.begin(due);
        if let Some(first) = told {
            self.begin_wait();
            self.tell_next_try(first, cause);
        }
        let rested = self.sleep(pause).await;
        self.state().rests.end(due);
        rested
    }

    async fn sleep(&self, pause: Duration) -> Result<(), Halted> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.config.interrupt.requested() => Err(Halted::Interrupted),
            () = self.when_stopped() => {
                self.tell_stopped();
                Err(Halted::OrgStopped)
            }
        }
    }
}

/// The reads of an org that are made again until they succeed, and those of them that wait for their next try.
#[derive(Debug, Default)]
pub(super) struct Rests {
    under_way: usize,
    until: Vec<Duration>,
}

impl Rests {
    // One more waits; when no other goes on meanwhile, when the first of them is made again.
    fn begin(&mut self, until: Duration) -> Option<Duration> {
        self.until.push(until);
        let first = self.until.iter().min().copied();
        first.filter(|_| self.until.len() >= self.under_way)
    }

    fn end(&mut self, until: Duration) {
        if let Some(place) = self.until.iter().position(|other| *other == until) {
            self.until.swap_remove(place);
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
    fn new(lane: &'a Lane, log: &CallLog) -> Self {
        lane.state().rests.under_way += 1;
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
                Ok(self.lane.rest(pause, &call.message).await?)
            }
            Verdict::Fail => Err(error),
            Verdict::StopOrg => {
                self.lane.stop(stopped_by(call));
                Err(error)
            }
        }
    }
}

impl Drop for Patience<'_> {
    fn drop(&mut self) {
        self.lane.state().rests.under_way -= 1;
    }
}

fn stopped_by(call: &CallError) -> Stopped {
    Stopped {
        message: call.message.clone(),
        hint: call.hint.clone(),
        okta_error_code: call.okta_error_code.clone(),
        http_status: call.http_status,
        request_id: call.request_id.clone(),
        remedy: call.remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_when_no_other_read_goes_on() {
        const T: fn(u64) -> Duration = Duration::from_secs;
        let mut rests = Rests {
            under_way: 2,
            ..Rests::default()
        };
        assert_eq!(rests.begin(T(9)), None);
        assert_eq!(rests.begin(T(12)), Some(T(9)));
        rests.end(T(9));
        assert_eq!(rests.begin(T(11)), Some(T(11)));
        rests.end(T(12));
        rests.end(T(11));
        assert_eq!(rests.begin(T(20)), None);
        rests.under_way = 1;
        assert_eq!(rests.begin(T(20)), Some(T(20)));
    }
}
