//! Questions to the ledger about whole runs: which there are, their orgs, and how many entries stand where.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::{self, Fault, ORG, RUN, Result};
use crate::ledger::{Counts, LedgerError, OrgRow, RunRow};
use crate::model::{OrgNo, RunId};

pub(super) fn runs(connection: &Connection) -> Result<Vec<RunRow>> {
    let sql = format!("SELECT {RUN} FROM run r WHERE imported = 1 ORDER BY seq DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], rows::run_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn run(connection: &Connection, id: &RunId) -> Result<RunRow> {
    let sql = format!("SELECT {RUN} FROM run r WHERE id = ?1 AND imported = 1");
    connection
        .prepare_cached(&sql)?
        .query_row([&id.0], rows::run_row)
        .optional()?
        .ok_or_else(|| Fault::NoRun(Some(id.0.clone())))
}

/// `None` = the newest. A whole id wins over a longer one that begins with it.
pub(super) fn find_run(connection: &Connection, prefix: Option<&str>) -> Result<RunRow> {
    let typed = prefix.map(|prefix| prefix.trim().to_ascii_lowercase());
    let prefix = typed.clone().unwrap_or_default();
    if typed.as_deref() == Some("") {
        return Err(Fault::NoRun(typed));
    }
    let limit = if typed.is_none() { 1 } else { -1 };
    let sql = format!(
        "SELECT {RUN} FROM run r WHERE imported = 1 AND substr(id, 1, length(?1)) = ?1
         ORDER BY id = ?1 DESC, seq DESC LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found: Vec<RunRow> = statement
        .query_map(params![prefix, limit], rows::run_row)?
        .collect::<rusqlite::Result<_>>()?;
    let exact = found.first().is_some_and(|run| run.id.0 == prefix);
    match found.len() {
        0 => Err(Fault::NoRun(typed)),
        1 => Ok(found.swap_remove(0)),
        _ if exact => Ok(found.swap_remove(0)),
        _ => Err(Fault::Ledger(LedgerError::Ambiguous {
            prefix,
            runs: found.into_iter().map(|run| run.id).collect(),
        })),
    }
}

pub(super) fn last_run_of(connection: &Connection, file_key: &str) -> Result<Option<RunRow>> {
    let sql = format!(
        "SELECT {RUN} FROM run r WHERE file_key = ?1 AND imported = 1 ORDER BY seq DESC LIMIT 1"
    );
    Ok(connection
        .prepare_cached(&sql)?
        .query_row([file_key], rows::run_row)
        .optional()?)
}

pub(super) fn orgs(connection: &Connection, run: &RunId) -> Result<Vec<OrgRow>> {
    let seq = rows::seq(connection, run)?;
    let sql = format!("SELECT {ORG} FROM org o WHERE run = ?1 ORDER BY no");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([seq], rows::org_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn counts_by_org(connection: &Connection, run: &RunId) -> Result<Vec<(OrgNo, Counts)>> {
    let seq = rows::seq(connection, run)?;
    let mut statement = connection.prepare_cached(
        "SELECT no, pending, started, waiting, changed, unchanged, failed,
             (SELECT count(*) FROM entry e
              WHERE e.run = org.run AND e.org = org.no AND e.adopted_by IS NOT NULL),
             stopped IS NOT NULL, deactivated
         FROM org WHERE run = ?1 ORDER BY no",
    )?;
    let rows = statement.query_map([seq], |row| {
        let count = |column| {
            let n: i64 = row.get(column)?;
            u64::try_from(n).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, n))
        };
        // The sums still have what was taken over among those that wait.
        let adopted = count(7)?;
        let mut counts = Counts {
            pending: count(1)?,
            started: count(2)?,
            waiting: count(3)?.saturating_sub(adopted),
            changed: count(4)?,
            unchanged: count(5)?,
            failed: count(6)?,
            adopted,
            held_back: 0,
            deactivated: count(9)?,
        };
        if row.get(8)? {
            counts.held_back = counts.unfinished();
        }
        Ok((row.get(0)?, counts))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn counts(connection: &Connection, run: &RunId) -> Result<Counts> {
    let by_org = counts_by_org(connection, run)?;
    Ok(by_org.into_iter().map(|(_, counts)| counts).sum())
}
