//! Lines of progress, and how entries, steps and errors are named in them.

use anstyle::Style;

use crate::event::EntryName;
use crate::model::{EntryError, RunId, Step};
use crate::report::counted;

/// A line that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub weight: Weight,
    pub text: String,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Silent with `--summary`, and needless beside live lines.
    News,
    /// What was changed or waits for a person: silent with `-q`, and needless beside live lines.
    Change,
    /// Silent with `-q`.
    Notice,
    /// Never silent.
    Error,
}

pub(super) fn named(entry: &EntryName) -> String {
    format!("{}/{} (row {})", entry.org, entry.app, entry.row)
}

pub(super) fn titled(step: Step) -> String {
    match (step.feature(), step.index()) {
        (Some(feature), _) => format!("{} {}", step.name(), feature.name()),
        // People count from one.
        (None, Some(index)) => format!("{} {}", step.name(), u32::from(index) + 1),
        (None, None) => step.name().to_owned(),
    }
}

pub(super) fn told(error: &EntryError) -> String {
    error.details.to_string()
}

pub(super) fn line(weight: Weight, text: String) -> Vec<Line> {
    vec![Line { weight, text }]
}

pub(super) fn not_compared(org: &str, entries: u64, message: &str) -> String {
    let entries = counted(entries, "entry that waits", "entries that wait");
    format!("{org}: whether the credentials of {entries} changed is not known: {message}")
}

/// Said once by who was too slow for all events.
pub(super) fn lost(run: Option<&RunId>) -> Vec<Line> {
    let all = run.map_or_else(String::new, |run| {
        format!("; all that was done is in: okta-rollout report {}", run.0)
    });
    line(
        Weight::Notice,
        format!("some lines are left out, because they are read too slowly{all}"),
    )
}

/// The colour of each state.
pub(super) mod colour {
    use anstyle::{AnsiColor, Style};

    pub const CHANGED: Style = AnsiColor::Green.on_default();
    pub const UNCHANGED: Style = Style::new();
    pub const WAITING: Style = AnsiColor::Cyan.on_default();
    pub const FAILED: Style = AnsiColor::Red.on_default().bold();
    pub const STOPPING: Style = AnsiColor::Yellow.on_default();
}

pub(super) fn painted(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

pub(super) fn failure(text: String, hint: Option<&str>) -> Vec<Line> {
    let mut texts = vec![text];
    texts.extend(hint.map(|hint| format!("  hint: {hint}")));
    texts
        .into_iter()
        .map(|text| Line {
            weight: Weight::Error,
            text,
        })
        .collect()
}
