//! Ids that no run has.

use rusqlite::Connection;

use super::rows::Result;
use crate::ledger::run_id;
use crate::model::RunId;

/// An id no run has.
pub(super) fn free(connection: &Connection) -> Result<RunId> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM run WHERE id = ?1")?;
    let mut taken = 0;
    loop {
        let id = run_id::candidate(taken);
        if !statement.exists([&id.0])? {
            return Ok(id);
        }
        taken += 1;
    }
}
