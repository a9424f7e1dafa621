//! Who may change a run and its entries: the right is a value, and every change demands it.

use std::sync::Arc;

use super::Pending;
use super::store::{HeldFile, HeldRun};
use crate::model::{EntryNo, RunId};

/// A run that is this process's, with all of its entries: until the last of these is dropped, or the process ends.
#[derive(Clone, Debug)]
pub struct RunLock {
    pub(super) run: RunId,
    pub(super) _held: Arc<HeldRun>,
}

impl RunLock {
    /// Of which run.
    pub const fn run(&self) -> &RunId {
        &self.run
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
