//! What an org is opened with.

use std::sync::Arc;

use super::next::NextCommands;
use crate::ledger::OrgRow;
use crate::manifest::Secrets;
use crate::okta::Credentials;

/// What a run needs of one org.
pub struct OrgAccess {
    /// Its row in the ledger.
    pub row: OrgRow,
    /// Where it is reached: its URL, or the sandbox's.
    pub origin: String,
    /// How to authenticate, resolved.
    pub credentials: Credentials,
    /// Reads the secrets its entries refer to.
    pub secrets: Secrets,
    /// What people type after a failure.
    pub next: Arc<NextCommands>,
}
