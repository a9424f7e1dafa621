//! A new run, entry by entry, from the same pass that checks the manifest.
//!
//! Entries are gathered and stored a chunk at a time; the run becomes visible with the last one. A
//! chunk keeps other processes waiting for about a second, a million rows in one go would keep them
//! longer than they are willing to. What a killed import leaves behind is invisible, and the next
//! import removes it; the lock on its run tells that it is dead.
//!
//! A consent that an earlier run of the same file still waits for is adopted by the same entry of this
//! run: the link that somebody may be about to click stays good.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rand::RngExt;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::error::LedgerError;
use super::lock::RunLock;
use super::model::{EntryNo, NewRun, OrgNo, RunId};
use super::rows::{self, Fault, Result, code};
use super::{Inner, files};
use crate::manifest::{Entry, OrgSpec};

/// Entries stored in one go: fewer would write the indexes' pages too often when orgs take turns.
const CHUNK: usize = 100_000;

/// JSON of entries that is gathered at most, in bytes; entries of a megabyte are possible.
const CHUNK_BYTES: usize = 32 * 1024 * 1024;

/// Entries of a dead import that are removed in one go.
const SWEEP: i64 = 100_000;

/// Letters of run ids: lower case, none that looks like another.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz";
const LETTERS_AND_DIGITS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Characters of a run id: some 700,000 ids, and one more whenever chance finds no free one.
const ID_LEN: usize = 4;

/// Tries for a free id of one length.
const ID_TRIES: usize = 8;

/// An entry to import.
#[derive(Clone, Copy, Debug)]
pub struct ImportEntry<'a> {
    /// `row` of messages and reports.
    pub row: u64,
    /// Its org, as [`Import::push_org`] numbered it.
    pub org: OrgNo,
    /// What is wanted.
    pub entry: &'a Entry,
}

/// A run that is being stored. Dropped before [`Import::finish`], it never was. The methods block.
pub struct Import {
    ledger: Arc<Inner>,
    run: NewRun,
    orgs: Vec<Org>,
    chunk: Vec<Row>,
    chunk_bytes: usize,
    stored: i64,
    begun: Option<Begun>,
    adoptable: HashMap<[u8; 32], Waiting>,
    adopted: Vec<Adoption>,
}

struct Org {
    name: String,
    url: String,
    spec: String,
    prefix: String,
    entries: i64,
}

struct Row {
    org: OrgNo,
    line: u64,
    spec: String,
    app_hash: Option<i32>,
}

/// The run's row exists, invisible.
struct Begun {
    seq: i64,
    id: RunId,
    _lock: RunLock,
}

/// An entry of an earlier run that waits for consent.
#[derive(Clone, Copy)]
struct Waiting {
    key: i64,
    version: i64,
}

struct Adoption {
    no: EntryNo,
    from: Waiting,
}

impl Import {
    pub(super) fn new(ledger: Arc<Inner>, run: NewRun) -> Result<Self, LedgerError> {
        ledger.writer()?;
        sweep(&ledger)?;
        let adoptable = ledger.read(|connection| adoptable(connection, &run.file_key))?;
        Ok(Self {
            ledger,
            run,
            orgs: Vec::new(),
            chunk: Vec::new(),
            chunk_bytes: 0,
            stored: 0,
            begun: None,
            adoptable,
            adopted: Vec::new(),
        })
    }

    /// Adds an org: its name, its URL as in [`super::OrgRow::url`], its credentials and limits.
    pub fn push_org(
        &mut self,
        name: &str,
        url: &str,
        spec: &OrgSpec,
    ) -> Result<OrgNo, LedgerError> {
        let at = |error: rusqlite::Error| LedgerError::sqlite(&self.ledger.path, &error);
        let org = Org {
            name: name.to_owned(),
            url: url.to_owned(),
            spec: rows::to_json(spec).map_err(at)?,
            prefix: rows::org_prefix(name).map_err(at)?,
            entries: 0,
        };
        let no = rows::integer(self.orgs.len() as u64);
        self.orgs.push(org);
        Ok(no)
    }

