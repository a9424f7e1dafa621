//! Whether a ledger's files still hold what SQLite has put into them. It trusts them while they are open: cut short, a log
//! gets a hole that nobody can read after a crash, and the index that processes share ends them (SIGBUS).

use std::fs::{File, OpenOptions};
use std::io;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::database;
use super::files::{self, read_at, written};
use crate::ledger::{LedgerError, Result};

/// The index's beginning: two copies of its header, and how far the log has been moved into the file.
/// <https://www.sqlite.org/walformat.html#the_wal_index_file_format>
const INDEX: usize = 136;

/// Bytes of a header; the second copy follows.
const HEADER: usize = 48;

/// Bytes before the log's first frame, and of each frame before its page.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// Where in both stands which log it is.
const LOG_SALT: u64 = 16;
const FRAME_SALT: u64 = 8;

/// Looks at files that others change just now.
const TRIES: u32 = 5;

/// Bytes of the file that stay as they are: that it is SQLite's, and the size of its pages.
const HEAD: usize = 18;

/// What is known of a ledger's files, besides which they are.
pub(super) struct Whole {
    path: PathBuf,
    log_path: PathBuf,
    log: Option<File>,
    index_path: PathBuf,
    head: Option<[u8; HEAD]>,
    index: Option<Index>,
    written: Option<(u64, SystemTime)>,
    moved: Option<Moved>,
    // Of the log, when it was whole.
    seen: Option<Says>,
}

struct Index {
    // Never closed before the process ends: that would take the locks with it by which SQLite keeps others from the
    // index (POSIX locks belong to a process and a file, however often it is open).
    file: ManuallyDrop<File>,
    length: u64,
}

/// What the index says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Says {
    /// Frames in the log.
    frames: u32,
    page: u64,
    /// Pages of the whole ledger, wherever they are now.
    pages: u32,
    moved: Moved,
}

/// How far the log has been moved into the file: changes with whatever SQLite writes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moved {
    salt: [u8; 8],
    frames: u32,
    begun: u32,
}

impl Says {
    // Cut short and then written to, the log has a hole, whose frames are of no log.
    fn is_in(self, log: &File) -> bool {
        let Some(last) = self.frames.checked_sub(1) else {
            return true;
        };
        let last = LOG_HEADER + u64::from(last) * (FRAME_HEADER + self.page);
        let salt_at = |place: u64| {
            let mut salt = [0; 8];
            read_at(log, &mut salt, place).is_ok_and(|read| read == salt.len())
                && salt == self.moved.salt
        };
        let end = last + FRAME_HEADER + self.page;
        length(log).is_ok_and(|length| length >= end)
            && salt_at(LOG_SALT)
            && salt_at(last + FRAME_SALT)
    }
}

impl Whole {
    /// Of a ledger that SQLite has just opened.
    pub fn of(path: &Path, file: &File) -> Self {
        let mut head = [0; HEAD];
        let read = read_at(file, &mut head, 0);
        let is_sqlite =
            read.is_ok_and(|read| read == HEAD) && head.starts_with(b"SQLite format 3\0");
        Self {
            path: path.to_owned(),
            log_path: files::beside(path, "-wal"),
            log: None,
            index_path: files::beside(path, "-shm"),
            head: is_sqlite.then_some(head),
            index: None,
            written: None,
            moved: None,
            seen: None,
        }
    }

    /// Refuses files that lost something, or that anything but SQLite damaged, since the last look.
    pub fn check(&mut self, file: &File) -> Result<()> {
        self.check_index()?;
        let before = self.says();
        self.check_log()?;
        let metadata = file
            .metadata()
            .map_err(|error| LedgerError::io(&self.path, &error))?;
        let now = written(&metadata);
        let after = self.says();
        let is_short = |says: Says| metadata.len() < u64::from(says.pages) * says.page;
        if let Some((length, _)) = self.written
            && metadata.len() < length
            && after.is_none_or(is_short)
        {
            return Err(LedgerError::gone(&self.path, "is shorter than it was"));
        }
        let was_written = self.written.is_some() && self.written != now;
        let by_sqlite = match (self.moved, after) {
            (Some(last), Some(now)) => last != now.moved || now.moved.frames != now.moved.begun,
            _ => true,
        };
        if was_written {
            self.check_head(file)?;
            if !by_sqlite {
                self.check_pages()?;
            }
        }
        self.written = now;
        // As it was before the file was looked at: what SQLite does meanwhile counts for the next look.
        self.moved = before.map(|says| says.moved);
        Ok(())
    }

