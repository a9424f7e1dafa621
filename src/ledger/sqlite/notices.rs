//! Notices of a run: which were sent, and which did not arrive.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::rows::{self, Result};
use crate::ledger::stored::MISSING_NOTICE;
use crate::ledger::{CutNotice, LedgerError, NewNotice, Repeats, Undelivered};
use crate::model::{RunId, UnixMillis};

impl Store {
    pub async fn begin_notice(
        &self,
        run: &RunId,
        notice: NewNotice,
    ) -> std::result::Result<Option<String>, LedgerError> {
        self.change(run, move |connection, seq| begin(connection, seq, &notice))
            .await
    }

    pub async fn end_notice(
        &self,
        id: String,
        at: UnixMillis,
        outcome: std::result::Result<(), String>,
    ) -> std::result::Result<(), LedgerError> {
        let end = move |connection: &Connection| -> Result<()> {
            let delivered_at = outcome.is_ok().then_some(at);
            connection
                .prepare_cached("UPDATE notice SET delivered_at = ?2, error = ?3 WHERE id = ?1")?
                .execute(params![id, delivered_at, outcome.err()])?;
            Ok(())
        };
        self.inner.writer()?.write(end).await
    }

    pub async fn keep_notices(
        &self,
        cut: Vec<(String, Vec<u8>)>,
    ) -> std::result::Result<(), LedgerError> {
        let keep = move |connection: &Connection| -> Result<()> {
            let mut keep = connection.prepare_cached(
                "UPDATE notice SET again = ?2 WHERE id = ?1 AND delivered_at IS NULL",
            )?;
            for (id, body) in &cut {
                keep.execute(params![id, body])?;
            }
            Ok(())
        };
        self.inner.writer()?.write(keep).await
    }

    pub async fn take_notices(
        &self,
        file_key: &str,
    ) -> std::result::Result<Vec<CutNotice>, LedgerError> {
        let file_key = file_key.to_owned();
        // Nearly always there is none, and whoever only looks keeps nobody from writing.
        let is_any = {
            let file_key = file_key.clone();
            self.read(move |connection| Ok(!cut(connection, &file_key)?.is_empty()))
        };
        if !is_any.await? {
            return Ok(Vec::new());
        }
        let take = move |connection: &Connection| {
            let cut = cut(connection, &file_key)?;
            connection
                .prepare_cached(
                    "UPDATE notice SET again = NULL
                     WHERE again IS NOT NULL AND run IN (SELECT seq FROM run WHERE file_key = ?1)",
                )?
                .execute([&file_key])?;
            Ok(cut)
        };
        self.inner.writer()?.write(take).await
    }

    pub async fn undelivered(
        &self,
        run: &RunId,
    ) -> std::result::Result<Vec<Undelivered>, LedgerError> {
        let run = run.clone();
        self.read(move |connection| undelivered(connection, rows::seq(connection, &run)?))
            .await
    }

    pub async fn notified(
        &self,
        run: &RunId,
        kind: &'static str,
    ) -> std::result::Result<HashMap<String, u64>, LedgerError> {
        let run = run.clone();
        self.read(move |connection| notified(connection, rows::seq(connection, &run)?, kind))
            .await
    }
}

fn begin(connection: &Connection, seq: i64, notice: &NewNotice) -> Result<Option<String>> {
    if notice.repeats == Repeats::Never {
        let earlier: Option<(String, bool)> = connection
            .prepare_cached(
                "SELECT id, error IS NOT NULL FROM notice
                 WHERE run = ?1 AND type = ?2 AND about IS ?3",
            )?
            .query_row(params![seq, notice.kind, notice.about], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if let Some((id, has_failed)) = earlier {
            if !has_failed {
                return Ok(None);
            }
            connection
                .prepare_cached("UPDATE notice SET at = ?2, error = NULL WHERE id = ?1")?
                .execute(params![id, notice.at])?;
            return Ok(Some(id));
        }
    }
    connection
        .prepare_cached(
            "INSERT INTO notice (run, id, type, about, entries, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            seq,
            notice.id,
            notice.kind,
            notice.about,
            rows::integer(notice.entries),
            notice.at
        ])?;
    Ok(Some(notice.id.clone()))
}

fn cut(connection: &Connection, file_key: &str) -> Result<Vec<CutNotice>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT n.id, n.type, n.again FROM notice n JOIN run r ON r.seq = n.run
         WHERE r.file_key = ?1 AND n.again IS NOT NULL AND {MISSING_NOTICE}
         ORDER BY n.no"
    ))?;
    let rows = statement.query_map([file_key], |row| {
        Ok(CutNotice {
            id: row.get(0)?,
            kind: row.get(1)?,
            body: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn undelivered(connection: &Connection, seq: i64) -> Result<Vec<Undelivered>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT type, about, at, error FROM notice n WHERE run = ?1 AND {MISSING_NOTICE} ORDER BY no"
    ))?;
    let rows = statement.query_map([seq], |row| {
        Ok(Undelivered {
            kind: row.get(0)?,
            about: row.get(1)?,
            at: row.get(2)?,
            error: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn notified(connection: &Connection, seq: i64, kind: &str) -> Result<HashMap<String, u64>> {
    let mut statement = connection.prepare_cached(
        "SELECT about, sum(entries) FROM notice
         WHERE run = ?1 AND type = ?2 AND about IS NOT NULL AND delivered_at IS NOT NULL
         GROUP BY about",
    )?;
    let rows = statement.query_map(params![seq, kind], |row| {
        let entries: i64 = row.get(1)?;
        Ok((row.get(0)?, u64::try_from(entries).unwrap_or_default()))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
