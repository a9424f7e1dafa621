//! A ledger that was made for a run that then did not begin: it is taken away again, and the folders made for it; a file
//! that was there, empty, is empty again.
//!
//! Nobody else may have it open: SQLite gives up its log only then, and keeps everybody out from there on. Whoever opens
//! the file in the moment before it is gone finds its ledger removed before anything is sent, as with any other that is
//! deleted under a process.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::files;

/// What opening a ledger made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    /// Whether the ledger is new.
    pub ledger: bool,
    /// Whether its file is, too.
    pub file: bool,
    /// Folders, the innermost first.
    pub folders: Vec<PathBuf>,
}

/// The folders that are missing for a file, the innermost first.
pub(super) fn missing_folders(path: &Path) -> Vec<PathBuf> {
    let above = path.ancestors().skip(1);
    let missing = above.take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    missing.map(Path::to_owned).collect()
}

/// Removes it, unless somebody needs it: a ledger without runs is no harm.
pub(super) fn remove(path: &Path, locks: &Path, made: &Made) {
    if !made.ledger {
        return;
    }
    let Ok(Some(alone)) = open_alone(path) else {
        return;
    };
    // The index of the log that there is no more; it may be gone already. Before the ledger: whoever makes a new one in
    // its place has an index of its own.
    drop(fs::remove_file(files::beside(path, "-shm")));
    let is_gone = if made.file {
        fs::remove_file(path)
    } else {
        // It was empty before.
        OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(path)
            .map(drop)
    };
    drop(alone);
    if is_gone.is_err() {
        return;
    }
    // Only empty ones go.
    for folder in [locks]
        .into_iter()
        .chain(made.folders.iter().map(PathBuf::as_path))
    {
        if fs::remove_dir(folder).is_err() && folder.exists() {
            return;
        }
    }
}

/// The ledger, from which everybody else is kept out; `None` = a run is in it.
fn open_alone(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let set = |pragma: &str, value: &str| -> rusqlite::Result<String> {
        connection.pragma_update_and_check(None, pragma, value, |row| row.get(0))
    };
    let has_runs = || {
        let sql = "SELECT EXISTS (SELECT 1 FROM run WHERE imported = 1)";
        connection.query_row(sql, [], |row| row.get::<_, bool>(0))
    };
    set("locking_mode", "EXCLUSIVE")?;
    if has_runs()? || set("journal_mode", "DELETE")? != "delete" {
        return Ok(None);
    }
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    let is_unused = !has_runs()?;
    Ok(is_unused.then_some(connection))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::LedgerUrl;
    use crate::ledger::{Ledger, OpenMode};

    fn url(path: &Path) -> LedgerUrl {
        path.to_str().expect("UTF-8").parse().expect("a path")
    }

    #[tokio::test]
    async fn a_ledger_that_nobody_uses_goes_with_its_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/ledger.db");
        let open = || async { Ledger::open(&url(&path), OpenMode::ReadWrite).await };
        let ledger = open().await.expect("opened");
        let lock = ledger.lock_file("a file").await.expect("locked");
        drop(lock);
        ledger.discard_unused().await;
        assert!(!folder.path().join("a").exists());

        // Somebody else has it open by now.
        let (ledger, other) = (open().await.expect("opened"), open().await.expect("opened"));
        ledger.discard_unused().await;
        assert!(path.exists());
        // It was there before.
        other.discard_unused().await;
        open().await.expect("opened").discard_unused().await;
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_read_that_was_answered_does_not_keep_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        for _ in 0..200 {
            let ledger = Ledger::open(&url(&path), OpenMode::ReadWrite).await;
            let ledger = ledger.expect("opened");
            assert_eq!(ledger.last_run_of("a file").await, Ok(None));
            ledger.discard_unused().await;
            assert!(!path.exists());
        }
    }

    #[tokio::test]
    async fn what_was_there_before_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        fs::write(&path, "").expect("written");
        let ledger = Ledger::open(&url(&path), OpenMode::ReadWrite).await;
        let ledger = ledger.expect("opened");
        assert!(ledger.is_new());
        ledger.discard_unused().await;
        assert_eq!(fs::read(&path).expect("there"), b"");
        let ledger = Ledger::open(&url(&path), OpenMode::ReadWrite).await;
        assert!(ledger.expect("opened").is_new());

        let neighbour = folder.path().join("a/note");
        let path = folder.path().join("a/ledger.db");
        let ledger = Ledger::open(&url(&path), OpenMode::ReadWrite).await;
        fs::write(&neighbour, "").expect("written");
        ledger.expect("opened").discard_unused().await;
        assert!(!path.exists() && neighbour.exists());
    }
}
