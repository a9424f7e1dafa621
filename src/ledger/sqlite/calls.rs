//! The calls of entries. Those of one entry are a chain, the last one first: an index would cost every checkpoint a
//! page, and nobody asks for them but a report.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::readers;
use super::reads;
use super::rows::{self, Result};
use crate::ledger::prepared::Call;
use crate::ledger::{Attempt, EntryRow};
use crate::model::{EntryNo, RunId};

pub(super) const INSERT: &str =
    "INSERT INTO call (entry, previous, at, step, call, http_status, okta_error_code, request_id,
         duration_ms, next_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// Adds calls to the chain of entry `key`, which so far ends with `last`; returns what it ends with then. `insert` is
/// [`INSERT`].
pub(super) fn add(
    insert: &mut CachedStatement<'_>,
    key: i64,
    mut last: Option<i64>,
    calls: &[Call],
) -> Result<Option<i64>> {
    for (call, step) in calls {
        last = Some(insert.insert(params![
            key,
            last,
            call.at,
            step,
            call.call,
            call.http_status,
            call.okta_error_code,
            call.request_id,
            rows::integer(call.duration_ms),
            call.next_at
        ])?);
    }
    Ok(last)
}

/// Takes back what [`add`] has just added: so many calls, the last of them with this id.
pub(super) fn take_back(connection: &Connection, last: Option<i64>, count: usize) -> Result<()> {
    let (Some(last), Ok(count)) = (last, i64::try_from(count)) else {
        return Ok(());
    };
    // Only the writer adds calls, so that those of one checkpoint have ids in a row. Without any, `last` is an old one.
    connection.execute(
        "DELETE FROM call WHERE id > ?1 AND id <= ?2",
        [last - count, last],
    )?;
    Ok(())
}

/// As [`reads::page`], with the calls of each entry, in order.
pub(super) fn page(
    connection: &Connection,
    run: &RunId,
    after: Option<EntryNo>,
    limit: usize,
) -> Result<Vec<(EntryRow, Vec<Attempt>)>> {
    // One look at the file: the calls are those that led to the entry's state.
    let _as_of_now = readers::one_look(connection)?;
    let seq = rows::seq(connection, run)?;
    let rows = reads::page(connection, run, after, limit)?.into_iter();
    rows.map(|row| {
        let calls = of_entry(connection, rows::entry_key(seq, row.no))?;
        Ok((row, calls))
    })
    .collect()
}

/// These entries in this order, with the calls of each; those that are gone meanwhile are left out.
pub(super) fn some(
    connection: &Connection,
    run: &RunId,
    numbers: &[EntryNo],
) -> Result<Vec<(EntryRow, Vec<Attempt>)>> {
    // As above.
    let _as_of_now = readers::one_look(connection)?;
    let seq = rows::seq(connection, run)?;
    let mut found = Vec::with_capacity(numbers.len());
    for no in numbers {
        let key = rows::entry_key(seq, *no);
        if let Some(row) = reads::at(connection, key)? {
            found.push((row, of_entry(connection, key)?));
        }
    }
    Ok(found)
}

fn of_entry(connection: &Connection, key: i64) -> Result<Vec<Attempt>> {
    let mut next: Option<i64> = connection
        .prepare_cached("SELECT last_call FROM entry WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?
        .flatten();
    let mut statement = connection.prepare_cached(
        "SELECT at, step, call, http_status, okta_error_code, request_id, duration_ms, next_at,
             previous FROM call WHERE id = ?1",
    )?;
    let mut calls = Vec::new();
    while let Some(id) = next {
        let (call, previous) = statement.query_row([id], |row| {
            Ok((rows::call_row(row)?, row.get::<_, Option<i64>>(8)?))
        })?;
        calls.push(call);
        // In a file that somebody changed, too, the chain ends.
        next = previous.filter(|previous| *previous < id);
    }
    calls.reverse();
    Ok(calls)
}
