//! A new run, entry by entry, from the same pass that checks the manifest.
//!
//! All of it is one transaction of a session of its own: nobody sees any of it before the end, and nothing is left of one
//! that was killed. Entries are gathered and copied a chunk at a time, while the next one is gathered.

use std::sync::mpsc::{self, Receiver};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use tokio_postgres::types::ToSql;

use super::Store;
use super::carry_over;
use super::changes::{self, Wakes};
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

/// A run that is being stored. Dropped before [`Import::finish`], it never was. The methods block.
pub struct Import {
    store: Store,
    seq: i64,
    id: RunId,
    orgs: ImportOrgs,
    chunk: Chunk,
    stored: i64,
    // `None` while a chunk is being stored.
    connection: Option<Connection>,
    storing: Option<Receiver<Result<Connection>>>,
    carriable: Carriable,
    carried_over: Vec<CarryOver>,
}

/// What waits to be stored.
#[derive(Default)]
struct Chunk {
    entries: Vec<Row>,
    /// As COPY has them.
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
        let connection = self.inner.target.connect().await?;
        connection.batch("BEGIN").await?;
        let (seq, id) = insert_run(&connection, &run, None).await?;
        Ok(Import {
            store: self.clone(),
            seq,
            id,
            orgs: ImportOrgs::default(),
            chunk: Chunk::default(),
            stored: 0,
            connection: Some(connection),
            storing: None,
            carriable,
            carried_over: Vec::new(),
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
        self.chunk.push((self.seq, no), &entry, &spec);
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
        let connection = self.land()?;
        let (seq, orgs, carried_over) = (self.seq, self.orgs, self.carried_over);
        let finished = self.store.away(async move {
            insert_orgs(&connection, seq, &orgs.0).await?;
            for one in &carried_over {
                carry_over::apply(one, &connection, seq).await?;
            }
            changes::note(&connection, Wakes::Yes).await?;
            connection.batch("COMMIT").await
        });
        wait(self.store.location(), &finished)?;
        Ok(self.id)
    }

    fn store_specs(&mut self) -> Result<()> {
        const SPECS: &str = "COPY spec (entry, app, off, json) FROM STDIN";
        let rows = std::mem::take(&mut self.chunk.specs).freeze();
        self.begin_copy(SPECS, rows)
    }

    fn store_entries(&mut self) -> Result<()> {
        const ENTRIES: &str = "COPY entry (key, run, org, line, app_hash) FROM STDIN";
        let mut entries = std::mem::take(&mut self.chunk.entries);
        entries.sort_unstable();
        let mut rows = BytesMut::new();
        for entry in entries {
            rows.put_slice(entry.as_copied(self.seq).as_bytes());
        }
        self.begin_copy(ENTRIES, rows.freeze())
    }

    /// Begins to, once what was begun before is done.
    fn begin_copy(&mut self, sql: &'static str, rows: Bytes) -> Result<()> {
        let connection = self.land()?;
        self.storing = Some(self.store.away(async move {
            copy(&connection, sql, rows).await?;
            Ok(connection)
        }));
        Ok(())
    }

    /// Waits for the chunk that is being stored.
    fn land(&mut self) -> Result<Connection> {
        if let Some(storing) = self.storing.take() {
            return wait(self.store.location(), &storing);
        }
        let connection = self.connection.take();
        connection.ok_or_else(|| LedgerError::lost(self.store.location()))
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
    /// In COPY's text format: JSON has no control characters, so that only backslashes mean something there.
    fn push(&mut self, (seq, no): (i64, EntryNo), entry: &ImportEntry<'_>, spec: &str) {
        let key = stored::entry_key(seq, no);
        self.entries.push(Row {
            org: entry.org,
            key,
            line: stored::integer(entry.row),
            app_hash: entry.entry.app_id.as_deref().map(app_hash),
        });
        let off = if entry.entry.status == Status::Disabled {
            't'
        } else {
            'f'
        };
        let begin = format!("{key}\t{}\t{off}\t", entry.entry.app.name());
        self.specs.put_slice(begin.as_bytes());
        for part in spec.split_inclusive('\\') {
            self.specs.put_slice(part.as_bytes());
            if part.ends_with('\\') {
                self.specs.put_u8(b'\\');
            }
        }
        self.specs.put_u8(b'\n');
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

/// Adds rows, in COPY's text format.
pub(super) async fn copy(connection: &Connection, sql: &str, rows: Bytes) -> Result<()> {
    let failed = |error: tokio_postgres::Error| connection.failed(&error);
    let sink = connection.client().copy_in(sql).await.map_err(failed)?;
    let mut sink = Box::pin(sink);
    sink.send(rows).await.map_err(failed)?;
    sink.as_mut().finish().await.map(drop).map_err(failed)
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
