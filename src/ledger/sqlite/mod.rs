//! The ledger in a file of SQLite's: all that is SQL, files, locks and keys beside it.
//!
//! ```text
//! commit, set_*, import ─▶ writer (one thread, group commit) ─▶ ledger.db + -wal
//! runs, load, consent…  ◀─ readers (a few connections)       ◀─┘
//! lock_run              ── ledger.db.locks/RUN.lock             keys, rotate_key ── ledger.db.key, .key.old
//! ```

mod calls;
mod carry_over;
mod changes;
mod commit;
mod compared;
mod consents;
mod database;
mod drift;
mod error;
mod health;
mod holder;
mod identity;
mod ids;
mod import;
mod key;
mod lock;
mod memory;
mod moved_rows;
mod moves;
mod notes;
mod notices;
mod prune;
mod queries;
mod read_pool;
mod readers;
mod reads;
mod removed;
mod rotation;
mod row_keys;
mod rows;
mod run_id;
mod runs;
mod schedules;
mod shares;
mod sweep;
mod trust;
mod unused;
mod vacuum;
mod waiting;
mod waves;
mod whole;
mod writer;
mod writes;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

pub use import::Import;
pub use lock::{FileLock, HeldRun};
pub use shares::DeskMark;

use super::files;
use super::prepared::Prepared;
use super::{
    AsStored, Checkpoint, LONGEST_LOOK, LedgerError, NewRun, OpenMode, OpenOptions, Result, RunRow,
};
use crate::model::RunId;
use holder::Holder;
use identity::Mark;
use read_pool::ReadPool;
use readers::{Footprint, Readers, Snapshot};
use rows::Fault;
use unused::Made;
use writer::Writer;

/// An open file. Cheap to clone; closed with its last clone.
#[derive(Clone)]
pub struct Store {
    // Before the file: see there.
    as_of: Option<Arc<AsOf>>,
    inner: Arc<Inner>,
}

/// A moment that reads are of, until its last clone is dropped or it has lasted long enough.
struct AsOf {
    snapshot: Arc<Snapshot>,
    ends: AbortHandle,
}

impl Drop for AsOf {
    fn drop(&mut self) {
        self.ends.abort();
        self.snapshot.end();
    }
}

struct Inner {
    path: PathBuf,
    // Before the writer: the last connection closed must be the one that can tidy up.
    readers: Readers,
    writer: Option<Writer>,
    made: Made,
    read_pool: ReadPool,
    others: AtomicI64,
}

impl Inner {
    fn read<T>(&self, read: impl Fn(&Connection) -> Result<T, Fault>) -> Result<T> {
        self.readers
            .read(|connection| read(connection).map_err(|fault| fault.at(&self.path)))
    }

    fn read_in<T>(
        &self,
        snapshot: &Snapshot,
        read: impl Fn(&Connection) -> Result<T, Fault>,
    ) -> Result<T> {
        self.readers.read_in(snapshot, |connection| {
            read(connection).map_err(|fault| fault.at(&self.path))
        })
    }

    /// Where the locks of this ledger's runs are.
    fn locks(&self) -> PathBuf {
        files::beside(&self.path, ".locks")
    }

    fn writer(&self) -> Result<&Writer> {
        self.writer.as_ref().ok_or_else(|| LedgerError::ReadOnly {
            location: files::location(&self.path),
            cause: "it was opened for reading only".into(),
        })
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.inner.path).finish()
    }
}

/// Opening and closing.
impl Store {
    pub async fn open(path: &Path, options: OpenOptions) -> Result<Self> {
        blocking(path.to_owned(), move |path| open(path, options)).await
    }

    pub fn file(&self) -> &Path {
        &self.inner.path
    }

    pub fn is_new(&self) -> bool {
        self.inner.made.ledger
    }

    /// For reading as of now; after [`LONGEST_LOOK`] reads are newer.
    pub async fn snapshot(&self) -> Result<Self> {
        let inner = Arc::clone(&self.inner);
        let look = move |_: &Path| inner.readers.snapshot();
        let snapshot = Arc::new(blocking(self.inner.path.clone(), look).await?);
        let held = Arc::clone(&snapshot);
        let ends = tokio::spawn(async move {
            tokio::time::sleep(LONGEST_LOOK).await;
            held.end();
        });
        let ends = ends.abort_handle();
        Ok(Self {
            as_of: Some(Arc::new(AsOf { snapshot, ends })),
            inner: Arc::clone(&self.inner),
        })
    }

    pub async fn discard_unused(self) {
        // What still has it in this process needs it.
        let Some(inner) = Arc::into_inner(self.inner) else {
            return;
        };
        let path = inner.path.clone();
        let discard = move |path: &Path| {
            let (locks, made) = (inner.locks(), inner.made.clone());
            drop(inner);
            unused::remove(path, &locks, &made);
            Ok(())
        };
        // It is left where it is, then.
        drop(blocking(path, discard).await);
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let (inner, as_of) = (Arc::clone(&self.inner), self.as_of.clone());
        let (reply, answer) = oneshot::channel();
        // Nobody waits any more when the caller was cancelled.
        self.inner.read_pool.take(move || {
            let read = match &as_of {
                Some(as_of) => inner.read_in(&as_of.snapshot, read),
                None => inner.read(read),
            };
            drop(as_of);
            // Before the answer: whoever has it may be the last that has the ledger.
            drop(inner);
            drop(reply.send(read));
        });
        answer.await.unwrap_or_else(|_| {
            Err(LedgerError::Io {
                location: files::location(&self.inner.path),
                cause: "its reader has stopped".into(),
            })
        })
    }
}

