//! The one thread that writes. Checkpoints that queue up while it syncs to disk are stored together in
//! its next transaction (group commit): under load many share the price of one sync, alone one pays
//! for itself. Whoever commits is answered after the sync.
//!
//! Once a write failed because of the disk or the file, every later one fails at once with the same
//! cause, so that a run stops before it sends what it could not record.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::commit::{self, Statements, Sums};
use super::identity::{Identity, Mark};
use super::row_keys::RowKeys;
use super::rows::Fault;
use super::{files, readers};
use crate::ledger::prepared::Prepared;
use crate::ledger::{AsStored, LedgerError, Result};

/// Checkpoints in one transaction at most: what is committed is acknowledged within some 10 ms, and
/// another process gets its turn.
const GROUP: usize = 512;

/// Checkpoints that come together when more are worth a wait: below, each is stored as it comes.
const BUSY: u32 = 4;

/// With as many as this there is nothing to wait for.
const WORTHWHILE: usize = 256;

/// A writer that stores so many at a time waits for more as long as its last transaction took, one that stores fewer
/// that part of it: pages and syncs are shared by more, and a call takes a thousand times as long.
const SHARED: u32 = 64;

/// Longest such wait.
const PATIENCE: Duration = Duration::from_millis(4);

enum Command {
    Commit(Box<Prepared>, Reply),
    Do(Box<dyn FnOnce(&mut Engine) + Send>),
}

/// A handle on the thread; dropping it stores what is queued and closes the file.
pub(super) struct Writer {
    path: PathBuf,
    queue: Option<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    broken: Arc<OnceLock<LedgerError>>,
}

impl Writer {
    pub(super) fn start(
        path: &Path,
        connection: Connection,
        abort_after: Option<u64>,
    ) -> Result<Self> {
        let broken = Arc::new(OnceLock::new());
        let engine = Engine {
            path: path.to_owned(),
            connection,
            identity: Identity::of(path)?,
            keys: RowKeys::default(),
            broken: Arc::clone(&broken),
            abort_after,
        };
        let (queue, commands) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || engine.run(&commands))
            .map_err(|error| LedgerError::io(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            queue: Some(queue),
            thread: Some(thread),
            broken,
        })
    }

    /// Stores a checkpoint; durable when the future is ready.
    pub(super) fn commit(
        &self,
        checkpoint: Prepared,
    ) -> Result<impl Future<Output = Result<AsStored>> + use<'_>> {
        self.check()?;
        let (reply, answer) = oneshot::channel();
        self.send(Command::Commit(Box::new(checkpoint), reply))?;
        Ok(async {
            match answer.await {
                Ok((_, stored)) => stored,
                Err(_) => Err(self.stopped()),
            }
        })
    }

    /// Runs `write` in a transaction of its own; durable on return, or nothing of it is stored.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.check()?;
        let (reply, answer) = oneshot::channel();
        self.send(Command::Do(Box::new(move |engine| {
            // Nobody waits any more when the caller was cancelled.
            drop(reply.send(engine.transaction(write)));
        })))?;
        answer.await.unwrap_or_else(|_| Err(self.stopped()))
    }

    /// As [`Self::write`], for somebody who does not wait: `end` is called on the writer's thread, or dropped
    /// with it.
    pub(super) fn write_later<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
        end: impl FnOnce(Result<T>) + Send + 'static,
    ) {
        let write = move |engine: &mut Engine| end(engine.transaction(write));
        drop(self.send(Command::Do(Box::new(write))));
    }

    /// As [`Self::write`], for a thread that may block.
    pub(super) fn write_blocking<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.begin_write(write)?.wait(self)
    }

    /// As [`Self::write_blocking`], for a thread that has other work until it needs the result.
    pub(super) fn begin_write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<Underway<T>> {
        self.check()?;
        let (reply, answer) = mpsc::sync_channel(1);
        self.send(Command::Do(Box::new(move |engine| {
            drop(reply.send(engine.transaction(write)));
        })))?;
        Ok(Underway(answer))
    }

    /// Runs what SQLite does in no transaction, for a thread that may block.
    pub(super) fn outside_transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.check()?;
        let (reply, answer) = mpsc::sync_channel(1);
        self.send(Command::Do(Box::new(move |engine| {
            let done = work(&engine.connection).map_err(|fault| fault.at(&engine.path));
            drop(reply.send(done));
        })))?;
        answer.recv().unwrap_or_else(|_| Err(self.stopped()))
    }

    /// From now on the file has this mark, which was written into it: what is in the log is moved there first.
    pub(super) async fn expect(&self, mark: Mark) -> Result<()> {
        self.check()?;
        let (reply, answer) = oneshot::channel();
        self.send(Command::Do(Box::new(move |engine| {
            // While others read, a part stays in the log; the mark then says nothing.
            let moved = engine
                .connection
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            engine.identity.expect(mark);
            let moved = moved.map_err(|error| LedgerError::sqlite(&engine.path, &error));
            drop(reply.send(moved));
        })))?;
        answer.await.unwrap_or_else(|_| Err(self.stopped()))
    }

    /// Changes when another process committed; our own commits do not count.
    pub(super) async fn data_version(&self) -> Result<i64> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Do(Box::new(move |engine| {
            let version = readers::data_version(&engine.connection)
                .map_err(|error| LedgerError::sqlite(&engine.path, &error));
            drop(reply.send(version));
        })))?;
        answer.await.unwrap_or_else(|_| Err(self.stopped()))
    }

    fn check(&self) -> Result<()> {
        self.broken.get().cloned().map_or(Ok(()), Err)
    }

    fn send(&self, command: Command) -> Result<()> {
        self.queue
            .as_ref()
            .and_then(|queue| queue.send(command).ok())
            .ok_or_else(|| self.stopped())
    }

    // Only a panic in the writer leads here.
    fn stopped(&self) -> LedgerError {
        LedgerError::Io {
            location: files::location(&self.path),
            cause: "its writer has stopped".into(),
        }
    }
}

