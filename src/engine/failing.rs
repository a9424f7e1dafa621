//! What follows from an attempt that failed: another one later, a failed entry, or a stopped org.

use std::time::Duration;

use super::blame::{Blamed, blamed};
use super::worker::{EntryTask, Next, RestKind};
use crate::event::EntryEvent;
use crate::failure::Remedy;
use crate::job::RetryPolicy;
use crate::ledger::LedgerError;
use crate::model::{EntryError, EntryState, Site, Step, Stopped, whole_millis};
use crate::okta::Class;
use crate::okta::error::is_oktas;
use crate::pacing::{Idempotency, Verdict, decide, unix_millis};
use crate::steps::StepError;

/// How long after a lost answer Okta is looked at: it may still be working on the call, which took up to
/// 7.9 s in recordings (API.md §3.3).
const LOOK_AFTER: Duration = Duration::from_secs(10);

/// Whether Okta may carry the call out later: it has not said itself what became of it. A gateway that gave up has codes
/// of its own.
fn may_still_be_at_work(error: &EntryError) -> bool {
    !error.okta_error_code.as_deref().is_some_and(is_oktas)
}

/// What follows from an error after so many attempts, and of which class it is.
pub(super) fn verdict_on<'e>(
    retry: &RetryPolicy,
    error: &'e StepError,
    attempts: u32,
    elapsed: Duration,
) -> (Verdict, &'e Class) {
    match error {
        StepError::Call { error, idempotency } => {
            let class = &error.class;
            let verdict = decide(retry, class, *idempotency, attempts, elapsed);
            (verdict, class)
        }
        _ => (Verdict::Fail, &Class::Refused),
    }
}

