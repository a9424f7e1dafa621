//! What keeping a ledger is about: old runs, keys that are replaced, entries that are no longer in their file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{RunId, UnixMillis};

/// Which runs are old: what is said must all hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Old {
    /// All but this many newest ones that began. Starts that failed count for nothing: those before the oldest run that
    /// is kept go with the runs.
    pub beyond: Option<u64>,
    /// Those that nobody worked on since.
    pub before: Option<UnixMillis>,
}

/// Why an old run is kept all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// Entries of it wait for consent.
    Waits,
    /// It is its file's last one and was interrupted, so that it is continued; or a call of it may still land.
    Interrupted,
    /// A process works on it.
    Held,
    /// It is its file's last one, and has entries that failed or were held back.
    Last,
}

/// What became of old runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs that were dropped.
    pub runs: u64,
    /// Their entries.
    pub entries: u64,
    /// Old runs that are kept, and why; newest first.
    pub kept: Vec<(RunId, Kept)>,
}

/// What becomes of fingerprints that were made with the key before the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgetting {
    /// While there are any the key is not replaced.
    Refused,
    /// They are not recognized any more: their connections are set once more.
    Allowed,
}

/// What replacing the key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Fingerprints made with the key that was replaced: each is renewed when its entry is next run.
    pub to_renew: u64,
    /// Fingerprints that are not recognized any more.
    pub forgotten: u64,
}

/// An entry that is no longer in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Its org's name, as it was.
    pub org: String,
    /// Its app.
    pub app: String,
    /// The app instance, given or found.
    pub app_id: Option<String>,
    /// Its label, if the manifest gave one.
    pub label: Option<String>,
}
