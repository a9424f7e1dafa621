//! Works on one entry: step after step, a checkpoint after each, until it is done, fails, waits for a
//! person, must wait for its next try, or the run stops.

use std::sync::Arc;
use std::time::Duration;

use super::org_context::OrgContext;
use super::run_orgs::OrgName;
use crate::consent::Answer;
use crate::event::{EntryEvent, EntryName};
use crate::ledger::{EntryRow, Fingerprint, LedgerError, Owner, StepRecord};
use crate::model::{EntryState, OrgNo, Step, UnixMillis};
use crate::pacing::{CallLog, unix_millis};
use crate::plan::steps;
use crate::steps::{Also, Context, Live, Memory, Outcome, Outside, StepError, checkpoint};

/// How an entry left the worker.
#[derive(Debug)]
pub enum Rest {
    /// Done or failed.
    Ended,
    /// Waits for a person.
    Waiting,
    /// To be tried again then.
    Delayed(Box<EntryRow>, UnixMillis),
    /// Stands in the queue of this org now: its next step happens there.
    HandedOver(OrgNo),
    /// Left to other processes, which may have the secret that this one lacks.
    Left,
    /// Not touched further: the run or the org is being stopped.
    Halted,
}

// What follows from one attempt.
pub(super) enum Next {
    Step,
    Rest(RestKind),
}

/// [`Rest`] without the entry.
#[derive(Clone, Copy, Debug)]
pub enum RestKind {
    /// It is done or has failed.
    Ended,
    /// It waits for a person's consent.
    Waiting,
    /// It is tried again then.
    Delayed(UnixMillis),
    /// Its next step belongs to this org, in whose queue it stands now.
    HandedOver(OrgNo),
    /// Other processes may have the secret that this one lacks.
    Left,
    /// The run or the org stopped before it came to rest.
    Halted,
}

/// One entry at work.
pub struct EntryTask<'a> {
    pub(super) org_context: &'a OrgContext,
    owner: Owner<'a>,
    pub(super) row: EntryRow,
    pub(super) steps: Vec<Step>,
    pub(super) memory: Memory,
    pub(super) log: CallLog,
    pub(super) own_org: &'a OrgName,
    pub(super) name: EntryName,
    pub(super) answer: Option<Answer>,
    pub(super) left_alone: bool,
}

impl<'a> EntryTask<'a> {
    /// Takes an entry up.
    pub fn new(org_context: &'a OrgContext, owner: Owner<'a>, row: EntryRow) -> Self {
        let own_org = org_context.own_org(&row);
        let name = name_of(&own_org.name, &row);
        Self {
            steps: steps(&row.entry),
            log: CallLog::of(row.entry.app),
            org_context,
            owner,
            memory: Memory::of(&row),
            row,
            own_org,
            name,
            answer: None,
            left_alone: false,
        }
    }

    /// Continues until the entry comes to rest.
    pub async fn run(&mut self) -> Result<RestKind, LedgerError> {
        loop {
            match self.attempt().await? {
                Next::Step => {}
                Next::Rest(kind) => return Ok(kind),
            }
        }
    }

    /// The entry as it came to rest.
    pub fn rest(self, kind: RestKind) -> Rest {
        match kind {
            RestKind::Ended => Rest::Ended,
            RestKind::Waiting => Rest::Waiting,
            RestKind::Delayed(until) => Rest::Delayed(Box::new(self.row), until),
            RestKind::HandedOver(to) => Rest::HandedOver(to),
            RestKind::Left => Rest::Left,
            RestKind::Halted => Rest::Halted,
        }
    }

    /// Whether there is more to do on the entry now.
    pub fn can_go_on(&self) -> bool {
        self.row.state == EntryState::Started
    }

    /// Why the entry is where it is, if something went wrong.
    pub fn error(&self) -> Option<String> {
        self.row.error.as_ref().map(|error| error.message.clone())
    }

    /// The entry as it stands.
    pub fn into_row(self) -> EntryRow {
        self.row
    }

