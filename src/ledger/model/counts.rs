//! Entries by state: where each stands, and sums of it.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::apps::App;
use crate::model::{EntryNo, EntryState, OrgNo};

/// Where an entry stands, without what is wanted of it and how far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Place in the run.
    pub no: EntryNo,
    /// Its org.
    pub org: OrgNo,
    /// The org in whose queue it stands; `None` = its own.
    pub queue: Option<OrgNo>,
    /// Its app.
    pub app: App,
    /// Where it stands.
    pub state: EntryState,
    /// [`EntryState::Done`]: whether something was written.
    pub changed: bool,
    /// Whether that was to switch its connection off.
    pub deactivated: bool,
    /// Whether a later run took it over.
    pub carried_over: bool,
}

/// Counts by stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// [`EntryState::Pending`].
    pub pending: u64,
    /// [`EntryState::Started`].
    pub started: u64,
    /// [`EntryState::Waiting`], here.
    pub waiting: u64,
    /// [`EntryState::Done`] with something written.
    pub changed: u64,
    /// [`EntryState::Done`] with nothing written.
    pub unchanged: u64,
    /// [`EntryState::Failed`].
    pub failed: u64,
    /// Taken over by a later run.
    #[serde(default, rename = "adopted")]
    pub carried_over: u64,
    /// Of those that are pending or started: they stand in the queue of an org that was stopped.
    #[serde(default)]
    pub held_back: u64,
    /// Of those changed: connections that were switched off.
    #[serde(default)]
    pub deactivated: u64,
}

impl Counts {
    /// All entries.
    pub const fn entries(&self) -> u64 {
        self.pending
            + self.started
            + self.waiting
            + self.changed
            + self.unchanged
            + self.failed
            + self.carried_over
    }

    /// Those that have not come to their end, nor to a consent.
    pub const fn unfinished(&self) -> u64 {
        self.pending + self.started
    }

    /// Those that can move by themselves: a run in which there is none is settled.
    pub const fn movable(&self) -> u64 {
        self.unfinished().saturating_sub(self.held_back)
    }

    /// Done or failed: nothing moves them unless they are tried again.
    pub const fn ended(&self) -> u64 {
        self.changed + self.unchanged + self.failed
    }

    /// Counts one entry more; `stopped`: orgs that were.
    pub fn add(&mut self, entry: &Standing, stopped: &HashSet<OrgNo>) {
        let count = match entry.state {
            _ if entry.carried_over => &mut self.carried_over,
            EntryState::Pending => &mut self.pending,
            EntryState::Started => &mut self.started,
            EntryState::Waiting => &mut self.waiting,
            EntryState::Done if entry.changed => &mut self.changed,
            EntryState::Done => &mut self.unchanged,
            EntryState::Failed => &mut self.failed,
        };
        *count += 1;
        let is_unfinished = matches!(entry.state, EntryState::Pending | EntryState::Started);
        if is_unfinished
            && !entry.carried_over
            && stopped.contains(&entry.queue.unwrap_or(entry.org))
        {
            self.held_back += 1;
        }
        if entry.deactivated && !entry.carried_over {
            self.deactivated += 1;
        }
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            pending: sum.pending + one.pending,
            started: sum.started + one.started,
            waiting: sum.waiting + one.waiting,
            changed: sum.changed + one.changed,
            unchanged: sum.unchanged + one.unchanged,
            failed: sum.failed + one.failed,
            carried_over: sum.carried_over + one.carried_over,
            held_back: sum.held_back + one.held_back,
            deactivated: sum.deactivated + one.deactivated,
        })
    }
}
