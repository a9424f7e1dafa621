//! What processes tell each other of orgs besides checkpoints: windows that are used up, what others take of them, and
//! waits.

use super::session::{Connection, Row, to_json};
use super::{Store, rows};
use crate::ledger::{Note, OtherSpenders, Result, SpentWindow, stored};
use crate::model::UnixMillis;

impl Store {
    pub async fn spent_windows(&self, now: UnixMillis) -> Result<Vec<SpentWindow>> {
        let sql = "SELECT org_url, bucket, quota, until, left_ms FROM budget WHERE until > $1
             ORDER BY org_url COLLATE \"C\", bucket COLLATE \"C\"";
        let rows = self.reader().await?.query(sql, &[&now]).await?;
        let window = |row: &Row| {
            let limit: Option<i64> = row.get(2)?;
            Ok(SpentWindow {
                org_url: row.get(0)?,
                bucket: row.get(1)?,
                limit: limit.and_then(|limit| u64::try_from(limit).ok()),
                until: row.get(3)?,
                left_ms: row.get(4)?,
            })
        };
        rows.iter().map(window).collect()
    }

    pub async fn other_spenders(&self, now: UnixMillis) -> Result<Vec<OtherSpenders>> {
        let sql = "SELECT org_url, bucket, per_second, unsure, until, left_ms FROM others WHERE until > $1
             ORDER BY org_url COLLATE \"C\", bucket COLLATE \"C\"";
        let rows = self.reader().await?.query(sql, &[&now]).await?;
        let others = |row: &Row| {
            Ok(OtherSpenders {
                org_url: row.get(0)?,
                bucket: row.get(1)?,
                per_second: row.get(2)?,
                unsure: row.get(3)?,
                until: row.get(4)?,
                left_ms: row.get(5)?,
            })
        };
        rows.iter().map(others).collect()
    }
}

/// Stores notes in the owner's transaction.
pub(super) async fn store(session: &Connection, notes: &[Note]) -> Result<()> {
    for note in notes {
        store_one(session, note).await?;
    }
    Ok(())
}

async fn store_one(session: &Connection, note: &Note) -> Result<()> {
    match note {
        Note::Spent(window) => {
            let quota = window.limit.map(stored::integer);
            let sql = "INSERT INTO budget (org_url, bucket, quota, until, left_ms) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (org_url, bucket) DO UPDATE SET quota = excluded.quota, until = excluded.until,
                     left_ms = excluded.left_ms";
            let SpentWindow {
                org_url,
                bucket,
                until,
                left_ms,
                ..
            } = window;
            session
                .execute(sql, &[org_url, bucket, &quota, until, left_ms])
                .await?;
        }
        Note::Others(others) => {
            let sql = "INSERT INTO others (org_url, bucket, per_second, unsure, until, left_ms)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (org_url, bucket) DO UPDATE SET per_second = excluded.per_second,
                     unsure = excluded.unsure, until = excluded.until, left_ms = excluded.left_ms";
            let OtherSpenders {
                org_url,
                bucket,
                per_second,
                unsure,
                until,
                left_ms,
            } = others;
            session
                .execute(sql, &[org_url, bucket, per_second, unsure, until, left_ms])
                .await?;
        }
        Note::Waits { run, org, wait } => {
            let seq = rows::seq(session, run).await?;
            let wait = wait.as_ref();
            let wait = wait.map(|wait| to_json(session.location(), wait));
            let wait = wait.transpose()?;
            let sql = "UPDATE org SET wait = $3 WHERE run = $1 AND no = $2";
            session.execute(sql, &[&seq, org, &wait]).await?;
        }
    }
    Ok(())
}
