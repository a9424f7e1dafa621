//! Rows for tests of those who work with them.

use super::{EntryRow, Progress};
use crate::manifest::Entry;
use crate::model::{EntryNo, EntryState, OrgNo};

/// The first entry of a run, at work.
pub(crate) fn begun(entry: Entry, progress: Progress) -> EntryRow {
    EntryRow {
        no: EntryNo(0),
        org: OrgNo(0),
        queue: None,
        row: 1,
        entry,
        state: EntryState::Started,
        progress,
        due_at: None,
        error: None,
        checked_at: None,
        version: 1,
        carried_over_by: None,
        known: None,
        stored: None,
    }
}
