//! Why keys are not rotated: they were a short time ago, a rotation that is not over is asked for otherwise, or there is a
//! later one.

use jiff::Timestamp;

use super::context::RunContext;
use super::target::Target;
use crate::failure::Failure;
use crate::ledger::{EntryRow, Ledger, RunRow};
use crate::model::UnixMillis;
use crate::selection::Selection;

/// Refuses to rotate keys whose last rotation is not over: the key of before may still be in use.
///
/// # Errors
/// When the old key of a selected connection has to stay a while longer.
pub(crate) async fn refuse_too_soon(
    ledger: &Ledger,
    target: &Target,
    selection: &Selection,
    now: UnixMillis,
) -> Result<(), Failure> {
    for run in ledger.runs().await? {
        if run.file_key != target.run_key() {
            continue;
        }
        let rotated = RunContext::of(&run)
            .ok()
            .and_then(|context| context.rotates());
        let overlap = rotated.and_then(|rotating| rotating.overlap);
        let Some(until) = overlap
            .zip(ended(&run, now))
            .map(|(overlap, ended)| ended.after(overlap))
            .filter(|until| *until > now)
        else {
            continue;
        };
        let mut found = None;
        let look = |row: EntryRow| {
            let (entry, rotation) = (&row.entry, row.progress.rotation.as_deref());
            // Wherever it came to from there: the hub may know both keys, and the connection sign with either.
            let has_new = rotation.is_some_and(|rotation| rotation.new.is_some());
            if has_new && found.is_none() && selection.takes_entry(&entry.org, entry.app) {
                found = Some(format!("{}/{} (row {})", entry.org, entry.app, row.row));
            }
        };
        ledger.for_each_entry(&run.id, look).await?;
        if let Some(name) = found {
            let until = Timestamp::from_millisecond(until.0).map_or_else(
                |_| "later".to_owned(),
                |until| until.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            );
            let error = anyhow::anyhow!(
                "the keys of {name} were rotated by run {}, and its old key stays until {until}; nothing was sent",
                run.id.0
            );
            return Err(Failure::usage(error)
                .hint("rotate them again after that: the old key is removed then"));
        }
    }
    Ok(())
}

/// When a rotation ended, or began if nobody knows; nothing of a clock that was wrong.
fn ended(run: &RunRow, now: UnixMillis) -> Option<UnixMillis> {
    let is_past = |at: &UnixMillis| *at <= now;
    let finished = run.finished_at.filter(is_past);
    finished.or(Some(run.started_at).filter(is_past))
}

/// Refuses to go on with a run that was begun with other flags than are given now.
///
/// # Errors
/// When it rotates keys otherwise than is asked for.
pub(crate) fn refuse_otherwise(
    run: &RunRow,
    target: &Target,
    selection: &Selection,
) -> Result<(), Failure> {
    let Ok(context) = RunContext::of(run) else {
        return Ok(());
    };
    if context.rotates() == target.rotates {
        return Ok(());
    }
    let error = anyhow::anyhow!(
        "run {} of these keys is not over, and was begun with another --overlap or --years; nothing was sent",
        run.id.0
    );
    let same = context.next_commands(run, selection).run_file;
    Err(Failure::usage(error).hint(format!("go on with it as it was begun: {same}")))
}

/// Refuses to go on with a rotation after which the same file's keys were rotated once more: it would take back what that
/// did.
///
/// # Errors
/// When there is a later one.
pub(crate) async fn refuse_superseded(
    ledger: &Ledger,
    run: &RunRow,
    context: &RunContext,
    selection: &Selection,
) -> Result<(), Failure> {
    if context.rotates().is_none() {
        return Ok(());
    }
    let last = ledger.last_run_of(&run.file_key).await?;
    let Some(later) = last.filter(|last| last.id != run.id) else {
        return Ok(());
    };
    let error = anyhow::anyhow!(
        "run {} was followed by another rotation of the same keys, run {}, and would take back what that did; nothing was sent",
        run.id.0,
        later.id.0
    );
    let anew = context.next_commands(run, selection).run_file;
    Err(Failure::usage(error).hint(format!("rotate them anew: {anew}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunId;

    #[test]
    fn a_time_of_a_clock_that_was_wrong_is_not_counted() {
        let now = UnixMillis(1_000);
        for (started, finished, counted) in [
            (100, Some(200), Some(200)),
            (100, None, Some(100)),
            (100, Some(1_000), Some(1_000)),
            (100, Some(2_000), Some(100)),
            (2_000, Some(200), Some(200)),
            (2_000, Some(3_000), None),
            (2_000, None, None),
        ] {
            let run = RunRow {
                id: RunId("k3f9".to_owned()),
                file: "m.csv".to_owned(),
                file_key: "/m.csv (rotate-keys)".to_owned(),
                digest: String::new(),
                context: serde_json::Value::Null,
                started_at: UnixMillis(started),
                finished_at: finished.map(UnixMillis),
                continued_at: None,
                ended_before: 0,
                failed: None,
            };
            let counted = counted.map(UnixMillis);
            assert_eq!(ended(&run, now), counted, "{started} {finished:?}");
        }
    }
}
