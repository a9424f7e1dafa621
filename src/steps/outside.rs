//! Where the calls of a step lead: to the org, or, where somebody asks what a run would do, nowhere.

use super::supposition::Supposition;
use super::{Access, StepError};
use crate::ledger::{Ledger, Owner};
use crate::pacing::CancellationToken;

/// What carries out a step's calls.
pub enum Outside<'a> {
    /// To the org, and what comes of them to the ledger.
    Live(Live<'a>),
    /// Nowhere: they are noted, and answered as if Okta did what it is asked.
    Supposed(&'a mut Supposition<'a>),
}

/// An org, and the run that works on it.
#[derive(Clone, Copy)]
pub struct Live<'a> {
    /// By which right its entries are checkpointed.
    pub owner: Owner<'a>,
    /// Where checkpoints go.
    pub ledger: &'a Ledger,
    /// The org whose turn it is: the entry's own, or its hub.
    pub access: &'a Access,
    /// Cancelled once no further entry of the run may begin; `None` where nothing halts it.
    pub halted: Option<&'a CancellationToken>,
    /// The URL of the entry's own org as the ledger knows it: its app is there.
    pub own_url: &'a str,
    /// Where that org is reached.
    pub own_origin: &'a str,
    /// The URL of its hub as the ledger knows it, if it has one.
    pub hub_url: Option<&'a str>,
}

/// What cannot be foretold.
pub(super) fn unknown() -> StepError {
    StepError::failed("what becomes of it is known only once it is done", "run it")
}
