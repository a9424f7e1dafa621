//! Entries by state.

use schemars::JsonSchema;
use serde::Serialize;

use super::EntryReport;
use crate::model::State;

/// Entries by state; `pending` includes those a process is working on, and those a later run took over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// All of them.
    pub entries: u64,
    /// Done, something was written.
    pub changed: u64,
    /// Of those: connections that were switched off.
    pub deactivated: u64,
    /// Done, all was as wanted.
    pub unchanged: u64,
    /// Wait for consent.
    pub waiting: u64,
    /// Gave up.
    pub failed: u64,
    /// Not ended yet.
    pub pending: u64,
}

impl Totals {
    pub(super) const fn add(&mut self, entry: &EntryReport) {
        self.entries += 1;
        match entry.state {
            State::Done if entry.changed => {
                self.changed += 1;
                self.deactivated += entry.deactivated as u64;
            }
            State::Done => self.unchanged += 1,
            State::Waiting => self.waiting += 1,
            State::Failed => self.failed += 1,
            State::Pending | State::Running => self.pending += 1,
        }
    }

    /// Each state that has some, with its name.
    pub fn parts(self) -> impl Iterator<Item = (u64, &'static str)> {
        let parts = [
            (self.changed.saturating_sub(self.deactivated), "changed"),
            (self.deactivated, "deactivated"),
            (self.unchanged, "unchanged"),
            (self.waiting, "waiting for consent"),
            (self.failed, "failed"),
            (self.pending, "pending"),
        ];
        parts.into_iter().filter(|(count, _)| *count > 0)
    }

    /// `8 changed, 1 failed`.
    pub fn words(self) -> String {
        let parts: Vec<String> = self
            .parts()
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        parts.join(", ")
    }
}
