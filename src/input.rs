//! Files that commands read: whatever a name leads to (a pipe that nobody writes to, a device without an end), waiting
//! for it ends, and what is held in memory has a limit.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::limits::Lack;

/// How long what is no regular file may keep silent; then it counts as unreadable. Tests do not wait for it.
const SILENCE: Duration = if cfg!(test) {
    Duration::from_millis(50)
} else {
    Duration::from_secs(30)
};

/// A file that is open for reading.
#[derive(Debug)]
pub(crate) struct Input {
    file: File,
    length: u64,
    /// How long a read waits; none where it never does.
    patience: Option<Duration>,
}

/// Nothing came from a pipe or device.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("nothing came from it within {} s", .0.as_secs_f64())]
struct Silent(Duration);

/// A file is longer than what is read.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it is over {} MiB", .0 >> 20)]
struct TooLarge(u64);

/// Opens a file, but not a folder. Opening a pipe does not wait for somebody who writes to it; reading does.
///
/// # Errors
/// When it cannot be opened, or is a folder.
pub(crate) fn open(path: &Path) -> io::Result<Input> {
    open_within(path, SILENCE)
}

/// All bytes of a file.
///
/// # Errors
/// When it cannot be read, is a folder, or has more than `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let input = open(path)?;
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, TooLarge(most));
    if input.length > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let length = input.take(most + 1).read_to_end(&mut bytes)?;
    if u64::try_from(length).map_or(true, |length| length > most) {
        return Err(too_large());
    }
    Ok(bytes)
}

/// As [`read`], as text.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

/// What helps against a file that keeps silent, and where this machine is what cannot.
pub(crate) fn hint(error: &io::Error) -> Option<&'static str> {
    let silent = error.kind() == io::ErrorKind::TimedOut;
    let silent =
        silent.then_some("a pipe needs a program that writes to it; or give a regular file");
    silent.or_else(|| Lack::of(error).map(Lack::hint))
}

fn open_within(path: &Path, silence: Duration) -> io::Result<Input> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let found = file.metadata()?;
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(Input {
        file,
        length: found.len(),
        patience: (!found.is_file()).then_some(silence),
    })
}

impl Input {
    /// How long it is (bytes), as far as it knows.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// Whether it is a regular file.
    pub(crate) const fn is_regular(&self) -> bool {
        self.patience.is_none()
    }

    /// Waits for bytes, or for the end of those who write.
    fn wait(&self, patience: Duration) -> io::Result<()> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut polled = [PollFd::new(&self.file, PollFlags::IN)];
            match poll(&mut polled, Some(&left)) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::TimedOut, Silent(patience))),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(patience) = self.patience else {
            return self.file.read(buffer);
        };
        loop {
            self.wait(patience)?;
            match self.file.read(buffer) {
                // Another reader was faster.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;
    use std::path::PathBuf;

    use super::*;

    /// A pipe of this name in the folder.
    pub(crate) fn pipe(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo").success());
        path
    }

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn a_pipe_is_read_to_its_end_whoever_comes_first() {
        let folder = tempfile::tempdir().expect("folder");
        let path = pipe(folder.path(), "pipe");
        // Opened before anybody writes, it is not at its end yet.
        let mut input = open_within(&path, LONG).expect("opened");
        let writer = std::thread::spawn(move || {
            let mut out = OpenOptions::new().write(true).open(path)?;
            out.write_all(b"one ")?;
            out.write_all(&vec![b'x'; 100_000])
        });
        let mut read = String::new();
        input.read_to_string(&mut read).expect("read");
        writer.join().expect("joined").expect("written");
        assert!(
            read.starts_with("one x") && read.len() == 100_004,
            "{}",
            read.len()
        );
    }

    #[test]
    fn what_keeps_silent_is_given_up_with_or_without_a_writer() {
        let folder = tempfile::tempdir().expect("folder");
        let path = pipe(folder.path(), "pipe");
        let silent = |path: &Path| {
            let error = read(path, 10).expect_err("silent");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(hint(&error).is_some());
            error.to_string()
        };
        assert_eq!(silent(&path), "nothing came from it within 0.05 s");
        // Opened for both, it waits for nobody.
        let writer = OpenOptions::new().read(true).write(true).open(&path);
        let mut writer = writer.expect("opened");
        silent(&path);
        writer.write_all(b"begun").expect("written");
        silent(&path);
    }

    #[test]
    fn no_file_that_is_read_is_waited_for_for_ever() {
        use crate::job;
        use crate::manifest::{self, CheckOptions, EnvFile, Orgs, Source};
        use crate::okta::{Http, HttpSettings};
        let folder = tempfile::tempdir().expect("folder");
        let [csv, json, toml, env, ca] =
            ["f.csv", "f.json", "f.toml", "f.env", "f.pem"].map(|name| pipe(folder.path(), name));
        let manifest = folder.path().join("m.csv");
        std::fs::write(&manifest, "org,app,appId\n").expect("written");
        let check = |file: &PathBuf, orgs: Option<&PathBuf>| {
            let source = Source {
                file: file.clone(),
                orgs_file: orgs.cloned(),
            };
            match manifest::check(&source, &CheckOptions::default(), &mut |_| {}) {
                Err(error) => error.to_string(),
                Ok(checked) => format!("{:?}", checked.problems),
            }
        };
        let orgs_only = |file: &PathBuf| {
            let source = Source {
                file: file.clone(),
                orgs_file: None,
            };
            manifest::read_orgs(&source)
                .expect_err("silent")
                .to_string()
        };
        let http = HttpSettings {
            ca_file: Some(ca),
            ..HttpSettings::default()
        };
        let problems = |problems: Vec<manifest::Problem>| format!("{problems:?}");
        for said in [
            check(&csv, None),
            check(&json, None),
            check(&manifest, Some(&csv)),
            check(&manifest, Some(&json)),
            orgs_only(&json),
            Orgs::read(&csv).expect_err("silent").to_string(),
            manifest::digest(&csv).expect_err("silent").to_string(),
            EnvFile::read(&env)
                .map(drop)
                .map_err(problems)
                .expect_err("silent"),
            job::read(&toml)
                .map(drop)
                .map_err(problems)
                .expect_err("silent"),
            Http::new(&http).expect_err("silent").to_string(),
        ] {
            assert!(said.contains("nothing came from it within"), "{said}");
        }
    }

    #[test]
    fn lengths_are_limited_whatever_it_is() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("file");
        std::fs::write(&file, [b'x'; 10]).expect("written");
        let large = "it is over 1 MiB";
        for (path, most, expected) in [
            (file.as_path(), 10, Ok(10)),
            (&file, 9, Err("it is over 0 MiB")),
            (Path::new("/dev/zero"), 1 << 20, Err(large)),
            (Path::new("/dev/null"), 10, Ok(0)),
        ] {
            let read = read(path, most).map(|bytes| bytes.len());
            let read = read.map_err(|error| error.to_string());
            assert_eq!(read, expected.map_err(str::to_owned), "{}", path.display());
        }
        let error = open(folder.path()).expect_err("a folder");
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        assert!(hint(&error).is_none());
        assert!(open(&file).expect("opened").is_regular());
        assert_eq!(open(&file).expect("opened").length(), 10);
    }
}
