//! What is refused before anything is sent: to write over a file that the command reads or keeps.

use std::path::Path;

use super::{Guarded, cannot_be_written, clash, clash_of_stdout, stdout_is_file};
use crate::failure::Failure;

/// Refuses to write to a file that is one of these.
pub(in crate::cli) fn refuse_clash(
    file: &Path,
    guarded: &[Guarded],
    give: &str,
) -> Result<(), Failure> {
    match clash(file, guarded) {
        Some(why) => Err(cannot_be_written(
            file,
            give,
            anyhow::anyhow!("{why}; nothing was sent"),
        )),
        None => Ok(()),
    }
}

/// Refuses to print anything when standard output is one of these.
pub(in crate::cli) fn refuse_stdout(
    guarded: impl FnOnce() -> Result<Vec<Guarded>, Failure>,
) -> Result<(), Failure> {
    // What else it may be has nothing that could be lost, and to find out what is guarded may take long.
    if !stdout_is_file() {
        return Ok(());
    }
    match clash_of_stdout(&guarded()?) {
        Some(why) => Err(Failure::usage(anyhow::anyhow!(
            "standard output cannot be written to: {why}; nothing was sent"
        ))
        .hint("redirect it to a file of its own")),
        None => Ok(()),
    }
}
