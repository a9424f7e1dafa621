//! Why keys that were rotated have to wait until they are rotated again.

use jiff::Timestamp;

use super::context::RunContext;
use super::target::Target;
use crate::failure::Failure;
use crate::ledger::{EntryRow, Ledger};
use crate::model::{EntryState, UnixMillis};
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
        let ended = run.finished_at.unwrap_or(run.started_at);
        let Some(until) = overlap
            .map(|overlap| ended.after(overlap))
            .filter(|until| *until > now)
        else {
            continue;
        };
        let mut found = None;
        let look = |row: EntryRow| {
            let (entry, is_done) = (&row.entry, row.state == EntryState::Done);
            if is_done && found.is_none() && selection.takes_entry(&entry.org, entry.app) {
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
