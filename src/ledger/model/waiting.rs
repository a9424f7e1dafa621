//! What of an entry that waits for a consent is needed to list it among thousands.

use crate::apps::App;
use crate::model::{EntryNo, RunId};

/// An entry that waits for a consent, briefly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingEntry {
    /// The run that owns it.
    pub run: RunId,
    /// Place in the run.
    pub no: EntryNo,
    /// Its org's name.
    pub org: String,
    /// Its org's URL.
    pub org_url: String,
    /// Its app.
    pub app: App,
}
