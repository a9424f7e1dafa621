//! What a run tells the outside while it works. Progress, log and metrics are readers of it; nothing
//! in the run depends on who listens. No secret, no consent link and no `state` travels here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::model::{Changed, EntryError, Millis, Step, Stored};

/// Names an entry for people: org, app, and its id or label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryName {
    /// Org's name.
    pub org: Arc<str>,
    /// App's name.
    pub app: &'static str,
    /// `appId` or label, whichever the manifest gave.
    pub which: Arc<str>,
    /// Row in the manifest.
    pub row: u64,
}

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The run began or was continued.
    Begun {
        /// Entries in all.
        entries: u64,
        /// Entries that had ended before (done, failed, waiting).
        ended: u64,
    },
    /// How long what is left will take by what budgets allow, as far as that is known by now.
    Expected {
        /// The end by the local clock.
        ends_at: Option<Millis>,
    },
    /// A step's attempt began.
    StepBegun {
        /// Whose.
        entry: EntryName,
        /// Which.
        step: Step,
    },
    /// A step ended well.
    StepDone {
        /// Whose.
        entry: EntryName,
        /// Which.
        step: Step,
        /// Whether it wrote something.
        changed: bool,
    },
    /// A step will be tried again.
    Retrying {
        /// Whose.
        entry: EntryName,
        /// Why.
        error: EntryError,
        /// Attempts so far.
        attempts: u32,
        /// When.
        next_at: Millis,
    },
    /// An entry came to rest in this process: done, failed or waiting.
    Ended {
        /// Which.
        entry: EntryName,
        /// `Done`, `Failed` or `Waiting`.
        state: Stored,
        /// Whether anything was written.
        changed: bool,
        /// What was, in this run.
        changes: Vec<Changed>,
        /// Why it failed.
        error: Option<EntryError>,
    },
    /// An entry that waited is to get a fresh link.
    Renews {
        /// Which.
        entry: EntryName,
    },
    /// Whether secrets of waiting entries changed cannot be told.
    NotCompared {
        /// Their org's name.
        org: Arc<str>,
        /// How many entries.
        entries: u64,
        /// Why.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A command that only looks has looked at an entry.
    Looked,
    /// An org's calls wait.
    OrgWaits {
        /// Its name.
        org: Arc<str>,
        /// What for, e.g. `budget of /api/v1/apps: 0 of 45 left`.
        reason: String,
        /// For how long, if known.
        for_how_long: Option<Duration>,
        /// Until when by the local clock, if known.
        until: Option<Millis>,
    },
    /// An org's calls go on.
    OrgGoesOn {
        /// Its name.
        org: Arc<str>,
    },
    /// An org was stopped; its entries stay pending.
    OrgStopped {
        /// Its name.
        org: Arc<str>,
        /// Why.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The run is being stopped: no new work, calls in flight finish.
    Stopping {
        /// Calls still in flight.
        in_flight: usize,
        /// What becomes of their answers.
        answers: Answers,
    },
}

/// What becomes of the answers to calls in flight when a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// They are checkpointed.
    Kept,
    /// They cannot be: the ledger takes no more.
    Lost,
}

/// Where a run sends its events. Cheap to clone; sending never blocks and never fails.
#[derive(Clone, Debug, Default)]
pub struct Events(Option<mpsc::UnboundedSender<Event>>);

impl Events {
    /// A sender and its reader.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(Some(sender)), receiver)
    }

    /// Events nobody reads.
    pub const fn nowhere() -> Self {
        Self(None)
    }

    /// Tells the reader, if there still is one.
    pub fn send(&self, event: Event) {
        if let Some(sender) = &self.0 {
            // A reader that is gone (terminal closed) must not stop the run.
            drop(sender.send(event));
        }
    }
}
