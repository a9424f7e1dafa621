//! What a command must not write over: its ledger, the files it reads, and another of its outputs, by whatever name.

use std::fs;
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
        self.identity.is(output) || (self.has_companions && self.identity.is_beside(output))
    }
}

/// Why something must not be written to this path; `None` = it may. What is no file has nothing that could be lost.
pub(in crate::cli) fn clash(path: &Path, guarded: &[Guarded]) -> Option<String> {
    if is_stream(path) {
        return None;
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Some("it is a folder".to_owned()),
        Ok(found) if found.file_type().is_socket() => return Some("it is a socket".to_owned()),
        _ => {}
    }
    let output = Identity::of(path);
    let found = guarded.iter().find(|guarded| guarded.is(&output))?;
    let (what, shown) = (found.what, found.shown.display());
    Some(if found.identity.is(&output) {
        format!("it is {what} {shown}")
    } else {
        format!("it belongs to {what} {shown}")
    })
}

fn is_stream(path: &Path) -> bool {
    is_descriptor(path)
        || fs::metadata(path).is_ok_and(|found| {
            let kind = found.file_type();
            kind.is_fifo() || kind.is_char_device() || kind.is_block_device()
        })
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
    fn of(path: &Path) -> Self {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let Ok(to) = fs::read_link(&path) else { break };
            path = folder(&path).join(to);
        }
        let id = fs::metadata(&path).ok();
        Self {
            id: id.map(|found| (found.dev(), found.ino())),
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
        for stream in ["/dev/null", "/dev/stdout", "/dev/fd/2"] {
            let null = [Guarded::input("another report", Path::new(stream))];
            assert_eq!(clash(Path::new(stream), &null), None, "{stream}");
        }
    }
}
