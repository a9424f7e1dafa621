//! The consent side of an entry at work: handing an answer in, losing it, asking for a fresh link.

use super::worker::{Next, RestKind, Work, sleep_until};
use crate::ledger::{EntryError, LedgerError, Stored};
use crate::steps::{Answer, Step};

impl Work<'_> {
    /// Hands in a consent's answer for a waiting entry and makes the call at once. `Ok(true)` = Okta
    /// accepted it; `Ok(false)` = it did not, and the row says why.
    pub async fn hand_in(&mut self, answer: Answer) -> Result<bool, LedgerError> {
        self.row.state = Stored::Started;
        self.end_step(Step::AwaitConsent, false, 0, None);
        self.answer = Some(answer);
        loop {
            match self.attempt().await? {
                // Done, or lost and to be asked for anew; either way the call is settled.
                Next::Step | Next::Rest(RestKind::Ended | RestKind::Waiting) => {
                    return Ok(self.row.error.is_none());
                }
                Next::Rest(RestKind::Delayed(until)) => sleep_until(until).await,
                Next::Rest(RestKind::Halted) => {
                    self.back_to_waiting().await?;
                    return Ok(false);
                }
            }
        }
    }

    /// Goes back to the step that gives a link, and makes it: the entry then waits for the fresh link's
    /// consent, or turns out to need none.
    pub async fn fresh_link(&mut self) -> Result<(), LedgerError> {
        self.drop_link();
        loop {
            match self.attempt().await? {
                Next::Rest(RestKind::Delayed(until)) => sleep_until(until).await,
                Next::Step | Next::Rest(_) => return Ok(()),
            }
        }
    }

    // The step that gives a fresh link is next, also when it is held back half-way.
    pub(super) fn drop_link(&mut self) {
        self.row.state = Stored::Started;
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
        self.row.error = Some(EntryError {
            step,
            message: format!("the consent was not accepted: {why}"),
            okta_error_code: last.as_ref().and_then(|call| call.okta_error_code.clone()),
            http_status: last.as_ref().and_then(|call| call.http_status),
            request_id: last.and_then(|call| call.request_id),
            hint: Some("open the fresh link: okta-rollout consent list".to_owned()),
        });
        self.commit(None, state.map(|state| (state, false))).await?;
        Ok(Next::Step)
    }

    // The call of `complete_consent` was never made: the answer is still good and can be handed in again.
    async fn back_to_waiting(&mut self) -> Result<(), LedgerError> {
        self.back_to(Step::AwaitConsent);
        self.row.progress.in_flight = None;
        self.row.state = Stored::Waiting;
        self.commit(None, None).await
    }

    fn back_to(&mut self, step: Step) {
        let start = self
            .steps
            .iter()
            .position(|planned| *planned == step)
            .unwrap_or(0);
        self.row.progress.steps.truncate(start);
        self.row.progress.attempts = 0;
        self.row.progress.elapsed_ms = 0;
    }
}
