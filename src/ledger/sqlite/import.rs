//! A new run, entry by entry, from the same pass that checks the manifest.
//!
//! Entries are gathered and stored a chunk at a time, while the next one is gathered; the run becomes visible with the
//! last one. A
//! chunk keeps other processes waiting for about a second, a million rows in one go would keep them
//! longer than they are willing to. What a killed import leaves behind is invisible, and the next
//! import removes it.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::lock::FileLock;
use super::rows::{self, Result};
use super::writer::Underway;
use super::{Inner, carry_over, database, files, lock, run_id, sweep};
use crate::ledger::carriable::{Carriable, CarryOver};
use crate::ledger::import_orgs::{ImportOrg, ImportOrgs};
use crate::ledger::{ImportEntry, LedgerError, NewRun};
use crate::manifest::OrgSpec;
use crate::model::{EntryNo, OrgNo, RunId};

/// Entries stored in one go: fewer would write the indexes' pages too often when orgs take turns.
const CHUNK: usize = 100_000;

/// JSON of entries that is gathered at most, in bytes; entries of a megabyte are possible.
const CHUNK_BYTES: usize = 32 * 1024 * 1024;

/// A run that is being stored. Dropped before [`Import::finish`], it never was. The methods block.
pub struct Import {
    ledger: Arc<Inner>,
    run: NewRun,
    orgs: ImportOrgs,
    chunk: Chunk,
    stored: i64,
    storing: Option<Underway<Begun>>,
    begun: Option<Begun>,
    carriable: Carriable,
    carried_over: Vec<CarryOver>,
}

/// Entries that wait to be stored. Their JSON is one text: a hundred thousand small ones would leave holes in the
/// memory of this thread that no other fills.
#[derive(Default)]
struct Chunk {
    rows: Vec<Row>,
    specs: String,
}

struct Row {
    org: OrgNo,
    line: u64,
    // Where its JSON ends in the chunk's text; it begins where the one before ends.
    spec_end: usize,
    app_hash: Option<i32>,
}

/// The run's row exists, invisible.
struct Begun {
    seq: i64,
    id: RunId,
    _lock: FileLock,
}

impl Import {
    pub(super) fn new(ledger: Arc<Inner>, run: NewRun) -> Result<Self, LedgerError> {
        ledger.writer()?;
        sweep::sweep(&ledger)?;
        let locks = ledger.locks();
        // What cannot be looked at counts as held.
        let is_free = |run: &RunId| matches!(lock::is_locked(&locks, run), Ok(false));
        let carriable = ledger.read(|connection| carry_over::of_all_runs(connection, is_free))?;
        Ok(Self {
            ledger,
            run,
            orgs: ImportOrgs::default(),
            chunk: Chunk::default(),
            stored: 0,
            storing: None,
            begun: None,
            carriable,
            carried_over: Vec::new(),
        })
    }

    /// Adds an org: its name, its URL as in [`crate::ledger::OrgRow::url`], its credentials and limits.
    pub fn push_org(
        &mut self,
        name: &str,
        url: &str,
        spec: &OrgSpec,
    ) -> Result<OrgNo, LedgerError> {
        let no = self.orgs.push(name, url, spec);
        no.map_err(|error| LedgerError::sqlite(&self.ledger.path, &rows::unwritable(error)))
    }

    /// Notes that entries of other orgs have steps in this one.
    pub fn note_hub(&mut self, org: OrgNo) {
        self.orgs.note_hub(org);
    }

    /// Adds the next entry; numbers follow the order of calls, from 0.
    pub fn push_entry(&mut self, entry: ImportEntry<'_>) -> Result<(), LedgerError> {
        let org = self
            .orgs
            .of(&entry, || files::location(&self.ledger.path))?;
        let json = rows::to_json(entry.entry)
            .map_err(|error| LedgerError::sqlite(&self.ledger.path, &error))?;
        let spec = rows::strip_org(json, &org.prefix);
        org.entries += 1;
        let chunk = &mut self.chunk;
        let no = self.stored + rows::integer(chunk.rows.len() as u64);
        self.carried_over
            .extend(self.carriable.take(&org.url, &spec, EntryNo(no)));
        chunk.specs.push_str(&spec);
        chunk.rows.push(Row {
            org: entry.org,
            line: entry.row,
            spec_end: chunk.specs.len(),
            app_hash: entry.entry.app_id.as_deref().map(rows::app_hash),
        });
        if chunk.rows.len() >= CHUNK || chunk.specs.len() >= CHUNK_BYTES {
            self.store_chunk()?;
        }
        Ok(())
    }

