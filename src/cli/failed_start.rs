//! A start that failed before its run began leaves a trace in the ledger, if there is one: whoever looks in the morning
//! sees it among the runs, with what was wrong.

use std::path::Path;

use super::carried::complete_to_keep;
use super::open::existing;
use super::target::Mistakes;
use crate::failure::{Failure, Kind};
use crate::ledger::{FailedStart, LedgerError, NewRun};
use crate::model::UnixMillis;
use crate::rollout::context::RunContext;
use crate::rollout::target::key;
use crate::settings::{Policy, Settings};

/// Keeps it. That somebody else works on the file is no failure; a ledger that cannot be written is told by whoever
/// needs it.
pub(super) async fn keep(file: &Path, failure: &Failure, at: UnixMillis, settings: &Settings) {
    if failure.kind != Kind::Usage || is_overlap(failure) {
        return;
    }
    let (Ok(ledger), Ok(file_key)) = (existing(settings).await, key(file)) else {
        return;
    };
    let Ok(context) = RunContext::new(file, &Policy::of_manifest(file, settings)) else {
        return;
    };
    let run = NewRun {
        file: file.display().to_string(),
        file_key,
        digest: String::new(),
        context: context.to_json(),
        started_at: at,
    };
    let why = FailedStart {
        message: message(failure),
        hint: failure.hint.as_deref().map(complete_to_keep),
    };
    drop(ledger.add_failed_start(run, why).await);
}

/// Whether a run of the file works, or is just being started.
pub(super) fn is_overlap(failure: &Failure) -> bool {
    matches!(
        failure.error.downcast_ref(),
        Some(LedgerError::Held { .. } | LedgerError::Starting { .. })
    )
}

/// What was wrong, with the mistakes.
fn message(failure: &Failure) -> String {
    let mistakes = failure.error.downcast_ref::<Mistakes>();
    let first = mistakes.map(|mistakes| mistakes.first.as_slice());
    let lines = first.unwrap_or_default().iter();
    lines.fold(failure.to_string(), |text, line| format!("{text}\n{line}"))
}
