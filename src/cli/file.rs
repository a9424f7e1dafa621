//! Every file that a command writes for people is written here: a report, a plan, an export, a manual page. A file is
//! there whole or not at all, and what is no file (a device, a pipe, a descriptor) is written to and never replaced.

mod clash;
mod new;
mod place;
mod replace;
mod through;

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::failure::Failure;
pub(super) use clash::{Guarded, clash};
pub(super) use new::{NewFile, Readers, must_be_free, write_new};
use place::Place;
pub(super) use place::folder;
use replace::Draft;

/// Writes to where `file` leads: a regular file, or one that is not there yet, is replaced once the new one is durable;
/// everything else is written to. Makes the folder, if need be.
///
/// # Errors
/// When it cannot be written; what stood there before is still there then.
pub(super) async fn write_whole<T>(
    file: &Path,
    write: impl AsyncFnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    match Place::of(file)? {
        Place::File(target) => {
            let mut draft = Draft::of(target)?;
            let mut out = BufWriter::new(draft.file());
            let written = write(&mut out).await?;
            out.flush()?;
            drop(out);
            draft.publish()?;
            Ok(written)
        }
        Place::Stream(stream) => {
            let mut out = BufWriter::new(stream.open().await?);
            let written = write(&mut out).await?;
            out.flush()?;
            Ok(written)
        }
    }
}

/// Tries whether a file can be written, for a command that has long work to do first. Nothing is written to it.
///
/// # Errors
/// When it cannot.
pub(super) fn can_be_written(file: &Path, give: &str) -> Result<(), Failure> {
    let attempt = || -> anyhow::Result<()> {
        if let Place::File(target) = Place::of(file)? {
            Draft::of(target)?;
        }
        Ok(())
    };
    attempt().map_err(|error| cannot_be_written(file, give, error))
}

/// Said of a file that cannot be written, with what gives another one, as in `-o FILE`.
pub(super) fn cannot_be_written(file: &Path, give: &str, error: anyhow::Error) -> Failure {
    Failure::usage(error.context(format!("{} cannot be written", file.display())))
        .hint(format!("give another one: {give}"))
}

#[cfg(test)]
mod tests;
