//! A start that failed leaves a trace in the ledger, if there is one: whoever looks in the morning sees it among the runs,
//! with what was wrong.

use std::path::Path;

use super::carried::complete_to_keep;
use super::open::in_passing;
use super::question::Declined;
use super::target::Mistakes;
use crate::failure::{Failure, Kind};
use crate::ledger::{FailedStart, LedgerError, NewRun, RunRow};
use crate::model::UnixMillis;
use crate::rollout::context::RunContext;
use crate::rollout::target::key;
use crate::settings::{Policy, Settings};
use crate::text::without_values;

/// What was to be started.
pub(super) struct Start(NewRun);

impl Start {
    /// A run of a file; `None` if that is no path.
    pub fn of_file(file: &Path, at: UnixMillis, settings: &Settings) -> Option<Self> {
        let context = RunContext::new(file, &Policy::of_manifest(file, settings)).ok()?;
        Some(Self(NewRun {
            file: file.display().to_string(),
            file_key: key(file).ok()?,
            digest: String::new(),
            context: context.to_json(),
            started_at: at,
        }))
    }

    /// What a run is about.
    pub fn of_run(run: &RunRow, at: UnixMillis) -> Self {
        Self(NewRun {
            file: run.file.clone(),
            file_key: run.file_key.clone(),
            digest: String::new(),
            context: run.context.clone(),
            started_at: at,
        })
    }

    /// Keeps that it failed. That somebody else works on the file or does not want it is no failure; a ledger that cannot
    /// be written is told by whoever needs it.
    pub async fn keep(self, failure: &Failure, settings: &Settings) {
        if failure.kind != Kind::Usage || is_overlap(failure) || is_declined(failure) {
            return;
        }
        let Ok(ledger) = in_passing(settings).await else {
            return;
        };
        let hint = failure.hint.as_deref().map(complete_to_keep);
        let why = FailedStart::new(message(failure), hint);
        drop(ledger.add_failed_start(self.0, why).await);
    }
}

/// As [`Start::keep`], of a run of a file: in the ledger that it names, whatever else is wrong with it.
pub(super) async fn keep(file: &Path, failure: &Failure, at: UnixMillis, settings: &Settings) {
    let settings = settings.with_ledger_of(file);
    if let Some(start) = Start::of_file(file, at, &settings) {
        start.keep(failure, &settings).await;
    }
}

/// Whether a run of the file works, or is just being started.
pub(super) fn is_overlap(failure: &Failure) -> bool {
    matches!(
        failure.error.downcast_ref(),
        Some(LedgerError::Held { .. } | LedgerError::Starting { .. })
    )
}

fn is_declined(failure: &Failure) -> bool {
    failure.error.downcast_ref::<Declined>().is_some()
}

/// What was wrong, with the mistakes.
fn message(failure: &Failure) -> String {
    let mistakes = failure.error.downcast_ref::<Mistakes>();
    let first = mistakes.map(|mistakes| mistakes.first.as_slice());
    let lines = first.unwrap_or_default().iter();
    let whole = without_values(&failure.to_string()).into_owned();
    lines.fold(whole, |text, line| format!("{text}\n{line}"))
}
