//! What is known of a consent: whose answer it is, and the entry that waits for it.

use std::fmt;

use super::{EntryRow, OrgRow};
use crate::apps::App;
use crate::model::RunId;

/// What an answer has to be equal to: a `state` alone says nothing, since anybody can put one into a link.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ConsentKey {
    /// The org's URL.
    pub org_url: String,
    /// The app.
    pub app: App,
    /// Its id.
    pub app_id: String,
    /// The `state` of the link.
    pub state: String,
}

impl fmt::Debug for ConsentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsentKey")
            .field("org_url", &self.org_url)
            .field("app", &self.app)
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}

/// What the ledger can say of a consent.
#[derive(Clone, Debug, PartialEq)]
pub enum ConsentState {
    /// This entry waits for it.
    Waiting(Box<Pending>),
    /// It was handed in before; `true` = Okta accepted it.
    Settled(bool),
    /// Never seen, or replaced by a fresh link.
    Unknown,
}

/// An entry that waits for consent, with its run and org.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// The run that owns it.
    pub run: RunId,
    /// The org.
    pub org: OrgRow,
    /// The entry.
    pub entry: EntryRow,
}
