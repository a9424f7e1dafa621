//! A new run, entry by entry, from the same pass that checks the manifest.
//!
//! Nobody sees any of it before the end, and nothing is left of one that was killed: it is two transactions of sessions of
//! its own, as PostgreSQL copies on one processor a session, and a third one that makes it visible. Of one that was killed
//! between these there is a run that was dropped, which goes when runs are pruned. Entries are gathered and copied a chunk
//! at a time, while the next one is gathered.

use std::num::TryFromIntError;
use std::sync::mpsc::{self, Receiver};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use tokio_postgres::types::ToSql;

use super::Store;
use super::carry_over;
use super::changes::{self, Wakes};
use super::locks::Kind;
use super::session::{Connection, to_json};
use crate::ledger::carriable::{Carriable, CarryOver};
use crate::ledger::import_orgs::{ImportOrg, ImportOrgs};
use crate::ledger::stored::{self, app_hash};
use crate::ledger::{ImportEntry, LedgerError, NewRun, Result, run_id};
use crate::manifest::{OrgSpec, Status};
use crate::model::{EntryNo, OrgNo, RunId};

/// Bytes of what is wanted of entries that are gathered at most.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;

/// Entries that are gathered at most. They are copied by org, so that each leaf of the indexes by org is filled at once
/// instead of touched by each of them: that is most of what PostgreSQL has to do.
const CHUNK_ENTRIES: usize = 250_000;

/// How a COPY in the binary format begins (PostgreSQL, COPY, "Binary Format"): signature, flags, length of what follows.
/// Then come rows: their number of columns, and each value after its length in bytes.
const BINARY_HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// In place of a number of columns: there are no more rows.
const BINARY_END: i16 = -1;

const SPEC_COLUMNS: i16 = 4;

/// A run that is being stored. Dropped before [`Import::finish`], it never was. The methods block.
pub struct Import {
    store: Store,
    seq: i64,
    id: RunId,
    orgs: ImportOrgs,
    chunk: Chunk,
    stored: i64,
    /// Of the run and what is wanted of its entries.
    specs: Copier,
    /// Of the entries themselves.
    entries: Copier,
    carriable: Carriable,
    carried_over: Vec<CarryOver>,
}

/// A session in a transaction, into which one chunk after the other is copied.
struct Copier {
    /// `None` while a chunk is being copied.
    connection: Option<Connection>,
    copying: Option<Receiver<Result<Connection>>>,
}

/// What waits to be stored.
#[derive(Default)]
struct Chunk {
    entries: Vec<Row>,
    /// As COPY has them in its binary format, which PostgreSQL need not look through for what means something else.
    specs: BytesMut,
}

/// An entry, without what is wanted of it. In order by org, and by its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    org: OrgNo,
    key: i64,
    line: i64,
    app_hash: Option<i32>,
}

impl Store {
    pub async fn import(&self, run: NewRun) -> Result<Import> {
        self.writer()?;
        let carriable = carry_over::of_all_runs(&*self.reader().await?).await?;
        let specs = self.copier().await?;
        let entries = self.copier().await?;
        let connection = specs.connection.as_ref();
        let connection = connection.ok_or_else(|| LedgerError::lost(self.location()))?;
        let (seq, id) = insert_run(connection, &run, None).await?;
        Ok(Import {
            store: self.clone(),
            seq,
            id,
            orgs: ImportOrgs::default(),
            chunk: Chunk::default(),
            stored: 0,
            specs,
            entries,
            carriable,
            carried_over: Vec::new(),
        })
    }

    async fn copier(&self) -> Result<Copier> {
        let connection = self.inner.target.connect().await?;
        connection.batch("BEGIN").await?;
        Ok(Copier {
            connection: Some(connection),
            copying: None,
        })
    }
}

impl Import {
    pub fn push_org(&mut self, name: &str, url: &str, spec: &OrgSpec) -> Result<OrgNo> {
        let no = self.orgs.push(name, url, spec);
        no.map_err(|error| LedgerError::unreadable(self.store.location(), &error))
    }

    pub fn note_hub(&mut self, org: OrgNo) {
        self.orgs.note_hub(org);
    }

