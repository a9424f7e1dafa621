//! Completion in shells. What may follow is decided here, for every shell alike: their scripts ask for it with
//! `complete`, which nobody types.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter,
};

use super::args;
use super::output::Output;
use crate::apps::App;
use crate::failure::{Ending, Failure};
use crate::model::State;
use crate::text::{self, Syntax};

/// Flags of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  source <(okta-rollout completions bash)     in ~/.bashrc; for zsh in ~/.zshrc, with zsh for bash
  okta-rollout completions fish > ~/.config/fish/completions/okta-rollout.fish")]
pub struct Completions {
    /// Which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Flags of `complete`.
#[derive(Debug, clap::Args)]
pub struct Complete {
    /// The words of the command line up to the cursor
    #[arg(last = true, required = true, value_name = "WORD")]
    pub words: Vec<OsString>,
}

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

/// Files that commands read as FILE: manifests and jobs.
pub(super) fn files() -> ArgValueCompleter {
    ending_in(&["csv", "json", "jsonl", "toml"])
}

/// Files with such endings, and folders.
pub(super) fn ending_in(endings: &'static [&'static str]) -> ArgValueCompleter {
    ArgValueCompleter::new(PathCompleter::any().filter(move |path| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        path.is_dir() || ending.is_some_and(|ending| endings.contains(&ending))
    }))
}

/// Conditions of `--only`.
pub(super) fn conditions() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let states = State::ALL.map(|state| state.name().to_owned());
        let apps = App::ALL.map(|app| format!("app={}", app.name()));
        let keys = ["org=".to_owned()];
        let named = State::ALL.map(|state| format!("state={}", state.name()));
        let all = states.into_iter().chain(apps).chain(keys).chain(named);
        all.map(CompletionCandidate::new).collect()
    })
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
                &["complete", "help", "list", "refresh"],
            ),
            ("okta-rollout consent re", &["refresh"]),
            ("okta-rollout report --for", &["--format"]),
            ("okta-rollout report --format j", &["json"]),
            ("okta-rollout report --format=j", &["--format=json"]),
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
