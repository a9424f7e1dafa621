//! Connections for reading: kept and shared while the ledger is written to, and for reading commands
//! opened so that nothing is made or changed on disk.
//!
//! SQLite reads a database in WAL mode through `-shm` and `-wal` and makes them if they are missing.
//! When no log is there, no process has the ledger open (the last one removes it), so a reading
//! command opens the file as immutable, once per read, and reads again if the file or its log turned
//! out to have changed meanwhile. When a log is there, its `-shm` is used as well; only after a crash
//! it may have to be made anew.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction};

use super::{database, files};
use crate::ledger::{LedgerError, Result};

/// Connections that are kept for the next read; more are closed after use.
const KEPT: usize = super::read_pool::AT_ONCE;

/// Reads of a quiet file that may be disturbed before the log is used even though there was none.
const DISTURBANCES: usize = 5;

/// Whether the process may leave anything on disk by reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Footprint {
    /// A writer of ours is open anyway.
    Log,
    /// Nothing may be made.
    None,
}

/// All connections that read one ledger.
pub(super) struct Readers {
    path: PathBuf,
    log: PathBuf,
    busy_timeout: Duration,
    footprint: Footprint,
    idle: Mutex<Vec<Connection>>,
    watch: Mutex<Watch>,
}

impl Readers {
    pub(super) fn new(path: &Path, busy_timeout: Duration, footprint: Footprint) -> Self {
        Self {
            path: path.to_owned(),
            log: files::beside(path, "-wal"),
            busy_timeout,
            footprint,
            idle: Mutex::new(Vec::new()),
            watch: Mutex::default(),
        }
    }

    /// Runs `read` on a connection; twice or more if the file changed under it.
    pub(super) fn read<T>(&self, read: impl Fn(&Connection) -> Result<T>) -> Result<T> {
        if self.footprint == Footprint::None {
            for _ in 0..DISTURBANCES {
                let before = self.stamp();
                if before.log.is_some() {
                    break;
                }
                let result = database::open_immutable(&self.path).and_then(|c| read(&c));
                if self.stamp() == before {
                    return result;
                }
            }
        }
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => database::open_reader(&self.path, self.busy_timeout)?,
        };
        let result = read(&connection);
        let mut idle = self.idle.lock();
        if idle.len() < KEPT {
            idle.push(connection);
        }
        result
    }

    /// A connection whose reads are all of the moment when it is taken.
    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        let begin = |connection: Connection, quiet| {
            let begun = connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema");
            begun.map_err(|error| LedgerError::sqlite(&self.path, &error))?;
            let held = Some(Held { connection, quiet });
            Ok(Snapshot(Mutex::new(held)))
        };
        if self.footprint == Footprint::None {
            for _ in 0..DISTURBANCES {
                let before = self.stamp();
                if before.log.is_some() {
                    break;
                }
                let snapshot = database::open_immutable(&self.path)
                    .and_then(|connection| begin(connection, before.file));
                if self.stamp() == before {
                    return snapshot;
                }
            }
        }
        begin(database::open_reader(&self.path, self.busy_timeout)?, None)
    }

    /// Runs `read` in a snapshot; as [`Self::read`] when that is over.
    pub(super) fn read_in<T>(
        &self,
        snapshot: &Snapshot,
        read: impl Fn(&Connection) -> Result<T>,
    ) -> Result<T> {
        let mut held = snapshot.0.lock();
        if let Some(Held { connection, quiet }) = &*held {
            let result = read(connection);
            // A file that is read as one that nobody changes was changed.
            if quiet.is_none() || self.stamp().file == *quiet {
                return result;
            }
            *held = None;
        }
        drop(held);
        self.read(read)
    }

    /// A number that changes when anybody committed.
    pub(super) fn data_version(&self) -> Result<i64> {
        let mut watch = self.watch.lock();
        let stamp = self.stamp();
        let seen = if stamp.log.is_some() {
            if watch.connection.is_none() {
                watch.connection = Some(database::open_reader(&self.path, self.busy_timeout)?);
            }
            let version = watch.connection.as_ref().map(data_version).transpose();
            Seen::Log(version.map_err(|error| LedgerError::sqlite(&self.path, &error))?)
        } else {
            watch.connection = None;
            Seen::File(stamp)
        };
        if watch.seen.as_ref() != Some(&seen) {
            watch.seen = Some(seen);
            watch.changes += 1;
        }
        Ok(watch.changes)
    }

    fn stamp(&self) -> Stamp {
        let of = |metadata: Metadata| (metadata.len(), metadata.modified().ok());
        Stamp {
            file: std::fs::metadata(&self.path).ok().map(of),
            // An empty log is as good as none: nothing was written since it was last moved.
            log: std::fs::metadata(&self.log)
                .ok()
                .map(of)
                .filter(|(len, _)| *len > 0),
        }
    }
}

/// What was read as of one moment, while it lasts.
pub(super) struct Snapshot(Mutex<Option<Held>>);

struct Held {
    connection: Connection,
    /// Of a file that is read as one that nobody changes.
    quiet: Option<Part>,
}

impl Snapshot {
    /// Ends it: what is read from here on is newer. While it lasts, the log cannot be emptied.
    pub(super) fn end(&self) {
        *self.0.lock() = None;
    }
}

/// What is read until this is dropped is of one moment; none where it is anyway.
pub(super) fn one_look(connection: &Connection) -> rusqlite::Result<Option<Transaction<'_>>> {
    let is_alone = connection.is_autocommit();
    is_alone
        .then(|| connection.unchecked_transaction())
        .transpose()
}

/// SQLite's count of commits by other connections.
pub(super) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

/// What tells whether a file was written: length and time of both parts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    file: Option<Part>,
    log: Option<Part>,
}

type Part = (u64, Option<SystemTime>);

#[derive(Default)]
struct Watch {
    connection: Option<Connection>,
    seen: Option<Seen>,
    changes: i64,
}

#[derive(PartialEq, Eq)]
enum Seen {
    Log(Option<i64>),
    File(Stamp),
}
