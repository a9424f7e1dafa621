//! Hands the entries of a manifest to the ledger as they are read.

use std::collections::{HashMap, HashSet};

use super::rotating::Rotating;
use crate::ledger::{Import, ImportEntry, LedgerError};
use crate::manifest::{Entry, Located, Orgs};
use crate::model::{EntryState, OrgNo, RunId};
use crate::selection::{Ended, Selection};

/// An import under way. The first failure is kept; what follows is not imported, but still checked.
pub(crate) struct Importing {
    import: Import,
    orgs: Orgs,
    numbers: HashMap<String, OrgNo>,
    failed: Option<LedgerError>,
    // The only rows to import, if not all.
    rows: Option<HashSet<u64>>,
    // How keys are rotated: then only those entries are imported that are about such, and are selected.
    rotates: Option<Rotating>,
    /// Connections whose keys nobody rotates, because their hub is not named.
    pub nowhere: u64,
    selection: Selection,
    /// Whether any entry is selected.
    pub selected: bool,
}

impl Importing {
    /// Of all rows or of these.
    pub fn new(
        import: Import,
        orgs: Orgs,
        selection: Selection,
        rows: Option<HashSet<u64>>,
        rotates: Option<Rotating>,
    ) -> Self {
        Self {
            import,
            orgs,
            numbers: HashMap::new(),
            failed: None,
            rows,
            rotates,
            nowhere: 0,
            selection,
            selected: false,
        }
    }

    /// Takes the next entry.
    pub fn take(&mut self, located: &Located) {
        let with_rotation;
        let located = match self.rotates {
            None => located,
            Some(how) => {
                let Some(entry) = self.rotated(how, &located.entry) else {
                    return;
                };
                with_rotation = Located {
                    row: located.row,
                    entry,
                };
                &with_rotation
            }
        };
        self.look(located);
        let rows = self.rows.as_ref();
        if self.failed.is_none() && rows.is_none_or(|rows| rows.contains(&located.row)) {
            self.failed = self.push(located).err();
        }
    }

    fn rotated(&mut self, how: Rotating, entry: &Entry) -> Option<Entry> {
        if !self.selection.takes_entry(&entry.org, entry.app) {
            return None;
        }
        self.nowhere += u64::from(entry.rotates_nowhere());
        how.of(entry)
    }

    fn look(&mut self, located: &Located) {
        let Entry { org, app, .. } = &located.entry;
        if self.selection.takes_entry(org, *app) {
            // An entry of a new run is pending.
            self.selected |= self
                .selection
                .takes_stored(EntryState::Pending, Ended::Unchanged);
        }
    }

    fn push(&mut self, located: &Located) -> Result<(), LedgerError> {
        let entry = &located.entry;
        // The check hands on entries of known orgs only.
        let Some(org) = self.number_of(&entry.org)? else {
            return Ok(());
        };
        if let Some(hub) = &entry.hub
            && let Some(hub) = self.number_of(&hub.org)?
        {
            self.import.note_hub(hub);
        }
        self.import.push_entry(ImportEntry {
            row: located.row,
            org,
            entry,
        })
    }

    fn number_of(&mut self, name: &str) -> Result<Option<OrgNo>, LedgerError> {
        if let Some(no) = self.numbers.get(name) {
            return Ok(Some(*no));
        }
        let Some(spec) = self.orgs.anchored(name) else {
            return Ok(None);
        };
        let no = self.import.push_org(name, &self.orgs.url(name), &spec)?;
        self.numbers.insert(name.to_owned(), no);
        Ok(Some(no))
    }

    /// Makes the run visible.
    pub fn finish(self) -> Result<RunId, LedgerError> {
        match self.failed {
            Some(error) => Err(error),
            None => self.import.finish(),
        }
    }
}
