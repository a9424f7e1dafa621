//! Opening the ledger's file: what is ours and what is refused, how connections are set up, and the
//! format's migrations.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::unused::{Made, missing_folders};
use super::{OpenMode, OpenOptions, files};
use crate::ledger::{LedgerError, Result};

/// Marks the file as ours in SQLite's header: "oktr". A database with another mark is never touched.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"oktr");

/// The format's versions, in order: `user_version` n has the first n applied. Append, never change.
const MIGRATIONS: [&str; 22] = [
    include_str!("migrations/0001_runs.sql"),
    include_str!("migrations/0002_one_link.sql"),
    include_str!("migrations/0003_applied.sql"),
    include_str!("migrations/0004_keys_and_adopted.sql"),
    include_str!("migrations/0005_budgets.sql"),
    include_str!("migrations/0006_drift.sql"),
    include_str!("migrations/0007_leaner.sql"),
    include_str!("migrations/0008_calls.sql"),
    include_str!("migrations/0009_apps.sql"),
    include_str!("migrations/0010_specs.sql"),
    include_str!("migrations/0011_looks.sql"),
    include_str!("migrations/0012_names.sql"),
    include_str!("migrations/0013_removed.sql"),
    include_str!("migrations/0014_holders.sql"),
    include_str!("migrations/0015_others.sql"),
    include_str!("migrations/0016_queues.sql"),
    include_str!("migrations/0017_notices.sql"),
    include_str!("migrations/0018_waves.sql"),
    include_str!("migrations/0019_schedules.sql"),
    include_str!("migrations/0020_notices_again.sql"),
    include_str!("migrations/0021_clients.sql"),
    include_str!("migrations/0022_moves.sql"),
];

/// `user_version` this program writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful")]
pub(super) const FORMAT: i64 = MIGRATIONS.len() as i64;

/// Page cache of the writer in KiB. Taken only as it is needed.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// The same while many entries are imported: rows of many orgs arrive in turn, and with a million of them much of the
/// indexes (some 50 MB) stay in memory.
const IMPORT_CACHE_KIB: i64 = 28 * 1024;

/// Pages in the log before they are moved into the file (64 MB): checkpoints of neighbouring entries share pages, each
/// move costs two syncs, and a log of that size is read in a tenth of a second after a crash.
const WAL_PAGES: i64 = 16_000;

/// Bytes of SQLite's header that are looked at before SQLite is let near the file.
const HEADER: usize = 72;