    /// Made as long again, so that nobody who looks at it is ended: SQLite then makes its content anew.
    fn check_index(&mut self) -> Result<()> {
        let Some(index) = &mut self.index else {
            // Not there before anything was read or written, or to be seen by us alone.
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .open(&self.index_path);
            self.index = opened.ok().and_then(|file| {
                let length = length(&file).ok()?;
                let file = ManuallyDrop::new(file);
                Some(Index { file, length })
            });
            return Ok(());
        };
        let failed = |error: io::Error| LedgerError::io(&self.index_path, &error);
        let now = length(&index.file).map_err(failed)?;
        if now < index.length {
            index.file.set_len(index.length).map_err(failed)?;
            return Err(LedgerError::gone(&self.index_path, "was cut short"));
        }
        index.length = now;
        Ok(())
    }

    fn check_log(&mut self) -> Result<()> {
        if self.log.is_none() {
            self.log = File::open(&self.log_path).ok();
        }
        let mut before = self.says();
        for _ in 0..TRIES {
            let (Some(says), Some(log)) = (before, &self.log) else {
                return Ok(());
            };
            let seen = self.seen.filter(|seen| seen.moved.salt == says.moved.salt);
            if says.is_in(log) && seen.is_none_or(|seen| seen.is_in(log)) {
                self.seen = Some(says);
                return Ok(());
            }
            // Emptied or begun anew in between by who moved all of it into the file.
            let after = self.says();
            if after == before {
                return Err(LedgerError::gone(&self.log_path, "was cut short"));
            }
            before = after;
        }
        Ok(())
    }

    fn check_head(&self, file: &File) -> Result<()> {
        let Some(head) = self.head else {
            return Ok(());
        };
        let mut now = [0; HEAD];
        match read_at(file, &mut now, 0) {
            Ok(read) if read == HEAD && now == head => Ok(()),
            Ok(_) => Err(LedgerError::gone(&self.path, "does not begin as it did")),
            Err(error) => Err(LedgerError::io(&self.path, &error)),
        }
    }

    // Through another connection: this one's pages may be from before.
    fn check_pages(&self) -> Result<()> {
        let found = database::open_reader(&self.path, std::time::Duration::ZERO)?.query_row(
            "PRAGMA quick_check(1)",
            [],
            |row| row.get::<_, String>(0),
        );
        match found.map_err(|error| LedgerError::sqlite(&self.path, &error)) {
            Ok(found) if found == "ok" => Ok(()),
            // Looked at again when it is next written to.
            Err(LedgerError::Locked { .. }) => Ok(()),
            Ok(_) | Err(LedgerError::Corrupt { .. } | LedgerError::ForeignFile { .. }) => Err(
                LedgerError::gone(&self.path, "was damaged by something that wrote to it"),
            ),
            Err(other) => Err(other),
        }
    }

    // None while it is being written.
    fn says(&self) -> Option<Says> {
        let index = self.index.as_ref()?;
        let mut bytes = [0; INDEX];
        for _ in 0..TRIES {
            let read = read_at(&index.file, &mut bytes, 0).ok()?;
            if read == INDEX && bytes[..HEADER] == bytes[HEADER..2 * HEADER] {
                return says(&bytes);
            }
        }
        None
    }
}

/// Numbers are in the machine's own order.
fn says(bytes: &[u8; INDEX]) -> Option<Says> {
    /// Whether the header was ever written.
    const IS_MADE: usize = 12;
    let number = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if bytes[IS_MADE] == 0 {
        return None;
    }
    // 65,536 is written as 1.
    let page = match u16::from_ne_bytes([bytes[14], bytes[15]]) {
        1 => 65_536,
        page => u64::from(page),
    };
    Some(Says {
        page,
        frames: number(16)?,
        pages: number(20)?,
        moved: Moved {
            salt: bytes.get(32..40)?.try_into().ok()?,
            frames: number(96)?,
            begun: number(128)?,
        },
    })
}

