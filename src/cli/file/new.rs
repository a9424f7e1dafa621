//! Files that are written over nothing: all of a set are there whole afterwards, or none of them.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::{Builder, NamedTempFile};

use super::place::folder;
use super::{OWNER_ONLY, plain};
use crate::failure::Failure;

/// A file to write.
pub(in crate::cli) struct NewFile {
    /// Its path.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
    /// Who may read it.
    pub readers: Readers,
}

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Readers {
    /// Its owner only.
    Owner,
    /// Whoever the umask lets.
    Anybody,
}

/// Refuses names that are taken, by whatever.
///
/// # Errors
/// Names the first that is.
pub(in crate::cli) fn must_be_free<'a>(
    files: impl IntoIterator<Item = &'a Path>,
    give: &str,
) -> Result<(), Failure> {
    for file in files {
        // A link that leads nowhere is something, too.
        if file.symlink_metadata().is_ok() {
            let error = anyhow::anyhow!("{} exists; nothing was written", file.display());
            return Err(Failure::usage(error).hint(format!("give another one: {give}")));
        }
    }
    Ok(())
}

/// Writes files where nothing is, and makes their folders.
///
/// # Errors
/// When one cannot be written, or something is there: then what was written before it is taken away again.
pub(in crate::cli) fn write_new(files: &[NewFile]) -> anyhow::Result<()> {
    let mut undo = Undo::default();
    let mut staged = Vec::with_capacity(files.len());
    for file in files {
        let draft = stage(file, &mut undo)
            .map_err(plain)
            .with_context(|| format!("{} cannot be written", file.path.display()))?;
        staged.push((file, draft));
    }
    for (file, draft) in staged {
        draft
            .persist_noclobber(&file.path)
            // Lets go of the draft, so that its folder can go, too.
            .map_err(|failed| failed.error)
            .with_context(|| format!("{} cannot be written", file.path.display()))?;
        undo.files.push(file.path.clone());
    }
    undo.keep();
    Ok(())
}

fn stage(file: &NewFile, undo: &mut Undo) -> anyhow::Result<NamedTempFile> {
    let folder = folder(&file.path);
    undo.make(&folder)?;
    let mode = match file.readers {
        Readers::Owner => OWNER_ONLY,
        Readers::Anybody => 0o666,
    };
    let mut draft = Builder::new()
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(&folder)?;
    draft.write_all(file.text.as_bytes())?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

/// What to take away again if the whole does not come about.
#[derive(Default)]
struct Undo {
    files: Vec<PathBuf>,
    /// Outer ones first.
    folders: Vec<PathBuf>,
}

impl Undo {
    fn make(&mut self, folder: &Path) -> anyhow::Result<()> {
        let missing = folder
            .ancestors()
            .take_while(|one| !one.as_os_str().is_empty() && !one.exists());
        let mut missing: Vec<_> = missing.map(Path::to_owned).collect();
        missing.reverse();
        self.folders.extend(missing);
        Ok(std::fs::create_dir_all(folder)?)
    }

    fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        // Whatever cannot be taken away harms nobody, and the error that led here is told.
        for file in self.files.drain(..) {
            drop(std::fs::remove_file(file));
        }
        for folder in self.folders.drain(..).rev() {
            // Only an empty one goes.
            drop(std::fs::remove_dir(folder));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: PathBuf, readers: Readers) -> NewFile {
        NewFile {
            path,
            text: "text\n".to_owned(),
            readers,
        }
    }

    #[test]
    fn all_are_there_or_none() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let files = || {
            ["a/b/one", "a/two", "three"]
                .map(|name| file(path(name), Readers::Owner))
                .into_iter()
                .collect::<Vec<_>>()
        };
        std::fs::write(path("three"), "mine").unwrap();
        let error = write_new(&files()).unwrap_err();
        assert!(
            format!("{error:#}").contains("three cannot be written"),
            "{error:#}"
        );
        let left: Vec<_> = std::fs::read_dir(root.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(std::fs::read_to_string(path("three")).unwrap(), "mine");
        std::fs::remove_file(path("three")).unwrap();
        write_new(&files()).unwrap();
        for name in ["a/b/one", "a/two", "three"] {
            assert_eq!(std::fs::read_to_string(path(name)).unwrap(), "text\n");
            let mode = path(name).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert!(write_new(&files()).is_err());
        assert_eq!(std::fs::read_to_string(path("a/two")).unwrap(), "text\n");
    }

    #[test]
    fn a_link_is_something() {
        let root = tempfile::tempdir().unwrap();
        let link = root.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(must_be_free([link.as_path()], "-o FILE").is_err());
        assert!(write_new(&[file(link.clone(), Readers::Anybody)]).is_err());
        assert!(!root.path().join("nowhere").exists());
    }
}