    /// Adds the next entry; numbers follow the order of calls, from 0.
    pub fn push_entry(&mut self, entry: ImportEntry<'_>) -> Result<(), LedgerError> {
        let org = usize::try_from(entry.org)
            .ok()
            .and_then(|no| self.orgs.get_mut(no))
            .ok_or_else(|| LedgerError::Io {
                path: self.ledger.path.clone(),
                cause: format!("row {} is of an org that was not added", entry.row),
            })?;
        let json = rows::to_json(entry.entry)
            .map_err(|error| LedgerError::sqlite(&self.ledger.path, &error))?;
        let spec = rows::strip_org(json, &org.prefix);
        org.entries += 1;
        if !self.adoptable.is_empty()
            && let Some(from) = self.adoptable.remove(&likeness(&org.url, &spec))
        {
            let no = self.stored + rows::integer(self.chunk.len() as u64);
            self.adopted.push(Adoption { no, from });
        }
        self.chunk_bytes += spec.len();
        self.chunk.push(Row {
            org: entry.org,
            line: entry.row,
            spec,
            app_hash: entry.entry.app_id.as_deref().map(rows::app_hash),
        });
        if self.chunk.len() >= CHUNK || self.chunk_bytes >= CHUNK_BYTES {
            self.store_chunk()?;
        }
        Ok(())
    }

    /// Makes the run visible; durable on return.
    pub fn finish(mut self) -> Result<RunId, LedgerError> {
        let begun = self
            .begun
            .take()
            .map(|begun| (begun.seq, begun.id.clone(), begun));
        let (known, lock) = match begun {
            Some((seq, id, lock)) => (Some((seq, id)), Some(lock)),
            None => (None, None),
        };
        let (run, orgs, chunk) = (self.run, self.orgs, self.chunk);
        let (adopted, first) = (self.adopted, self.stored);
        let id = self.ledger.writer()?.write_blocking(move |transaction| {
            let (seq, id) = match known {
                Some(known) => known,
                None => insert_run(transaction, &run)?,
            };
            insert_entries(transaction, seq, first, &chunk)?;
            insert_orgs(transaction, seq, &orgs)?;
            for adoption in &adopted {
                adopt(transaction, seq, adoption)?;
            }
            transaction
                .prepare_cached("UPDATE run SET imported = 1 WHERE seq = ?1")?
                .execute([seq])?;
            Ok(id)
        })?;
        drop(lock);
        Ok(id)
    }

    fn store_chunk(&mut self) -> Result<(), LedgerError> {
        let rows = std::mem::take(&mut self.chunk);
        self.chunk_bytes = 0;
        let first = self.stored;
        self.stored += rows::integer(rows.len() as u64);
        let writer = self.ledger.writer()?;
        if let Some(begun) = &self.begun {
            let seq = begun.seq;
            return writer
                .write_blocking(move |transaction| insert_entries(transaction, seq, first, &rows));
        }
        let run = self.run.clone();
        let locks = self.ledger.locks();
        self.begun = Some(writer.write_blocking(move |transaction| {
            let (seq, id) = insert_run(transaction, &run)?;
            insert_entries(transaction, seq, first, &rows)?;
            // Before others can see the row: unlocked, they would take it for a dead one's.
            let lock = RunLock::acquire(&locks, &id)?;
            Ok(Begun {
                seq,
                id,
                _lock: lock,
            })
        })?);
        Ok(())
    }
}

fn insert_run(transaction: &Connection, run: &NewRun) -> Result<(i64, RunId)> {
    let id = free_id(transaction)?;
    transaction
        .prepare_cached(
            "INSERT INTO run (id, file, file_key, digest, context, started_at, imported)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)",
        )?
        .execute(params![
            id.0,
            run.file,
            run.file_key,
            run.digest,
            rows::to_json(&run.context)?,
            run.started_at
        ])?;
    Ok((transaction.last_insert_rowid(), id))
}

fn free_id(connection: &Connection) -> Result<RunId> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM run WHERE id = ?1")?;
    let mut tries = 0;
    loop {
        let id = random_id(ID_LEN + tries / ID_TRIES);
        if !statement.exists([&id])? {
            return Ok(RunId(id));
        }
        tries += 1;
    }
}

/// Begins with a letter, so that no spreadsheet takes it for a number.
fn random_id(len: usize) -> String {
    let mut rng = rand::rng();
    (0..len)
        .map(|place| {
            let letters = if place == 0 {
                LETTERS
            } else {
                LETTERS_AND_DIGITS
            };
            char::from(letters[rng.random_range(..letters.len())])
        })
        .collect()
}

fn insert_orgs(transaction: &Connection, seq: i64, orgs: &[Org]) -> Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO org (run, no, name, url, spec, pending) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (no, org) in (0_i64..).zip(orgs) {
        statement.execute(params![seq, no, org.name, org.url, org.spec, org.entries])?;
    }
    Ok(())
}

