//! Runs, their orgs, and entries by state.

use std::collections::HashSet;

use super::Store;
use super::locks::{self, Kind};
use super::rows::{self, ORG, RUN};
use super::session::Row;
use crate::ledger::{Counts, LedgerError, OrgRow, Result, RunRow, stored};
use crate::model::{OrgNo, RunId};

impl Store {
    pub async fn runs(&self) -> Result<Vec<RunRow>> {
        let sql = format!("SELECT {RUN} FROM run r WHERE NOT dropped ORDER BY seq DESC");
        let rows = self.reader().await?.query(&sql, &[]).await?;
        rows.iter().map(rows::run_row).collect()
    }

    pub async fn run(&self, id: &RunId) -> Result<RunRow> {
        let reader = self.reader().await?;
        let sql = format!("SELECT {RUN} FROM run r WHERE id = $1 AND NOT dropped");
        match reader.query_opt(&sql, &[&id.0]).await? {
            Some(row) => rows::run_row(&row),
            None => Err(rows::no_run(&reader, Some(id.0.clone()))),
        }
    }

    /// `None` = the newest. A whole id wins over a longer one that begins with it.
    pub async fn find_run(&self, prefix: Option<&str>) -> Result<RunRow> {
        let reader = self.reader().await?;
        let typed = prefix.map(|prefix| prefix.trim().to_ascii_lowercase());
        let prefix = typed.clone().unwrap_or_default();
        if typed.as_deref() == Some("") {
            return Err(rows::no_run(&reader, typed));
        }
        // The newest is one that began.
        let (began, limit) = match typed {
            None => ("AND failed IS NULL", "LIMIT 1"),
            Some(_) => ("", ""),
        };
        let sql = format!(
            "SELECT {RUN} FROM run r WHERE NOT dropped AND starts_with(id, $1) {began}
             ORDER BY id = $1 DESC, seq DESC {limit}"
        );
        let found = reader.query(&sql, &[&prefix]).await?;
        let mut found: Vec<RunRow> = found.iter().map(rows::run_row).collect::<Result<_>>()?;
        let exact = found.first().is_some_and(|run| run.id.0 == prefix);
        match found.len() {
            0 => Err(rows::no_run(&reader, typed)),
            1 => Ok(found.swap_remove(0)),
            _ if exact => Ok(found.swap_remove(0)),
            _ => Err(LedgerError::Ambiguous {
                prefix,
                runs: found.into_iter().map(|run| run.id).collect(),
            }),
        }
    }

    pub async fn last_run_of(&self, file_key: &str) -> Result<Option<RunRow>> {
        let sql = format!(
            "SELECT {RUN} FROM run r WHERE file_key = $1 AND NOT dropped AND failed IS NULL
             ORDER BY seq DESC LIMIT 1"
        );
        let row = self.reader().await?.query_opt(&sql, &[&file_key]).await?;
        row.as_ref().map(rows::run_row).transpose()
    }

    pub async fn unfinished_runs(&self) -> Result<Vec<RunRow>> {
        let sql = format!(
            "SELECT {RUN} FROM run r WHERE NOT r.dropped AND r.failed IS NULL
               AND NOT EXISTS (SELECT 1 FROM run later WHERE later.file_key = r.file_key
                 AND later.seq > r.seq AND NOT later.dropped AND later.failed IS NULL)
               AND EXISTS (SELECT 1 FROM org o WHERE o.run = r.seq AND o.stopped IS NULL
                 AND o.pending + o.started > 0)
             ORDER BY r.seq DESC"
        );
        let rows = self.reader().await?.query(&sql, &[]).await?;
        rows.iter().map(rows::run_row).collect()
    }

    pub async fn held(&self, runs: &[RunId]) -> Result<HashSet<RunId>> {
        let held = locks::all_held(&*self.reader().await?).await?;
        let is_held = |run: &&RunId| held.contains(&Kind::Run.key(&run.0));
        Ok(runs.iter().filter(is_held).cloned().collect())
    }

