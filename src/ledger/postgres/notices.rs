//! Notices of a run: which were sent, and which did not arrive.

use std::collections::HashMap;

use tokio_postgres::types::ToSql;

use super::session::{Connection, Row};
use super::{Store, rows};
use crate::ledger::stored::{self, MISSING_NOTICE};
use crate::ledger::{CutNotice, NewNotice, Repeats, Result, Undelivered};
use crate::model::{RunId, UnixMillis};

impl Store {
    pub async fn begin_notice(&self, run: &RunId, notice: NewNotice) -> Result<Option<String>> {
        let (transaction, seq) = self.change(run).await?;
        let begun = begin(&transaction, seq, &notice).await?;
        transaction.commit().await?;
        Ok(begun)
    }

    pub async fn end_notice(
        &self,
        id: String,
        at: UnixMillis,
        outcome: std::result::Result<(), String>,
    ) -> Result<()> {
        let transaction = self.begin().await?;
        let delivered_at = outcome.is_ok().then_some(at);
        let sql = "UPDATE notice SET delivered_at = $2, error = $3 WHERE id = $1";
        let params: [&(dyn ToSql + Sync); 3] = [&id, &delivered_at, &outcome.err()];
        transaction.execute(sql, &params).await?;
        transaction.commit().await
    }

    pub async fn keep_notices(&self, cut: Vec<(String, Vec<u8>)>) -> Result<()> {
        let transaction = self.begin().await?;
        let sql = "UPDATE notice SET again = $2 WHERE id = $1 AND delivered_at IS NULL";
        for (id, body) in &cut {
            transaction.execute(sql, &[id, body]).await?;
        }
        transaction.commit().await
    }

    pub async fn take_notices(&self, file_key: &str) -> Result<Vec<CutNotice>> {
        // Nearly always there is none, and whoever only looks keeps nobody from writing.
        if cut(&*self.reader().await?, file_key, "").await?.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = self.begin().await?;
        // Another process that takes them waits, and then finds none.
        let cut = cut(&transaction, file_key, "FOR UPDATE OF n").await?;
        let sql = "UPDATE notice SET again = NULL
             WHERE again IS NOT NULL AND run IN (SELECT seq FROM run WHERE file_key = $1)";
        transaction.execute(sql, &[&file_key]).await?;
        transaction.commit().await?;
        Ok(cut)
    }

    pub async fn undelivered(&self, run: &RunId) -> Result<Vec<Undelivered>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = format!(
            "SELECT type, about, at, error FROM notice n WHERE run = $1 AND {MISSING_NOTICE} ORDER BY no"
        );
        let undelivered = |row: &Row| {
            Ok(Undelivered {
                kind: row.get(0)?,
                about: row.get(1)?,
                at: row.get(2)?,
                error: row.get(3)?,
            })
        };
        let rows = reader.query(&sql, &[&seq]).await?;
        rows.iter().map(undelivered).collect()
    }

    pub async fn notified(&self, run: &RunId, kind: &'static str) -> Result<HashMap<String, u64>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = "SELECT about, sum(entries)::bigint FROM notice
             WHERE run = $1 AND type = $2 AND about IS NOT NULL AND delivered_at IS NOT NULL
             GROUP BY about";
        let rows = reader.query(sql, &[&seq, &kind]).await?;
        let counted = |row: &Row| Ok((row.get(0)?, row.count(1)?));
        rows.iter().map(counted).collect()
    }
}

async fn begin(session: &Connection, seq: i64, notice: &NewNotice) -> Result<Option<String>> {
    if notice.repeats == Repeats::Never {
        let sql = "SELECT id, error IS NOT NULL FROM notice
             WHERE run = $1 AND type = $2 AND about IS NOT DISTINCT FROM $3 FOR UPDATE";
        let params: [&(dyn ToSql + Sync); 3] = [&seq, &notice.kind, &notice.about];
        if let Some(earlier) = session.query_opt(sql, &params).await? {
            let has_failed: bool = earlier.get(1)?;
            if !has_failed {
                return Ok(None);
            }
            let id: String = earlier.get(0)?;
            let sql = "UPDATE notice SET at = $2, error = NULL WHERE id = $1";
            session.execute(sql, &[&id, &notice.at]).await?;
            return Ok(Some(id));
        }
    }
    let sql =
        "INSERT INTO notice (run, id, type, about, entries, at) VALUES ($1, $2, $3, $4, $5, $6)";
    let NewNotice {
        id,
        kind,
        about,
        entries,
        at,
        ..
    } = notice;
    let entries = stored::integer(*entries);
    let params: [&(dyn ToSql + Sync); 6] = [&seq, id, kind, about, &entries, at];
    session.execute(sql, &params).await?;
    Ok(Some(id.clone()))
}

async fn cut(session: &Connection, file_key: &str, lock: &str) -> Result<Vec<CutNotice>> {
    let sql = format!(
        "SELECT n.id, n.type, n.again FROM notice n JOIN run r ON r.seq = n.run
         WHERE r.file_key = $1 AND n.again IS NOT NULL AND {MISSING_NOTICE}
         ORDER BY n.no {lock}"
    );
    let cut = |row: &Row| {
        Ok(CutNotice {
            id: row.get(0)?,
            kind: row.get(1)?,
            body: row.get(2)?,
        })
    };
    let rows = session.query(&sql, &[&file_key]).await?;
    rows.iter().map(cut).collect()
}
