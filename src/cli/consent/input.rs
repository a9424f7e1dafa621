//! Where answers come from: arguments, a file, standard input, or a person at a terminal.

use std::io::Read;

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::{Output, prompt};
use crate::cli::args::ConsentComplete;
use crate::consent::reader::MAX_INPUT;
use crate::failure::Failure;
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
        let name = file.display().to_string();
        let cannot = || format!("{name} cannot be read");
        let bytes = std::fs::File::open(file)
            .with_context(cannot)
            .and_then(|file| read_all(file).with_context(cannot))
            .map_err(Failure::usage)?;
        return Ok(Input { bytes, name });
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

fn read_all(from: impl Read) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(MAX_INPUT as u64 + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(
        bytes.len() <= MAX_INPUT,
        "it is larger than {} MiB",
        MAX_INPUT >> 20
    );
    Ok(bytes)
}
