//! Entries of a file's last run that are no longer in the file. They are left as they are at Okta, and only named.
//!
//! Compared are runs that looked at all of the file: not those of a part (`--only`) or of a saved plan. Only what is
//! certainly gone is named: see [`Newcomers`].

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::Store;
use super::rows::{self, Result, code, to_json};
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
    let mut known = HashSet::new();
    each(connection, seq, |entry| known.extend(entry.names()))?;
    let mut gone = Vec::new();
    each(connection, before, |entry| {
        if entry.is_at_okta && !entry.names().any(|name| known.contains(&name)) {
            gone.push(entry);
        }
    })?;
    drop(known);
    if !gone.is_empty() {
        let newcomers = Newcomers::of(connection, seq, before, &gone)?;
        gone.retain(|entry| !newcomers.may_be(entry));
    }
    Ok(Some(gone.into_iter().map(|entry| entry.removed).collect()))
}

/// Entries that the file had not before, by kind of app and org. Whoever gives by its id what had a label before, or the
/// other way round, has not taken it out; but a label that never led to an app, because its org was stopped, cannot be
/// compared with an id. Only what is certainly gone is said to be.
struct Newcomers {
    all: HashSet<[u8; 16]>,
    // Those whose app is not known.
    unresolved: HashSet<[u8; 16]>,
}

impl Newcomers {
    /// Of the kinds that entries are gone of.
    fn of(connection: &Connection, now: i64, before: i64, gone: &[Named]) -> Result<Self> {
        let kinds: HashSet<_> = gone.iter().map(Named::kind).collect();
        let mut known = HashSet::new();
        each(connection, before, |entry| {
            if kinds.contains(&entry.kind()) {
                known.extend(entry.names());
            }
        })?;
        let (mut all, mut unresolved) = (HashSet::new(), HashSet::new());
        each(connection, now, |entry| {
            let kind = entry.kind();
            // A label that was looked up and led to no app is none of them.
            let may_be = entry.is_at_okta && kinds.contains(&kind);
            if may_be && !entry.names().any(|name| known.contains(&name)) {
                all.insert(kind);
                if entry.removed.app_id.is_none() {
                    unresolved.insert(kind);
                }
            }
        })?;
        Ok(Self { all, unresolved })
    }

    /// Whether one of them may be what this one was. Two ids are two apps.
    fn may_be(&self, gone: &Named) -> bool {
        let same = match gone.removed.app_id {
            Some(_) => &self.unresolved,
            None => &self.all,
        };
        same.contains(&gone.kind())
    }
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
        let name = |kind: u8, name: &str| hashed([&self.url, app, name], kind);
        let by_id = app_id.as_deref().map(|id| name(0, id));
        let by_label = label.as_deref().map(|label| name(1, label));
        by_id.into_iter().chain(by_label)
    }

    // What apps are of one kind and in one org.
    fn kind(&self) -> [u8; 16] {
        hashed([&self.url, &self.removed.app, ""], 2)
    }
}

fn hashed(parts: [&str; 3], kind: u8) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update([kind]);
    let whole = hash.finalize();
    std::array::from_fn(|at| whole[at])
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