    pub fn push_entry(&mut self, entry: ImportEntry<'_>) -> Result<()> {
        let json = to_json(self.store.location(), entry.entry)?;
        let org = self.orgs.of(&entry, || self.store.location().to_owned())?;
        let spec = stored::strip_org(json, &org.prefix);
        org.entries += 1;
        let no = EntryNo(self.stored);
        self.carried_over
            .extend(self.carriable.take(&org.url, &spec, no));
        self.stored += 1;
        let pushed = self.chunk.push((self.seq, no), &entry, &spec);
        pushed.map_err(|error| LedgerError::unreadable(self.store.location(), &error))?;
        if self.chunk.specs.len() >= CHUNK_BYTES {
            self.store_specs()?;
        }
        if self.chunk.entries.len() >= CHUNK_ENTRIES {
            self.store_entries()?;
        }
        Ok(())
    }

    /// Makes the run visible; durable on return.
    pub fn finish(mut self) -> Result<RunId> {
        self.store_specs()?;
        self.store_entries()?;
        let of_run = self.specs.land(&self.store)?;
        let of_entries = self.entries.land(&self.store)?;
        let (seq, orgs, carried_over) = (self.seq, self.orgs, self.carried_over);
        let import = Kind::Import.key(&self.id.0);
        let finished = self.store.away(async move {
            insert_orgs(&of_run, seq, &orgs.0).await?;
            // As long as it has this, nobody takes it for one that was dropped.
            of_run
                .query_one("SELECT pg_advisory_lock($1)", &[&import])
                .await?;
            set_dropped(&of_run, seq, true).await?;
            of_run.batch("COMMIT").await?;
            of_entries.batch("COMMIT").await?;
            of_run.batch("BEGIN").await?;
            for one in &carried_over {
                carry_over::apply(one, &of_run, seq).await?;
            }
            set_dropped(&of_run, seq, false).await?;
            changes::note(&of_run, Wakes::Yes).await?;
            of_run.batch("COMMIT").await
        });
        wait(self.store.location(), &finished)?;
        Ok(self.id)
    }

    fn store_specs(&mut self) -> Result<()> {
        const SPECS: &str = "COPY spec (entry, app, off, json) FROM STDIN (FORMAT binary)";
        let rows = self.chunk.take_specs();
        self.specs.copy(&self.store, SPECS, rows)
    }

    fn store_entries(&mut self) -> Result<()> {
        const ENTRIES: &str = "COPY entry (key, run, org, line, app_hash) FROM STDIN";
        let mut entries = std::mem::take(&mut self.chunk.entries);
        entries.sort_unstable();
        let mut rows = BytesMut::new();
        for entry in entries {
            rows.put_slice(entry.as_copied(self.seq).as_bytes());
        }
        self.entries.copy(&self.store, ENTRIES, rows.freeze())
    }
}

impl Copier {
    /// Begins to, once what was begun before is done.
    fn copy(&mut self, store: &Store, sql: &'static str, rows: Bytes) -> Result<()> {
        let connection = self.land(store)?;
        self.copying = Some(store.away(async move {
            copy(&connection, sql, rows).await?;
            Ok(connection)
        }));
        Ok(())
    }

    /// Waits for the chunk that is being copied.
    fn land(&mut self, store: &Store) -> Result<Connection> {
        if let Some(copying) = self.copying.take() {
            return wait(store.location(), &copying);
        }
        let connection = self.connection.take();
        connection.ok_or_else(|| LedgerError::lost(store.location()))
    }
}

impl Row {
    fn as_copied(self, seq: i64) -> String {
        let Self { key, line, .. } = self;
        let hash = self.app_hash.map(|hash| hash.to_string());
        let (org, hash) = (self.org.0, hash.as_deref().unwrap_or(r"\N"));
        format!("{key}\t{seq}\t{org}\t{line}\t{hash}\n")
    }
}

