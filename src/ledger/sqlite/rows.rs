//! How domain values look in columns: codes, hashes and JSON, both ways.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::files;
use crate::ledger::{Attempt, EntryRow, LedgerError, OrgRow, OrgStats, RunRow, Standing};
use crate::model::{EntryNo, EntryState, OrgNo, RunId};

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

/// Stored state codes: places in the org's sums, too. `Done` has two, so that counts need no JSON.
pub(super) mod code {
    pub const PENDING: i64 = 0;
    pub const STARTED: i64 = 1;
    pub const WAITING: i64 = 2;
    pub const UNCHANGED: i64 = 3;
    pub const CHANGED: i64 = 4;
    pub const FAILED: i64 = 5;
    pub const ALL: usize = 6;
}

pub(super) const fn state_code(state: EntryState, changed: bool) -> i64 {
    match state {
        EntryState::Pending => code::PENDING,
        EntryState::Started => code::STARTED,
        EntryState::Waiting => code::WAITING,
        EntryState::Done if changed => code::CHANGED,
        EntryState::Done => code::UNCHANGED,
        EntryState::Failed => code::FAILED,
    }
}

fn state_of(column: usize, code: i64) -> rusqlite::Result<EntryState> {
    Ok(match code {
        code::PENDING => EntryState::Pending,
        code::STARTED => EntryState::Started,
        code::WAITING => EntryState::Waiting,
        code::UNCHANGED | code::CHANGED => EntryState::Done,
        code::FAILED => EntryState::Failed,
        _ => return Err(rusqlite::Error::IntegralValueOutOfRange(column, code)),
    })
}

/// A run's entries have consecutive keys, its place in the high half: room for four
/// thousand million.
pub(super) const fn entry_key(seq: i64, no: EntryNo) -> i64 {
    if no.0 < 0 || no.0 > NO_MAX {
        return NOBODY;
    }
    (seq << 32) | no.0
}

/// The key of a run's first entry: those of the run before end there.
pub(super) const fn first_key(seq: i64) -> i64 {
    entry_key(seq, EntryNo(0))
}

const NO_MAX: i64 = 0xffff_ffff;

/// A key no entry has.
const NOBODY: i64 = -1;

/// The key after which entries begin: the run's first one, or the one after `after`.
pub(super) fn key_before(seq: i64, after: Option<EntryNo>) -> i64 {
    first_key(seq).saturating_add(after.map_or(-1, |no| no.0.max(-1)))
}

pub(super) const fn entry_no(key: i64) -> EntryNo {
    EntryNo(key & NO_MAX)
}

/// Of which run's entry that is the key.
pub(super) const fn run_seq(key: i64) -> i64 {
    key >> 32
}

/// What an answer is found by; the `state` itself stays inside the link.
pub(super) fn consent_hash(state: &str) -> [u8; 32] {
    Sha256::digest(state).into()
}

/// What a settled consent is known by: where its answer belonged, and its `state`.
pub(super) fn settled_hash(org_url: &str, app: &str, app_id: &str, state: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [org_url, app, app_id, state] {
        hash.update(part);
        hash.update([0]);
    }
    hash.finalize().into()
}

/// Narrows a search by app id to a handful of rows at a fifth of the id's size.
pub(super) fn app_hash(app_id: &str) -> i32 {
    let digest = Sha256::digest(app_id);
    i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn from_json<'t, T: Deserialize<'t>>(
    column: usize,
    text: &'t str,
) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
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

/// Sums and counters fit 63 bits for as long as anybody lives; a larger one is stored as the largest.
pub(super) fn integer(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let n: i64 = row.get(column)?;
    u64::try_from(n).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, n))
}

/// The text before an entry's own keys: `{"org":"acme",`.
pub(super) fn org_prefix(name: &str) -> rusqlite::Result<String> {
    Ok(format!("{{\"org\":{},", to_json(name)?))
}

/// An entry's JSON without the org's name: the ledger knows the org by its URL, and an org that was
/// renamed is the same org.
pub(super) fn strip_org(mut entry_json: String, prefix: &str) -> String {
    if entry_json.starts_with(prefix) {
        entry_json.replace_range(1..prefix.len(), "");
    }
    entry_json
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
    let spec = text(row, at + 7)?;
    let entry = match spec.strip_prefix('{') {
        Some(keys) if !keys.starts_with("\"org\":") => {
            let prefix = org_prefix(text(row, at + 6)?)?;
            from_json(at + 7, &(prefix + keys))?
        }
        _ => from_json(at + 7, spec)?,
    };
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

/// What a commit adds to an org's sums.
#[derive(Clone, Copy, Default)]
pub(super) struct Delta {
    pub stats: OrgStats,
    /// Entries by state code.
    pub counts: [i64; code::ALL],
    /// Of those changed: deactivations.
    pub deactivated: i64,
}

impl Delta {
    pub(super) fn add(&mut self, stats: OrgStats) {
        let sum = &mut self.stats;
        sum.requests = sum.requests.saturating_add(stats.requests);
        sum.rate_limited = sum.rate_limited.saturating_add(stats.rate_limited);
        sum.retries = sum.retries.saturating_add(stats.retries);
        sum.waited_ms = sum.waited_ms.saturating_add(stats.waited_ms);
    }

    pub(super) fn moved(&mut self, from: i64, to: i64) {
        self.count(from, -1);
        self.count(to, 1);
    }

    pub(super) fn count(&mut self, code: i64, by: i64) {
        if let Some(n) = usize::try_from(code)
            .ok()
            .and_then(|i| self.counts.get_mut(i))
        {
            *n += by;
        }
    }

    pub(super) fn apply(
        &self,
        connection: &rusqlite::Connection,
        seq: i64,
        org: OrgNo,
    ) -> rusqlite::Result<()> {
        let stats = [
            integer(self.stats.requests),
            integer(self.stats.rate_limited),
            integer(self.stats.retries),
            integer(self.stats.waited_ms),
        ];
        let added = stats.iter().chain(&self.counts).chain([&self.deactivated]);
        let mut values: Vec<&dyn ToSql> = vec![&seq, &org];
        values.extend(added.map(|n| n as &dyn ToSql));
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
}
