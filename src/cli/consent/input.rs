//! Where answers come from: arguments, a file, standard input, or a person at a terminal.

use std::io::Read;
use std::path::Path;

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::{Output, prompt};
use crate::cli::args::ConsentComplete;
use crate::cli::file::cannot_be_read;
use crate::consent::reader::MAX_INPUT;
use crate::failure::Failure;
use crate::input;
use crate::settings::Settings;

/// What somebody handed in: it holds one-time codes.
pub(super) struct Input {
    pub bytes: Zeroizing<Vec<u8>>,
    /// What people call it.
    name: String,
}

impl Input {
    /// There was no answer in it.
    pub fn nothing_found(&self, bytes: usize, lines: usize) -> Failure {
        let name = &self.name;
        let plural = if lines == 1 { "" } else { "s" };
        let error = match bytes {
            0 => anyhow::anyhow!("no answer was given: {name} is empty"),
            _ => anyhow::anyhow!(
                "no answer was found in {name}: {bytes} bytes in {lines} line{plural} were read; nothing was sent"
            ),
        };
        Failure::usage(error).hint("paste the JSON that Okta's page shows, or the URL in it")
    }
}

/// Reads all of it.
pub(super) async fn of(
    args: &ConsentComplete,
    settings: &Settings,
    output: Output,
) -> Result<Input, Failure> {
    if let Some(file) = &args.file {
        return of_file(file);
    }
    let is_stdin = match args.answers.as_slice() {
        [] => true,
        [only] => only == "-",
        _ => false,
    };
    if !is_stdin {
        return Ok(Input {
            bytes: Zeroizing::new(args.answers.join("\n").into_bytes()),
            name: "the arguments".to_owned(),
        });
    }
    let (bytes, name) = if settings.stdin_is_terminal {
        (prompt::read(output).await?, "what was pasted")
    } else {
        let bytes = read_all(std::io::stdin().lock()).context("standard input cannot be read");
        (bytes.map_err(Failure::usage)?, "standard input")
    };
    let name = name.to_owned();
    Ok(Input { bytes, name })
}

fn of_file(file: &Path) -> Result<Input, Failure> {
    let name = file.display().to_string();
    let failed = |error| cannot_be_read(file, error);
    let mut opened = input::open(file).map_err(failed)?;
    let bytes = not_too_many(take(&mut opened).map_err(failed)?)
        .with_context(|| format!("{name} cannot be read"))
        .map_err(Failure::usage)?;
    Ok(Input { bytes, name })
}

fn read_all(mut from: impl Read) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    not_too_many(take(&mut from)?)
}

fn take(from: &mut dyn Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(MAX_INPUT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_too_many(bytes: Zeroizing<Vec<u8>>) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    anyhow::ensure!(
        bytes.len() <= MAX_INPUT,
        "it is larger than {} MiB",
        MAX_INPUT >> 20
    );
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_answers_that_keeps_silent_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = crate::input::tests::pipe(folder.path(), "pipe");
        let Err(failure) = of_file(&pipe) else {
            panic!("there is no answer in it");
        };
        assert!(format!("{:#}", failure.error).contains("nothing came from it within"));
        assert!(failure.hint.is_some());
    }
}
