//! Every file that a command writes for people is written here: a report, a plan, an export, a manual page. A file is
//! there whole or not at all, and what is no file (a device, a pipe, a descriptor) is written to and never replaced.

mod clash;
mod new;
mod place;
mod refuse;
mod replace;
mod through;

use std::io::{BufWriter, Write};
use std::path::Path;

use rustix::io::Errno;

use crate::failure::Failure;
use crate::limits::Lack;
pub(super) use crate::rollout::target::cannot_be_read;
pub(super) use clash::{Guarded, clash, clash_of_stdout, is_stdout, stdout_is_file};
pub(super) use new::{NewFile, Readers, must_be_free, write_new};
pub(super) use place::{Place, folder};
pub(super) use refuse::{refuse_clash, refuse_stdout};
use replace::Draft;

/// The mode of a file that only its owner may read.
pub(super) const OWNER_ONLY: u32 = 0o600;

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
    let hint = another(give, &error);
    let error = plain(error).context(format!("{} cannot be written", file.display()));
    Failure::usage(error).hint(hint)
}

/// What to do about a file that cannot be written.
fn another(give: &str, error: &anyhow::Error) -> String {
    if let Some(lack) = Lack::among(error) {
        return lack.hint().to_owned();
    }
    with_room(format!("give another one: {give}"), error)
}

/// A hint, and what helps as well if the disk is full.
pub(super) fn with_room(hint: String, error: &anyhow::Error) -> String {
    if is_full(error) {
        format!("{hint}; or make room on that disk")
    } else {
        hint
    }
}

/// Whether there is no room for a file.
fn is_full(error: &anyhow::Error) -> bool {
    // Errors of formats keep the system's error to themselves, but for its text.
    let said = [Errno::NOSPC, Errno::DQUOT].map(|no| format!("(os error {})", no.raw_os_error()));
    error.chain().any(|cause| {
        let text = cause.to_string();
        cause.is::<DiskFull>() || said.iter().any(|said| text.contains(said))
    })
}

/// There is no room for a file.
#[derive(Debug, thiserror::Error)]
#[error("No space left on device: the disk is full")]
struct DiskFull;

/// A full disk in words, without the name that a file has while it is written.
fn plain(error: anyhow::Error) -> anyhow::Error {
    if is_full(&error) {
        DiskFull.into()
    } else {
        error
    }
}

#[cfg(test)]
mod tests;
