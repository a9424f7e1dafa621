//! What follows from an attempt that failed: another one later, a failed entry, or a stopped org.

use std::time::Duration;

use super::blame::{Blamed, blamed};
use super::worker::{Next, RestKind, Work};
use crate::event::Event;
use crate::failure::Remedy;
use crate::ledger::LedgerError;
use crate::model::{EntryError, Millis, Step, Stopped, Stored};
use crate::okta::Class;
use crate::pacing::{Verdict, decide, unix_millis};
use crate::steps::StepError;

/// How long after a lost answer Okta is looked at: it may still be working on the call, which took up to
/// 7.9 s in recordings (API.md §3.3).
const LOOK_AFTER: Duration = Duration::from_secs(10);

impl Work<'_> {
    pub(super) async fn fail(
        &mut self,
        step: Step,
        error: &StepError,
    ) -> Result<Next, LedgerError> {
        let described = error.describe(step);
        let progress = &mut self.row.progress;
        progress.attempts += 1;
        if let Some(in_flight) = &mut progress.in_flight {
            in_flight.ended = true;
        }
        progress.elapsed_ms += u64::try_from(self.log.busy.as_millis()).unwrap_or(u64::MAX);
        let (verdict, class) = match error {
            StepError::Call { error, effect } => {
                let elapsed = Duration::from_millis(progress.elapsed_ms);
                (
                    decide(
                        &self.shop.retry,
                        &error.class,
                        *effect,
                        progress.attempts,
                        elapsed,
                    ),
                    &error.class,
                )
            }
            _ => (Verdict::Fail, &Class::Refused),
        };
        let verdict = if self.is_too_new(error) {
            Verdict::Retry
        } else {
            verdict
        };
        match verdict {
            Verdict::Retry | Verdict::Look => {
                let attempts = self.row.progress.attempts;
                let mut pause = self.shop.access.lane.retry_pause(attempts, class);
                if verdict == Verdict::Look && described.okta_error_code.is_none() {
                    // Counted from when it was sent: one that timed out has had its time.
                    let sent_ms = self.log.attempts.last().map_or(0, |call| call.duration_ms);
                    let landed = LOOK_AFTER.min(self.shop.call_timeout);
                    pause = pause.max(landed.saturating_sub(Duration::from_millis(sent_ms)));
                }
                self.retry_later(described, pause).await
            }
            Verdict::Fail => {
                self.row.state = Stored::Failed;
                self.row.due_at = None;
                self.row.error = Some(self.with_hint(described, error.remedy(step)));
                self.commit(None, None).await?;
                Ok(self.ended())
            }
            Verdict::StopOrg => {
                // Once the org is mended its entries start with a clean slate.
                self.row.progress.attempts = 0;
                self.row.progress.elapsed_ms = 0;
                self.shop.access.lane.stop(Stopped {
                    remedy: error.remedy(step),
                    message: described.message,
                    hint: described.hint,
                    okta_error_code: described.okta_error_code,
                    http_status: described.http_status,
                    request_id: described.request_id,
                });
                self.halt(true).await
            }
        }
    }

    // Okta may not find an app at once that it has just created (API.md §8, E0000007).
    fn is_too_new(&self, error: &StepError) -> bool {
        let progress = &self.row.progress;
        let just_created = progress
            .steps
            .last()
            .is_some_and(|record| record.step == Step::CreateApp && record.changed);
        let not_found =
            matches!(error, StepError::Call { error, .. } if error.http_status == Some(404));
        just_created && not_found && progress.attempts == 1
    }

    async fn retry_later(
        &mut self,
        error: EntryError,
        pause: Duration,
    ) -> Result<Next, LedgerError> {
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let next_at =
            unix_millis().saturating_add(Millis::try_from(pause_ms).unwrap_or(Millis::MAX));
        self.row.progress.elapsed_ms = self.row.progress.elapsed_ms.saturating_add(pause_ms);
        self.row.state = Stored::Started;
        self.row.due_at = Some(next_at);
        self.row.error = Some(error.clone());
        self.log.stats.retries += 1;
        if let Some(last) = self.log.attempts.last_mut() {
            last.next_at = Some(next_at);
        }
        self.commit(None, None).await?;
        let attempts = self.row.progress.attempts;
        self.shop.events.send(Event::Retrying {
            entry: self.name.clone(),
            error,
            attempts,
            next_at,
        });
        Ok(Next::Rest(RestKind::Delayed(next_at)))
    }

    fn with_hint(&self, error: EntryError, remedy: Remedy) -> EntryError {
        let next = &self.shop.next;
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
        EntryError {
            hint: Some(hint),
            ..error
        }
    }

    fn blamed(&self, error: &EntryError) -> Option<Blamed<'_>> {
        let refused = error.step == Step::SetConnection && error.http_status == Some(400);
        let connection = self.row.entry.connection.as_ref().filter(|_| refused)?;
        blamed(connection, &error.message)
    }
}