    pub(super) async fn attempt(&mut self) -> Result<Next, LedgerError> {
        let Some(&step) = self.steps.get(self.row.progress.steps.len()) else {
            return self.finish().await;
        };
        let org = self.org_of(step);
        if org != Some(self.org_context.no) {
            return self.hand_over(org).await;
        }
        self.fix_sent_at().await?;
        if let Some(until) = self.must_wait_before_looking(step) {
            return Ok(Next::Rest(RestKind::Delayed(until)));
        }
        let started = || EntryEvent::StepStarted { step };
        self.org_context.events.entry(&self.name, started);
        self.log.busy = Duration::ZERO;
        self.log.step = Some(step);
        let mut context = self.context(step);
        let outcome = step.run(&mut context).await;
        let (fingerprint, answer, announced) =
            (context.fingerprint, context.answer, context.announced);
        self.answer = answer;
        if !self.memory.has_begun && self.org_context.in_wave.is_halted() {
            // What it came to without a call of its own, behind a list that others wait for, is not begun either.
            return self.halt(announced).await;
        }
        self.memory.has_begun = true;
        match outcome {
            Ok(outcome) => self.settle(step, outcome, fingerprint).await,
            Err(StepError::Halted(_)) => self.halt(announced).await,
            Err(StepError::Ledger(error)) => Err(error),
            Err(error) => self.fail(step, &error).await,
        }
    }

