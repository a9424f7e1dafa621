//! Why something that was asked for is not done.

use crate::failure::Failure;
use crate::ledger::LedgerError;
use crate::manifest::Problem;

/// A request that was refused before anything was sent, with all that a front end needs to say why.
#[derive(Debug)]
pub(crate) enum Refused {
    /// A manifest has mistakes.
    Mistakes {
        /// Those that are kept.
        problems: Vec<Problem>,
        /// How many there are.
        count: u64,
    },
    /// Everything else.
    Failure(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<LedgerError> for Refused {
    fn from(error: LedgerError) -> Self {
        Self::Failure(error.into())
    }
}
