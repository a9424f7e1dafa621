//! `--env-file`: read before any command begins.

use super::args::{Args, Command};
use super::mistakes::show;
use super::output::Output;
use crate::failure::Failure;
use crate::manifest::{EnvFile, is_open_to_others};
use crate::report::counted;

/// What our own settings in the environment begin with: the file holds secrets only.
const OURS: &str = "OKTA_ROLLOUT_";

/// Gives the file's variables to whatever reads a secret later; `export` writes such a file instead.
///
/// # Errors
/// When there is none, or it has mistakes: all of them are printed.
pub(super) fn give(args: &Args, output: Output) -> Result<(), Failure> {
    let Some(file) = args.global.env_file.as_deref() else {
        return Ok(());
    };
    if matches!(args.command, Command::Export(_)) {
        return Ok(());
    }
    let shown = file.display();
    let read = EnvFile::read(file).map_err(|problems| {
        let count = problems.len() as u64;
        show(&problems, count, output);
        let mistakes = counted(count, "mistake", "mistakes");
        Failure::usage(anyhow::anyhow!("{shown}: {mistakes}; nothing was sent"))
            .hint("--env-file takes lines NAME=VALUE, with # for comments and quotes where needed")
    })?;
    if is_open_to_others(file) {
        output.warning(format_args!(
            "{shown} can be read by others; chmod 600 {shown}"
        ));
    }
    for name in read
        .names()
        .into_iter()
        .filter(|name| name.starts_with(OURS))
    {
        output.warning(format_args!(
            "{name} in {shown} has no effect: only secrets are read from there"
        ));
    }
    read.give();
    Ok(())
}