impl Chunk {
    fn push(
        &mut self,
        (seq, no): (i64, EntryNo),
        entry: &ImportEntry<'_>,
        spec: &str,
    ) -> Result<(), TryFromIntError> {
        let key = stored::entry_key(seq, no);
        self.entries.push(Row {
            org: entry.org,
            key,
            line: stored::integer(entry.row),
            app_hash: entry.entry.app_id.as_deref().map(app_hash),
        });
        let off = entry.entry.status == Status::Disabled;
        if self.specs.is_empty() {
            self.specs.put_slice(BINARY_HEAD);
        }
        let values = [
            &key.to_be_bytes()[..],
            entry.entry.app.name().as_bytes(),
            &[u8::from(off)],
            spec.as_bytes(),
        ];
        self.specs.put_i16(SPEC_COLUMNS);
        for value in values {
            self.specs.put_i32(value.len().try_into()?);
            self.specs.put_slice(value);
        }
        Ok(())
    }

    fn take_specs(&mut self) -> Bytes {
        let mut specs = std::mem::take(&mut self.specs);
        if specs.is_empty() {
            specs.put_slice(BINARY_HEAD);
        }
        specs.put_i16(BINARY_END);
        specs.freeze()
    }
}

impl Store {
    /// Does something on the ledger's thread, for one that blocks until it is done.
    fn away<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Receiver<Result<T>> {
        let (reply, answer) = mpsc::sync_channel(1);
        let work = async move { drop(reply.send(work.await)) };
        drop(self.inner.target.runtime.spawn(work));
        answer
    }
}

fn wait<T>(location: &str, answer: &Receiver<Result<T>>) -> Result<T> {
    answer
        .recv()
        .unwrap_or_else(|_| Err(LedgerError::lost(location)))
}

/// Adds rows, in the format that the statement says.
pub(super) async fn copy(connection: &Connection, sql: &str, rows: Bytes) -> Result<()> {
    let failed = |error: tokio_postgres::Error| connection.failed(&error);
    let sink = connection.client().copy_in(sql).await.map_err(failed)?;
    let mut sink = Box::pin(sink);
    sink.send(rows).await.map_err(failed)?;
    sink.as_mut().finish().await.map(drop).map_err(failed)
}

/// As of one that was dropped, or not.
async fn set_dropped(connection: &Connection, seq: i64, dropped: bool) -> Result<()> {
    let sql = "UPDATE run SET dropped = $2 WHERE seq = $1";
    connection.execute(sql, &[&seq, &dropped]).await.map(drop)
}

/// Number and id of a new run, which nobody sees before the end of the transaction; if it is free, that id.
pub(super) async fn insert_run(
    connection: &Connection,
    run: &NewRun,
    wanted: Option<RunId>,
) -> Result<(i64, RunId)> {
    let context = to_json(connection.location(), &run.context)?;
    let sql = "INSERT INTO run (id, file, file_key, digest, context, started_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING RETURNING seq";
    let mut wanted = wanted;
    let mut taken = 0;
    loop {
        let id = wanted.take();
        let id = id.unwrap_or_else(|| run_id::candidate(taken));
        let row = connection
            .query_opt(
                sql,
                &[
                    &id.0,
                    &run.file,
                    &run.file_key,
                    &run.digest,
                    &context,
                    &run.started_at,
                ],
            )
            .await?;
        match row {
            Some(row) => return Ok((row.get(0)?, id)),
            None => taken += 1,
        }
    }
}

async fn insert_orgs(connection: &Connection, seq: i64, orgs: &[ImportOrg]) -> Result<()> {
    let sql = "INSERT INTO org (run, no, name, url, spec, pending, hub)
         SELECT $1::bigint, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::boolean[])";
    let no: Vec<OrgNo> = (0..orgs.len()).map(OrgNo::at).collect();
    let name: Vec<&str> = orgs.iter().map(|org| org.name.as_str()).collect();
    let url: Vec<&str> = orgs.iter().map(|org| org.url.as_str()).collect();
    let spec: Vec<&str> = orgs.iter().map(|org| org.spec.as_str()).collect();
    let entries: Vec<i64> = orgs.iter().map(|org| org.entries).collect();
    let is_hub: Vec<bool> = orgs.iter().map(|org| org.is_hub).collect();
    let params: [&(dyn ToSql + Sync); 7] = [&seq, &no, &name, &url, &spec, &entries, &is_hub];
    connection.execute(sql, &params).await.map(drop)
}
