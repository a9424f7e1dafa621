//! Questions that a person answers at the terminal. Without one nothing is asked.

use std::io::BufRead as _;

use super::output::Output;
use crate::failure::Failure;
use crate::rollout::blocking::blocking;
use crate::settings::Settings;

/// Whether there is a person to ask: who sees the question, and can answer it.
pub(super) const fn can_ask(settings: &Settings) -> bool {
    settings.stdin_is_terminal && settings.stderr_is_terminal
}

/// What a person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// `y` or `yes`.
    Yes,
    /// Anything else, or nothing.
    No,
}

/// A person was asked and does not want it: a command that ends so failed in nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Declined(pub String);

/// From a flag that says yes beforehand.
impl From<bool> for Said {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Asks, and waits for a line.
pub(super) async fn ask(question: &str, output: Output) -> Result<Said, Failure> {
    output.detail(format_args!("{question} [y/N]"));
    Ok(said(&line().await?))
}

/// Waits for a line; empty when there is none any more.
pub(super) async fn line() -> Result<String, Failure> {
    blocking(|| {
        let mut line = String::new();
        // A terminal that is gone has said nothing.
        let read = std::io::stdin().lock().read_line(&mut line);
        Ok(read.map_or(String::new(), |_| line))
    })
    .await
}

fn said(line: &str) -> Said {
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Said::Yes,
        _ => Said::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for (line, answer) in [
            ("y\n", Said::Yes),
            (" YES \r\n", Said::Yes),
            ("", Said::No),
            ("\n", Said::No),
            ("n\n", Said::No),
            ("yess\n", Said::No),
        ] {
            assert_eq!(said(line), answer, "{line:?}");
        }
    }
}
