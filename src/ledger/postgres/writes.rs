//! The changes to a run besides checkpoints and import.

use super::owner::Transaction;
use super::session::to_json;
use super::{Store, rows, sums};
use crate::ledger::stored::Delta;
use crate::ledger::{OrgStats, Result};
use crate::manifest::OrgSpec;
use crate::model::{EntryNo, OrgNo, RunId, Stopped, UnixMillis};

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
        let _ = (run, at, ended_before);
        todo_stub!()
    }

    pub async fn set_orgs(&self, run: &RunId, orgs: Vec<(OrgNo, OrgSpec)>) -> Result<()> {
        let _ = (run, orgs);
        todo_stub!()
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
        let _ = (run, wanted);
        todo_stub!()
    }
}