fn open(path: &Path, options: OpenOptions) -> Result<Store> {
    if matches!(options.mode, OpenMode::Existing | OpenMode::Current) && is_missing(path) {
        return Err(missing(path));
    }
    // SQLite gives some relative names (":memory:") a meaning of its own.
    let path = &std::path::absolute(path).map_err(|error| LedgerError::io(path, &error))?;
    trust::refuse_shared(path)?;
    let (footprint, writer, made) = match options.mode {
        OpenMode::ReadWrite | OpenMode::Existing | OpenMode::Current => {
            let (connection, made) = database::open_writer(path, options)?;
            let writer = Writer::start(path, connection, options.abort_after)?;
            (Footprint::Log, Some(writer), made)
        }
        OpenMode::ReadOnly => {
            match path.try_exists() {
                Ok(true) => database::refuse_foreign(path)?,
                Ok(false) => return Err(missing(path)),
                Err(error) => return Err(LedgerError::io(path, &error)),
            }
            (Footprint::None, None, Made::default())
        }
    };
    let readers = Readers::new(path, options.busy_timeout, footprint);
    readers.read(|connection| database::refuse_other_format(path, connection))?;
    Ok(Store {
        as_of: None,
        inner: Arc::new(Inner {
            path: path.clone(),
            readers,
            writer,
            made,
            read_pool: ReadPool::default(),
            others: AtomicI64::new(0),
        }),
    })
}

fn missing(path: &Path) -> LedgerError {
    LedgerError::Missing {
        location: files::location(path),
    }
}

// What cannot be looked at is told by opening it. An empty file is a ledger that was never begun.
fn is_missing(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Runs what waits for the disk where waiting is allowed.
async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> Result<T> + Send + 'static,
) -> Result<T> {
    let name = path.clone();
    match tokio::task::spawn_blocking(move || work(&path)).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(LedgerError::Io {
            location: files::location(&name),
            cause: "the program is ending".into(),
        }),
    }
}

/// Runs and who works on them.
impl Store {
    pub async fn runs(&self) -> Result<Vec<RunRow>> {
        self.read(runs::runs).await
    }

    pub async fn unfinished_runs(&self) -> Result<Vec<RunRow>> {
        self.read(runs::unfinished_runs).await
    }

    pub async fn run(&self, id: &RunId) -> Result<RunRow> {
        let id = id.clone();
        self.read(move |c| runs::run(c, &id)).await
    }

    pub async fn find_run(&self, prefix: Option<&str>) -> Result<RunRow> {
        let prefix = prefix.map(str::to_owned);
        self.read(move |c| runs::find_run(c, prefix.as_deref()))
            .await
    }

    pub async fn last_run_of(&self, file_key: &str) -> Result<Option<RunRow>> {
        let file_key = file_key.to_owned();
        self.read(move |c| runs::last_run_of(c, &file_key)).await
    }

    pub fn lock_run(&self, id: &RunId) -> Result<HeldRun> {
        let writer = self.inner.writer()?;
        let lock = FileLock::acquire(&self.inner.locks(), id)?;
        let (run, me) = (id.clone(), Holder::myself());
        writer.write_blocking(move |connection| {
            match holder::of(connection, &run.0)?.filter(Holder::is_another_alive) {
                Some(other) => Err(Fault::Ledger(LedgerError::Held {
                    by: other.name(),
                    run,
                })),
                None => holder::set(connection, &run.0, Some(&me)),
            }
        })?;
        Ok(HeldRun::new(lock, &self.inner, id))
    }

    pub fn lock_file(&self, file_key: &str) -> Result<FileLock> {
        self.inner.writer()?;
        FileLock::for_file(&self.inner.locks(), file_key)
    }

    pub fn held(&self, runs: &[RunId]) -> Result<HashSet<RunId>> {
        let mut held = HashSet::new();
        for run in runs {
            if self.is_locked(run)? {
                held.insert(run.clone());
            }
        }
        Ok(held)
    }

    pub fn is_locked(&self, id: &RunId) -> Result<bool> {
        if lock::is_locked(&self.inner.locks(), id)? {
            return Ok(true);
        }
        let holder = self
            .inner
            .read(|connection| holder::of(connection, &id.0))?;
        Ok(holder.is_some_and(|holder| holder.is_another_alive()))
    }

    pub async fn mark(&self, id: &RunId) -> Result<()> {
        let (run, mark) = (id.clone(), rand::random::<Mark>());
        let writer = self.inner.writer()?;
        writer
            .write(move |connection| {
                connection
                    .prepare_cached("UPDATE run SET mark = ?2, finished_at = NULL WHERE id = ?1")?
                    .execute(rusqlite::params![run.0, mark])?;
                Ok(())
            })
            .await?;
        writer.expect(mark).await
    }

    pub async fn import(&self, run: NewRun) -> Result<Import> {
        let inner = Arc::clone(&self.inner);
        blocking(self.inner.path.clone(), move |_| Import::new(inner, run)).await
    }
}

/// Checkpoints and notes, which go through the writer's thread.
impl Store {
    pub fn commit<'a>(
        &'a self,
        run: &RunId,
        checkpoint: Checkpoint<'_>,
    ) -> impl Future<Output = Result<AsStored>> + use<'a> {
        let begun = self.inner.writer().and_then(|writer| {
            let prepared = Prepared::new(run, checkpoint)
                .map_err(rows::unwritable)
                .map_err(|error| LedgerError::sqlite(&self.inner.path, &error))?;
            writer.commit(prepared)
        });
        async move { begun?.await }
    }
}
