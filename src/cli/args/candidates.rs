//! What shells offer for the values of flags.

use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter,
};

use crate::apps::App;
use crate::model::State;

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
