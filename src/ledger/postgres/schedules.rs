//! The starts of jobs that have a schedule, and starts that failed before a run began.

use tokio_postgres::types::ToSql;

use super::Store;
use super::import::insert_run;
use super::session::{Connection, Row, to_json};
use crate::ledger::{FailedStart, NewRun, Result, Scheduled, Starts};
use crate::model::RunId;

impl Store {
    pub async fn schedule(&self, job: &str) -> Result<Option<Starts>> {
        let sql = "SELECT until, queued, started_at FROM schedule WHERE job = $1";
        let row = self.reader().await?.query_opt(sql, &[&job]).await?;
        row.as_ref().map(starts).transpose()
    }

    pub async fn schedules(&self) -> Result<Vec<Scheduled>> {
        let sql = "SELECT until, queued, started_at, job FROM schedule ORDER BY job COLLATE \"C\"";
        let scheduled = |row: &Row| {
            Ok(Scheduled {
                starts: starts(row)?,
                job: row.get(3)?,
            })
        };
        let rows = self.reader().await?.query(sql, &[]).await?;
        rows.iter().map(scheduled).collect()
    }

    pub async fn move_schedule(
        &self,
        job: &str,
        was: Option<Starts>,
        starts: Starts,
    ) -> Result<bool> {
        let transaction = self.begin().await?;
        let Starts {
            until,
            queued,
            started_at,
        } = &starts;
        let moved = match &was {
            None => {
                let sql =
                    "INSERT INTO schedule (job, until, queued, started_at) VALUES ($1, $2, $3, $4)
                     ON CONFLICT DO NOTHING";
                let params: [&(dyn ToSql + Sync); 4] = [&job, until, queued, started_at];
                transaction.execute(sql, &params).await?
            }
            Some(was) => {
                let sql = "UPDATE schedule SET until = $2, queued = $3, started_at = $4
                     WHERE job = $1 AND until = $5 AND queued IS NOT DISTINCT FROM $6";
                let params: [&(dyn ToSql + Sync); 6] =
                    [&job, until, queued, started_at, &was.until, &was.queued];
                transaction.execute(sql, &params).await?
            }
        };
        transaction.commit().await?;
        Ok(moved > 0)
    }

    pub async fn forget_schedule(&self, job: &str) -> Result<()> {
        let transaction = self.begin().await?;
        let sql = "DELETE FROM schedule WHERE job = $1";
        transaction.execute(sql, &[&job]).await?;
        transaction.commit().await
    }

    pub async fn add_failed_start(&self, run: NewRun, why: FailedStart) -> Result<RunId> {
        let transaction = self.begin().await?;
        let (id, why) = match take_same(&transaction, &run.file_key, &why).await? {
            Some((id, again)) => (Some(id), again),
            None => (None, why),
        };
        let (seq, id) = insert_run(&transaction, &run, id).await?;
        let why = to_json(self.location(), &why)?;
        let sql = "UPDATE run SET finished_at = started_at, failed = $2 WHERE seq = $1";
        transaction.execute(sql, &[&seq, &why]).await?;
        transaction.commit().await?;
        Ok(id)
    }
}

fn starts(row: &Row) -> Result<Starts> {
    Ok(Starts {
        until: row.get(0)?,
        queued: row.get(1)?,
        started_at: row.get(2)?,
    })
}

/// Takes the file's newest run away if it is a start that failed for the same reason; gives its id, and what is kept now:
/// what is wrong night after night does not push everything else out of the list of runs.
async fn take_same(
    session: &Connection,
    file_key: &str,
    why: &FailedStart,
) -> Result<Option<(RunId, FailedStart)>> {
    let sql = "SELECT seq, id, failed FROM run WHERE file_key = $1 AND NOT dropped
         ORDER BY seq DESC LIMIT 1 FOR UPDATE";
    let Some(newest) = session.query_opt(sql, &[&file_key]).await? else {
        return Ok(None);
    };
    let failed: Option<String> = newest.get(2)?;
    let earlier = failed.and_then(|failed| serde_json::from_str(&failed).ok());
    let Some(again) = earlier.and_then(|earlier| why.clone().again(&earlier)) else {
        return Ok(None);
    };
    let seq: i64 = newest.get(0)?;
    let sql = "DELETE FROM run WHERE seq = $1";
    session.execute(sql, &[&seq]).await?;
    Ok(Some((RunId(newest.get(1)?), again)))
}
