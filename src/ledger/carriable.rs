//! Consents that outlive their run, and what begins with them: whichever database knows of both.

use std::collections::HashMap;

use super::stored::likeness;
use crate::model::EntryNo;

/// An entry of an earlier run that waits for consent, or whose answer was being handed in when its process ended or its
/// org was stopped.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    pub key: i64,
    pub version: i64,
}

/// Waiting entries by likeness; few, since each waits for a person.
#[derive(Default)]
pub(super) struct Carriable(HashMap<[u8; 32], Waiting>);

/// An entry of the new run and the earlier one whose consent it takes over.
pub(super) struct CarryOver {
    pub no: EntryNo,
    pub from: Waiting,
}

impl Carriable {
    /// Adds one; of several that are alike the last one counts.
    pub(super) fn add(&mut self, url: &str, spec: &str, waiting: Waiting) {
        self.0.insert(likeness(url, spec), waiting);
    }

    /// Gives the consent of a like entry to entry `no` of the new run, once.
    pub(super) fn take(&mut self, url: &str, spec: &str, no: EntryNo) -> Option<CarryOver> {
        if self.0.is_empty() {
            return None; // spares the hash, a million times
        }
        let from = self.0.remove(&likeness(url, spec))?;
        Some(CarryOver { no, from })
    }
}
