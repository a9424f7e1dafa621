//! How domain values look in PostgreSQL's columns.

use std::collections::HashMap;

use super::session::{Connection, Row};
use crate::ledger::stored::{self, Compared};
use crate::ledger::{AsStored, EntryRow, LedgerError, OrgRow, OrgStats, Result, RunRow};
use crate::model::{EntryState, RunId};

/// Number of a run.
pub(super) async fn seq(connection: &Connection, run: &RunId) -> Result<i64> {
    let sql = "SELECT seq FROM run WHERE id = $1 AND NOT dropped";
    match connection.query_opt(sql, &[&run.0]).await? {
        Some(row) => row.get(0),
        None => Err(no_run(connection, Some(run.0.clone()))),
    }
}

/// No run is called so; `None` = there is none at all.
pub(super) fn no_run(connection: &Connection, run: Option<String>) -> LedgerError {
    LedgerError::NotFound {
        location: connection.location().to_string(),
        run,
    }
}

pub(super) const RUN: &str = "r.id, r.file, r.file_key, r.digest, r.context, r.started_at, r.finished_at, r.continued_at, r.ended_before, r.failed";

pub(super) fn run_row(row: &Row) -> Result<RunRow> {
    Ok(RunRow {
        id: RunId(row.get(0)?),
        file: row.get(1)?,
        file_key: row.get(2)?,
        digest: row.get(3)?,
        context: row.json(4)?,
        started_at: row.get(5)?,
        finished_at: row.get(6)?,
        continued_at: row.get(7)?,
        ended_before: row.count(8)?,
        failed: row.optional_json(9)?,
    })
}

pub(super) const ORG: &str = "o.no, o.name, o.url, o.spec, o.stopped, o.requests, o.rate_limited, o.retries, o.waited_ms, o.wait";
pub(super) const ORG_COLUMNS: usize = 10;

pub(super) fn org_row(row: &Row) -> Result<OrgRow> {
    Ok(OrgRow {
        no: row.get(0)?,
        name: row.get(1)?,
        url: row.get(2)?,
        spec: row.json(3)?,
        stopped: row.optional_json(4)?,
        stats: OrgStats {
            requests: row.count(5)?,
            rate_limited: row.count(6)?,
            retries: row.count(7)?,
            waited_ms: row.count(8)?,
        },
        wait: row.optional_json(9)?,
    })
}

/// Columns of an entry `e`, its `spec s` and its `org o`.
pub(super) const ENTRY: &str =
    "e.key, e.org, e.line, e.state, e.version, e.due_at, o.name, s.json, e.progress, e.error,
     CASE WHEN e.adopted_by IS NOT NULL THEN (SELECT id FROM run WHERE seq = e.adopted_by) END,
     e.checked_at, e.queue";
pub(super) const ENTRY_COLUMNS: usize = 13;

/// What [`ENTRY`] is of: an entry `e` with its `org o` and its `spec s`.
pub(super) const OF_ENTRY: &str =
    "entry e JOIN org o ON o.run = e.run AND o.no = e.org JOIN spec s ON s.entry = e.key";

/// Orgs `o` of which that is so, and their entries `e` in a state that is not done: found org by org, which is quick
/// whatever PostgreSQL knows of the tables.
pub(super) fn of_orgs(are: &str, state: i64) -> String {
    format!(
        "(SELECT * FROM org WHERE {are} OFFSET 0) o CROSS JOIN LATERAL
         (SELECT * FROM entry e WHERE e.run = o.run AND e.org = o.no AND e.state = {state} AND {OPEN} OFFSET 0) e"
    )
}

/// What makes PostgreSQL use the index of entries by state, which leaves out those that are done.
pub(super) const OPEN: &str = "e.state NOT IN (3, 4)";

/// From the columns that begin at `at`.
pub(super) fn entry_row(row: &Row, at: usize) -> Result<EntryRow> {
    Ok(EntryRow {
        no: stored::entry_no(row.get(at)?),
        org: row.get(at + 1)?,
        queue: row.get(at + 12)?,
        row: row.count(at + 2)?,
        entry: row.parsed(stored::entry_of(row.text(at + 7)?, row.text(at + 6)?))?,
        state: state(row, at + 3)?,
        progress: row.optional_json(at + 8)?.unwrap_or_default(),
        due_at: row.get(at + 5)?,
        error: row.optional_json(at + 9)?,
        version: row.get(at + 4)?,
        known: None,
        stored: None,
        carried_over_by: row.get::<Option<String>>(at + 10)?.map(RunId),
        checked_at: row.get(at + 11)?,
    })
}

/// The state of a code in the column at `at`.
pub(super) fn state(row: &Row, at: usize) -> Result<EntryState> {
    let code = row.get(at)?;
    stored::state_of(code).ok_or_else(|| row.unreadable(&format!("state {code}")))
}

/// The columns of `entry e` that [`compared`] reads.
pub(super) const COMPARED: &str = "e.org, e.state, e.app_hash, e.consent, e.drifted, e.queue";

/// What a checkpoint builds on, from the columns that begin at `at`.
pub(super) fn compared(row: &Row, at: usize) -> Result<Compared> {
    Ok(Compared {
        org: row.get(at)?,
        state: row.get(at + 1)?,
        app_hash: row.get(at + 2)?,
        consent: row.bytes(at + 3)?,
        drifted: row.get(at + 4)?,
        queue: row.get(at + 5)?,
        // Calls are found by their entry.
        last_call: None,
    })
}

/// Columns [`ENTRY`] and [`COMPARED`].
pub(super) fn to_work_on(row: &Row) -> Result<EntryRow> {
    Ok(EntryRow {
        stored: Some(AsStored(compared(row, ENTRY_COLUMNS)?)),
        ..entry_row(row, 0)?
    })
}

/// Rows in the order of keys, which are in the column at `at`; those that were not found are left out.
pub(super) fn in_order<'r>(keys: &[i64], rows: &'r [Row], at: usize) -> Result<Vec<&'r Row>> {
    let by_key = rows.iter().map(|row| Ok((row.get(at)?, row)));
    let by_key: HashMap<i64, &Row> = by_key.collect::<Result<_>>()?;
    Ok(keys
        .iter()
        .filter_map(|key| by_key.get(key).copied())
        .collect())
}

/// The app of an entry: the column at `at` is its progress, the next one its JSON.
pub(super) fn app_id(row: &Row, at: usize) -> Result<Option<String>> {
    let progress: Option<String> = row.get(at)?;
    row.parsed(stored::app_id_of(progress.as_deref(), row.text(at + 1)?))
}
