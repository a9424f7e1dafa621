//! The starts of jobs that have a schedule, and starts that failed before a run began.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{self, Result};
use super::{Store, run_id};
use crate::ledger::{FailedStart, LedgerError, NewRun, Scheduled, Starts};
use crate::model::RunId;

impl Store {
    pub async fn schedule(&self, job: &str) -> Result<Option<Starts>, LedgerError> {
        let job = job.to_owned();
        let sql = "SELECT until, queued, started_at, job FROM schedule WHERE job = ?1";
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row([&job], starts).optional()?)
        })
        .await
    }

    pub async fn schedules(&self) -> Result<Vec<Scheduled>, LedgerError> {
        let sql = "SELECT until, queued, started_at, job FROM schedule ORDER BY job";
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(Scheduled {
                    starts: starts(row)?,
                    job: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    pub async fn move_schedule(
        &self,
        job: &str,
        was: Option<Starts>,
        starts: Starts,
    ) -> Result<bool, LedgerError> {
        let job = job.to_owned();
        let set = move |connection: &Connection| {
            let sql = match was {
                None => {
                    "INSERT OR IGNORE INTO schedule (job, until, queued, started_at) VALUES (?1, ?2, ?3, ?4)"
                }
                Some(_) => {
                    "UPDATE schedule SET until = ?2, queued = ?3, started_at = ?4
                     WHERE job = ?1 AND until = ?5 AND queued IS ?6"
                }
            };
            let mut statement = connection.prepare_cached(sql)?;
            let Starts {
                until,
                queued,
                started_at,
            } = starts;
            let moved = match was {
                None => statement.execute(params![job, until, queued, started_at])?,
                Some(was) => statement.execute(params![
                    job, until, queued, started_at, was.until, was.queued
                ])?,
            };
            Ok(moved > 0)
        };
        self.inner.writer()?.write(set).await
    }

    pub async fn forget_schedule(&self, job: &str) -> Result<(), LedgerError> {
        let job = job.to_owned();
        let forget = move |connection: &Connection| {
            connection.execute("DELETE FROM schedule WHERE job = ?1", [job])?;
            Ok(())
        };
        self.inner.writer()?.write(forget).await
    }

    pub async fn add_failed_start(
        &self,
        run: NewRun,
        why: FailedStart,
    ) -> Result<RunId, LedgerError> {
        let add = move |connection: &Connection| {
            let (id, why) = match take_same(connection, &run.file_key, &why)? {
                Some(again) => again,
                None => (run_id::free(connection)?, why.clone()),
            };
            connection
                .prepare_cached(
                    "INSERT INTO run (id, file, file_key, digest, context, started_at, finished_at, imported, failed)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1, ?7)",
                )?
                .execute(params![
                    id.0,
                    run.file,
                    run.file_key,
                    run.digest,
                    rows::to_json(&run.context)?,
                    run.started_at,
                    rows::to_json(&why)?
                ])?;
            Ok(id)
        };
        self.inner.writer()?.write(add).await
    }
}

fn starts(row: &Row<'_>) -> rusqlite::Result<Starts> {
    Ok(Starts {
        until: row.get(0)?,
        queued: row.get(1)?,
        started_at: row.get(2)?,
    })
}

/// Takes the file's newest run away if it is a start that failed for the same reason; gives its id, and what is kept now:
/// what is wrong night after night does not push everything else out of the list of runs.
fn take_same(
    connection: &Connection,
    file_key: &str,
    why: &FailedStart,
) -> Result<Option<(RunId, FailedStart)>> {
    let newest: Option<(i64, String, Option<String>)> = connection
        .prepare_cached(
            "SELECT seq, id, failed FROM run WHERE file_key = ?1 AND imported = 1 ORDER BY seq DESC LIMIT 1",
        )?
        .query_row([file_key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((seq, id, Some(failed))) = newest else {
        return Ok(None);
    };
    let earlier = serde_json::from_str(&failed).ok();
    let Some(again) = earlier.and_then(|earlier| why.clone().again(&earlier)) else {
        return Ok(None);
    };
    connection
        .prepare_cached("DELETE FROM run WHERE seq = ?1")?
        .execute([seq])?;
    Ok(Some((RunId(id), again)))
}
