//! Whether a ledger is this user's alone. Whoever else can write to it, to what is beside it or to its folder decides
//! where credentials go and which links people open.

use std::path::{Path, PathBuf};

use super::files;
use crate::ledger::{LedgerError, Result};

/// What is beside a ledger; each may be missing.
const BESIDE: [(&str, Part); 7] = [
    ("-wal", Part::Needless),
    ("-shm", Part::Needless),
    ("-journal", Part::Needless),
    (".key", Part::Key),
    (".key.old", Part::Key),
    (".key.lock", Part::Needless),
    (LOCKS, Part::Locks),
];

/// The folder of the locks.
const LOCKS: &str = ".locks";

/// Refuses a ledger that somebody else could write to.
#[cfg(unix)]
pub(super) fn refuse_shared(ledger: &Path) -> Result<()> {
    // What is no file is refused as that.
    let is_other = |metadata: std::fs::Metadata| !metadata.is_file() && !metadata.is_symlink();
    if std::fs::symlink_metadata(ledger).is_ok_and(is_other) {
        return Ok(());
    }
    if let Some(folder) = ledger.parent() {
        let found = look(folder)?;
        refuse(folder, found.as_ref(), Part::Folder)?;
    }
    let found = look(ledger)?;
    refuse(ledger, found.as_ref(), Part::Ledger)?;
    found.map_or(Ok(()), |found| refuse_linked(ledger, found.names))?;
    for (suffix, part) in BESIDE {
        let path = files::beside(ledger, suffix);
        refuse(&path, look(&path)?.as_ref(), part)?;
    }
    refuse_odd_locks(&files::beside(ledger, LOCKS))
}

/// Opening a pipe that somebody put in a lock's place would wait for ever.
#[cfg(unix)]
fn refuse_odd_locks(folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| LedgerError::io(folder, &error);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let found = look(&path)?;
        found.map_or(Ok(()), |found| refuse_kind(&path, &found, Part::Needless))?;
    }
    Ok(())
}

/// Elsewhere who may write is not in the mode.
#[cfg(not(unix))]
pub(super) fn refuse_shared(_: &Path) -> Result<()> {
    Ok(())
}

/// What a file is to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Folder,
    Ledger,
    Key,
    /// The folder of the locks.
    Locks,
    /// It is made again.
    Needless,
}

impl Part {
    const fn is_folder(self) -> bool {
        matches!(self, Self::Folder | Self::Locks)
    }
}

/// What a file is, who may write to it, or where it leads to.
#[derive(Clone, Debug)]
struct Found {
    kind: Kind,
    owner: u32,
    group: u32,
    mode: u32,
    names: u64,
    leads_to: Option<PathBuf>,
}

/// What may stand under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Link,
    Pipe,
    Socket,
    Device,
}

impl Kind {
    #[cfg(unix)]
    fn of(kind: std::fs::FileType) -> Self {
        use std::os::unix::fs::FileTypeExt as _;
        match kind {
            kind if kind.is_file() => Self::File,
            kind if kind.is_dir() => Self::Folder,
            kind if kind.is_symlink() => Self::Link,
            kind if kind.is_fifo() => Self::Pipe,
            kind if kind.is_socket() => Self::Socket,
            _ => Self::Device,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a link",
            Self::Pipe => "a pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
        }
    }
}

#[cfg(unix)]
fn look(path: &Path) -> Result<Option<Found>> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LedgerError::io(path, &error)),
    };
    let leads_to = metadata.is_symlink().then(|| {
        let target = std::fs::canonicalize(path);
        target.unwrap_or_else(|_| path.to_owned())
    });
    Ok(Some(Found {
        kind: Kind::of(metadata.file_type()),
        owner: metadata.uid(),
        group: metadata.gid(),
        mode: metadata.mode(),
        names: metadata.nlink(),
        leads_to,
    }))
}

/// Refuses a ledger that other names lead to as well.
#[cfg(unix)]
fn refuse_linked(ledger: &Path, names: u64) -> Result<()> {
    if names < 2 {
        return Ok(());
    }
    let folder = ledger.parent().filter(|folder| *folder != Path::new(""));
    Err(LedgerError::Linked {
        location: files::location(ledger),
        names,
        remedy: format!(
            "remove every name but the one that runs used; this lists those in its folder: find {} -samefile {}",
            quoted(folder.unwrap_or(Path::new("."))),
            quoted(ledger)
        ),
    })
}

