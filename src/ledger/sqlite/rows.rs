//! How domain values look in SQLite's columns, both ways.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::files;
pub(super) use crate::ledger::stored::{
    Delta, app_hash, code, consent_hash, entry_key, entry_no, first_key, integer, key_before,
    run_seq, settled_hash, strip_org,
};
use crate::ledger::{Attempt, EntryRow, LedgerError, OrgRow, OrgStats, RunRow, Standing, stored};
use crate::model::{EntryState, OrgNo, RunId};

/// Why a query failed, before it is known which file it was about.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite refused, or a value did not have its type.
    Sqlite(rusqlite::Error),
    /// No such run; `None` = none at all.
    NoRun(Option<String>),
    /// Already in the caller's words.
    Ledger(LedgerError),
}

pub(super) type Result<T, E = Fault> = std::result::Result<T, E>;

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl Fault {
    pub(super) fn at(self, path: &std::path::Path) -> LedgerError {
        match self {
            Self::Sqlite(error) => LedgerError::sqlite(path, &error),
            Self::NoRun(run) => LedgerError::NotFound {
                location: files::location(path),
                run,
            },
            Self::Ledger(error) => error,
        }
    }
}

fn state_of(column: usize, code: i64) -> rusqlite::Result<EntryState> {
    stored::state_of(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, code))
}

pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(unwritable)
}

/// A value that is no JSON.
pub(super) fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

pub(super) fn from_json<'t, T: Deserialize<'t>>(
    column: usize,
    text: &'t str,
) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| no_json(column, error))
}

pub(super) fn no_json(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    from_json(column, text(row, column)?)
}

fn optional_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    row.get_ref(column)?
        .as_str_or_null()?
        .map(|text| from_json(column, text))
        .transpose()
}

pub(super) fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    Ok(row.get_ref(column)?.as_str()?)
}

pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let n: i64 = row.get(column)?;
    u64::try_from(n).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, n))
}

/// Number of a run.
pub(super) fn seq(connection: &Connection, run: &RunId) -> Result<i64> {
    connection
        .prepare_cached("SELECT seq FROM run WHERE id = ?1 AND imported = 1")?
        .query_row([&run.0], |row| row.get(0))
        .optional()?
        .ok_or_else(|| Fault::NoRun(Some(run.0.clone())))
}

/// What makes SQLite use the index of entries by state, which leaves out those that are done.
pub(super) const OPEN: &str = "e.state NOT IN (3, 4)";

pub(super) const RUN: &str = "r.id, r.file, r.file_key, r.digest, r.context, r.started_at, r.finished_at, r.continued_at, r.ended_before, r.failed";

pub(super) fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: RunId(row.get(0)?),
        file: row.get(1)?,
        file_key: row.get(2)?,
        digest: row.get(3)?,
        context: json(row, 4)?,
        started_at: row.get(5)?,
        finished_at: row.get(6)?,
        continued_at: row.get(7)?,
        ended_before: count(row, 8)?,
        failed: optional_json(row, 9)?,
    })
}

pub(super) const ORG: &str = "o.no, o.name, o.url, o.spec, o.stopped, o.requests, o.rate_limited, o.retries, o.waited_ms, o.wait";
pub(super) const ORG_COLUMNS: usize = 10;

pub(super) fn org_row(row: &Row<'_>) -> rusqlite::Result<OrgRow> {
    Ok(OrgRow {
        no: row.get(0)?,
        name: row.get(1)?,
        url: row.get(2)?,
        spec: json(row, 3)?,
        stopped: optional_json(row, 4)?,
        stats: OrgStats {
            requests: count(row, 5)?,
            rate_limited: count(row, 6)?,
            retries: count(row, 7)?,
            waited_ms: count(row, 8)?,
        },
        wait: optional_json(row, 9)?,
    })
}

pub(super) const ENTRY: &str = "e.key, e.org, e.line, e.state, e.version, e.due_at, o.name,
     (SELECT json FROM spec WHERE spec.entry = e.key), e.progress, e.error,
     CASE WHEN e.adopted_by IS NOT NULL THEN (SELECT id FROM run WHERE seq = e.adopted_by) END,
     e.checked_at, e.queue";
pub(super) const ENTRY_COLUMNS: usize = 13;

/// Columns `key`, `org`, the app as JSON, `state`, whether it was carried over, whether it is to be off, `queue`.
pub(super) fn standing(row: &Row<'_>) -> rusqlite::Result<Standing> {
    let code = row.get(3)?;
    let is_off: Option<bool> = row.get(5)?;
    Ok(Standing {
        no: entry_no(row.get(0)?),
        org: row.get(1)?,
        queue: row.get(6)?,
        app: json(row, 2)?,
        state: state_of(3, code)?,
        changed: code == code::CHANGED,
        deactivated: code == code::CHANGED && is_off == Some(true),
        carried_over: row.get(4)?,
    })
}

pub(super) fn entry_row(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    entry_row_from(row, 0)
}

pub(super) fn entry_row_from(row: &Row<'_>, at: usize) -> rusqlite::Result<EntryRow> {
    let key: i64 = row.get(at)?;
    let entry = stored::entry_of(text(row, at + 7)?, text(row, at + 6)?)
        .map_err(|error| no_json(at + 7, error))?;
    Ok(EntryRow {
        no: entry_no(key),
        org: row.get(at + 1)?,
        queue: row.get(at + 12)?,
        row: count(row, at + 2)?,
        entry,
        state: state_of(at + 3, row.get(at + 3)?)?,
        progress: optional_json(row, at + 8)?.unwrap_or_default(),
        due_at: row.get(at + 5)?,
        error: optional_json(row, at + 9)?,
        version: row.get(at + 4)?,
        known: None,
        stored: None,
        carried_over_by: row.get::<_, Option<String>>(at + 10)?.map(RunId),
        checked_at: row.get(at + 11)?,
    })
}

pub(super) fn call_row(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        at: row.get(0)?,
        step: json(row, 1)?,
        call: row.get(2)?,
        http_status: row.get(3)?,
        okta_error_code: row.get(4)?,
        request_id: row.get(5)?,
        duration_ms: count(row, 6)?,
        next_at: row.get(7)?,
    })
}

/// Adds to an org's sums.
pub(super) fn add_sums(
    connection: &Connection,
    seq: i64,
    org: OrgNo,
    delta: &Delta,
) -> rusqlite::Result<()> {
    let added = delta.columns();
    let mut values: Vec<&dyn ToSql> = vec![&seq, &org];
    values.extend(added.iter().map(|n| n as &dyn ToSql));
    connection
        .prepare_cached(
            "UPDATE org SET requests = requests + ?3, rate_limited = rate_limited + ?4,
                 retries = retries + ?5, waited_ms = waited_ms + ?6,
                 pending = pending + ?7, started = started + ?8, waiting = waiting + ?9,
                 unchanged = unchanged + ?10, changed = changed + ?11, failed = failed + ?12,
                 deactivated = deactivated + ?13
             WHERE run = ?1 AND no = ?2",
        )?
        .execute(&*values)?;
    Ok(())
}
