//! Who may change a run and its entries: the right is a value, and every change demands it.

use std::sync::Arc;

use super::Pending;
use super::store::{HeldFile, HeldOrg, HeldRun};
use crate::model::{EntryNo, RunId};

/// A run that this process works on, until the last of these is dropped, or the process ends: as the one that leads it, or,
/// where several share a ledger, beside that. What it may do to an entry the entry's org decides: see [`OrgHold`].
#[derive(Clone, Debug)]
pub struct RunLock {
    pub(super) run: RunId,
    pub(super) held: Option<Arc<HeldRun>>,
}

impl RunLock {
    /// Of which run.
    pub const fn run(&self) -> &RunId {
        &self.run
    }

    /// Whether it is this process that says when waves begin and that the run has ended. There is one that does.
    pub const fn leads(&self) -> bool {
        self.held.is_some()
    }
}

/// An org that is this process's, in whatever run, until this is dropped: nobody else calls it, nor changes entries that
/// stand in its queue.
#[derive(Debug)]
pub struct OrgHold(pub(super) Option<HeldOrg>);

impl OrgHold {
    /// Ends when work on the org is to end soon: another process is to have it, or may have it already. Never where it can
    /// only be this process's.
    pub async fn ends(&self) {
        match &self.0 {
            Some(hold) => hold.ends().await,
            None => std::future::pending().await,
        }
    }
}

/// The right to begin a run of a file: until this is dropped, or the process ends.
#[derive(Debug)]
pub struct StartLock {
    pub(super) _held: HeldFile,
}

/// The right to one entry that waits for a person: it is whoever's who submits the answer or asks for another link, and
/// the run that it is of may be another process's. The first checkpoint takes the entry over, and comes to nothing
/// ([`LedgerError::Moved`](super::LedgerError::Moved)) if somebody else was faster.
#[derive(Debug)]
pub struct ConsentRight {
    run: RunId,
    no: EntryNo,
}

impl ConsentRight {
    /// To an entry that was found waiting.
    pub fn of(pending: &Pending) -> Self {
        Self {
            run: pending.run.clone(),
            no: pending.entry.no,
        }
    }
}

/// By which right an entry is changed.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// Its run is this process's.
    Run(&'a RunLock),
    /// Its consent is submitted.
    Consent(&'a ConsentRight),
}

impl<'a> Owner<'a> {
    /// Of which run.
    pub const fn run(self) -> &'a RunId {
        match self {
            Self::Run(lock) => &lock.run,
            Self::Consent(right) => &right.run,
        }
    }

    pub(super) fn has(self, no: EntryNo) -> bool {
        match self {
            Self::Run(_) => true,
            Self::Consent(right) => right.no == no,
        }
    }
}
