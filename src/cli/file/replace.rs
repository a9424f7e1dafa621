//! Replaces a file by another that is whole and durable: written beside it under a name of its own, then renamed.
//!
//! Mode and owner stay those of the file that is replaced, as far as the system lets us. Where the folder takes no new
//! name, or the file cannot be renamed onto (a file that is a mount of its own), its contents are replaced instead.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Seek as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::place::folder;

/// The mode of a new file, of which the umask takes its part.
const NEW_MODE: u32 = 0o666;

/// Permission bits that a replaced file hands on: those that say who may do what.
const MODE: u32 = 0o777;

/// A file that is being written.
pub(super) struct Draft {
    target: PathBuf,
    /// What stands there so far, open for writing.
    before: Option<File>,
    written: Written,
}

enum Written {
    Beside(NamedTempFile),
    /// Without a name, as the folder takes none.
    Elsewhere(File),
}

impl Draft {
    /// Begins one for a file, or for a name that is free.
    ///
    /// # Errors
    /// When it could not be put into its place.
    pub fn of(target: PathBuf) -> io::Result<Self> {
        // A file that may not be written is not to be replaced either.
        let before = match OpenOptions::new().write(true).open(&target) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let written = match (begin(&target), &before) {
            (Ok(file), _) => Written::Beside(file),
            (Err(error), Some(_)) if is_refused(&error) => {
                Written::Elsewhere(tempfile::tempfile()?)
            }
            (Err(error), _) => return Err(error),
        };
        Ok(Self {
            target,
            before,
            written,
        })
    }

    /// What to write to.
    pub fn file(&mut self) -> &mut File {
        match &mut self.written {
            Written::Beside(file) => file.as_file_mut(),
            Written::Elsewhere(file) => file,
        }
    }

    /// Puts it into its place.
    ///
    /// # Errors
    /// When that fails; what stood there before is there still, unless the disk failed while its contents were
    /// replaced.
    pub fn publish(self) -> io::Result<()> {
        let Self {
            target,
            before,
            written,
        } = self;
        let (draft, before) = match (written, before) {
            (Written::Beside(file), before) => {
                if let Some(before) = &before {
                    take_after(file.as_file(), before)?;
                }
                file.as_file().sync_all()?;
                let refused = match (file.persist(&target), before) {
                    (Ok(_), _) => return sync_folder(&target),
                    (Err(error), Some(before)) if is_refused(&error.error) => (error.file, before),
                    (Err(error), _) => return Err(error.error),
                };
                (refused.0.into_file(), refused.1)
            }
            (Written::Elsewhere(file), Some(before)) => (file, before),
            (Written::Elsewhere(_), None) => return Err(io::ErrorKind::NotFound.into()),
        };
        overwrite(draft, before)
    }
}

fn begin(target: &Path) -> io::Result<NamedTempFile> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // A name may have 255 bytes, and what is added has some 15.
    let name: String = name.chars().take(50).collect();
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".part")
        .permissions(Permissions::from_mode(NEW_MODE))
        .tempfile_in(folder(target))
}

/// Gives a file the owner and the mode of the one it replaces.
fn take_after(file: &File, before: &File) -> io::Result<()> {
    let (before, now) = (before.metadata()?, file.metadata()?);
    if (before.uid(), before.gid()) != (now.uid(), now.gid()) {
        // Only root may give files away; a group one is in may be given by anybody.
        let given = fchown(file, Some(before.uid()), Some(before.gid()))
            .or_else(|_| fchown(file, None, Some(before.gid())));
        drop(given);
    }
    file.set_permissions(Permissions::from_mode(before.mode() & MODE))
}

fn overwrite(mut draft: File, mut before: File) -> io::Result<()> {
    draft.rewind()?;
    before.set_len(0)?;
    io::copy(&mut draft, &mut before)?;
    before.sync_all()
}

/// Whether the folder or the file does not let itself be renamed in or onto, rather than the disk being at fault.
fn is_refused(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::ResourceBusy
            | io::ErrorKind::CrossesDevices
    )
}

/// The new name survives a power cut, where the folder can be opened.
fn sync_folder(target: &Path) -> io::Result<()> {
    File::open(folder(target)).map_or(Ok(()), |folder| folder.sync_all())
}
