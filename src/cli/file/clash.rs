//! What a command must not write over: its ledger, the files it reads, and another of its outputs, by whatever name.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

use super::place::folder;
use super::through::Stream;

/// Links in a row that are followed, as many as the system follows.
const LINKS: usize = 40;

/// A file that an output must not be.
pub(in crate::cli) struct Guarded {
    what: &'static str,
    shown: PathBuf,
    identity: Identity,
    /// Whether names that begin with its own are its companions.
    has_companions: bool,
}

impl Guarded {
    /// A file that is read.
    pub fn input(what: &'static str, path: &Path) -> Self {
        Self {
            what,
            shown: path.to_owned(),
            identity: Identity::of(path),
            has_companions: false,
        }
    }

    /// A ledger, with its key, log, journal and locks.
    pub fn ledger(path: &Path) -> Self {
        Self {
            has_companions: true,
            ..Self::input("the ledger", path)
        }
    }

    fn is(&self, output: &Identity) -> bool {
        self.identity.is(output)
            || (self.has_companions && self.identity.is_beside(output))
            || output.id.is_some_and(|id| self.has(id))
    }

    /// Whether this is what it or a companion is, under any name.
    fn has(&self, wanted: (u64, u64)) -> bool {
        self.identity.id == Some(wanted) || (self.has_companions && self.has_companion(wanted))
    }

    fn has_companion(&self, wanted: (u64, u64)) -> bool {
        let files = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
        let is = |path: &Path| fs::metadata(path).is_ok_and(|found| id(&found) == Some(wanted));
        files(&folder(&self.identity.path))
            .map(|found| found.path())
            .filter(|path| self.identity.is_beside(&Identity::named(path)))
            .any(|path| is(&path) || files(&path).any(|inner| is(&inner.path())))
    }

    fn why(&self, is_it: bool) -> String {
        let relation = if is_it { "is" } else { "belongs to" };
        format!("it {relation} {} {}", self.what, self.shown.display())
    }
}

/// Why something must not be written to this path; `None` = it may.
pub(in crate::cli) fn clash(path: &Path, guarded: &[Guarded]) -> Option<String> {
    let found = fs::metadata(path).ok();
    if is_descriptor(path) || found.as_ref().is_some_and(is_special) {
        // By name it leads anywhere or nowhere: what counts is what it is connected to.
        return found.and_then(|found| clash_of(&found, guarded));
    }
    match found {
        Some(found) if found.is_dir() => return Some("it is a folder".to_owned()),
        Some(found) if found.file_type().is_socket() => return Some("it is a socket".to_owned()),
        _ => {}
    }
    let output = Identity::of(path);
    match guarded.iter().find(|guarded| guarded.is(&output)) {
        Some(found) => Some(found.why(found.identity.is(&output))),
        None => no_folder(path, guarded),
    }
}

/// What keeps the folder of a path from being one: a file, or what is to become one.
fn no_folder(path: &Path, guarded: &[Guarded]) -> Option<String> {
    let above = || {
        path.ancestors()
            .skip(1)
            .filter(|above| *above != Path::new(""))
    };
    // Nothing is there down from the first of these.
    let mut missing = above().filter(|above| above.symlink_metadata().is_err());
    let is_output = |above: &Path| {
        let output = Identity::of(above);
        guarded.iter().any(|guarded| guarded.identity.is(&output))
    };
    if missing.any(is_output) {
        return Some("its folder is another output".to_owned());
    }
    let folder = above().find_map(|above| Some((above, fs::metadata(above).ok()?)));
    let (folder, _) = folder.filter(|(_, found)| !found.is_dir())?;
    Some(format!("{} is no folder", folder.display()))
}

/// Why nothing must be written to standard output.
pub(in crate::cli) fn clash_of_stdout(guarded: &[Guarded]) -> Option<String> {
    stdout().and_then(|found| clash_of(&found, guarded))
}

/// Whether something is written to where standard output goes as well, so that both would be mixed.
pub(in crate::cli) fn is_stdout(path: &Path) -> bool {
    let ids = [fs::metadata(path).ok(), stdout()].map(|found| found.as_ref().and_then(id));
    matches!(ids, [Some(path), Some(stdout)] if path == stdout)
}

