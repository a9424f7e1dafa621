//! Entries of a file's last run that are no longer in the file.

use serde::Deserialize;

use super::session::{Connection, Row, to_json};
use super::{Store, rows};
use crate::ledger::removed::{Named, Of, Search};
use crate::ledger::stored::{self, code};
use crate::ledger::{Removed, Result};
use crate::model::RunId;

/// Entries read at once.
const PAGE: usize = 10_000;

impl Store {
    pub async fn note_whole(&self, run: &RunId) -> Result<()> {
        let Some(removed) = find(&*self.reader().await?, run).await? else {
            return Ok(());
        };
        let removed = to_json(self.location(), &removed)?;
        let (transaction, seq) = self.change(run).await?;
        let sql = "UPDATE run SET removed = $2 WHERE seq = $1";
        transaction.execute(sql, &[&seq, &removed]).await?;
        transaction.commit().await
    }

    pub async fn removed(&self, run: &RunId) -> Result<Vec<Removed>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = "SELECT removed FROM run WHERE seq = $1";
        let row = reader.query_one(sql, &[&seq]).await?;
        Ok(row.optional_json(0)?.unwrap_or_default())
    }
}

// `None` = what was noted before stands.
async fn find(connection: &Connection, run: &RunId) -> Result<Option<Vec<Removed>>> {
    let seq = rows::seq(connection, run).await?;
    let sql = "SELECT removed IS NOT NULL, file_key, digest FROM run WHERE seq = $1";
    let now = connection.query_one(sql, &[&seq]).await?;
    let is_noted: bool = now.get(0)?;
    let sql = "SELECT seq, digest FROM run WHERE file_key = $1 AND seq < $2 AND NOT dropped
         AND removed IS NOT NULL ORDER BY seq DESC LIMIT 1";
    let before = connection.query_opt(sql, &[&now.text(1)?, &seq]).await?;
    // The run before is gone, or its file was the same, byte for byte.
    let before = match before {
        Some(before) if before.text(1)? != now.text(2)? => before.get(0)?,
        _ => return Ok((!is_noted).then(Vec::new)),
    };
    let mut search = Search::default();
    while let Some(of) = search.next_pass() {
        let run = match of {
            Of::Now => seq,
            Of::Before => before,
        };
        each(connection, run, |entry| search.see(entry)).await?;
    }
    Ok(Some(search.found()))
}

async fn each(connection: &Connection, seq: i64, mut each: impl FnMut(Named)) -> Result<()> {
    let sql = "SELECT e.key, o.name, o.url, s.app, s.json, e.progress, e.state
         FROM entry e JOIN org o ON o.run = e.run AND o.no = e.org JOIN spec s ON s.entry = e.key
         WHERE e.key > $1 AND e.key < $2 ORDER BY e.key LIMIT $3";
    let (mut after, end) = (stored::first_key(seq) - 1, stored::first_key(seq + 1));
    let page = stored::integer(PAGE as u64);
    loop {
        let found = connection.query(sql, &[&after, &end, &page]).await?;
        for row in &found {
            each(named(row)?);
        }
        match found.last() {
            Some(last) if found.len() == PAGE => after = last.get(0)?,
            _ => return Ok(()),
        }
    }
}

/// What an entry's JSON, or its progress, says of its app.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Said {
    app_id: Option<String>,
    label: Option<String>,
}

fn named(row: &Row) -> Result<Named> {
    let wanted: Said = row.json(4)?;
    let app_id = match wanted.app_id {
        Some(given) => Some(given),
        None => row.optional_json::<Said>(5)?.unwrap_or_default().app_id,
    };
    Ok(Named {
        url: row.get(2)?,
        is_at_okta: app_id.is_some() || row.get::<i64>(6)? != code::FAILED,
        removed: Removed {
            org: row.get(1)?,
            app: row.get(3)?,
            app_id,
            label: wanted.label,
        },
    })
}
