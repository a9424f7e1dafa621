//! Whether the ledger is still the file that was opened: renamed, deleted or replaced under a process, SQLite continues
//! writing into what nobody will find again. Whether it still has all that was put into it, [`super::whole`] finds out.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::files::{self, read_at, written};
use super::whole::Whole;
use crate::ledger::{LedgerError, Result};

/// Looks at a file that another process moves pages into just now, until it holds still.
const TRIES: u32 = 5;

/// Bytes of the file that are searched at once.
const CHUNK: usize = 1024 * 1024;

/// What a process writes into the run that it works on.
pub(super) type Mark = [u8; 16];

/// Device and number of a file.
type Id = (u64, u64);

/// The files of an open ledger as they were first seen.
pub(super) struct Identity {
    path: PathBuf,
    // Open for as long as SQLite has it open: closed before, it would take SQLite's locks with it (POSIX locks belong to
    // a process and a file, however often it is open).
    file: File,
    // Those beside it are there once something was written.
    parts: Vec<(PathBuf, Option<Id>)>,
    written: Option<(u64, SystemTime)>,
    // And where it was found last.
    mark: Option<(Mark, u64)>,
    whole: Whole,
}

impl Identity {
    /// Of a ledger that SQLite has just opened.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| LedgerError::io(path, &error);
        let file = File::open(path).map_err(failed)?;
        let first = id(&file.metadata().map_err(failed)?);
        let beside = ["-wal", "-shm"].map(|suffix| (files::beside(path, suffix), None));
        Ok(Self {
            path: path.to_owned(),
            whole: Whole::of(path, &file),
            file,
            parts: std::iter::once((path.to_owned(), first))
                .chain(beside)
                .collect(),
            written: None,
            mark: None,
        })
    }

    /// From now on the file has this mark, if it has it now: a copy from before does not.
    pub(super) fn expect(&mut self, mark: Mark) {
        let place = self.find(mark).ok().flatten();
        self.mark = place.map(|place| (mark, place));
        self.written = None;
    }

    /// Refuses a ledger that is not what was opened.
    pub(super) fn check(&mut self) -> Result<()> {
        if !cfg!(unix) {
            return Ok(());
        }
        for (part, first) in &mut self.parts {
            let now = std::fs::metadata(&*part).ok();
            let now = now.and_then(|metadata| id(&metadata));
            match *first {
                None => *first = now,
                Some(_) if now == *first => {}
                Some(_) if now.is_some() => {
                    return Err(LedgerError::gone(part, "is another file now"));
                }
                Some(_) => return Err(LedgerError::gone(part, "is gone")),
            }
        }
        self.check_content()?;
        self.whole.check(&self.file)
    }

    // Only what was written by somebody is looked into: SQLite itself does that seldom.
    fn check_content(&mut self) -> Result<()> {
        let failed = |error: io::Error| LedgerError::io(&self.path, &error);
        let metadata = self.file.metadata().map_err(failed)?;
        let written = written(&metadata);
        if written == self.written {
            return Ok(());
        }
        if metadata.len() == 0 {
            return Err(LedgerError::gone(&self.path, "is empty now"));
        }
        self.written = written;
        let Some((mark, place)) = self.mark else {
            return Ok(());
        };
        for _ in 0..TRIES {
            if self.is_at(mark, place) {
                return Ok(());
            }
            // Its row may have moved to another page.
            if let Some(place) = self.find(mark).map_err(failed)? {
                self.mark = Some((mark, place));
                return Ok(());
            }
        }
        Err(LedgerError::gone(
            &self.path,
            "was replaced by one that does not know this run",
        ))
    }

    fn is_at(&self, mark: Mark, place: u64) -> bool {
        let mut found = Mark::default();
        read_at(&self.file, &mut found, place).is_ok_and(|read| read == found.len())
            && found == mark
    }

    fn find(&self, mark: Mark) -> io::Result<Option<u64>> {
        let finder = memchr::memmem::Finder::new(&mark);
        let mut chunk = vec![0; CHUNK];
        let mut begin = 0;
        loop {
            let read = read_at(&self.file, &mut chunk, begin)?;
            if let Some(at) = finder.find(&chunk[..read]) {
                return Ok(Some(begin + at as u64));
            }
            if read <= mark.len() {
                return Ok(None);
            }
            // It may stand across two chunks.
            begin += (read - mark.len()) as u64;
        }
    }
}

#[cfg(unix)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere files have no such numbers"
)]
fn id(metadata: &Metadata) -> Option<Id> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn id(_: &Metadata) -> Option<Id> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &[u8]) -> (tempfile::TempDir, PathBuf, Identity) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.db");
        std::fs::write(&path, text).expect("a file");
        let identity = Identity::of(&path).expect("is there");
        (folder, path, identity)
    }

    #[test]
    fn a_mark_is_found_wherever_it_stands() {
        let mark = [0xabu8; 16];
        for before in [
            0,
            1,
            4_096,
            CHUNK - 17,
            CHUNK - 16,
            CHUNK - 8,
            CHUNK - 1,
            CHUNK,
            3 * CHUNK,
        ] {
            let mut text = vec![7; before];
            text.extend(mark);
            text.extend([9; 100]);
            let (_folder, _, identity) = of(&text);
            assert_eq!(identity.find(mark).expect("read"), Some(before as u64));
            assert_eq!(identity.find([0xac; 16]).expect("read"), None);
        }
    }

    #[test]
    fn a_file_is_itself_until_it_is_another_one() {
        let (folder, path, mut identity) = of(b"0123456789abcdef and more");
        identity.expect(*b"0123456789abcdef");
        let set = |text: &str| std::fs::write(&path, text).expect("written");
        assert_eq!(identity.check(), Ok(()));
        set("moved: 0123456789abcdef and more");
        assert_eq!(identity.check(), Ok(()));
        set("an older copy, in its place");
        let text = |error: Result<(), LedgerError>| error.expect_err("refused").to_string();
        assert!(text(identity.check()).contains("does not know this run"));
        set("");
        assert!(text(identity.check()).contains("is empty now"));
        set("0123456789abcdef and more, as it was");
        assert_eq!(identity.check(), Ok(()));
        // What is beside it counts from when it is there.
        let log = files::beside(&path, "-wal");
        std::fs::write(&log, "log").expect("written");
        assert_eq!(identity.check(), Ok(()));
        std::fs::remove_file(&log).expect("removed");
        assert!(text(identity.check()).contains("x.db-wal is gone"));
        std::fs::write(&log, "log").expect("written");
        let away = folder.path().join("away.db");
        std::fs::rename(&path, &away).expect("renamed");
        assert!(text(identity.check()).contains("x.db is gone"));
        std::fs::copy(&away, &path).expect("copied");
        assert!(text(identity.check()).contains("is another file now"));
    }
}