impl EntryTask<'_> {
    pub(super) async fn fail(
        &mut self,
        step: Step,
        error: &StepError,
    ) -> Result<Next, LedgerError> {
        let described = error.describe(step);
        if let (true, StepError::Secret(secret)) = (self.org_context.leaves, error)
            && secret.is_lacking()
        {
            return self.leave(described).await;
        }
        let progress = &mut self.row.progress;
        progress.attempts += 1;
        if let Some(in_flight) = &mut progress.in_flight {
            in_flight.ended = true;
        }
        progress.elapsed_ms = progress
            .elapsed_ms
            .saturating_add(whole_millis(self.log.busy));
        let elapsed = Duration::from_millis(progress.elapsed_ms);
        let retry = &self.org_context.retry;
        let (verdict, class) = verdict_on(retry, error, progress.attempts, elapsed);
        let verdict = if self.is_too_new(step, error) || self.is_unsettled(step, error, elapsed) {
            Verdict::Retry
        } else {
            verdict
        };
        match verdict {
            Verdict::Retry | Verdict::Look => {
                let attempts = self.row.progress.attempts;
                let mut pause = self.org_context.access.gate.retry_pause(attempts, class);
                if verdict == Verdict::Look && may_still_be_at_work(&described) {
                    // Counted from when it was sent: one that timed out has had its time.
                    let sent_ms = self.log.attempts.last().map_or(0, |call| call.duration_ms);
                    let landed = LOOK_AFTER.min(self.org_context.call_timeout);
                    pause = pause.max(landed.saturating_sub(Duration::from_millis(sent_ms)));
                }
                self.retry_later(described, pause).await
            }
            Verdict::Fail => {
                self.row.state = EntryState::Failed;
                self.row.due_at = None;
                self.row.error = Some(self.with_hint(described, error.remedy(step)));
                // Before the ledger has it: no recount may find it uncounted.
                self.org_context.in_wave.count_failure(self.row.org);
                self.commit(None, None).await?;
                Ok(self.ended())
            }
            Verdict::StopOrg => {
                // Once the org is fixed its entries start with a clean slate.
                self.row.progress.attempts = 0;
                self.row.progress.elapsed_ms = 0;
                self.org_context.access.gate.stop(Stopped {
                    remedy: error.remedy(step),
                    details: described.details,
                });
                self.halt(true).await
            }
        }
    }

    // Another process may have the secret: the entry stays where it is, with the reason.
    async fn leave(&mut self, mut error: EntryError) -> Result<Next, LedgerError> {
        let fix = error.hint.take();
        error.hint = fix.map(|fix| format!("where a worker runs: {fix}"));
        self.row.state = EntryState::Started;
        self.row.due_at = None;
        self.row.error = Some(error);
        self.org_context.in_wave.leave();
        self.commit(None, None).await?;
        Ok(Next::Rest(RestKind::Left))
    }

    // Okta may not find an app at once that it has just created (API.md §8, E0000007).
    fn is_too_new(&self, step: Step, error: &StepError) -> bool {
        let progress = &self.row.progress;
        let mut records = progress.steps.iter().rev();
        let just_created = match step.site() {
            Site::Own => records
                .next()
                .is_some_and(|record| record.step == Step::CreateApp && record.changed),
            Site::Hub => records.any(|record| {
                let creates = matches!(record.step, Step::CreateServiceApp | Step::CreateIdp);
                creates && record.changed
            }),
        };
        let not_found =
            matches!(error, StepError::Call { error, .. } if error.http_status == Some(404));
        just_created && not_found && progress.attempts == 1
    }

    // Roles and scopes may take a while until they hold (API.md §6): a connection is refused until then.
    fn is_unsettled(&self, step: Step, error: &StepError, elapsed: Duration) -> bool {
        let StepError::Call { error, .. } = error else {
            return false;
        };
        let is_refused = step == Step::SetConnection && error.http_status == Some(400);
        let mut records = self.row.progress.steps.iter();
        let mut is_fresh =
            || records.any(|record| record.changed && record.step.site() == Site::Hub);
        let later = Class::Transient { retry_after: None };
        let (retry, attempts) = (&self.org_context.retry, self.row.progress.attempts);
        let again = || decide(retry, &later, Idempotency::Idempotent, attempts, elapsed);
        is_refused
            && error.message.contains("credential")
            && is_fresh()
            && again() == Verdict::Retry
    }

    async fn retry_later(
        &mut self,
        error: EntryError,
        pause: Duration,
    ) -> Result<Next, LedgerError> {
        let next_at = unix_millis().after(pause);
        let progress = &mut self.row.progress;
        progress.elapsed_ms = progress.elapsed_ms.saturating_add(whole_millis(pause));
        self.row.state = EntryState::Started;
        self.row.due_at = Some(next_at);
        self.row.error = Some(error);
        self.log.stats.retries += 1;
        if let Some(last) = self.log.attempts.last_mut() {
            last.next_at = Some(next_at);
        }
        self.commit(None, None).await?;
        if let Some(error) = &self.row.error {
            self.org_context
                .events
                .entry(&self.name, || EntryEvent::Retrying {
                    error: error.clone(),
                    attempts: self.row.progress.attempts,
                    next_at,
                });
        }
        Ok(Next::Rest(RestKind::Delayed(next_at)))
    }

    fn with_hint(&self, mut error: EntryError, remedy: Remedy) -> EntryError {
        let next = &self.org_context.next;
        let hint = match self.blamed(&error) {
            Some(Blamed::Value(reference)) => {
                next.after_fix(&format!("check the value behind {reference}"))
            }
            Some(Blamed::Field(field)) => {
                next.after_edit(&format!("correct {field} of the entry's connection"))
            }
            None => {
                let fix = error.hint.clone().unwrap_or_else(|| match remedy {
                    Remedy::Manifest => "correct the entry".to_owned(),
                    Remedy::Outside | Remedy::Job => "fix the cause".to_owned(),
                });
                match remedy {
                    Remedy::Manifest => next.after_edit(&fix),
                    Remedy::Outside | Remedy::Job => next.after_fix(&fix),
                }
            }
        };
        error.hint = Some(hint);
        error
    }

    fn blamed(&self, error: &EntryError) -> Option<Blamed<'_>> {
        let refused = error.step == Step::SetConnection && error.http_status == Some(400);
        // The client id of a connection with a hub is none of the entry's.
        let is_own = refused && self.row.entry.hub.is_none();
        let connection = self.row.entry.connection.as_ref().filter(|_| is_own)?;
        blamed(connection, &error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorDetails;

    #[test]
    fn only_okta_can_say_that_nothing_is_carried_out_any_more() {
        for (code, may) in [
            (Some("E0000009"), false),
            (Some("E9999999"), false),
            (Some("unknown value (11 characters)"), true),
            (Some("server_error"), true),
            (Some("temporarily_unavailable"), true),
            (None, true),
        ] {
            let error = EntryError {
                step: Step::CreateApp,
                details: ErrorDetails {
                    message: "status 502".to_owned(),
                    okta_error_code: code.map(str::to_owned),
                    http_status: Some(502),
                    ..ErrorDetails::default()
                },
            };
            assert_eq!(may_still_be_at_work(&error), may, "{code:?}");
        }
    }
}
