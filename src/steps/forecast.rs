//! What a run would do to an entry that was seen like this, and with which calls: its steps are taken, and nothing is
//! sent.

use futures_util::FutureExt as _;

use super::outside::unknown;
use super::supposition::Supposition;
use super::{Context, Memory, Outcome, Outside, StepError};
use crate::consent::Answer;
use crate::ledger::{EntryRow, Progress, StepRecord};
use crate::manifest::Entry;
use crate::model::{EntryNo, EntryState, OrgNo, Step};
use crate::pacing::CallLog;
use crate::plan::{Forecast, Identity, Past, Seen, SeenApp, steps};

/// Foretells what a run would do to an entry that was seen like this.
pub fn forecast(entry: &Entry, seen: &Seen) -> Forecast {
    foretell(entry, seen, None)
}

/// Of an entry whose consent link is out already: a run leaves it to the person who has it.
pub fn forecast_waiting(entry: &Entry, past: Past, identity: Identity) -> Forecast {
    let seen = Seen {
        app: Some(SeenApp::default()),
        past,
        identity,
        ..Seen::default()
    };
    foretell(entry, &seen, Some(Step::AwaitConsent))
}

// `waits_at`: a person's consent is waited for at this step, those before it being done.
fn foretell(entry: &Entry, seen: &Seen, waits_at: Option<Step>) -> Forecast {
    let steps = steps(entry);
    let mut supposition = Supposition::of(entry, seen);
    let mut memory = Memory {
        app: Some(seen.past.app.clone()),
        earlier: Some(seen.past.earlier.clone()),
        ..Memory::default()
    };
    let (mut row, mut log) = (row(entry), CallLog::default());
    if let Some(waits_at) = waits_at {
        supposition.wait();
        row.progress.app_id = supposition.app_id();
        for step in steps.iter().take_while(|step| **step != waits_at) {
            row.progress.end_step(StepRecord::unmade(*step));
        }
    }
    let mut context = Context {
        outside: Outside::Supposed(&mut supposition),
        row: &mut row,
        step: Step::AwaitConsent,
        steps: &steps,
        memory: &mut memory,
        answer: None,
        log: &mut log,
        fingerprint: None,
        link_before: None,
        credentials: None,
        announced: false,
    };
    let ended = take_all(&mut context);
    let left = &context.row.progress.left_secrets;
    match context.outside {
        Outside::Supposed(supposed) => {
            supposed.finish(left, ended.err().map(StepError::into_obstacle))
        }
        Outside::Live(_) => Forecast::default(),
    }
}

fn take_all(context: &mut Context<'_>) -> Result<(), StepError> {
    let mut next = || take_next(context).now_or_never();
    while next().unwrap_or_else(|| Err(unknown()))?.is_some() {}
    Ok(())
}

/// Takes the next step of an entry whose calls lead nowhere; `None` = there is none left.
pub(super) async fn take_next(context: &mut Context<'_>) -> Result<Option<Outcome>, StepError> {
    let Some(&step) = context.steps.get(context.row.progress.steps.len()) else {
        return Ok(None);
    };
    context.step = step;
    // Whatever a person hands in.
    context.answer = (step == Step::CompleteConsent).then(Answer::default);
    if let (Step::SetConnection, Outside::Supposed(supposed)) = (step, &mut context.outside) {
        supposed.note_unverifiable();
    }
    let outcome = step.run(context).await?;
    if let Outside::Supposed(supposed) = &mut context.outside {
        match outcome {
            Outcome::Waiting(_) => supposed.wait(),
            Outcome::CarriedOver(_) => supposed.carry_over(),
            _ => {}
        }
    }
    let ended = StepRecord {
        changed: outcome.changed(),
        ..StepRecord::unmade(step)
    };
    outcome.end(context.steps, &mut context.row.progress, ended);
    Ok(Some(outcome))
}

/// An entry that no run has begun.
pub(super) fn row(entry: &Entry) -> EntryRow {
    EntryRow {
        no: EntryNo(0),
        org: OrgNo(0),
        queue: None,
        row: 0,
        entry: entry.clone(),
        state: EntryState::Pending,
        progress: Progress::default(),
        due_at: None,
        error: None,
        checked_at: None,
        version: 0,
        carried_over_by: None,
        known: None,
        stored: None,
    }
}

#[cfg(test)]
mod tests;
