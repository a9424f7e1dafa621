//! Where a name leads: through links to a regular file, to a name that is free, or to something that is written to.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::through::Stream;

/// Links in a row that are followed, as many as the system follows.
const LINKS: usize = 40;

/// What is to be written.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Place {
    /// A regular file, or none yet; no link.
    File(PathBuf),
    /// What has no contents to replace.
    Stream(Stream),
}

impl Place {
    /// Finds out, and makes the folder of a file.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn of(name: &Path) -> anyhow::Result<Self> {
        let mut name = name.to_owned();
        for _ in 0..=LINKS {
            let folder = folder(&name);
            fs::create_dir_all(&folder)
                .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
            if let Some(stream) = Stream::of_descriptor(&folder, &name) {
                return Ok(Self::Stream(stream));
            }
            let kind = match fs::symlink_metadata(&name) {
                Ok(found) => found.file_type(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    anyhow::ensure!(name.file_name().is_some(), "it is no name of a file");
                    return Ok(Self::File(name));
                }
                Err(error) => return Err(error.into()),
            };
            if kind.is_symlink() {
                name = folder.join(fs::read_link(&name)?);
                continue;
            }
            anyhow::ensure!(!kind.is_dir(), "it is a folder");
            anyhow::ensure!(!kind.is_socket(), "it is a socket");
            return Ok(if kind.is_file() {
                Self::File(name)
            } else if kind.is_fifo() {
                Self::Stream(Stream::Pipe(name))
            } else {
                Self::Stream(Stream::Device(name))
            });
        }
        anyhow::bail!("its links lead in a circle")
    }
}

/// The folder a name is in.
pub(in crate::cli) fn folder(name: &Path) -> PathBuf {
    match name.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
