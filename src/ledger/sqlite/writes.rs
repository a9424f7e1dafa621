//! The changes to a run besides checkpoints and import.

use rusqlite::{Connection, params};

use super::Store;
use super::rows::{self, Delta, Result, code, to_json};
use crate::ledger::{LedgerError, OrgStats, stored};
use crate::manifest::OrgSpec;
use crate::model::{EntryNo, OrgNo, RunId, Stopped, UnixMillis};

/// Failed entries that are set back in one transaction: some 50 ms.
const SLICE: usize = 5_000;

/// Writing, besides checkpoints.
impl Store {
    pub(super) async fn change<T: Send + 'static>(
        &self,
        run: &RunId,
        change: impl FnOnce(&Connection, i64) -> Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let run = run.clone();
        let change = move |connection: &Connection| {
            let seq = rows::seq(connection, &run)?;
            change(connection, seq)
        };
        self.inner.writer()?.write(change).await
    }

    pub async fn set_finished(
        &self,
        run: &RunId,
        at: Option<UnixMillis>,
    ) -> Result<(), LedgerError> {
        self.change(run, move |connection, seq| {
            connection
                .prepare_cached("UPDATE run SET finished_at = ?2 WHERE seq = ?1")?
                .execute(params![seq, at])?;
            Ok(())
        })
        .await
    }

    pub async fn set_continued(
        &self,
        run: &RunId,
        at: UnixMillis,
        ended_before: u64,
    ) -> Result<(), LedgerError> {
        self.change(run, move |connection, seq| {
            if is_clock_back(connection, seq, at)? {
                // By this clock those looks were before this process, whoever compares the times.
                connection
                    .prepare_cached(
                        "UPDATE entry SET checked_at = ?3 WHERE key >= ?1 AND key < ?2 AND checked_at > ?3",
                    )?
                    .execute(params![rows::first_key(seq), rows::first_key(seq + 1), at.before(stored::LOOKED_BEFORE)])?;
            }
            connection
                .prepare_cached(
                    "UPDATE run SET continued_at = ?2, ended_before = ?3 WHERE seq = ?1",
                )?
                .execute(params![seq, at, rows::integer(ended_before)])?;
            Ok(())
        })
        .await
    }

    pub async fn set_orgs(
        &self,
        run: &RunId,
        orgs: Vec<(OrgNo, OrgSpec)>,
    ) -> Result<(), LedgerError> {
        self.change(run, move |connection, seq| {
            let mut statement =
                connection.prepare_cached("UPDATE org SET spec = ?3 WHERE run = ?1 AND no = ?2")?;
            for (no, spec) in &orgs {
                statement.execute(params![seq, no, to_json(spec)?])?;
            }
            Ok(())
        })
        .await
    }

    pub async fn set_stopped(
        &self,
        run: &RunId,
        org: OrgNo,
        stopped: Option<Stopped>,
    ) -> Result<(), LedgerError> {
        self.change(run, move |connection, seq| {
            let stopped = stopped.as_ref().map(to_json).transpose()?;
            connection
                .prepare_cached("UPDATE org SET stopped = ?3 WHERE run = ?1 AND no = ?2")?
                .execute(params![seq, org, stopped])?;
            Ok(())
        })
        .await
    }

    pub async fn add_stats(
        &self,
        run: &RunId,
        org: OrgNo,
        stats: OrgStats,
    ) -> Result<(), LedgerError> {
        self.change(run, move |connection, seq| {
            let mut delta = Delta::default();
            delta.add(stats);
            Ok(rows::add_sums(connection, seq, org, &delta)?)
        })
        .await
    }

    pub async fn retry_failed(
        &self,
        run: &RunId,
        wanted: impl Fn(EntryNo) -> bool + Clone + Send + 'static,
    ) -> Result<u64, LedgerError> {
        let mut total = 0;
        for (org, counts) in self.counts_by_org(run).await? {
            let mut after = None;
            let mut left = counts.failed > 0;
            while left {
                let wanted = wanted.clone();
                let slice =
                    move |c: &Connection, seq| retry_slice(c, &Slice { seq, org, after }, wanted);
                let (moved, last) = self.change(run, slice).await?;
                total += moved;
                after = last;
                left = last.is_some();
            }
        }
        Ok(total)
    }
}

/// Whether the last call, or the run, is of a time that has not come yet.
fn is_clock_back(connection: &Connection, seq: i64, now: UnixMillis) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT max(started_at, coalesce(continued_at, 0), coalesce(finished_at, 0),
                 coalesce((SELECT at + duration_ms FROM call ORDER BY id DESC LIMIT 1), 0)) >= ?2
             FROM run WHERE seq = ?1",
        )?
        .query_row(params![seq, now], |row| row.get(0))?)
}

/// Failed entries of an org after this one.
struct Slice {
    seq: i64,
    org: OrgNo,
    after: Option<EntryNo>,
}

/// Returns how many were set back, and the slice's last entry, if more may follow it.
fn retry_slice(
    connection: &Connection,
    slice: &Slice,
    wanted: impl Fn(EntryNo) -> bool,
) -> Result<(u64, Option<EntryNo>)> {
    let &Slice { seq, org, after } = slice;
    let mut failed: Vec<(i64, Option<String>)> = connection
        .prepare_cached(&format!(
            "SELECT key, progress FROM entry e
             WHERE run = ?1 AND org = ?2 AND state = 5 AND {OPEN} AND key > ?3 ORDER BY key LIMIT ?4",
            OPEN = rows::OPEN
        ))?
        .query_map(
            params![
                seq,
                org,
                rows::key_before(seq, after),
                rows::integer(SLICE as u64)
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let last = failed.last().filter(|_| failed.len() == SLICE);
    let last = last.map(|(key, _)| rows::entry_no(*key));
    failed.retain(|(key, _)| wanted(rows::entry_no(*key)));
    let mut update = connection.prepare_cached(
        "UPDATE entry SET state = ?2, progress = ?3, consent = ?4, error = NULL, due_at = NULL,
             version = version + 1 WHERE key = ?1",
    )?;
    let mut delta = Delta::default();
    for (key, progress) in &failed {
        let set_back = stored::set_back(progress.as_deref());
        let (state, columns) = set_back.map_err(|error| rows::no_json(1, error))?;
        update.execute(params![key, state, columns.progress, columns.consent])?;
        delta.moved(code::FAILED, state);
    }
    rows::add_sums(connection, seq, org, &delta)?;
    Ok((failed.len() as u64, last))
}
