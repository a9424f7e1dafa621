//! What processes tell each other of orgs besides checkpoints: windows that are used up, what others take of them,
//! and waits.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::error::LedgerError;
use super::model::{Millis, OrgNo, RunId};
use super::rows::{self, Result, to_json};
use super::{Ledger, reads};

/// What an org's calls wait for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrgWait {
    /// For people: `budget of /api/v1/apps: 0 of 45 left`.
    pub reason: String,
    /// The bucket that is used up, if it is that.
    pub bucket: Option<String>,
    /// What is left of it for us.
    pub left: Option<u64>,
    /// What we may have of it in a window.
    pub limit: Option<u64>,
    /// Calls a second that are kept free of it for others who were seen to spend from it.
    #[serde(default)]
    pub others_per_second: Option<f64>,
    /// When they go on.
    pub until: Millis,
}

/// A window of a rate limit that is used up: whoever comes next must not send into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpentWindow {
    /// The org's URL as in [`super::OrgRow::url`].
    pub org_url: String,
    /// Okta's name of the bucket, after a method that has a window of its own.
    pub bucket: String,
    /// Requests a window, if known.
    pub limit: Option<u64>,
    /// When requests may go again.
    pub until: Millis,
    /// How far ahead that was when it was noted.
    pub left_ms: i64,
}

/// What others were seen to take of a rate limit: whoever comes next keeps it free for them.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherSpenders {
    /// The org's URL as in [`super::OrgRow::url`].
    pub org_url: String,
    /// Okta's name of the bucket, after a method that has a window of its own.
    pub bucket: String,
    /// Calls a second, in the busiest of the last windows.
    pub per_second: f64,
    /// Whether they needed more than could be seen.
    pub unsure: bool,
    /// How long that counts.
    pub until: Millis,
    /// How far ahead that was when it was noted.
    pub left_ms: i64,
}

/// Something that other processes have to know of an org.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A window is used up.
    Spent(SpentWindow),
    /// Others spend from the same bucket.
    Others(OtherSpenders),
    /// Its calls wait, or go on.
    Waits {
        /// The run.
        run: RunId,
        /// The org in it.
        org: OrgNo,
        /// What for.
        wait: Option<OrgWait>,
    },
}

impl Ledger {
    /// Stores notes without waiting for it: before every checkpoint that is committed from now on. `take` gives
    /// them when the ledger is about to write, `end` is told once they are durable, all or none.
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

    /// The windows of all orgs that are used up at that time.
    pub async fn spent_windows(
        &self,
        now: Millis,
    ) -> std::result::Result<Vec<SpentWindow>, LedgerError> {
        self.read(move |connection| spent_windows(connection, now))
            .await
    }

    /// What counts at that time of what others were seen to take, of all orgs.
    pub async fn other_spenders(
        &self,
        now: Millis,
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
            let seq = reads::seq(connection, run)?;
            let wait = wait.as_ref().map(to_json).transpose()?;
            connection
                .prepare_cached("UPDATE org SET wait = ?3 WHERE run = ?1 AND no = ?2")?
                .execute(params![seq, org, wait])?;
        }
    }
    Ok(())
}

fn spent_windows(connection: &Connection, now: Millis) -> Result<Vec<SpentWindow>> {
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

fn other_spenders(connection: &Connection, now: Millis) -> Result<Vec<OtherSpenders>> {
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
