//! What processes tell each other of orgs besides checkpoints: windows that are used up, what others take of them,
//! and waits.

use rusqlite::{Connection, params};

use super::Store;
use super::rows::{self, Result, to_json};
use crate::ledger::{LedgerError, Note, OtherSpenders, SpentWindow};
use crate::model::UnixMillis;

impl Store {
    pub fn note(
        &self,
        take: impl FnOnce() -> Vec<Note> + Send + 'static,
        end: impl FnOnce(std::result::Result<(), LedgerError>) + Send + 'static,
    ) {
        let write = move |connection: &Connection| {
            take().iter().try_for_each(|note| store(connection, note))
        };
        match self.inner.writer() {
            Ok(writer) => writer.write_later(write, end),
            Err(error) => end(Err(error)),
        }
    }

    pub async fn spent_windows(
        &self,
        now: UnixMillis,
    ) -> std::result::Result<Vec<SpentWindow>, LedgerError> {
        self.read(move |connection| spent_windows(connection, now))
            .await
    }

    pub async fn other_spenders(
        &self,
        now: UnixMillis,
    ) -> std::result::Result<Vec<OtherSpenders>, LedgerError> {
        self.read(move |connection| other_spenders(connection, now))
            .await
    }
}

fn store(connection: &Connection, note: &Note) -> Result<()> {
    match note {
        Note::Spent(window) => {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO budget (org_url, bucket, quota, until, left_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    window.org_url,
                    window.bucket,
                    window.limit.map(rows::integer),
                    window.until,
                    window.left_ms
                ])?;
        }
        Note::Others(others) => {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO others (org_url, bucket, per_second, unsure, until, left_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    others.org_url,
                    others.bucket,
                    others.per_second,
                    others.unsure,
                    others.until,
                    others.left_ms
                ])?;
        }
        Note::Waits { run, org, wait } => {
            let seq = rows::seq(connection, run)?;
            let wait = wait.as_ref().map(to_json).transpose()?;
            connection
                .prepare_cached("UPDATE org SET wait = ?3 WHERE run = ?1 AND no = ?2")?
                .execute(params![seq, org, wait])?;
        }
    }
    Ok(())
}

fn spent_windows(connection: &Connection, now: UnixMillis) -> Result<Vec<SpentWindow>> {
    let mut statement = connection.prepare_cached(
        "SELECT org_url, bucket, quota, until, left_ms FROM budget WHERE until > ?1",
    )?;
    let rows = statement.query_map([now], |row| {
        Ok(SpentWindow {
            org_url: row.get(0)?,
            bucket: row.get(1)?,
            limit: row
                .get::<_, Option<i64>>(2)?
                .and_then(|limit| u64::try_from(limit).ok()),
            until: row.get(3)?,
            left_ms: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn other_spenders(connection: &Connection, now: UnixMillis) -> Result<Vec<OtherSpenders>> {
    let mut statement = connection.prepare_cached(
        "SELECT org_url, bucket, per_second, unsure, until, left_ms FROM others WHERE until > ?1",
    )?;
    let rows = statement.query_map([now], |row| {
        Ok(OtherSpenders {
            org_url: row.get(0)?,
            bucket: row.get(1)?,
            per_second: row.get(2)?,
            unsure: row.get(3)?,
            until: row.get(4)?,
            left_ms: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
