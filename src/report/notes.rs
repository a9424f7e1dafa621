//! What a CSV report tells people of an entry beside the manifest's own columns.

use std::borrow::Cow;

use super::{EntryReport, RunState};
use crate::ledger::FailedStart;
use crate::manifest::Note;
use crate::text;

fn shown(text: Option<&String>) -> Cow<'_, str> {
    text.map_or(Cow::Borrowed(""), |text| text::line(text))
}

/// The columns for people.
pub fn notes(entry: &EntryReport) -> [(Note, Cow<'_, str>); Note::ALL.len()] {
    let error = entry.error.as_ref();
    Note::ALL.map(|note| {
        let said = match note {
            Note::State => Cow::Borrowed(entry.state.name()),
            Note::Changed => Cow::Borrowed(if entry.changed { "true" } else { "false" }),
            Note::Error => shown(error.map(|error| &error.message)),
            Note::Hint => shown(error.and_then(|error| error.hint.as_ref())),
            Note::RequestId => shown(error.and_then(|error| error.request_id.as_ref())),
        };
        (note, said)
    })
}

/// The same of a start that failed.
pub fn notes_of_start(why: &FailedStart) -> [(Note, Cow<'_, str>); 3] {
    [
        (Note::State, Cow::Borrowed(RunState::Failed.name())),
        (Note::Error, text::line(&why.message)),
        (Note::Hint, shown(why.hint.as_ref())),
    ]
}
