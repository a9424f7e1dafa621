//! How a ledger is.

use super::LedgerError;
use crate::model::RunId;

/// How a ledger is, as far as looking at it tells. Nothing of it is made or changed for it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Where it is, or would be.
    pub location: String,
    /// What it takes, with its log.
    pub bytes: u64,
    /// What is left where it is, or would be made; `None` = the system does not tell.
    pub free_bytes: Option<u64>,
    /// Version of its format, once it could be read.
    pub format: Option<i64>,
    /// Runs in it.
    pub runs: u64,
    /// Runs that a process works on now, and which.
    pub held: Vec<(RunId, String)>,
    /// Why it cannot be used; [`LedgerError::Missing`] = there is none yet.
    pub error: Option<LedgerError>,
    /// Why a run could not write to it, or make it.
    pub unwritable: Option<LedgerError>,
}
