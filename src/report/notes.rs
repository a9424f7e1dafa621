//! What a CSV report tells people of an entry beside the manifest's own columns.

use std::borrow::Cow;

use super::EntryReport;
use crate::manifest::Note;

/// The columns for people.
pub fn notes(entry: &EntryReport) -> [(Note, Cow<'_, str>); Note::ALL.len()] {
    let error = entry.error.as_ref();
    let text = |text: Option<&'_ String>| text.map_or(String::new(), Clone::clone);
    Note::ALL.map(|note| {
        let said = match note {
            Note::State => Cow::Borrowed(entry.state.name()),
            Note::Changed => Cow::Borrowed(if entry.changed { "true" } else { "false" }),
            Note::Error => text(error.map(|error| &error.message)).into(),
            Note::Hint => text(error.and_then(|error| error.hint.as_ref())).into(),
            Note::RequestId => text(error.and_then(|error| error.request_id.as_ref())).into(),
        };
        (note, said)
    })
}
