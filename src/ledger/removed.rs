//! Entries of a file's last run that are no longer in the file. They are left as they are at Okta, and only named.
//!
//! Compared are runs that looked at all of the file: not those of a part (`--only`) or of a saved plan.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::LedgerError;
use super::model::{EntryNo, RunId};
use super::rows::{self, Result, code, to_json};
use super::{Ledger, reads};

/// Entries read at once.
const PAGE: i64 = 10_000;

/// An entry that is no longer in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Its org's name, as it was.
    pub org: String,
    /// Its app.
    pub app: String,
    /// The app instance, given or found.
    pub app_id: Option<String>,
    /// Its label, if the manifest gave one.
    pub label: Option<String>,
}

impl Ledger {
    /// Notes that the run looked at all of its file, and what is no longer in it; the first time only.
    pub async fn note_whole(&self, run: &RunId) -> std::result::Result<(), LedgerError> {
        let id = run.clone();
        let Some(removed) = self.read(move |c| find(c, &id)).await? else {
            return Ok(());
        };
        let id = run.clone();
        let store = move |connection: &Connection| -> Result<()> {
            let seq = reads::seq(connection, &id)?;
            connection
                .prepare_cached("UPDATE run SET removed = ?2 WHERE seq = ?1 AND removed IS NULL")?
                .execute(params![seq, to_json(&removed)?])?;
            Ok(())
        };
        self.inner.writer()?.write(store).await
    }

    /// What was no longer in the run's file when it began to look at all of it.
    pub async fn removed(&self, run: &RunId) -> std::result::Result<Vec<Removed>, LedgerError> {
        let run = run.clone();
        self.read(move |connection| {
            let seq = reads::seq(connection, &run)?;
            let stored: Option<String> = connection
                .prepare_cached("SELECT removed FROM run WHERE seq = ?1")?
                .query_row([seq], |row| row.get(0))?;
            let removed = stored.map(|text| rows::from_json(0, &text)).transpose()?;
            Ok(removed.unwrap_or_default())
        })
        .await
    }
}

// `None` = it was looked for before.
fn find(connection: &Connection, run: &RunId) -> Result<Option<Vec<Removed>>> {
    let seq = reads::seq(connection, run)?;
    let (is_noted, file_key, digest): (bool, String, String) = connection
        .prepare_cached("SELECT removed IS NOT NULL, file_key, digest FROM run WHERE seq = ?1")?
        .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if is_noted {
        return Ok(None);
    }
    let before: Option<(i64, String)> = connection
        .prepare_cached(
            "SELECT seq, digest FROM run WHERE file_key = ?1 AND seq < ?2 AND imported = 1
             AND removed IS NOT NULL ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(params![file_key, seq], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((before, digest_before)) = before else {
        return Ok(Some(Vec::new()));
    };
    // The file is the same, byte for byte.
    if digest == digest_before {
        return Ok(Some(Vec::new()));
    }
    let mut known = HashSet::new();
    each(connection, seq, |entry| known.extend(entry.names()))?;
    let mut removed = Vec::new();
    each(connection, before, |entry| {
        if entry.is_at_okta && !entry.names().any(|name| known.contains(&name)) {
            removed.push(entry.removed);
        }
    })?;
    Ok(Some(removed))
}

struct Named {
    url: String,
    // A label that led to no app left nothing behind.
    is_at_okta: bool,
    removed: Removed,
}

impl Named {
    // What it may be called by: an entry that was found by its label may be given by its id later.
    fn names(&self) -> impl Iterator<Item = [u8; 16]> {
        let Removed {
            app, app_id, label, ..
        } = &self.removed;
        let name = |kind: u8, name: &String| {
            let mut hash = Sha256::new();
            for part in [self.url.as_str(), app, name] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            hash.update([kind]);
            let whole = hash.finalize();
            std::array::from_fn(|at| whole[at])
        };
        let by_id = app_id.as_ref().map(|id| name(0, id));
        let by_label = label.as_ref().map(|label| name(1, label));
        by_id.into_iter().chain(by_label)
    }
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
        let range = [
            rows::key_before(seq, after),
            rows::entry_key(seq + 1, 0),
            PAGE,
        ];
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
