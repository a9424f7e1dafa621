//! What SQLite and the system say of a ledger's files, as errors of the ledger.
//!
//! The only place that reads SQLite's result codes.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use super::files;
use crate::ledger::{Gone, LedgerError};
use crate::limits::{self, Lack};
use crate::model::UnixMillis;

/// What triggers of a ledger that was moved away say, before since when and where to.
pub(super) const CLOSED: &str = "okta-rollout moved ";

impl LedgerError {
    /// Says what became of a file.
    pub(super) fn gone(path: &Path, what: &'static str) -> Self {
        Self::Gone {
            location: files::location(path),
            what,
        }
    }

    /// SQLite's word for a failed operation on the ledger in `path`.
    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        Self::sqlite_on(path, error, is_full)
    }

    fn sqlite_on(path: &Path, error: &rusqlite::Error, is_full: fn(&Path) -> bool) -> Self {
        if let rusqlite::Error::SqliteFailure(_, Some(said)) = error
            && let Some(closed) = closed(path, said)
        {
            return closed;
        }
        let code = error.sqlite_error_code();
        let lack = match code {
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => limit(path),
            Some(ErrorCode::OutOfMemory) => Some(rustix::io::Errno::NOMEM.into()),
            _ => None,
        };
        if let Some(lack) = lack {
            return Self::limit(path, &lack);
        }
        let location = files::location(path);
        let cause = error.to_string();
        match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { location },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::ReadOnly { location, cause }
            }
            Some(ErrorCode::DiskFull) => Self::DiskFull { location },
            // The memory that processes share beside the ledger cannot grow, and SQLite does not say why.
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if is_full(path) => {
                Self::DiskFull { location }
            }
            Some(ErrorCode::NotADatabase) => Self::ForeignFile {
                location,
                what: "it is no SQLite database".into(),
            },
            // None: a stored value of another type than this version writes.
            Some(ErrorCode::DatabaseCorrupt) | None => Self::Corrupt { location, cause },
            Some(_) => Self::Io { location, cause },
        }
    }

    fn limit(path: &Path, error: &io::Error) -> Self {
        Self::Limit {
            location: files::location(path),
            cause: error.to_string(),
            remedy: Lack::of(error).map_or("run the command again", Lack::hint),
        }
    }

    /// A failed system call on `path`.
    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        let location = files::location(path);
        let cause = error.to_string();
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { location, cause }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { location }
            }
            _ if Lack::of(error).is_some() => Self::limit(path, error),
            _ => Self::Io { location, cause },
        }
    }
}

fn closed(path: &Path, said: &str) -> Option<LedgerError> {
    let (at, to) = said.strip_prefix(CLOSED)?.split_once(' ')?;
    let (to, at) = (to.to_owned(), UnixMillis(at.parse().ok()?));
    Some(LedgerError::Closed {
        location: files::location(path),
        gone: Gone { to, at },
    })
}

/// The limit that keeps SQLite from using a ledger, if one does: it does not say why itself.
fn limit(path: &Path) -> Option<io::Error> {
    let grown = ["", "-wal", "-shm", "-journal"].map(|suffix| files::beside(path, suffix));
    limits::no_files_now().or_else(|| limits::no_growth(grown))
}

/// Whether a file's disk has no room for the least that SQLite wants of it.
fn is_full(path: &Path) -> bool {
    /// What a new log and its index take (bytes).
    const LEAST: u64 = 64 * 1024;
    let folder = path.parent().unwrap_or(path);
    rustix::fs::statvfs(folder).is_ok_and(|disk| {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        free < LEAST || (disk.f_files > 0 && disk.f_favail == 0)
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_full_disk_is_reported_whatever_sqlite_makes_of_it() {
        let path = Path::new("/d/ledger.db");
        let full = || LedgerError::DiskFull {
            location: files::location(path),
        };
        for (code, reported_when_full) in [
            (ffi::SQLITE_FULL, true),
            (ffi::SQLITE_IOERR_SHMSIZE, true),
            (ffi::SQLITE_IOERR_SHMOPEN, true),
            (ffi::SQLITE_IOERR_WRITE, true),
            (ffi::SQLITE_IOERR_FSYNC, true),
            (ffi::SQLITE_IOERR_TRUNCATE, true),
            (ffi::SQLITE_CANTOPEN, true),
            (ffi::SQLITE_BUSY, false),
            (ffi::SQLITE_READONLY, false),
            (ffi::SQLITE_CORRUPT, false),
            (ffi::SQLITE_NOTADB, false),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let on = |is_full| LedgerError::sqlite_on(path, &error, is_full);
            assert_eq!(on(|_| true) == full(), reported_when_full, "{code}");
            assert_eq!(on(|_| false) == full(), code == ffi::SQLITE_FULL, "{code}");
        }
        let stored = io::Error::from(io::ErrorKind::StorageFull);
        let quota = io::Error::from(io::ErrorKind::QuotaExceeded);
        assert_eq!(LedgerError::io(path, &stored), full());
        assert_eq!(LedgerError::io(path, &quota), full());
    }

    #[test]
    fn a_limit_of_the_machine_is_reported_with_what_raises_it() {
        let path = Path::new("/d/ledger.db");
        let no_memory = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOMEM), None);
        let errors = [
            (LedgerError::sqlite(path, &no_memory), "ulimit -v"),
            (
                LedgerError::io(path, &io::Error::from_raw_os_error(24)),
                "ulimit -n 1024",
            ),
            (
                LedgerError::io(path, &io::Error::from_raw_os_error(23)),
                "ulimit -n 1024",
            ),
            (
                LedgerError::io(path, &io::Error::from_raw_os_error(27)),
                "ulimit -f",
            ),
        ];
        for (error, remedy) in errors {
            assert!(error.hint().contains(remedy), "{error:?}");
            assert!(error.is_fatal());
            // Whoever has its text alone finds it out, too.
            assert!(Lack::said_in(&error.to_string()).is_some(), "{error}");
        }
    }

    #[test]
    fn a_disk_with_room_is_not_full() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_full(&folder.path().join("ledger.db")));
        // What is not there says nothing.
        assert!(!is_full(Path::new("/nowhere/at/all/ledger.db")));
    }
}
