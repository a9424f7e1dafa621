//! The question before connections are switched off that this ledger does not know as switched off.

use super::output::Output;
use super::question::{Declined, Said, ask};
use crate::engine::Selected;
use crate::failure::Failure;
use crate::ledger::{LastApplied, Ledger, RunRow};
use crate::manifest::Status;
use crate::model::EntryState;
use crate::plan::digest;
use crate::report::counted;

/// Entries that are named in the question.
const NAMED: usize = 3;

/// Asks, if there is something to ask for. `again`: the command that does the same in this run.
///
/// # Errors
/// When the person does not want it: nothing was changed then.
pub(super) async fn confirm(
    ledger: &Ledger,
    run: &RunRow,
    selected: &Selected,
    again: &str,
    output: Output,
) -> Result<(), Failure> {
    let orgs = ledger.orgs(&run.id).await?;
    let mut candidates = Vec::new();
    ledger
        .for_each_entry(&run.id, |row| {
            let is_open = matches!(row.state, EntryState::Pending | EntryState::Started);
            if is_open && row.entry.status == Status::Disabled && selected.contains(row.no) {
                candidates.push(row);
            }
        })
        .await?;
    let (mut count, mut names) = (0, Vec::new());
    for row in candidates {
        let Some(org) = orgs.get(row.org.index()) else {
            continue;
        };
        let app_id = row.progress.app_id.as_ref().or(row.entry.app_id.as_ref());
        if let Some(app_id) = app_id {
            let memory = ledger.app_memory(&org.url, app_id).await?;
            // It was switched off before: whatever is found on now is a change by hand.
            if memory.applied == Some(LastApplied::Digest(digest(&row.entry))) {
                continue;
            }
        }
        count += 1;
        if names.len() < NAMED {
            names.push(format!("{}/{} (row {})", org.name, row.entry.app, row.row));
        }
    }
    if count == 0 {
        return Ok(());
    }
    let connections = counted(count, "connection is", "connections are");
    let more = match count.saturating_sub(names.len() as u64) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    output.detail(format_args!(
        "{connections} to be deactivated: {}{more}",
        names.join(", ")
    ));
    match ask("deactivate?", output).await? {
        Said::Yes => Ok(()),
        Said::No => {
            let id = &run.id.0;
            let error = Declined(format!("run {id} was not confirmed; nothing was sent"));
            Err(Failure::usage(error).hint(format!("continue without the question: {again} --yes")))
        }
    }
}