fn length(file: &File) -> io::Result<u64> {
    file.metadata().map(|metadata| metadata.len())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// A database with a log, and some of it moved into the file.
    struct Open {
        folder: tempfile::TempDir,
        sql: Connection,
        file: File,
        whole: Whole,
    }

    impl Open {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.db");
            let sql = Connection::open(&path).unwrap();
            sql.pragma_update(None, "journal_mode", "WAL").unwrap();
            sql.execute_batch("CREATE TABLE t (x); PRAGMA wal_autocheckpoint = 0")
                .unwrap();
            let file = File::open(&path).unwrap();
            let whole = Whole::of(&path, &file);
            let mut open = Self {
                folder,
                sql,
                file,
                whole,
            };
            open.grow(40);
            open.moves("TRUNCATE");
            open.grow(4);
            assert_eq!(open.check(), Ok(()));
            open
        }

        fn path(&self, suffix: &str) -> PathBuf {
            self.folder.path().join(format!("x.db{suffix}"))
        }

        fn grow(&self, rows: u32) {
            for _ in 0..rows {
                let row = "INSERT INTO t VALUES (randomblob(3000))";
                self.sql.execute(row, []).unwrap();
            }
        }

        fn moves(&self, how: &str) {
            let pragma = format!("PRAGMA wal_checkpoint({how})");
            self.sql.query_row(&pragma, [], |_| Ok(())).unwrap();
        }

        fn cut(&self, suffix: &str, by: u64) {
            let file = OpenOptions::new()
                .write(true)
                .open(self.path(suffix))
                .unwrap();
            let length = length(&file).unwrap();
            file.set_len(length.saturating_sub(by)).unwrap();
        }

        fn overwrite(&self, at: u64, bytes: &[u8]) {
            let file = OpenOptions::new().write(true).open(self.path("")).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, bytes, at).unwrap();
            // Whatever the clock's steps are.
            let later = SystemTime::now() + std::time::Duration::from_secs(1);
            file.set_modified(later).unwrap();
        }

        fn check(&mut self) -> Result<()> {
            self.whole.check(&self.file)
        }
    }

    #[test]
    fn what_sqlite_does_is_no_loss() {
        let mut open = Open::new();
        for how in ["PASSIVE", "FULL", "RESTART", "TRUNCATE"] {
            open.grow(3);
            assert_eq!(open.check(), Ok(()), "{how}");
            open.moves(how);
            assert_eq!(open.check(), Ok(()), "{how}");
            assert_eq!(open.check(), Ok(()), "{how}");
        }
        let before = length(&open.file).unwrap();
        open.sql
            .execute_batch("DELETE FROM t WHERE rowid > 5; VACUUM")
            .unwrap();
        assert_eq!(open.check(), Ok(()));
        open.moves("TRUNCATE");
        assert!(length(&open.file).unwrap() < before);
        assert_eq!(open.check(), Ok(()));
        // Nor is what leaves the ledger whole.
        open.overwrite(0, b"SQLite");
        assert_eq!(open.check(), Ok(()));
    }

    #[test]
    fn what_is_cut_short_or_overwritten_is_noticed() {
        type Act = fn(&Open);
        let acts: [(&str, Act, &str); 8] = [
            (
                "a page",
                |open| open.cut("", 4096),
                "x.db is shorter than it was",
            ),
            (
                "a byte",
                |open| open.cut("", 1),
                "x.db is shorter than it was",
            ),
            (
                "half a log",
                |open| open.cut("-wal", 8_000),
                "x.db-wal was cut short",
            ),
            (
                "a whole log",
                |open| open.cut("-wal", u64::MAX),
                "x.db-wal was cut short",
            ),
            (
                "its end",
                |open| open.cut("-wal", 1),
                "x.db-wal was cut short",
            ),
            (
                "an index",
                |open| open.cut("-shm", u64::MAX),
                "x.db-shm was cut short",
            ),
            (
                "a head",
                |open| open.overwrite(0, &[9; 100]),
                "x.db does not begin as it did",
            ),
            (
                "pages",
                |open| open.overwrite(4096, &[9; 3 * 4096]),
                "x.db was damaged by something that wrote to it",
            ),
        ];
        for (what, act, says) in acts {
            let mut open = Open::new();
            act(&open);
            let error = open.check().expect_err(what).to_string();
            assert!(error.contains(says), "{what}: {error}");
        }
    }

    #[test]
    fn an_index_that_was_cut_short_is_made_anew() {
        let mut open = Open::new();
        open.cut("-shm", u64::MAX);
        open.check().unwrap_err();
        let rows = |sql: &Connection| -> i64 {
            sql.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(rows(&open.sql), 44);
        assert_eq!(open.check(), Ok(()));
        open.grow(1);
        assert_eq!(rows(&open.sql), 45);
    }

    #[test]
    fn a_hole_in_the_log_is_noticed_after_it_was_written_to() {
        for keep in [0, 5_000] {
            let mut open = Open::new();
            let log = OpenOptions::new()
                .write(true)
                .open(open.path("-wal"))
                .unwrap();
            log.set_len(keep).unwrap();
            open.grow(1);
            let error = open.check().expect_err("noticed").to_string();
            assert!(error.contains("x.db-wal was cut short"), "{keep}: {error}");
        }
    }
}
