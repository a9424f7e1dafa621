//! What a checkpoint builds on, in columns.

use rusqlite::Row;

use crate::ledger::stored::Compared;

/// The columns of `entry` that [`read`] reads, with this name for the table.
pub(super) const COLUMNS: &str =
    "e.org, e.state, e.app_hash, e.consent, e.drifted, e.last_call, e.queue";

/// From the columns that begin at `at`.
pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<Compared> {
    Ok(Compared {
        org: row.get(at)?,
        state: row.get(at + 1)?,
        app_hash: row.get(at + 2)?,
        consent: row.get(at + 3)?,
        drifted: row.get(at + 4)?,
        last_call: row.get(at + 5)?,
        queue: row.get(at + 6)?,
    })
}
