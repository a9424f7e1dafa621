//! What `status` shows when it is not asked of which run: the one that works or was begun last, and starts that failed
//! since, which must neither hide it nor go unseen.

use std::collections::HashSet;

use crate::failure::Failure;
use crate::ledger::{Ledger, LedgerError, RunRow};
use crate::model::UnixMillis;
use crate::report::{counted, rfc3339};

/// Starts that failed that are named, besides the newest.
const NAMED: usize = 3;

/// What there is to show.
pub(super) struct Looked {
    /// The run.
    pub run: Option<RunRow>,
    /// Starts that failed and were not made up for.
    pub failed: FailedStarts,
}

/// Starts that failed, each the last thing that is known of its file.
#[derive(Default)]
pub(super) struct FailedStarts {
    /// The one that was later than whatever is known of the run.
    pub newest: Option<RunRow>,
    others: Vec<RunRow>,
}

impl Looked {
    /// What was asked for.
    pub fn only(run: RunRow) -> Self {
        let (failed, run) = if run.failed.is_some() {
            (Some(run), None)
        } else {
            (None, Some(run))
        };
        Self {
            run,
            failed: FailedStarts {
                newest: failed,
                others: Vec::new(),
            },
        }
    }

    /// Looks at all runs.
    ///
    /// # Errors
    /// When there is none, or the ledger cannot be read.
    pub async fn at(ledger: &Ledger) -> Result<Self, Failure> {
        let runs = ledger.runs().await?;
        let works = works(ledger, &runs).await?;
        let mut others = not_made_up_for(&runs, &works);
        let newest = others.first().map(|failed| failed.started_at);
        let run = match runs.iter().find(|run| works.contains(&run.id.0)) {
            Some(works) => Some(works.clone()),
            None if newest.is_some() => runs.iter().find(|run| run.failed.is_none()).cloned(),
            // Also says that there is none.
            None => Some(ledger.find_run(None).await?),
        };
        let is_newest = newest.is_some_and(|failed| match &run {
            Some(run) => !works.contains(&run.id.0) && failed >= last_at(run),
            None => true,
        });
        let newest = is_newest.then(|| others.remove(0));
        Ok(Self {
            run,
            failed: FailedStarts { newest, others },
        })
    }
}

impl FailedStarts {
    /// Those that are only named, a line each.
    pub fn lines(&self) -> Vec<String> {
        let named = self.others.iter().take(NAMED).map(|run| {
            let failed = run.failed.as_ref();
            let why = failed.and_then(|failed| failed.message.lines().next());
            format!(
                "{} did not begin at {}: {}; see: okta-rollout status {}",
                run.file,
                rfc3339(run.started_at),
                why.unwrap_or_default(),
                run.id.0
            )
        });
        let more = self.others.len().saturating_sub(NAMED) as u64;
        let more = (more > 0).then(|| {
            let more = counted(more, "more start", "more starts");
            format!("{more} failed; see: okta-rollout runs")
        });
        named.chain(more).collect()
    }
}

/// The ids of runs that a process works on.
async fn works(ledger: &Ledger, runs: &[RunRow]) -> Result<HashSet<String>, LedgerError> {
    let mut works = HashSet::new();
    // Whoever works on a run takes the mark of its end away.
    for run in runs.iter().filter(|run| run.finished_at.is_none()) {
        if ledger.is_locked(&run.id).await? {
            works.insert(run.id.0.clone());
        }
    }
    Ok(works)
}

/// The last starts of files of which nothing was worked on since; newest first.
fn not_made_up_for(runs: &[RunRow], works: &HashSet<String>) -> Vec<RunRow> {
    let mut files = HashSet::new();
    let failed = runs.iter().filter(|run| run.failed.is_some());
    let last = failed.filter(|run| files.insert(run.file_key.as_str()));
    let mut left: Vec<_> = last
        .filter(|failed| {
            let mut of_file = runs
                .iter()
                .filter(|run| run.file_key == failed.file_key && run.failed.is_none());
            !of_file.any(|run| works.contains(&run.id.0) || last_at(run) > failed.started_at)
        })
        .cloned()
        .collect();
    left.sort_by_key(|failed| std::cmp::Reverse(failed.started_at));
    left
}

/// When a run was last worked on, as far as that is known.
fn last_at(run: &RunRow) -> UnixMillis {
    let at = run.finished_at.max(run.continued_at);
    at.map_or(run.started_at, |at| at.max(run.started_at))
}
