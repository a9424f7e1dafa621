//! Entries of a file's last run that are no longer in the file.

use rusqlite::{Connection, OptionalExtension, params};

use super::Store;
use super::rows::{self, Result, code, to_json};
use crate::ledger::removed::{Named, Of, Search};
use crate::ledger::{LedgerError, Removed};
use crate::model::{EntryNo, RunId};

/// Entries read at once.
const PAGE: i64 = 10_000;

impl Store {
    pub async fn note_whole(&self, run: &RunId) -> std::result::Result<(), LedgerError> {
        let id = run.clone();
        let Some(removed) = self.read(move |c| find(c, &id)).await? else {
            return Ok(());
        };
        let id = run.clone();
        let store = move |connection: &Connection| -> Result<()> {
            let seq = rows::seq(connection, &id)?;
            connection
                .prepare_cached("UPDATE run SET removed = ?2 WHERE seq = ?1")?
                .execute(params![seq, to_json(&removed)?])?;
            Ok(())
        };
        self.inner.writer()?.write(store).await
    }

    pub async fn removed(&self, run: &RunId) -> std::result::Result<Vec<Removed>, LedgerError> {
        let run = run.clone();
        self.read(move |connection| {
            let seq = rows::seq(connection, &run)?;
            let stored: Option<String> = connection
                .prepare_cached("SELECT removed FROM run WHERE seq = ?1")?
                .query_row([seq], |row| row.get(0))?;
            let removed = stored.map(|text| rows::from_json(0, &text)).transpose()?;
            Ok(removed.unwrap_or_default())
        })
        .await
    }
}

// `None` = what was noted before stands.
fn find(connection: &Connection, run: &RunId) -> Result<Option<Vec<Removed>>> {
    let seq = rows::seq(connection, run)?;
    let (is_noted, file_key, digest): (bool, String, String) = connection
        .prepare_cached("SELECT removed IS NOT NULL, file_key, digest FROM run WHERE seq = ?1")?
        .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let before: Option<(i64, String)> = connection
        .prepare_cached(
            "SELECT seq, digest FROM run WHERE file_key = ?1 AND seq < ?2 AND imported = 1
             AND removed IS NOT NULL ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(params![file_key, seq], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let before = before.filter(|(_, digest_before)| digest != *digest_before);
    // The run before is gone, or its file was the same, byte for byte.
    let Some((before, _)) = before else {
        return Ok((!is_noted).then(Vec::new));
    };
    let mut search = Search::default();
    while let Some(of) = search.next_pass() {
        let run = match of {
            Of::Now => seq,
            Of::Before => before,
        };
        each(connection, run, |entry| search.see(entry))?;
    }
    Ok(Some(search.found()))
}

fn each(connection: &Connection, seq: i64, mut each: impl FnMut(Named)) -> Result<()> {
    let mut after: Option<EntryNo> = None;
    let mut statement = connection.prepare_cached(
        "SELECT e.key, o.name, o.url, s.json ->> '$.app',
             coalesce(s.json ->> '$.appId', e.progress ->> '$.appId'), s.json ->> '$.label', e.state
         FROM entry e CROSS JOIN org o ON o.run = e.run AND o.no = e.org
         CROSS JOIN spec s ON s.entry = e.key
         WHERE e.key > ?1 AND e.key < ?2 ORDER BY e.key LIMIT ?3",
    )?;
    loop {
        let range = [rows::key_before(seq, after), rows::first_key(seq + 1), PAGE];
        let mut found = statement.query(range)?;
        let mut count = 0;
        while let Some(row) = found.next()? {
            count += 1;
            after = Some(rows::entry_no(row.get(0)?));
            let app_id: Option<String> = row.get(4)?;
            each(Named {
                url: row.get(2)?,
                is_at_okta: app_id.is_some() || row.get::<_, i64>(6)? != code::FAILED,
                removed: Removed {
                    org: row.get(1)?,
                    app: row.get(3)?,
                    app_id,
                    label: row.get(5)?,
                },
            });
        }
        if count < PAGE {
            return Ok(());
        }
    }
}