/// A write that was begun. Dropped, it is made all the same.
pub(super) struct Underway<T>(mpsc::Receiver<Result<T>>);

impl<T> Underway<T> {
    /// What came of it.
    pub(super) fn wait(self, writer: &Writer) -> Result<T> {
        self.0.recv().unwrap_or_else(|_| Err(writer.stopped()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            drop(thread.join());
        }
    }
}

/// Who waits for a checkpoint. It goes back to the thread that made it: freed here it would cost more.
type Reply = oneshot::Sender<(Box<Prepared>, Result<AsStored>)>;

/// Checkpoints that are stored together, and who waits for them.
type Group = Vec<(Box<Prepared>, Reply)>;

/// Takes in what is queued, up to `most`; returns the first command that is no checkpoint.
fn gather(group: &mut Group, commands: &Receiver<Command>, most: usize) -> Option<Command> {
    while group.len() < most {
        match commands.try_recv().ok()? {
            Command::Commit(checkpoint, reply) => group.push((checkpoint, reply)),
            other @ Command::Do(_) => return Some(other),
        }
    }
    None
}

/// What the thread owns.
struct Engine {
    path: PathBuf,
    connection: Connection,
    // After the connection, which is closed first.
    identity: Identity,
    keys: RowKeys,
    broken: Arc<OnceLock<LedgerError>>,
    abort_after: Option<u64>,
}

impl Engine {
    fn run(mut self, commands: &Receiver<Command>) {
        let most = if self.abort_after.is_some() { 1 } else { GROUP };
        let (mut load, mut took) = (0, Duration::ZERO);
        let mut next = commands.recv().ok();
        while let Some(command) = next.take() {
            match command {
                Command::Do(write) => write(&mut self),
                Command::Commit(checkpoint, reply) => {
                    let mut group = vec![(checkpoint, reply)];
                    next = gather(&mut group, commands, most);
                    let enough = WORTHWHILE.min(most);
                    if load >= BUSY && next.is_none() && group.len() < enough {
                        // Nobody who commits has to wake it.
                        std::thread::sleep(PATIENCE.min(took * load / SHARED));
                        next = gather(&mut group, commands, most);
                    }
                    load = u32::midpoint(load, u32::try_from(group.len()).unwrap_or(u32::MAX));
                    let begun = Instant::now();
                    let outcomes = self.commit(&group);
                    took = begun.elapsed();
                    for ((checkpoint, reply), outcome) in group.into_iter().zip(outcomes) {
                        // Nobody waits any more when the caller was cancelled.
                        drop(reply.send((checkpoint, outcome)));
                    }
                }
            }
            if next.is_none() {
                next = commands.recv().ok();
            }
        }
    }

    /// Stores all but those whose entry moved.
    fn commit(&mut self, group: &[(Box<Prepared>, Reply)]) -> Vec<Result<AsStored>> {
        let mut keys = std::mem::take(&mut self.keys);
        let stored = self.transaction(|transaction| {
            let mut sums = Sums::new();
            let mut outcomes = Vec::with_capacity(group.len());
            let mut statements = Statements::prepare(transaction)?;
            for (checkpoint, _) in group {
                let applied = commit::apply(&mut statements, &mut keys, checkpoint, &mut sums);
                outcomes.push(match applied {
                    Err(Fault::Sqlite(error)) => return Err(Fault::Sqlite(error)),
                    other => other,
                });
            }
            commit::apply_sums(transaction, &sums)?;
            Ok(outcomes)
        });
        match stored {
            Ok(outcomes) => {
                self.keys = keys;
                self.count_down();
                let told = |outcome: Result<_, Fault>| match outcome {
                    Ok(stored) => Ok(AsStored(stored)),
                    Err(fault) => Err(fault.at(&self.path)),
                };
                outcomes.into_iter().map(told).collect()
            }
            Err(error) => vec![Err(error); group.len()],
        }
    }

    fn transaction<T>(&mut self, write: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T> {
        if let Some(error) = self.broken.get() {
            return Err(error.clone());
        }
        let checked = self.identity.check();
        let result = checked.and_then(|()| self.checked_after(write));
        if let Err(error) = &result
            && error.is_fatal()
        {
            if matches!(error, LedgerError::Gone { .. }) {
                // A log that lost something is not moved into the file: what is whole of it can be read where it is.
                let keep = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                drop(self.connection.set_db_config(keep, true));
            }
            // The first cause stays.
            drop(self.broken.set(error.clone()));
        }
        result
    }

    // What became of the files says more than what SQLite met in them. Stored where nobody will find it again is not stored.
    fn checked_after<T>(
        &mut self,
        write: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T> {
        match self.try_transaction(write) {
            Err(error) if !error.is_fatal() => Err(error),
            result => self.identity.check().and(result),
        }
    }

    fn try_transaction<T>(
        &mut self,
        write: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T> {
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Fault::from)
            .and_then(|transaction| {
                let value = write(&transaction)?;
                transaction.commit()?;
                Ok(value)
            })
            .map_err(|fault| fault.at(&self.path))
    }

    fn count_down(&mut self) {
        if let Some(left) = &mut self.abort_after {
            *left = left.saturating_sub(1);
            if *left == 0 {
                std::process::abort();
            }
        }
    }
}