/// Whether standard output is a file, which may be one that counts.
pub(in crate::cli) fn stdout_is_file() -> bool {
    stdout().is_some_and(|found| found.is_file())
}

fn stdout() -> Option<Metadata> {
    let stdout = io::stdout().as_fd().try_clone_to_owned().ok()?;
    File::from(stdout).metadata().ok()
}

fn clash_of(found: &Metadata, guarded: &[Guarded]) -> Option<String> {
    let id = id(found)?;
    let found = guarded.iter().find(|guarded| guarded.has(id))?;
    Some(found.why(found.identity.id == Some(id)))
}

/// Device and number of what has contents. A device has none that could be lost or mixed.
fn id(found: &Metadata) -> Option<(u64, u64)> {
    let kind = found.file_type();
    let is_device = kind.is_char_device() || kind.is_block_device();
    (!is_device).then(|| (found.dev(), found.ino()))
}

fn is_special(found: &Metadata) -> bool {
    let kind = found.file_type();
    kind.is_fifo() || kind.is_char_device() || kind.is_block_device()
}

/// Whether a name leads to a descriptor, as `/dev/stdout` does, whatever that is connected to.
fn is_descriptor(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let folder = folder(&path);
        if Stream::of_descriptor(&folder, &path).is_some() {
            return true;
        }
        let Ok(to) = fs::read_link(&path) else { break };
        path = folder.join(to);
    }
    false
}

/// What tells a file from others, whether it is there or not.
struct Identity {
    /// Through links, as far as there are folders.
    path: PathBuf,
    /// Device and number, of one that is there.
    id: Option<(u64, u64)>,
}

impl Identity {
    /// By its name alone.
    fn named(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            id: None,
        }
    }

    fn of(path: &Path) -> Self {
        // What a descriptor is connected to may have no name, or another one by now.
        let id = fs::metadata(path).ok().as_ref().and_then(id);
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let Ok(to) = fs::read_link(&path) else { break };
            path = folder(&path).join(to);
        }
        Self {
            id,
            path: real(&path),
        }
    }

    /// Names that differ in case only are one file where the file system says so, and one mistake elsewhere.
    fn is(&self, other: &Self) -> bool {
        let same = self.id.is_some() && self.id == other.id;
        same || folded(&self.path) == folded(&other.path)
    }

    /// Whether the other one's name, or that of its folder, is this one's name and more.
    fn is_beside(&self, other: &Self) -> bool {
        let name = folded(&self.path);
        let rest = folded(&other.path);
        let rest = rest.strip_prefix(name.as_str());
        rest.is_some_and(|rest| rest.starts_with(['-', '.']))
    }
}

/// The absolute path without links and dots, also of what is not there yet.
fn real(path: &Path) -> PathBuf {
    // Only an empty path or a vanished current folder has no absolute form.
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for there in whole.ancestors() {
        if let Ok(mut found) = there.canonicalize() {
            let rest = whole.strip_prefix(there).unwrap_or(Path::new(""));
            for part in rest.components() {
                // What is not there yet is no link: it will be a folder, and leads back to where it is.
                match part {
                    Component::ParentDir => drop(found.pop()),
                    part => found.push(part),
                }
            }
            return found;
        }
    }
    whole
}

