//! Entries that were found otherwise than wanted, and left so or fixed.

use rusqlite::{Connection, params};

use super::reads;
use super::rows::{self, Result};
use crate::ledger::{EntryRow, Noted};
use crate::model::{EntryNo, RunId};

/// Where it stands in an entry's progress.
const fn path(what: Noted) -> &'static str {
    match what {
        Noted::Drift => "$.drift",
        Noted::LeftSecrets => "$.leftSecrets",
    }
}

/// How many of the wanted entries were found otherwise than wanted, and the first of them.
pub(super) fn noted(
    connection: &Connection,
    run: &RunId,
    what: Noted,
    limit: usize,
    wanted: impl Fn(EntryNo) -> bool,
) -> Result<(u64, Vec<EntryRow>)> {
    let seq = rows::seq(connection, run)?;
    let mut statement = connection.prepare_cached(
        "SELECT key - ?2 FROM entry WHERE run = ?1 AND drifted = 1
             AND json_extract(progress, ?3) IS NOT NULL ORDER BY key",
    )?;
    let mut rows = statement.query(params![seq, rows::first_key(seq), path(what)])?;
    let (mut count, mut first) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let no = row.get(0)?;
        if !wanted(no) {
            continue;
        }
        count += 1;
        if first.len() < limit {
            first.push(reads::entry(connection, run, no)?);
        }
    }
    Ok((count, first))
}
