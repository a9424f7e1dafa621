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
    /// Whether it asks for a machine that this is not: others work on it, and this process makes no call to it.
    pub is_elsewhere: bool,
    /// What people type after a failure.
    pub next: Arc<NextCommands>,
}

/// What no call is made with.
const NOBODYS: &str = "others-work-on-this-org";

impl OrgAccess {
    /// Of an org that others work on: `secrets` is never read.
    pub fn elsewhere(row: OrgRow, secrets: Secrets, next: Arc<NextCommands>) -> Self {
        Self {
            origin: row.url.clone(),
            row,
            credentials: Credentials::Bearer(NOBODYS.into()),
            secrets,
            is_elsewhere: true,
            next,
        }
    }
}
