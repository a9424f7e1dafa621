//! The ledger in a database of PostgreSQL's (14 and newer): all that is SQL, sessions and locks there.
//!
//! ```text
//! commit, note, lock_run  ─▶ owner: one session, its task stores many checkpoints in one transaction
//! set_*, begin_notice…    ─▶ owner.begin(): a transaction on that session, one at a time
//! import                  ─▶ a session of its own, COPY
//! runs, load, consent…    ◀─ pool: a few sessions that read
//! ```
//!
//! All sessions live on one thread with a runtime of its own, which ends with the store: whoever asks may be in simulated
//! time, or on the way out.

mod apps;
mod asks;
mod at_work;
mod calls;
mod carry_over;
mod changes;
mod commit;
mod connect;
mod consents;
mod drift;
mod error;
mod grants;
mod group;
mod health;
mod held;
mod ids;
mod import;
mod key;
mod locks;
mod memory;
mod moved_key;
mod moved_rows;
mod moves;
mod notes;
mod notices;
mod own_key;
mod owner;
mod partition_locks;
mod partitions;
mod password;
mod pool;
mod prune;
mod queries;
mod reads;
mod removed;
mod row_keys;
mod rows;
mod runs;
mod schedules;
mod schema;
mod session;
mod shares;
mod snapshot;
mod sums;
mod tally;
mod thread;
mod tls;
mod waiting;
mod waves;
mod writes;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use parking_lot::Mutex;
use tokio::sync::oneshot;

pub use grants::{RoleError, grants};
pub use held::Held;
pub use import::Import;
pub use partitions::OrgHold;
pub use tally::holdings;

use super::prepared::Prepared;
use super::{AsStored, Checkpoint, LedgerError, Note, OpenMode, OpenOptions, Result};
use crate::job::PostgresUrl;
use crate::model::RunId;
use changes::Wakes;
use connect::Target;
use owner::{Command, Commands, Owner, Transaction};
use partitions::Partitions;
use pool::{Pool, Reader};
use snapshot::AsOf;
use thread::Thread;

/// An open database. Cheap to clone; closed with its last clone.
#[derive(Clone)]
pub struct Store {
    // Before the thread that its session lives on.
    as_of: Option<Arc<AsOf>>,
    inner: Arc<Inner>,
}

struct Inner {
    target: Arc<Target>,
    /// Tells it from other ledgers.
    id: String,
    pool: Pool,
    // Before the thread, which waits for the last of its commands.
    writer: Option<Writer>,
    is_new: bool,
    /// Counts what others changed, as far as it was heard of.
    others: Arc<AtomicI64>,
    partitions: Partitions,
    _thread: Thread,
}

/// A database that may have a ledger.
struct Reached {
    pool: Pool,
    target: Arc<Target>,
    // Sessions end before it.
    thread: Thread,
}

/// What may change the ledger.
struct Writer {
    owner: Arc<Owner>,
    commands: Commands,
    thread: std::thread::ThreadId,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.location()).finish()
    }
}

/// Opening and closing.
impl Store {
    /// What names of files that belong to it begin with on this machine.
    pub fn place(&self) -> Option<PathBuf> {
        own_key::place(&self.inner.id)
    }

    /// The same, of the ledger with this id.
    pub fn place_of(id: &str) -> Option<PathBuf> {
        own_key::place(id)
    }

    pub async fn open(url: &PostgresUrl, options: OpenOptions) -> Result<Self> {
        let Reached {
            thread,
            target,
            pool,
        } = Self::reach(url, options)?;
        let is_new = schema::ready(&target, &*pool.take().await?, options.mode).await?;
        let id = schema::id(&*pool.take().await?).await?;
        let writer = match options.mode {
            OpenMode::ReadOnly => None,
            OpenMode::ReadWrite | OpenMode::Existing | OpenMode::Current => {
                let owner = Arc::new(Owner::new(Arc::clone(&target), options.abort_after));
                connect::refuse_pooler(&target, &*owner.session().await?, &*pool.take().await?)
                    .await?;
                Some(Writer {
                    commands: thread.own(Arc::clone(&owner)),
                    owner,
                    thread: thread.id(),
                })
            }
        };
        let inner = Inner {
            target,
            id,
            pool,
            writer,
            is_new,
            others: Arc::default(),
            partitions: Partitions::default(),
            _thread: thread,
        };
        Ok(Self {
            as_of: None,
            inner: Arc::new(inner),
        })
    }

    /// Nothing is connected yet.
    fn reach(url: &PostgresUrl, options: OpenOptions) -> Result<Reached> {
        let location: Arc<str> = url.location().into();
        let thread = Thread::start(&location)?;
        let target = Arc::new(Target {
            url: url.clone(),
            location,
            runtime: thread.runtime().clone(),
            busy_timeout: options.busy_timeout,
            process: rand::random(),
            good: Mutex::default(),
        });
        let pool = Pool::new(Arc::clone(&target));
        Ok(Reached {
            pool,
            target,
            thread,
        })
    }

    pub fn is_new(&self) -> bool {
        self.inner.is_new
    }

    /// Tables without runs are no harm, and others may have begun one in them.
    #[expect(clippy::unused_async, reason = "as the other backend's")]
    pub async fn discard_unused(self) {}

    /// How messages name it.
    fn location(&self) -> &str {
        &self.inner.target.location
    }

    fn writer(&self) -> Result<&Writer> {
        self.inner
            .writer
            .as_ref()
            .ok_or_else(|| LedgerError::ReadOnly {
                location: self.location().to_owned(),
                cause: "it was opened for reading only".into(),
            })
    }

    /// A session to read with.
    async fn reader(&self) -> Result<Reader> {
        if let Some(as_of) = &self.as_of
            && let Some(session) = as_of.session().await
        {
            return Ok(Reader::InSnapshot(session));
        }
        let session = self.inner.pool.take().await?;
        Ok(Reader::Pooled(Box::new(session)))
    }

    /// A transaction to write with, on the session that owns.
    async fn begin(&self) -> Result<Transaction<'_>> {
        self.writer()?.owner.begin().await
    }
}

/// Checkpoints and notes, which go through the owner's task.
impl Store {
    pub fn note(
        &self,
        take: impl FnOnce() -> Vec<Note> + Send + 'static,
        end: impl FnOnce(Result<()>) + Send + 'static,
    ) {
        let writer = match self.writer() {
            Ok(writer) => writer,
            Err(error) => return end(Err(error)),
        };
        let command = Command::Note(Box::new(take), Box::new(end));
        if let Err(unsent) = writer.commands.send(command)
            && let Command::Note(_, end) = unsent.0
        {
            end(Err(LedgerError::lost(self.location())));
        }
    }

    /// `is_for_others`: whoever works on the run hears of it at once.
    pub fn commit<'a>(
        &'a self,
        run: &RunId,
        checkpoint: Checkpoint<'_>,
        is_for_others: bool,
    ) -> impl Future<Output = Result<AsStored>> + use<'a> {
        let begun = self.writer().and_then(|writer| {
            let prepared = Prepared::new(run, checkpoint)
                .map_err(|error| LedgerError::unreadable(self.location(), &error))?;
            let wakes = if is_for_others { Wakes::Yes } else { Wakes::No };
            let (reply, answer) = oneshot::channel();
            let command = Command::Commit(Box::new(prepared), wakes, reply);
            let told = writer.commands.send(command);
            told.map_err(|_| LedgerError::lost(self.location()))?;
            Ok(answer)
        });
        async move {
            let answer = begun?.await;
            answer.unwrap_or_else(|_| Err(LedgerError::lost(self.location())))
        }
    }
}