/// Opens the ledger for writing; makes or upgrades it as needed, and says what was made.
pub(super) fn open_writer(path: &Path, options: OpenOptions) -> Result<(Connection, Made)> {
    let failed = |error: io::Error| LedgerError::io(path, &error);
    let folders = missing_folders(path);
    if let Some(folder) = path.parent() {
        files::create_private_folder(folder).map_err(|error| LedgerError::io(folder, &error))?;
    }
    let file = files::create_private_file(path).map_err(failed)?;
    refuse_foreign(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = open(path, path, flags, options.busy_timeout)?;
    let made = Made {
        ledger: set_up_writer(path, &mut connection, options)?,
        file,
        folders,
    };
    Ok((connection, made))
}

// Whether the ledger is new.
fn set_up_writer(path: &Path, connection: &mut Connection, options: OpenOptions) -> Result<bool> {
    let failed = |error: rusqlite::Error| LedgerError::sqlite(path, &error);
    // SQLite falls back to reading in silence when the file does not let it write.
    if connection.is_readonly("main").map_err(failed)? {
        return Err(LedgerError::ReadOnly {
            location: files::location(path),
            cause: "permission denied".into(),
        });
    }
    set_cache(connection, WRITER_CACHE_KIB).map_err(failed)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    // Only macOS knows it: a plain fsync there leaves data in the drive's cache.
    connection
        .pragma_update(None, "fullfsync", true)
        .map_err(failed)?;
    // Before WAL is on, so that the file's first bytes already say whose it is.
    let is_new = if options.mode == OpenMode::Current {
        refuse_other_format(path, connection)?;
        false
    } else {
        migrate(path, connection)?
    };
    use_wal(path, connection, options.busy_timeout)?;
    connection
        .pragma_update(None, "wal_autocheckpoint", WAL_PAGES)
        .map_err(failed)?;
    if let Some(pages) = options.max_pages {
        connection
            .pragma_update(None, "max_page_count", pages)
            .map_err(failed)?;
    }
    Ok(is_new)
}

/// Gives the writer the cache of an import, or takes it away again.
pub(super) fn cache_for_import(connection: &Connection, begins: bool) -> rusqlite::Result<()> {
    if begins {
        set_cache(connection, IMPORT_CACHE_KIB)
    } else {
        set_cache(connection, WRITER_CACHE_KIB)?;
        connection.execute_batch("PRAGMA shrink_memory")
    }
}

fn set_cache(connection: &Connection, kib: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", -kib)
}

/// Opens the ledger for reading beside a writer, or alone where the log is there to be read.
pub(super) fn open_reader(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(path, path, flags, busy_timeout)
}

/// Opens the ledger as a file that nobody changes: SQLite then makes no `-shm` and `-wal` beside it.
/// The caller has to see to it that nobody did.
#[cfg(unix)]
pub(super) fn open_immutable(path: &Path) -> Result<Connection> {
    use std::os::unix::ffi::OsStrExt;
    // A URI's path ends at `?` or `#`, and `%` escapes.
    const ESCAPED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'/');
    let escaped = percent_encoding::percent_encode(path.as_os_str().as_bytes(), ESCAPED);
    let uri = format!("file:{escaped}?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    // Nobody to wait for.
    open(path, Path::new(&uri), flags, Duration::ZERO)
}

/// Elsewhere a reader may leave an empty `-shm` and `-wal` behind.
#[cfg(not(unix))]
pub(super) fn open_immutable(path: &Path) -> Result<Connection> {
    open_reader(path, Duration::ZERO)
}

fn open(path: &Path, name: &Path, flags: OpenFlags, busy_timeout: Duration) -> Result<Connection> {
    let failed = |error: rusqlite::Error| LedgerError::sqlite(path, &error);
    let connection = Connection::open_with_flags(name, flags).map_err(failed)?;
    connection.busy_timeout(busy_timeout).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Refuses what is not ours by looking at the file's first bytes, before SQLite could recover,
/// upgrade or lock anything in it. An empty file is a ledger that was never begun.
pub(super) fn refuse_foreign(path: &Path) -> Result<()> {
    let foreign = |what: &str| {
        Err(LedgerError::ForeignFile {
            location: files::location(path),
            what: what.into(),
        })
    };
    let failed = |error: io::Error| LedgerError::io(path, &error);
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    if kind.is_dir() {
        return foreign("it is a folder");
    }
    if !kind.is_file() {
        return foreign("it is no regular file");
    }
    let mut head = Vec::with_capacity(HEADER);
    File::open(path)
        .and_then(|file| file.take(HEADER as u64).read_to_end(&mut head))
        .map_err(failed)?;
    if head.is_empty() {
        return Ok(());
    }
    if !head.starts_with(b"SQLite format 3\0") || head.len() < HEADER {
        return foreign("it is no SQLite database");
    }
    // https://www.sqlite.org/fileformat.html#application_id
    if head[68..72] != APPLICATION_ID.to_be_bytes() {
        return foreign("it is a database of another program");
    }
    Ok(())
}

/// The file's format, if this program knows it: 0 = nothing in it yet.
pub(super) fn format(path: &Path, connection: &Connection) -> Result<i64> {
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| LedgerError::sqlite(path, &error))?;
    if found > FORMAT {
        return Err(LedgerError::NewerFormat {
            location: files::location(path),
            found,
            known: FORMAT,
        });
    }
    Ok(found)
}

/// As [`format`], and refuses what only a writer could upgrade.
pub(super) fn refuse_other_format(path: &Path, connection: &Connection) -> Result<()> {
    match format(path, connection)? {
        FORMAT => Ok(()),
        0 => Err(LedgerError::Missing {
            location: files::location(path),
        }),
        found => Err(LedgerError::OlderFormat {
            location: files::location(path),
            found,
            known: FORMAT,
        }),
    }
}

/// Applies what is missing, in one transaction: an interrupted upgrade leaves the old format. `true` = there was nothing.
fn migrate(path: &Path, connection: &mut Connection) -> Result<bool> {
    if format(path, connection)? == FORMAT {
        return Ok(false);
    }
    let failed = |error: rusqlite::Error| LedgerError::sqlite(path, &error);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Exclusive)
        .map_err(failed)?;
    // Again under the lock: another process may have been faster.
    let found = format(path, &transaction)?;
    for sql in MIGRATIONS
        .iter()
        .skip(usize::try_from(found).unwrap_or_default())
    {
        transaction.execute_batch(sql).map_err(failed)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .and_then(|()| transaction.pragma_update(None, "user_version", FORMAT))
        .and_then(|()| transaction.commit())
        .map_err(failed)?;
    Ok(found == 0)
}

/// Switches to the write-ahead log, for good. SQLite does not wait for others by itself here.
fn use_wal(path: &Path, connection: &Connection, busy_timeout: Duration) -> Result<()> {
    const PAUSE: Duration = Duration::from_millis(10);
    let deadline = Instant::now() + busy_timeout;
    loop {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode.map_err(|error| LedgerError::sqlite(path, &error)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(LedgerError::Io {
                    location: files::location(path),
                    cause: format!("its file system allows no write-ahead log ({mode})"),
                });
            }
            Err(LedgerError::Locked { .. }) if Instant::now() < deadline => {
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}