#[cfg(unix)]
fn refuse(path: &Path, found: Option<&Found>, part: Part) -> Result<()> {
    let me = rustix::process::geteuid().as_raw();
    let Some(found) = found else { return Ok(()) };
    let wrong = wrong(path, found, part, me);
    if wrong.is_none() {
        refuse_kind(path, found, part)?;
    }
    wrong.map_or(Ok(()), |(what, remedy)| {
        Err(LedgerError::Shared {
            location: files::location(path),
            what,
            remedy,
        })
    })
}

/// Refuses what is neither the file nor the folder that belongs there.
fn refuse_kind(path: &Path, found: &Found, part: Part) -> Result<()> {
    let wanted = if part.is_folder() {
        Kind::Folder
    } else {
        Kind::File
    };
    // The ledger itself and its folder are refused where they are opened.
    if found.kind == wanted || matches!(part, Part::Folder | Part::Ledger) {
        return Ok(());
    }
    let remove = match found.kind {
        Kind::Folder => "rm -r",
        _ => "rm",
    };
    let what_for = match part {
        Part::Key => {
            "put the ledger's own key there, or let every token be posted once more under a new one"
        }
        _ => "it is made again once it is away",
    };
    Err(LedgerError::Misplaced {
        location: files::location(path),
        what: found.kind.name(),
        wanted: wanted.name(),
        remedy: format!("{what_for}: {remove} {}", quoted(path)),
    })
}

/// What is wrong with a file for this user, and the command or flag that fixes it.
fn wrong(path: &Path, found: &Found, part: Part, me: u32) -> Option<(String, String)> {
    /// Only who made a file in such a folder may rename or delete it.
    const STICKY: u32 = 0o1000;
    let name = quoted(path);
    if let Some(target) = &found.leads_to {
        let target = quoted(target);
        let remedy = match part {
            Part::Folder | Part::Ledger => {
                format!("name the file it leads to: --ledger {target}{}", rest(part))
            }
            Part::Key => format!("put the file itself there: mv {target} {name}"),
            Part::Locks | Part::Needless => format!("remove it: rm {name}"),
        };
        return Some(("is a link".to_owned(), remedy));
    }
    let is_sticky_folder = part == Part::Folder && found.mode & STICKY != 0;
    let is_theirs = found.owner != me && !(part == Part::Folder && found.owner == 0);
    if is_theirs {
        return Some((
            format!("belongs to user {}, and this is user {me}", found.owner),
            format!("if you trust what is in it: sudo chown -R {me} {name}"),
        ));
    }
    // A group of one's own has the number of its user, as most systems give them.
    let is_own_group = found.group == me;
    let by_group = found.mode & 0o020 != 0 && !is_own_group;
    let by_all = found.mode & 0o002 != 0;
    if (by_group || by_all) && !is_sticky_folder {
        return Some((
            "can be written by others".to_owned(),
            format!("if you trust what is in it: chmod go-w {name}"),
        ));
    }
    None
}

const fn rest(part: Part) -> &'static str {
    match part {
        Part::Folder => "/ledger.db, or what the file is called",
        Part::Ledger | Part::Key | Part::Locks | Part::Needless => "",
    }
}

fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    // A name with a NUL is no file's.
    shlex::try_quote(&path).map_or_else(|_| path.clone().into_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_write_to_is_refused_with_what_fixes_it() {
        use Part::{Folder, Key, Ledger, Needless};
        let path = Path::new("/d/ledger.db");
        // Owner, group, mode; this is user 7.
        for (part, owner, group, mode, wanted) in [
            (Ledger, 7, 7, 0o600, None),
            (Ledger, 7, 9, 0o644, None),
            (Ledger, 7, 7, 0o664, None),
            (Ledger, 7, 9, 0o660, Some("chmod go-w /d/ledger.db")),
            (Ledger, 7, 7, 0o666, Some("chmod go-w /d/ledger.db")),
            (Ledger, 8, 7, 0o600, Some("sudo chown -R 7 /d/ledger.db")),
            (Ledger, 0, 0, 0o600, Some("sudo chown -R 7 /d/ledger.db")),
            (Key, 7, 9, 0o620, Some("chmod go-w /d/ledger.db")),
            (Needless, 8, 8, 0o600, Some("sudo chown -R 7 /d/ledger.db")),
            (Folder, 7, 7, 0o700, None),
            (Folder, 7, 7, 0o775, None),
            (Folder, 7, 9, 0o775, Some("chmod go-w /d/ledger.db")),
            (Folder, 7, 7, 0o777, Some("chmod go-w /d/ledger.db")),
            (Folder, 8, 7, 0o755, Some("sudo chown -R 7 /d/ledger.db")),
            // As /tmp is.
            (Folder, 0, 0, 0o1777, None),
            (Folder, 0, 0, 0o755, None),
            (Folder, 0, 0, 0o777, Some("chmod go-w /d/ledger.db")),
        ] {
            let found = Found {
                kind: Kind::File,
                owner,
                group,
                mode,
                names: 1,
                leads_to: None,
            };
            let remedy = wrong(path, &found, part, 7).map(|(_, remedy)| remedy);
            let case = format!("{part:?} {owner} {group} {mode:o}: {remedy:?}");
            match wanted {
                None => assert_eq!(remedy, None, "{case}"),
                Some(wanted) => assert!(
                    remedy.is_some_and(|remedy| remedy.ends_with(wanted)),
                    "{case}"
                ),
            }
        }
        for (part, wanted) in [
            (Ledger, "--ledger '/real place'"),
            (
                Folder,
                "--ledger '/real place'/ledger.db, or what the file is called",
            ),
            (Key, "mv '/real place' /d/ledger.db"),
            (Needless, "rm /d/ledger.db"),
        ] {
            let link = Found {
                kind: Kind::Link,
                owner: 7,
                group: 7,
                mode: 0o777,
                names: 1,
                leads_to: Some("/real place".into()),
            };
            let (_, remedy) = wrong(path, &link, part, 7).unwrap();
            assert!(remedy.ends_with(wanted), "{remedy}");
        }
    }

    #[test]
    fn what_is_beside_a_ledger_is_of_its_kind() {
        use Part::{Folder, Key, Ledger, Locks, Needless};
        let path = Path::new("/d/a part");
        let of = |kind| Found {
            kind,
            owner: 7,
            group: 7,
            mode: 0o600,
            names: 1,
            leads_to: None,
        };
        for (part, kind, remedy) in [
            (Key, Kind::File, None),
            (Key, Kind::Pipe, Some(": rm '/d/a part'")),
            (Key, Kind::Device, Some(": rm '/d/a part'")),
            (Key, Kind::Folder, Some(": rm -r '/d/a part'")),
            (Needless, Kind::File, None),
            (Needless, Kind::Socket, Some("away: rm '/d/a part'")),
            (Needless, Kind::Folder, Some("away: rm -r '/d/a part'")),
            (Locks, Kind::Folder, None),
            (Locks, Kind::File, Some("away: rm '/d/a part'")),
            // They are refused elsewhere.
            (Ledger, Kind::Pipe, None),
            (Folder, Kind::File, None),
        ] {
            let refused = refuse_kind(path, &of(kind), part);
            let told = refused.err().map(|error| error.hint());
            let case = format!("{part:?} {kind:?}: {told:?}");
            match remedy {
                None => assert_eq!(told, None, "{case}"),
                Some(remedy) => assert!(told.is_some_and(|told| told.ends_with(remedy)), "{case}"),
            }
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_ledger_has_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("x.db");
        let other = folder.path().join("another name.db");
        std::fs::write(&ledger, "").unwrap();
        std::fs::write(folder.path().join("x.db-wal"), "").unwrap();
        assert_eq!(refuse_shared(&ledger), Ok(()));
        std::fs::hard_link(&ledger, &other).unwrap();
        for path in [&ledger, &other] {
            let error = refuse_shared(path).unwrap_err();
            assert!(
                matches!(&error, LedgerError::Linked { location, names: 2, .. } if *location == files::location(path)),
                "{error:?}"
            );
            assert!(error.hint().ends_with(&format!(
                "find {} -samefile {}",
                quoted(folder.path()),
                quoted(path)
            )));
        }
        std::fs::remove_file(&other).unwrap();
        assert_eq!(refuse_shared(&ledger), Ok(()));
    }
}
