//! Completion in shells. What may follow is decided here, for every shell alike: their scripts ask for it with
//! `complete`, which nobody types.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_complete::engine::CompletionCandidate;

use super::args::{self, Complete, Completions};
use super::output::Output;
use crate::failure::{Ending, Failure};
use crate::text::{self, Syntax};

/// `completions`.
pub(super) fn completions(args: &Completions, output: Output) -> Result<Ending, Failure> {
    let script = match args.shell {
        Shell::Bash => include_str!("completions/okta-rollout.bash").to_owned(),
        Shell::Zsh => include_str!("completions/okta-rollout.zsh").to_owned(),
        Shell::Fish => include_str!("completions/okta-rollout.fish").to_owned(),
        shell => generated(shell),
    };
    output.data(Syntax::Own, |out| Ok(out.write_all(script.as_bytes())?))?;
    Ok(Ending::Success)
}

/// A script that knows the commands and flags by heart.
fn generated(shell: Shell) -> String {
    let mut command = args::Args::command();
    let name = command.get_name().to_owned();
    // Into memory first: the generator panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// `complete`: what may stand for the last word, each with its help after a tab.
pub(super) fn complete(args: &Complete, output: Output) -> Result<Ending, Failure> {
    output.data(Syntax::Own, |out| {
        for candidate in candidates(&args.words)? {
            let value = candidate.get_value().to_string_lossy();
            let value = text::line(&value);
            let help = candidate.get_help().map(ToString::to_string);
            let help = help.as_deref().and_then(|help| help.lines().next());
            match help {
                Some(help) => writeln!(out, "{value}\t{}", text::line(help))?,
                None => writeln!(out, "{value}")?,
            }
        }
        Ok(())
    })?;
    Ok(Ending::Success)
}

fn candidates(words: &[OsString]) -> std::io::Result<Vec<CompletionCandidate>> {
    let mut command = args::Args::command();
    let last = words.len().saturating_sub(1);
    let here = std::env::current_dir().ok();
    let mut found =
        clap_complete::engine::complete(&mut command, words.to_vec(), last, here.as_deref())?;
    found.retain(|candidate| !candidate.is_hide_set());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Vec<String> {
        let words: Vec<_> = line.split(' ').map(OsString::from).collect();
        let found = candidates(&words).unwrap();
        let value = |found: &CompletionCandidate| found.get_value().to_string_lossy().into_owned();
        found.iter().map(value).collect()
    }

    #[test]
    fn what_may_follow_is_offered() {
        for (line, wanted) in [
            ("okta-rollout ch", &["check"][..]),
            ("okta-rollout ru", &["run", "runs"]),
            ("okta-rollout --no-progress res", &["resume"]),
            (
                "okta-rollout consent ",
                &["complete", "help", "list", "refresh", "share"],
            ),
            ("okta-rollout consent re", &["refresh"]),
            ("okta-rollout report --for", &["--format"]),
            ("okta-rollout report --format j", &["json", "junit"]),
            (
                "okta-rollout report --format=j",
                &["--format=json", "--format=junit"],
            ),
            ("okta-rollout --color ", &["auto", "always", "never"]),
            ("okta-rollout completions f", &["fish"]),
            ("okta-rollout run --only wai", &["waiting"]),
            ("okta-rollout run --only app=g", &["app=google"]),
            ("okta-rollout run --only=app=g", &["--only=app=google"]),
            (
                "okta-rollout run --only failed,app=sl",
                &["failed,app=slack"],
            ),
            ("okta-rollout run --only org", &["org="]),
            ("okta-rollout plan --only state=do", &["state=done"]),
            ("okta-rollout export --app zo", &["zoomus"]),
            ("okta-rollout comp", &["completions"]),
            ("okta-rollout run nothing-like-it", &[]),
        ] {
            let mut found = values(line);
            found.retain(|value| {
                !value.starts_with('-') || line.contains('=') || line.ends_with("for")
            });
            let mut wanted: Vec<_> = wanted.iter().map(ToString::to_string).collect();
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{line}");
        }
    }

    #[test]
    fn files_are_offered_by_their_endings() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["m.csv", "m.json", "m.jsonl", "m.toml", "m.txt", "m"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("more")).unwrap();
        let at = folder.path().display();
        for (line, wanted) in [
            (
                "run",
                &["m.csv", "m.json", "m.jsonl", "m.toml", "more/"][..],
            ),
            ("check", &["m.csv", "m.json", "m.jsonl", "m.toml", "more/"]),
            ("run m.csv --orgs", &["m.csv", "m.json", "more/"]),
        ] {
            let mut found = values(&format!("okta-rollout {line} {at}/m"));
            found.sort();
            let wanted: Vec<_> = wanted.iter().map(|name| format!("{at}/{name}")).collect();
            assert_eq!(found, wanted, "{line}");
        }
    }
}
