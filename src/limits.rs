//! What the machine or whoever started the program lets it have: open files, threads, memory, the size of a file.
//!
//! Being out of one of them is no fault of a file, a disk, a secret or an org, and libraries do not always pass the
//! cause on: whoever meets an error asks here whether it is such a limit, and says so with what helps.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::io::Errno;

/// Files that a command has open at once besides those of its calls: runtime, ledger with its readers, locks, a
/// program that prints a secret, a report.
const FILES: usize = 40;

/// Files that have to be free for SQLite to open a ledger, or the system's resolver to ask a name server.
const FEW: usize = 4;

/// What SQLite makes a file larger by at once (bytes): the log of a new ledger by the most, and a log that could not be
/// written is gone by the time that somebody looks.
const GROWTH: u64 = 256 * 1024;

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// No more files, sockets or pipes can be opened.
    Files,
    /// No more threads or processes can be started.
    Threads,
    /// No more memory.
    Memory,
    /// A file may not become larger.
    FileSize,
}

impl Lack {
    /// What an error of the system says. `None` = it is about something else.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        match error.raw_os_error() {
            Some(errno) => Self::of_errno(errno),
            None => (error.kind() == io::ErrorKind::OutOfMemory).then_some(Self::Memory),
        }
    }

    /// As [`Lack::of`], of a thread or a program that could not be started.
    pub(crate) fn of_start(error: &io::Error) -> Option<Self> {
        if error.raw_os_error() != Some(Errno::AGAIN.raw_os_error()) {
            return Self::of(error);
        }
        // A thread needs room for its stack: refused, the system says the same.
        let is_bounded =
            rlimit::getrlimit(rlimit::Resource::AS).is_ok_and(|(soft, _)| soft != rlimit::INFINITY);
        Some(if is_bounded {
            Self::Memory
        } else {
            Self::Threads
        })
    }

    /// As [`Lack::of`], where only the text of the system's error is left.
    pub(crate) fn said_in(text: &str) -> Option<Self> {
        let (_, end) = text.rsplit_once("(os error ")?;
        let (number, _) = end.split_once(')')?;
        Self::of_errno(number.parse().ok()?)
    }

    /// As [`Lack::of`], of an error with all its causes.
    pub(crate) fn among(error: &anyhow::Error) -> Option<Self> {
        error.chain().find_map(|cause| {
            let system = cause.downcast_ref::<io::Error>().and_then(Self::of);
            system.or_else(|| Self::said_in(&cause.to_string()))
        })
    }

    fn of_errno(errno: i32) -> Option<Self> {
        let found = [
            (Errno::MFILE, Self::Files),
            (Errno::NFILE, Self::Files),
            (Errno::NOMEM, Self::Memory),
            (Errno::FBIG, Self::FileSize),
        ];
        let found = found
            .into_iter()
            .find(|(known, _)| known.raw_os_error() == errno);
        found.map(|(_, lack)| lack)
    }

    /// What helps.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::Files => {
                "let the program open more files, for a run at least 256: ulimit -n 1024"
            }
            Self::Threads => {
                "let the program have more threads: ulimit -u, or the container's limit of processes"
            }
            Self::Memory => {
                "let the program have more memory: ulimit -v unlimited, or the container's limit of memory"
            }
            Self::FileSize => "let the program write larger files: ulimit -f unlimited",
        }
    }
}

/// Whether as many files can be opened as a command needs at least.
///
/// # Errors
/// When they cannot.
pub(crate) fn has_files() -> io::Result<()> {
    // As far as it may be raised, it is no limit; where it may not be, what follows tells.
    drop(rlimit::increase_nofile_limit(u64::MAX));
    no_files(FILES).map_or(Ok(()), Err)
}

/// What the system says to one who wants to open a few files now; `None` = they can be opened. For errors of libraries
/// that do not tell why nothing could be opened.
pub(crate) fn no_files_now() -> Option<io::Error> {
    no_files(FEW)
}

fn no_files(wanted: usize) -> Option<io::Error> {
    let mut open = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        match File::open("/dev/null") {
            Ok(file) => open.push(file),
            // A system without it is not asked this way.
            Err(error) => return Some(error).filter(|error| Lack::of(error) == Some(Lack::Files)),
        }
    }
    None
}

/// What the system says to one who makes one of these files larger; `None` = it may. For errors of libraries that do
/// not tell why nothing could be written.
pub(crate) fn no_growth<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Option<io::Error> {
    let (most, _) = rlimit::getrlimit(rlimit::Resource::FSIZE).ok()?;
    let is_full = |length: u64| length.saturating_add(GROWTH) > most;
    let mut lengths = files.into_iter().map(|file| {
        let found = std::fs::metadata(file);
        found.map_or(0, |found| found.len())
    });
    (most != rlimit::INFINITY && lengths.any(is_full)).then(|| Errno::FBIG.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_recognized_whatever_is_left_of_its_error() {
        use Lack::{FileSize, Files, Memory};
        for (errno, lack) in [
            (Errno::MFILE, Some(Files)),
            (Errno::NFILE, Some(Files)),
            (Errno::NOMEM, Some(Memory)),
            (Errno::FBIG, Some(FileSize)),
            // Of a socket it says that there is nothing to be read yet.
            (Errno::AGAIN, None),
            (Errno::NOSPC, None),
            (Errno::NOENT, None),
            (Errno::ACCESS, None),
        ] {
            let error = || io::Error::from(errno);
            assert_eq!(Lack::of(&error()), lack, "{errno:?}");
            assert_eq!(Lack::said_in(&error().to_string()), lack, "{errno:?}");
            let outer = anyhow::Error::new(error()).context("m.csv cannot be read");
            assert_eq!(Lack::among(&outer), lack, "{errno:?}");
            let flat = anyhow::anyhow!("cannot use x.db: {}; nothing was sent", error());
            assert_eq!(Lack::among(&flat), lack, "{errno:?}");
        }
        let memory = io::Error::from(io::ErrorKind::OutOfMemory);
        assert_eq!(Lack::of(&memory), Some(Memory));
        for text in [
            "",
            "(os error )",
            "(os error 24",
            "os error 24)",
            "(os error x)",
        ] {
            assert_eq!(Lack::said_in(text), None, "{text}");
        }
        let many: Vec<_> = [Files, Lack::Threads, Memory, FileSize]
            .map(Lack::hint)
            .into();
        assert!(
            many.iter().all(|hint| hint.contains("ulimit -")),
            "{many:?}"
        );
    }

    #[test]
    fn what_cannot_be_started_lacks_threads_unless_memory_is_bounded() {
        let again = io::Error::from(Errno::AGAIN);
        let bounded = rlimit::getrlimit(rlimit::Resource::AS)
            .expect("the limit")
            .0
            != rlimit::INFINITY;
        let lack = if bounded { Lack::Memory } else { Lack::Threads };
        assert_eq!(Lack::of_start(&again), Some(lack));
        let files = io::Error::from(Errno::MFILE);
        assert_eq!(Lack::of_start(&files), Some(Lack::Files));
        assert_eq!(Lack::of_start(&Errno::NOENT.into()), None);
    }

    #[test]
    fn nothing_is_lacking_where_there_is_enough() {
        assert!(has_files().is_ok());
        assert!(no_files_now().is_none());
        let (soft, _) = rlimit::getrlimit(rlimit::Resource::FSIZE).expect("the limit");
        if soft == rlimit::INFINITY {
            assert!(no_growth(["/nowhere/at/all"]).is_none());
        }
    }
}
