//! A run in a list of runs, for people and for programs.

use crate::report::Overview;

/// A run without its orgs and entries.
pub(super) fn row(overview: &Overview) -> serde_json::Value {
    serde_json::json!({
        "run": overview.run,
        "file": overview.file,
        "state": overview.state,
        "startedAt": overview.started_at,
        "finishedAt": overview.finished_at,
        "totals": overview.totals,
        "error": overview.error,
    })
}

/// A line about a run.
pub(super) fn line(overview: &Overview) -> String {
    let came_to = match &overview.error {
        Some(error) => {
            let first = error.message.lines().next();
            let times = match error.times {
                0 | 1 => String::new(),
                times => format!(" ({times} times in a row)"),
            };
            format!("did not begin{times}: {}", first.unwrap_or_default())
        }
        None => crate::report::totals(overview),
    };
    format!(
        "{}  {:<11}  {}  {}  {came_to}",
        overview.run,
        overview.state.name(),
        overview.started_at,
        overview.file,
    )
}