fn insert_entries(transaction: &Connection, seq: i64, first: i64, entries: &[Row]) -> Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO entry (key, run, org, line, state, version, spec, app_hash)
         VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?6)",
    )?;
    for (no, entry) in (first..).zip(entries) {
        statement.execute(params![
            rows::entry_key(seq, no),
            seq,
            entry.org,
            rows::integer(entry.line),
            entry.spec,
            entry.app_hash
        ])?;
    }
    Ok(())
}

/// What makes two entries the same consent: the org's URL and everything wanted, but not the row.
fn likeness(url: &str, spec: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(url);
    hash.update([0]);
    hash.update(spec);
    hash.finalize().into()
}

fn adoptable(connection: &Connection, file_key: &str) -> Result<HashMap<[u8; 32], Waiting>> {
    let mut statement = connection.prepare_cached(
        "SELECT o.url, e.spec, e.key, e.version FROM entry e
         CROSS JOIN org o ON o.run = e.run AND o.no = e.org JOIN run r ON r.seq = e.run
         WHERE e.consent IS NOT NULL AND e.state = 2 AND r.file_key = ?1 AND r.imported = 1
         ORDER BY e.key",
    )?;
    let mut found = HashMap::new();
    let mut rows = statement.query([file_key])?;
    while let Some(row) = rows.next()? {
        let likeness = likeness(rows::text(row, 0)?, rows::text(row, 1)?);
        let waiting = Waiting {
            key: row.get(2)?,
            version: row.get(3)?,
        };
        // The newest run's comes last and wins.
        found.insert(likeness, waiting);
    }
    Ok(found)
}

/// Takes the consent over, unless it moved on while the manifest was read: then the entry simply
/// begins like any other.
fn adopt(transaction: &Connection, seq: i64, adoption: &Adoption) -> Result<()> {
    let Waiting { key, version } = adoption.from;
    let taken = transaction
        .prepare_cached(
            "SELECT progress, app_hash, consent FROM entry WHERE key = ?1 AND version = ?2
             AND state = 2 AND consent IS NOT NULL AND adopted_by IS NULL",
        )?
        .query_row([key, version], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, Option<i32>>(1)?,
                row.get::<_, [u8; 32]>(2)?,
            ))
        })
        .optional()?;
    let Some((progress, app_hash, consent)) = taken else {
        return Ok(());
    };
    let new = rows::entry_key(seq, adoption.no);
    transaction
        .prepare_cached(
            "UPDATE entry SET consent = NULL, adopted_by = ?2, version = version + 1 WHERE key = ?1",
        )?
        .execute([key, seq])?;
    transaction
        .prepare_cached(
            "UPDATE entry SET state = 2, progress = ?2, app_hash = ?3, consent = ?4 WHERE key = ?1",
        )?
        .execute(params![new, progress, app_hash, consent])?;
    let org: i64 = transaction
        .prepare_cached("SELECT org FROM entry WHERE key = ?1")?
        .query_row([new], |row| row.get(0))?;
    let mut delta = rows::Delta::default();
    delta.moved(code::PENDING, code::WAITING);
    delta.apply(transaction, seq, org)?;
    Ok(())
}

/// Removes what killed imports left.
fn sweep(ledger: &Inner) -> Result<(), LedgerError> {
    let left: Vec<(i64, String)> = ledger.read(|connection| {
        let mut statement =
            connection.prepare_cached("SELECT seq, id FROM run WHERE imported = 0")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    })?;
    for (seq, id) in left {
        let lock = match RunLock::acquire(&ledger.locks(), &RunId(id)) {
            Ok(lock) => lock,
            Err(LedgerError::Held { .. }) => continue,
            Err(error) => return Err(error),
        };
        // It may have been finished between the look and the lock.
        let remove = move |transaction: &Connection| -> Result<usize, Fault> {
            let removed = transaction
                .prepare_cached(
                    "DELETE FROM entry WHERE key IN (SELECT key FROM entry
                         WHERE key >= ?1 AND key < ?2 LIMIT ?3)
                     AND EXISTS (SELECT 1 FROM run WHERE seq = ?4 AND imported = 0)",
                )?
                .execute([
                    rows::entry_key(seq, 0),
                    rows::entry_key(seq + 1, 0),
                    SWEEP,
                    seq,
                ])?;
            if removed == 0 {
                transaction
                    .prepare_cached("DELETE FROM run WHERE seq = ?1 AND imported = 0")?
                    .execute([seq])?;
            }
            Ok(removed)
        };
        while ledger.writer()?.write_blocking(remove)? > 0 {}
        drop(lock);
    }
    Ok(())
}

impl Inner {
    /// Where the locks of this ledger's runs are.
    pub(super) fn locks(&self) -> PathBuf {
        files::beside(&self.path, ".locks")
    }
}
