//! Removes what killed imports left: runs that never became visible and whose lock is free.

use rusqlite::Connection;

use super::Inner;
use super::lock::FileLock;
use super::rows::{self, Result};
use crate::ledger::LedgerError;
use crate::model::RunId;

/// Entries of a dead import that are removed in one go.
const SWEEP: i64 = 100_000;

/// Removes what killed imports left.
pub(super) fn sweep(ledger: &Inner) -> Result<(), LedgerError> {
    let left: Vec<(i64, String)> = ledger.read(|connection| {
        let mut statement =
            connection.prepare_cached("SELECT seq, id FROM run WHERE imported = 0")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    })?;
    for (seq, id) in left {
        let lock = match FileLock::acquire(&ledger.locks(), &RunId(id)) {
            Ok(lock) => lock,
            Err(LedgerError::Held { .. }) => continue,
            Err(error) => return Err(error),
        };
        // It may have been finished between the look and the lock.
        let remove = move |transaction: &Connection| -> Result<usize> {
            let mut removed = 0;
            for (table, key) in [("spec", "entry"), ("entry", "key")] {
                let sql = format!(
                    "DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table}
                         WHERE {key} >= ?1 AND {key} < ?2 LIMIT ?3)
                     AND EXISTS (SELECT 1 FROM run WHERE seq = ?4 AND imported = 0)"
                );
                let range = [rows::first_key(seq), rows::first_key(seq + 1)];
                removed += transaction
                    .prepare_cached(&sql)?
                    .execute([range[0], range[1], SWEEP, seq])?;
            }
            if removed == 0 {
                transaction
                    .prepare_cached("DELETE FROM run WHERE seq = ?1 AND imported = 0")?
                    .execute([seq])?;
            }
            Ok(removed)
        };
        while ledger.writer()?.write_blocking(remove)? > 0 {}
        drop(lock);
    }
    Ok(())
}
