//! The consent side of an entry at work: handing an answer in, losing it, asking for a fresh link.
//!
//! A waiting entry belongs to whoever hands its answer in: a live run leaves it alone until the ledger
//! says otherwise. Each change is claimed by a checkpoint before anything is sent.

use super::worker::{EntryTask, Next, RestKind, sleep_until};
use crate::consent::Answer;
use crate::ledger::{Consent, Fingerprint, LedgerError, StepRecord};
use crate::model::{EntryError, EntryState, ErrorDetails, Step, UnixMillis};
use crate::pacing::unix_millis;

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submission {
    /// Okta took it.
    Accepted,
    /// Okta did not take it; the entry says why, and needs a fresh link unless it failed.
    NotAccepted,
    /// The run or the org is being stopped. If the call was not made the entry waits as before.
    Halted,
}

impl EntryTask<'_> {
    /// Hands in a consent's answer for a waiting entry and makes the call at once.
    pub async fn submit_answer(&mut self, answer: Answer) -> Result<Submission, LedgerError> {
        self.answer = Some(answer);
        loop {
            if self.row.state == EntryState::Waiting {
                self.row.state = EntryState::Started;
                self.pass_await_consent();
            }
            match self.attempt().await? {
                Next::Rest(RestKind::Delayed(until)) => {
                    if self.row.progress.in_flight.is_none() {
                        // Nothing was sent: until the next try the entry waits, and nobody else takes it up.
                        self.back_to_waiting().await?;
                    }
                    if !self.sleep_until(until).await {
                        return Ok(Submission::Halted);
                    }
                }
                Next::Rest(RestKind::Halted) => {
                    if self.row.progress.in_flight.is_none() {
                        self.back_to_waiting().await?;
                    }
                    return Ok(Submission::Halted);
                }
                Next::Step
                | Next::Rest(
                    RestKind::Ended | RestKind::Waiting | RestKind::Left | RestKind::HandedOver(_),
                ) => {
                    break;
                }
            }
        }
        Ok(if self.row.error.is_none() {
            Submission::Accepted
        } else {
            Submission::NotAccepted
        })
    }

    /// Goes back to the step that gives a link, and makes it: the entry then waits for the fresh link's
    /// consent, or turns out to need none.
    pub async fn fresh_link(&mut self) -> Result<(), LedgerError> {
        self.drop_link();
        // The old link dies with the call that makes the new one, and is not taken for it.
        self.row.progress.consent = None;
        self.row.progress.consent_lost = true;
        self.row.due_at = Some(self.claimed_until());
        self.commit(None, None).await?;
        loop {
            match self.attempt().await? {
                Next::Rest(RestKind::Delayed(until)) if self.sleep_until(until).await => {}
                Next::Step | Next::Rest(_) => return Ok(()),
            }
        }
    }

    pub(super) fn park(&mut self, ended: StepRecord) {
        if ended.step == Step::CompleteConsent {
            // There was no answer to hand in after all: the same link is waited for.
            self.back_to(Step::AwaitConsent);
        } else {
            self.row.progress.end_step(ended);
        }
    }

    pub(super) async fn wait(
        &mut self,
        consent: Consent,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Next, LedgerError> {
        self.row.progress.consent = Some(consent);
        self.row.state = EntryState::Waiting;
        self.commit(fingerprint, None).await?;
        self.notify_end();
        Ok(Next::Rest(RestKind::Waiting))
    }

    // The step that gives a fresh link is next, also when it is held back half-way.
    pub(super) fn drop_link(&mut self) {
        self.row.state = EntryState::Started;
        self.back_to(Step::SetConnection);
    }

    // Back to the step that gives a fresh link.
    pub(super) async fn lose_consent(
        &mut self,
        step: Step,
        why: String,
        state: Option<String>,
    ) -> Result<Next, LedgerError> {
        let last = self.log.attempts.last().cloned();
        self.drop_link();
        self.row.progress.consent = None;
        self.row.progress.consent_lost = true;
        self.row.due_at = Some(self.claimed_until());
        self.row.error = Some(EntryError {
            step,
            details: ErrorDetails {
                message: format!("the consent was not accepted: {why}"),
                okta_error_code: last.as_ref().and_then(|call| call.okta_error_code.clone()),
                http_status: last.as_ref().and_then(|call| call.http_status),
                request_id: last.and_then(|call| call.request_id),
                hint: Some("open the fresh link: okta-rollout consent list".to_owned()),
            },
        });
        self.commit(None, state.map(|state| (state, false))).await?;
        Ok(Next::Step)
    }

    // Whoever else finds the entry started leaves it alone for as long as our next call can take.
    fn claimed_until(&self) -> UnixMillis {
        unix_millis().after(self.org_context.call_timeout)
    }

    // The call of `complete_consent` was not made: the answer is still good and can be handed in again.
    async fn back_to_waiting(&mut self) -> Result<(), LedgerError> {
        let (attempts, elapsed_ms) = (self.row.progress.attempts, self.row.progress.elapsed_ms);
        self.back_to(Step::AwaitConsent);
        self.row.progress.attempts = attempts;
        self.row.progress.elapsed_ms = elapsed_ms;
        self.row.due_at = None;
        self.row.state = EntryState::Waiting;
        self.commit(None, None).await
    }

    // The attempts belong to the call that follows, across a wait for its next try.
    fn pass_await_consent(&mut self) {
        let (attempts, elapsed_ms) = (self.row.progress.attempts, self.row.progress.elapsed_ms);
        self.back_to(Step::AwaitConsent);
        let passed = StepRecord::unmade(Step::AwaitConsent);
        self.row.progress.end_step(passed);
        self.row.progress.attempts = attempts;
        self.row.progress.elapsed_ms = elapsed_ms;
    }

    pub(super) fn back_to(&mut self, step: Step) {
        let start = self
            .steps
            .iter()
            .position(|planned| *planned == step)
            .unwrap_or(0);
        self.row.progress.steps.truncate(start);
        self.row.progress.attempts = 0;
        self.row.progress.elapsed_ms = 0;
    }

    // `false` = interrupted before the time came.
    async fn sleep_until(&self, until: UnixMillis) -> bool {
        tokio::select! {
            () = sleep_until(until) => true,
            () = self.org_context.interrupt.cancelled() => false,
            () = self.org_context.access.gate.when_stopped() => false,
        }
    }
}