    pub(super) fn context(&mut self, step: Step) -> Context<'_> {
        Context {
            outside: Outside::Live(Live {
                owner: self.owner,
                ledger: &self.org_context.ledger,
                access: &self.org_context.access,
                halted: self.org_context.in_wave.halted(),
                own_url: &self.own_org.url,
                own_origin: &self.own_org.origin,
                hub_url: self.org_context.hub_url(&self.row),
            }),
            row: &mut self.row,
            step,
            steps: &self.steps,
            memory: &mut self.memory,
            answer: self.answer.take(),
            log: &mut self.log,
            fingerprint: None,
            link_before: None,
            credentials: None,
            announced: false,
        }
    }

    // A once-only call that was under way when its process died may still land.
    fn must_wait_before_looking(&self, step: Step) -> Option<UnixMillis> {
        let in_flight = self
            .row
            .progress
            .in_flight
            .as_ref()
            .filter(|in_flight| in_flight.step == step)?;
        let lands_until = in_flight.sent_at.after(self.org_context.call_timeout);
        (!in_flight.ended && lands_until > unix_millis()).then_some(lands_until)
    }

    // A clock that was set back must not park the entry for longer than the call can take: from now on.
    async fn fix_sent_at(&mut self) -> Result<(), LedgerError> {
        let now = unix_millis();
        match &mut self.row.progress.in_flight {
            Some(in_flight) if in_flight.sent_at > now => in_flight.sent_at = now,
            _ => return Ok(()),
        }
        self.commit(None, None).await
    }

    async fn settle(
        &mut self,
        step: Step,
        outcome: Outcome,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Next, LedgerError> {
        let consent = self.row.progress.consent.as_ref();
        let state = consent.map(|consent| consent.state.clone());
        self.row.error = None;
        self.row.due_at = None;
        self.row.progress.in_flight = None;
        self.row.state = EntryState::Started;
        let outcome = self.note_changes(outcome);
        let ended = self.ended_step(step, &outcome);
        let changed = ended.changed;
        let outcome = match outcome {
            Outcome::Waiting(consent) | Outcome::CarriedOver(consent) => {
                self.park(ended);
                return self.wait(consent, fingerprint).await;
            }
            Outcome::ConsentLost { why } => return self.lose_consent(step, why, state).await,
            outcome => outcome,
        };
        let is_settled = match outcome {
            Outcome::Connected { .. } => state.is_some(),
            _ => step == Step::CompleteConsent,
        };
        self.left_alone |= outcome == Outcome::LeftAlone;
        outcome.end(&self.steps, &mut self.row.progress, ended);
        let settled = is_settled.then_some(true);
        if is_settled {
            self.row.progress.consent = None;
        }
        let at_end = self.row.progress.steps.len() >= self.steps.len();
        if at_end {
            self.row.state = EntryState::Done;
        }
        self.commit(fingerprint, state.zip(settled)).await?;
        self.notify_done(step, changed);
        if at_end {
            Ok(self.ended())
        } else {
            Ok(Next::Step)
        }
    }

    // What was to be changed has been, if anything was written: by this attempt, or by one before whose answer was
    // lost and whose work this one found.
    fn note_changes(&mut self, outcome: Outcome) -> Outcome {
        let progress = &mut self.row.progress;
        let changes = std::mem::take(&mut progress.changing);
        let is_any = !changes.is_empty();
        let outcome = match outcome {
            Outcome::Done { changed } => Outcome::Done {
                changed: changed || is_any,
            },
            Outcome::Connected { changed } => Outcome::Connected {
                changed: changed || is_any,
            },
            Outcome::Waiting(_) | Outcome::CarriedOver(_) => outcome,
            // Nothing was written, or it was of no use.
            Outcome::LeftAlone | Outcome::Consented | Outcome::ConsentLost { .. } => {
                return outcome;
            }
        };
        for change in changes {
            change.add_to(&mut progress.changes);
        }
        outcome
    }

    // The calls made so far are kept; the entry stays where it is. `announced`: the ledger says that a
    // once-only call is under way, which may have turned out not to be so.
    pub(super) async fn halt(&mut self, announced: bool) -> Result<Next, LedgerError> {
        if announced || !self.log.attempts.is_empty() {
            self.commit(None, None).await?;
        }
        Ok(Next::Rest(RestKind::Halted))
    }

    async fn finish(&mut self) -> Result<Next, LedgerError> {
        self.row.state = EntryState::Done;
        self.commit(None, None).await?;
        Ok(self.ended())
    }

    // With what its last call came to.
    fn ended_step(&self, step: Step, outcome: &Outcome) -> StepRecord {
        let last = self.log.attempts.last();
        StepRecord {
            step,
            attempts: self.row.progress.attempts + 1,
            changed: outcome.changed(),
            http_status: last.and_then(|call| call.http_status),
            request_id: last.and_then(|call| call.request_id.clone()),
        }
    }

    pub(super) fn commit(
        &mut self,
        fingerprint: Option<Fingerprint>,
        settled_consent: Option<(String, bool)>,
    ) -> impl Future<Output = Result<(), LedgerError>> {
        let ledger = &self.org_context.ledger;
        self.row.queue = self.queue();
        let also = Also {
            fingerprint,
            applied: self.applied(),
            name: self.memory.name.take(),
            client: self.memory.client.take(),
            settled_consent,
        };
        checkpoint(ledger, self.owner, &mut self.row, &mut self.log, also)
    }

    fn notify_done(&self, step: Step, changed: bool) {
        self.org_context.events.entry(&self.name, || {
            // Those that were passed over come after it.
            let mut records = self.row.progress.steps.iter().rev();
            let record = records.find(|record| record.step == step);
            EntryEvent::StepDone {
                step,
                changed,
                http_status: record.and_then(|record| record.http_status),
                request_id: record.and_then(|record| record.request_id.clone()),
            }
        });
    }

    pub(super) fn ended(&self) -> Next {
        self.notify_end();
        Next::Rest(RestKind::Ended)
    }

    fn last_request_id(&self) -> Option<String> {
        let mut records = self.row.progress.steps.iter().rev();
        records.find_map(|record| record.request_id.clone())
    }

    pub(super) fn notify_end(&self) {
        self.org_context.access.gate.tally().ended();
        self.org_context
            .events
            .entry(&self.name, || EntryEvent::Ended {
                state: self.row.state,
                changed: self.row.progress.changed,
                changes: self.row.progress.changes.clone(),
                request_id: self.last_request_id(),
                error: self
                    .row
                    .error
                    .clone()
                    .filter(|_| self.row.state == EntryState::Failed),
            });
    }
}

/// Sleeps until that time by the local clock.
pub async fn sleep_until(due: UnixMillis) {
    tokio::time::sleep(due.ahead_of(unix_millis())).await;
}

/// How people know the entry.
pub fn name_of(org: &Arc<str>, row: &EntryRow) -> EntryName {
    let entry = &row.entry;
    let which = entry
        .label
        .as_deref()
        .or(entry.app_id.as_deref())
        .unwrap_or_default();
    EntryName {
        no: row.no,
        org: Arc::clone(org),
        app: entry.app.name(),
        which: which.into(),
        row: row.row,
    }
}
