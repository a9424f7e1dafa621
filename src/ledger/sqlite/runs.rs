//! Questions to the ledger about whole runs: which there are, their orgs, and how many entries stand where.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{self, Fault, ORG, RUN, Result};
use crate::ledger::stored::hold_back;
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
    // The newest is one that began.
    let (began, limit) = match typed {
        None => ("AND failed IS NULL", 1),
        Some(_) => ("", -1),
    };
    let sql = format!(
        "SELECT {RUN} FROM run r WHERE imported = 1 AND substr(id, 1, length(?1)) = ?1 {began}
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
        "SELECT {RUN} FROM run r WHERE file_key = ?1 AND imported = 1 AND failed IS NULL
         ORDER BY seq DESC LIMIT 1"
    );
    Ok(connection
        .prepare_cached(&sql)?
        .query_row([file_key], rows::run_row)
        .optional()?)
}

pub(super) fn unfinished_runs(connection: &Connection) -> Result<Vec<RunRow>> {
    let sql = format!(
        "SELECT {RUN} FROM run r WHERE r.imported = 1 AND r.failed IS NULL
           AND NOT EXISTS (SELECT 1 FROM run later WHERE later.file_key = r.file_key
             AND later.seq > r.seq AND later.imported = 1 AND later.failed IS NULL)
           AND EXISTS (SELECT 1 FROM org o WHERE o.run = r.seq AND o.stopped IS NULL
             AND o.pending + o.started > 0)
         ORDER BY r.seq DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], rows::run_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn orgs(connection: &Connection, run: &RunId) -> Result<Vec<OrgRow>> {
    let seq = rows::seq(connection, run)?;
    let sql = format!("SELECT {ORG} FROM org o WHERE run = ?1 ORDER BY no");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([seq], rows::org_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

const COUNTS: &str = "SELECT no, pending, started, waiting, changed, unchanged, failed,
     (SELECT count(*) FROM entry e
      WHERE e.run = org.run AND e.org = org.no AND e.adopted_by IS NOT NULL),
     stopped IS NOT NULL, deactivated
     FROM org WHERE run = ?1";

fn counts_row(row: &Row<'_>) -> rusqlite::Result<(OrgNo, Counts)> {
    let count = |column| rows::count(row, column);
    // The sums still have what was taken over among those that wait.
    let carried_over = count(7)?;
    let mut counts = Counts {
        pending: count(1)?,
        started: count(2)?,
        waiting: count(3)?.saturating_sub(carried_over),
        changed: count(4)?,
        unchanged: count(5)?,
        failed: count(6)?,
        carried_over,
        held_back: 0,
        deactivated: count(9)?,
    };
    if row.get(8)? {
        counts.held_back = counts.unfinished();
    }
    Ok((row.get(0)?, counts))
}

pub(super) fn counts_by_org(connection: &Connection, run: &RunId) -> Result<Vec<(OrgNo, Counts)>> {
    let seq = rows::seq(connection, run)?;
    let mut statement = connection.prepare_cached(&format!("{COUNTS} ORDER BY no"))?;
    let rows = statement.query_map([seq], counts_row)?;
    let mut by_org: Vec<(OrgNo, Counts)> = rows.collect::<rusqlite::Result<_>>()?;
    away(connection, seq, &mut by_org)?;
    Ok(by_org)
}

/// Whether entries that stand in another org's queue are held back is that org's matter, not their own's.
fn away(connection: &Connection, seq: i64, by_org: &mut [(OrgNo, Counts)]) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT e.org, own.stopped IS NOT NULL, called.stopped IS NOT NULL, count(*) FROM entry e
         CROSS JOIN org own ON own.run = e.run AND own.no = e.org
         CROSS JOIN org called ON called.run = e.run AND called.no = e.queue
         WHERE e.run = ?1 AND e.queue IS NOT NULL AND e.state IN (0, 1)
         GROUP BY 1, 2, 3",
    )?;
    let mut rows = statement.query([seq])?;
    while let Some(row) = rows.next()? {
        let (no, own, called, count) =
            (row.get(0)?, row.get(1)?, row.get(2)?, rows::count(row, 3)?);
        hold_back(by_org, no, (own, called), count);
    }
    Ok(())
}

/// The orgs that entries of others have steps in.
pub(super) fn hubs(connection: &Connection, run: &RunId) -> Result<Vec<OrgNo>> {
    let seq = rows::seq(connection, run)?;
    let mut statement =
        connection.prepare_cached("SELECT no FROM org WHERE run = ?1 AND hub = 1 ORDER BY no")?;
    let rows = statement.query_map([seq], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The orgs in whose queue unfinished entries of others stand.
pub(super) fn called(connection: &Connection, run: &RunId) -> Result<HashSet<OrgNo>> {
    let seq = rows::seq(connection, run)?;
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT queue FROM entry WHERE run = ?1 AND queue IS NOT NULL AND state IN (0, 1)",
    )?;
    let rows = statement.query_map([seq], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The orgs that were stopped.
pub(super) fn stopped(connection: &Connection, run: &RunId) -> Result<HashSet<OrgNo>> {
    let seq = rows::seq(connection, run)?;
    let mut statement =
        connection.prepare_cached("SELECT no FROM org WHERE run = ?1 AND stopped IS NOT NULL")?;
    let rows = statement.query_map([seq], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn counts_of_org(connection: &Connection, run: &RunId, org: OrgNo) -> Result<Counts> {
    let seq = rows::seq(connection, run)?;
    let mut statement = connection.prepare_cached(&format!("{COUNTS} AND no = ?2"))?;
    let found = statement
        .query_row(params![seq, org], counts_row)
        .optional()?;
    Ok(found.map(|(_, counts)| counts).unwrap_or_default())
}

pub(super) fn counts(connection: &Connection, run: &RunId) -> Result<Counts> {
    let by_org = counts_by_org(connection, run)?;
    Ok(by_org.into_iter().map(|(_, counts)| counts).sum())
}