    /// Makes the run visible; durable on return.
    pub fn finish(mut self) -> Result<RunId, LedgerError> {
        self.land()?;
        let known = self
            .begun
            .as_ref()
            .map(|begun| (begun.seq, begun.id.clone()));
        let (run, orgs, chunk) = (self.run, self.orgs, self.chunk);
        let (carried_over, first) = (self.carried_over, self.stored);
        let id = self.ledger.writer()?.write_blocking(move |transaction| {
            let (seq, id) = match known {
                Some(known) => known,
                None => insert_run(transaction, &run)?,
            };
            insert_entries(transaction, seq, first, &chunk)?;
            insert_orgs(transaction, seq, &orgs.0)?;
            for one in &carried_over {
                carry_over::apply(one, transaction, seq)?;
            }
            transaction
                .prepare_cached("UPDATE run SET imported = 1 WHERE seq = ?1")?
                .execute([seq])?;
            Ok(id)
        })?;
        self.ledger.writer()?.write_blocking(|connection| {
            // A run needs little of what a million rows filled.
            Ok(database::cache_for_import(connection, false)?)
        })?;
        // Held until here: unlocked before, the run would be taken for a dead import's.
        drop(self.begun);
        Ok(id)
    }

    fn store_chunk(&mut self) -> Result<(), LedgerError> {
        self.land()?;
        let chunk = std::mem::take(&mut self.chunk);
        let first = self.stored;
        self.stored += rows::integer(chunk.rows.len() as u64);
        let (run, locks) = (self.run.clone(), self.ledger.locks());
        let begun = self.begun.take();
        let store = move |transaction: &Connection| {
            let begun = if let Some(begun) = begun {
                begun
            } else {
                database::cache_for_import(transaction, true)?;
                Begun::new(transaction, &run, &locks)?
            };
            insert_entries(transaction, begun.seq, first, &chunk)?;
            Ok(begun)
        };
        self.storing = Some(self.ledger.writer()?.begin_write(store)?);
        Ok(())
    }

    /// Waits for the chunk that is being stored.
    fn land(&mut self) -> Result<(), LedgerError> {
        if let Some(storing) = self.storing.take() {
            self.begun = Some(storing.wait(self.ledger.writer()?)?);
        }
        Ok(())
    }
}

impl Begun {
    fn new(transaction: &Connection, run: &NewRun, locks: &Path) -> Result<Self> {
        let (seq, id) = insert_run(transaction, run)?;
        // Before others can see the row: unlocked, they would take it for a dead one's.
        let lock = FileLock::acquire(locks, &id)?;
        Ok(Self {
            seq,
            id,
            _lock: lock,
        })
    }
}

fn insert_run(transaction: &Connection, run: &NewRun) -> Result<(i64, RunId)> {
    let id = run_id::free(transaction)?;
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

fn insert_orgs(transaction: &Connection, seq: i64, orgs: &[ImportOrg]) -> Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO org (run, no, name, url, spec, pending, hub) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (index, org) in orgs.iter().enumerate() {
        let no = OrgNo::at(index);
        statement.execute(params![
            seq,
            no,
            org.name,
            org.url,
            org.spec,
            org.entries,
            org.is_hub
        ])?;
    }
    Ok(())
}

fn insert_entries(transaction: &Connection, seq: i64, first: i64, chunk: &Chunk) -> Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO entry (key, run, org, line, state, version, app_hash)
         VALUES (?1, ?2, ?3, ?4, 0, 0, ?5)",
    )?;
    let mut specs = transaction.prepare_cached("INSERT INTO spec (entry, json) VALUES (?1, ?2)")?;
    let mut begin = 0;
    for (no, entry) in (first..).zip(&chunk.rows) {
        let spec = &chunk.specs[begin..entry.spec_end];
        begin = entry.spec_end;
        let key = rows::entry_key(seq, EntryNo(no));
        let line = rows::integer(entry.line);
        statement.execute(params![key, seq, entry.org, line, entry.app_hash])?;
        specs.execute(params![key, spec])?;
    }
    Ok(())
}