fn folded(path: &Path) -> String {
    path.to_string_lossy().to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn nothing_is_written_over_what_is_read_or_kept() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["m.csv", "orgs.csv", "ledger.db", "other"] {
            fs::write(at(name), "").unwrap();
        }
        fs::create_dir(at("sub")).unwrap();
        symlink("m.csv", at("link")).unwrap();
        symlink("new.json", at("dangling")).unwrap();
        symlink("sub", at("by")).unwrap();
        fs::hard_link(at("m.csv"), at("hard")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        let guarded = [
            Guarded::input("the manifest", &at("m.csv")),
            Guarded::input("the orgs file", &at("orgs.csv")),
            Guarded::ledger(&at("ledger.db")),
            Guarded::input("another report", &at("new.json")),
            Guarded::input("another report", &at("sub/not/there.json")),
        ];
        for (name, wanted) in [
            ("m.csv", Some("it is the manifest")),
            ("./sub/../m.csv", Some("it is the manifest")),
            ("not/there/../../m.csv", Some("it is the manifest")),
            ("by/not/../../Orgs.csv", Some("it is the orgs file")),
            ("link", Some("it is the manifest")),
            ("hard", Some("it is the manifest")),
            ("M.CSV", Some("it is the manifest")),
            ("Orgs.csv", Some("it is the orgs file")),
            ("ledger.db", Some("it is the ledger")),
            ("ledger.db-wal", Some("it belongs to the ledger")),
            ("ledger.db-journal", Some("it belongs to the ledger")),
            ("Ledger.db.key", Some("it belongs to the ledger")),
            ("ledger.db.key.old", Some("it belongs to the ledger")),
            ("ledger.db.locks/run", Some("it belongs to the ledger")),
            ("new.json", Some("it is another report")),
            ("NEW.json", Some("it is another report")),
            ("dangling", Some("it is another report")),
            ("by/not/there.json", Some("it is another report")),
            ("sub", Some("it is a folder")),
            ("by", Some("it is a folder")),
            ("socket", Some("it is a socket")),
            ("new.json/report.json", Some("its folder is another output")),
            ("other", None),
            ("newer.json", None),
            ("ledger.db2", None),
            ("sub/ledger.db", None),
            ("sub/m.csv", None),
            ("not/there.json", None),
        ] {
            let why = clash(&at(name), &guarded);
            match (why, wanted) {
                (Some(why), Some(wanted)) => assert!(why.starts_with(wanted), "{name}: {why}"),
                (None, None) => {}
                (why, _) => panic!("{name}: {why:?}"),
            }
        }
        for name in ["other/x", "m.csv/x", "link/x/y"] {
            let why = clash(&at(name), &guarded).unwrap();
            assert!(why.ends_with(" is no folder"), "{name}: {why}");
        }
        // A device may be an output twice.
        let null = [Guarded::input("another report", Path::new("/dev/null"))];
        assert_eq!(clash(Path::new("/dev/null"), &null), None);
    }

    #[test]
    fn what_a_descriptor_is_connected_to_counts_and_not_its_name() {
        use std::os::fd::AsRawFd as _;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("ledger.db.locks")).unwrap();
        for name in [
            "m.csv",
            "ledger.db",
            "ledger.db-wal",
            "ledger.db.locks/run",
            "other",
        ] {
            fs::write(at(name), "").unwrap();
        }
        fs::hard_link(at("ledger.db-wal"), at("innocent")).unwrap();
        let guarded = [
            Guarded::input("the manifest", &at("m.csv")),
            Guarded::ledger(&at("ledger.db")),
        ];
        for (name, wanted) in [
            ("m.csv", Some("it is the manifest")),
            ("ledger.db", Some("it is the ledger")),
            ("ledger.db-wal", Some("it belongs to the ledger")),
            ("innocent", Some("it belongs to the ledger")),
            ("ledger.db.locks/run", Some("it belongs to the ledger")),
            ("other", None),
        ] {
            let open = File::open(at(name)).unwrap();
            let fd = open.as_raw_fd();
            let descriptor = PathBuf::from(format!("/dev/fd/{fd}"));
            for path in [descriptor.clone(), format!("/proc/self/fd/{fd}").into()] {
                let why = clash(&path, &guarded);
                assert_eq!(why.is_some(), wanted.is_some(), "{name}: {why:?}");
                let why = why.unwrap_or_default();
                assert!(why.starts_with(wanted.unwrap_or_default()), "{name}: {why}");
            }
            // Two outputs into one.
            let twice = [Guarded::input("another report", &descriptor)];
            assert!(clash(&descriptor, &twice).is_some(), "{name}");
            assert!(clash(&at(name), &twice).is_some(), "{name}");
        }
        assert!(clash(&at("innocent"), &guarded).is_some());
    }
}
