//! Who may change entries: the right is a value, and a checkpoint demands it.

use std::sync::Arc;

use super::{Pending, sqlite};
use crate::model::RunId;

/// A run that is this process's: until this is dropped, or the process ends.
#[derive(Debug)]
pub struct RunLock {
    pub(super) run: RunId,
    pub(super) _held: sqlite::HeldRun,
}

/// The right to begin a run of a file: until this is dropped, or the process ends.
#[derive(Debug)]
pub struct StartLock {
    pub(super) _held: sqlite::FileLock,
}

/// By which right entries of a run are changed.
#[derive(Clone, Debug)]
pub struct Owner(Right);

#[derive(Clone, Debug)]
enum Right {
    Run(Arc<RunLock>),
    Consents(RunId),
}

impl Owner {
    /// The run is this process's, with all of its entries.
    pub fn of_run(lock: RunLock) -> Self {
        Self(Right::Run(Arc::new(lock)))
    }

    /// An entry that waits for a person is whoever's who hands in the answer or asks for another link, and the run that it
    /// is of may be another process's: the first checkpoint takes the entry over, and comes to nothing
    /// ([`LedgerError::Moved`](super::LedgerError::Moved)) if somebody else was faster.
    pub fn of_consents(pending: &Pending) -> Self {
        Self(Right::Consents(pending.run.clone()))
    }

    /// Whether the run is this process's.
    pub(super) const fn is_of_run(&self) -> bool {
        matches!(self.0, Right::Run(_))
    }

    /// Of which run.
    pub fn run(&self) -> &RunId {
        match &self.0 {
            Right::Run(lock) => &lock.run,
            Right::Consents(run) => run,
        }
    }
}
