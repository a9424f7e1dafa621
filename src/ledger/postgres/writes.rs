//! The changes to a run besides checkpoints and import.

use super::owner::Transaction;
use super::session::{Connection, Row, to_json};
use super::{Store, rows, sums};
use crate::ledger::stored::{self, Delta, code};
use crate::ledger::{LedgerError, OrgStats, Result};
use crate::manifest::OrgSpec;
use crate::model::{EntryNo, OrgNo, RunId, Stopped, UnixMillis};

/// Failed entries that are set back in one transaction: some 100 ms.
const SLICE: usize = 5_000;

impl Store {
    /// A transaction that changes a run, and the run's number.
    pub(super) async fn change(&self, run: &RunId) -> Result<(Transaction<'_>, i64)> {
        let transaction = self.begin().await?;
        let seq = rows::seq(&transaction, run).await?;
        Ok((transaction, seq))
    }

    pub async fn set_finished(&self, run: &RunId, at: Option<UnixMillis>) -> Result<()> {
        let (transaction, seq) = self.change(run).await?;
        let sql = "UPDATE run SET finished_at = $2 WHERE seq = $1";
        transaction.execute(sql, &[&seq, &at]).await?;
        transaction.commit().await
    }

    pub async fn set_continued(
        &self,
        run: &RunId,
        at: UnixMillis,
        ended_before: u64,
    ) -> Result<()> {
        let (transaction, seq) = self.change(run).await?;
        if is_clock_back(&transaction, seq, at).await? {
            // By this clock those looks were before this process, whoever compares the times.
            let before = at.before(stored::LOOKED_BEFORE);
            let sql =
                "UPDATE entry SET checked_at = $3 WHERE key >= $1 AND key < $2 AND checked_at > $3";
            let (first, end) = (stored::first_key(seq), stored::first_key(seq + 1));
            transaction.execute(sql, &[&first, &end, &before]).await?;
        }
        let ended_before = stored::integer(ended_before);
        let sql = "UPDATE run SET continued_at = $2, ended_before = $3 WHERE seq = $1";
        transaction
            .execute(sql, &[&seq, &at, &ended_before])
            .await?;
        transaction.commit().await
    }

    pub async fn set_orgs(&self, run: &RunId, orgs: Vec<(OrgNo, OrgSpec)>) -> Result<()> {
        let (transaction, seq) = self.change(run).await?;
        let sql = "UPDATE org SET spec = $3 WHERE run = $1 AND no = $2";
        for (no, spec) in &orgs {
            let spec = to_json(self.location(), spec)?;
            transaction.execute(sql, &[&seq, no, &spec]).await?;
        }
        transaction.commit().await
    }

    pub async fn set_stopped(
        &self,
        run: &RunId,
        org: OrgNo,
        stopped: Option<Stopped>,
    ) -> Result<()> {
        let (transaction, seq) = self.change(run).await?;
        let stopped = stopped.as_ref();
        let stopped = stopped
            .map(|why| to_json(self.location(), why))
            .transpose()?;
        let sql = "UPDATE org SET stopped = $3 WHERE run = $1 AND no = $2";
        transaction.execute(sql, &[&seq, &org, &stopped]).await?;
        transaction.commit().await
    }

    pub async fn add_stats(&self, run: &RunId, org: OrgNo, stats: OrgStats) -> Result<()> {
        let (transaction, seq) = self.change(run).await?;
        let mut delta = Delta::default();
        delta.add(stats);
        sums::add_to_org(&transaction, (seq, org), delta).await?;
        transaction.commit().await
    }

    pub async fn retry_failed(
        &self,
        run: &RunId,
        wanted: impl Fn(EntryNo) -> bool + Clone + Send + 'static,
    ) -> Result<u64> {
        let mut total = 0;
        for (org, counts) in self.counts_by_org(run).await? {
            let mut after = None;
            let mut left = counts.failed > 0;
            while left {
                let (transaction, seq) = self.change(run).await?;
                let failed = failed(&transaction, (seq, org), after).await?;
                let last = failed.last().filter(|_| failed.len() == SLICE);
                after = last.map(|(key, _)| stored::entry_no(*key));
                let is_wanted = |(key, _): &&Failed| wanted(stored::entry_no(*key));
                let chosen: Vec<&Failed> = failed.iter().filter(is_wanted).collect();
                set_back(&transaction, (seq, org), &chosen).await?;
                transaction.commit().await?;
                total += chosen.len() as u64;
                left = after.is_some();
            }
        }
        Ok(total)
    }
}

/// Whether the last call, or the run, is of a time that has not come yet.
async fn is_clock_back(session: &Connection, seq: i64, now: UnixMillis) -> Result<bool> {
    let sql = "SELECT greatest(started_at, continued_at, finished_at,
             (SELECT at + duration_ms FROM call ORDER BY id DESC LIMIT 1)) >= $2
         FROM run WHERE seq = $1";
    session.query_one(sql, &[&seq, &now]).await?.get(0)
}

/// An entry's key and its progress.
type Failed = (i64, Option<String>);

/// The next failed entries of an org, which are this transaction's from here on.
async fn failed(
    session: &Connection,
    (seq, org): (i64, OrgNo),
    after: Option<EntryNo>,
) -> Result<Vec<Failed>> {
    let sql = "SELECT key, progress FROM entry
         WHERE run = $1 AND org = $2 AND state = 5 AND state NOT IN (3, 4) AND key > $3
         ORDER BY key LIMIT $4 FOR NO KEY UPDATE";
    let (after, most) = (
        stored::key_before(seq, after),
        stored::integer(SLICE as u64),
    );
    let rows = session.query(sql, &[&seq, &org, &after, &most]).await?;
    let failed = |row: &Row| Ok((row.get(0)?, row.get(1)?));
    rows.iter().map(failed).collect()
}

async fn set_back(
    session: &Connection,
    (seq, org): (i64, OrgNo),
    failed: &[&Failed],
) -> Result<()> {
    let mut delta = Delta::default();
    let (mut keys, mut states, mut progress, mut consents) = (vec![], vec![], vec![], vec![]);
    for (key, stored) in failed {
        let set_back = stored::set_back(stored.as_deref());
        let (state, columns) =
            set_back.map_err(|error| LedgerError::unreadable(session.location(), &error))?;
        delta.moved(code::FAILED, state);
        keys.push(*key);
        states.push(state);
        progress.push(columns.progress);
        consents.push(columns.consent.map(|hash| hash.to_vec()));
    }
    let sql = "UPDATE entry e SET state = c.state, progress = c.progress, consent = c.consent, error = NULL,
             due_at = NULL, version = e.version + 1
         FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[]) AS c (key, state, progress, consent)
         WHERE e.key = c.key";
    session
        .execute(sql, &[&keys, &states, &progress, &consents])
        .await?;
    sums::add_to_org(session, (seq, org), delta).await
}
