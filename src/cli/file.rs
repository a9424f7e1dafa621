//! Writing a file that is there whole or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Writes a file beside its place and moves it there once it is durable; makes the folder, if need be.
///
/// # Errors
/// When it cannot be written; what stood there before is still there then.
pub(super) async fn write_whole<T>(
    file: &Path,
    write: impl AsyncFnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let part = begin(file)?;
    let mut out = BufWriter::new(std::fs::File::create(&part)?);
    let written = write(&mut out).await.and_then(|written| {
        out.into_inner()?.sync_all()?;
        std::fs::rename(&part, file)?;
        Ok(written)
    });
    if written.is_err() {
        // On a full disk it would only take the place that is missing; one that cannot be removed harms nobody.
        drop(std::fs::remove_file(&part));
    }
    written
}

/// Tries whether a file can be written, for a command that has long work to do first.
///
/// # Errors
/// When it cannot.
pub(super) fn can_be_written(file: &Path) -> Result<(), Failure> {
    let attempt = || -> anyhow::Result<()> {
        anyhow::ensure!(!file.is_dir(), "is a folder");
        let part = begin(file)?;
        std::fs::File::create(&part)?;
        Ok(std::fs::remove_file(&part)?)
    };
    attempt().map_err(|error| cannot_be_written(file, error))
}

/// Said of a file that cannot be written.
pub(super) fn cannot_be_written(file: &Path, error: anyhow::Error) -> Failure {
    Failure::usage(error.context(format!("{} cannot be written", file.display())))
        .hint("give another file: -o FILE")
}

// Where a file is written before it is moved to its place.
fn begin(file: &Path) -> anyhow::Result<PathBuf> {
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(part.into())
}
