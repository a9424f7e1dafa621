//! How many entries came to which end: counted from events, or, once some of these were lost, as the ledger has them.

use std::collections::HashSet;

use super::line::{colour, painted};
use crate::event::EntryName;
use crate::ledger::Counts;
use crate::model::{Changed, EntryState, Step};

/// Counts of a command.
#[derive(Default)]
pub(super) struct Totals {
    pub entries: u64,
    pub ended: u64,
    /// Of these, those that had ended before this session.
    pub before: u64,
    changed: u64,
    deactivated: u64,
    unchanged: u64,
    waiting: u64,
    failed: u64,
    /// Entries that came to wait in this session.
    waits: HashSet<EntryName>,
    /// Events were lost: from then on the ledger counts, and not in sessions.
    is_from_ledger: bool,
}

impl Totals {
    /// Begins with what there is to do, and what of it had ended before.
    pub fn start(&mut self, entries: u64, ended: u64) {
        (self.entries, self.ended, self.before) = (entries, ended, ended);
    }

    /// Takes an entry in that came to rest.
    pub fn ended(
        &mut self,
        entry: &EntryName,
        state: EntryState,
        changed: bool,
        written: &[Changed],
    ) {
        if self.is_from_ledger {
            return;
        }
        let deactivated = written.iter().any(Changed::is_deactivation);
        *match state {
            EntryState::Done if deactivated => &mut self.deactivated,
            EntryState::Done if changed => &mut self.changed,
            EntryState::Done => &mut self.unchanged,
            EntryState::Failed => &mut self.failed,
            EntryState::Waiting => {
                self.waits.insert(entry.clone());
                &mut self.waiting
            }
            // Not at rest: the run does not send this.
            EntryState::Pending | EntryState::Started => return,
        } += 1;
        self.ended += 1;
    }

    /// An entry that was counted as waiting is under way again, now that its consent came.
    pub fn continues(&mut self, entry: &EntryName, step: Step, is_live: bool) {
        let waited_before = step == Step::CompleteConsent && !is_live;
        if waited_before || self.waits.contains(entry) {
            self.waits_no_more(entry);
        }
    }

    /// An entry that waited is under way again.
    pub fn waits_no_more(&mut self, entry: &EntryName) {
        if self.is_from_ledger {
            return;
        }
        self.waiting -= u64::from(self.waits.remove(entry));
        self.ended = self.ended.saturating_sub(1);
        // It waits no more since an earlier session.
        self.before = self.before.min(self.ended);
    }

    /// As the ledger has them, from now on.
    pub fn recount(&mut self, counts: &Counts) {
        self.is_from_ledger = true;
        self.waits = HashSet::new();
        self.before = 0;
        self.entries = counts.entries();
        self.ended = counts.ended() + counts.waiting;
        self.deactivated = counts.deactivated;
        self.changed = counts.changed.saturating_sub(counts.deactivated);
        self.unchanged = counts.unchanged;
        self.waiting = counts.waiting;
        self.failed = counts.failed;
    }

    /// `1 changed, 2 waiting for consent`, with what else there is to say.
    pub fn message(&self, stopped: u64, is_stopping: bool) -> String {
        let orgs = if stopped == 1 {
            "org stopped"
        } else {
            "orgs stopped"
        };
        let mut parts: Vec<String> = [
            (self.changed, "changed", colour::CHANGED),
            (self.deactivated, "deactivated", colour::CHANGED),
            (self.unchanged, "unchanged", colour::UNCHANGED),
            (self.waiting, "waiting for consent", colour::WAITING),
            (self.failed, "failed", colour::FAILED),
            (stopped, orgs, colour::FAILED),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, name, style)| painted(style, format_args!("{count} {name}")))
        .collect();
        if is_stopping {
            parts.push(painted(colour::STOPPING, "stopping"));
        }
        let parts = parts.join(", ");
        match (self.before, parts.as_str()) {
            (0, _) => parts,
            (before, "") => format!("{before} before this session"),
            (before, _) => format!("in this session {parts}; {before} before"),
        }
    }
}