    pub async fn orgs(&self, run: &RunId) -> Result<Vec<OrgRow>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = format!("SELECT {ORG} FROM org o WHERE run = $1 ORDER BY no");
        let rows = reader.query(&sql, &[&seq]).await?;
        rows.iter().map(rows::org_row).collect()
    }

    pub async fn counts(&self, run: &RunId) -> Result<Counts> {
        let by_org = self.counts_by_org(run).await?;
        Ok(by_org.into_iter().map(|(_, counts)| counts).sum())
    }

    pub async fn counts_by_org(&self, run: &RunId) -> Result<Vec<(OrgNo, Counts)>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = format!("{COUNTS} ORDER BY no");
        let rows = reader.query(&sql, &[&seq]).await?;
        let mut by_org: Vec<_> = rows.iter().map(counts_row).collect::<Result<_>>()?;
        for row in reader.query(AWAY, &[&seq]).await? {
            let (no, own, called) = (row.get(0)?, row.get(1)?, row.get(2)?);
            stored::hold_back(&mut by_org, no, (own, called), row.count(3)?);
        }
        Ok(by_org)
    }

    pub async fn counts_of_org(&self, run: &RunId, org: OrgNo) -> Result<Counts> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = format!("{COUNTS} AND no = $2");
        let row = reader.query_opt(&sql, &[&seq, &org]).await?;
        let found = row.as_ref().map(counts_row).transpose()?;
        Ok(found.map(|(_, counts)| counts).unwrap_or_default())
    }

    pub async fn hubs(&self, run: &RunId) -> Result<Vec<OrgNo>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = "SELECT no FROM org WHERE run = $1 AND hub ORDER BY no";
        let rows = reader.query(sql, &[&seq]).await?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub async fn called(&self, run: &RunId) -> Result<HashSet<OrgNo>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = "SELECT DISTINCT queue FROM entry
             WHERE run = $1 AND queue IS NOT NULL AND state IN (0, 1)";
        let rows = reader.query(sql, &[&seq]).await?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub async fn stopped(&self, run: &RunId) -> Result<HashSet<OrgNo>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = "SELECT no FROM org WHERE run = $1 AND stopped IS NOT NULL";
        let rows = reader.query(sql, &[&seq]).await?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Unlike a file, a database is nobody's to replace.
    pub async fn mark(&self, run: &RunId) -> Result<()> {
        self.set_finished(run, None).await
    }
}

/// What was taken over is counted for all orgs at once: of most there is none.
const COUNTS: &str = "SELECT no, pending, started, waiting, changed, unchanged, failed,
     coalesce(adopted.n, 0), stopped IS NOT NULL, deactivated
     FROM org LEFT JOIN (SELECT org, count(*) AS n FROM entry
                         WHERE run = $1 AND adopted_by IS NOT NULL GROUP BY org) adopted ON adopted.org = no
     WHERE run = $1";

/// Whether entries that stand in another org's queue are held back is that org's matter, not their own's.
const AWAY: &str =
    "SELECT e.org, own.stopped IS NOT NULL, called.stopped IS NOT NULL, count(*) FROM entry e
     JOIN org own ON own.run = e.run AND own.no = e.org
     JOIN org called ON called.run = e.run AND called.no = e.queue
     WHERE e.run = $1 AND e.queue IS NOT NULL AND e.state IN (0, 1)
     GROUP BY 1, 2, 3";

fn counts_row(row: &Row) -> Result<(OrgNo, Counts)> {
    // The sums still have what was taken over among those that wait.
    let carried_over = row.count(7)?;
    let mut counts = Counts {
        pending: row.count(1)?,
        started: row.count(2)?,
        waiting: row.count(3)?.saturating_sub(carried_over),
        changed: row.count(4)?,
        unchanged: row.count(5)?,
        failed: row.count(6)?,
        carried_over,
        held_back: 0,
        deactivated: row.count(9)?,
    };
    if row.get(8)? {
        counts.held_back = counts.unfinished();
    }
    Ok((row.get(0)?, counts))
}
