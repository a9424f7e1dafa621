//! What processes tell each other of orgs besides checkpoints.

use serde::{Deserialize, Serialize};

use crate::model::{OrgNo, RunId, UnixMillis};

/// What an org's calls wait for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrgWait {
    /// For people: `budget of /api/v1/apps: 0 of 45 left`.
    pub reason: String,
    /// The bucket that is used up, if it is that.
    pub bucket: Option<String>,
    /// What is left of it for us.
    pub left: Option<u64>,
    /// What we may have of it in a window.
    pub limit: Option<u64>,
    /// Calls a second that are kept free of it for others who were seen to spend from it.
    #[serde(default)]
    pub others_per_second: Option<f64>,
    /// When they continue.
    pub until: UnixMillis,
}

/// A window of a rate limit that is used up: whoever comes next must not send into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpentWindow {
    /// The org's URL as in [`super::OrgRow::url`].
    pub org_url: String,
    /// Okta's name of the bucket, after a method that has a window of its own.
    pub bucket: String,
    /// Requests a window, if known.
    pub limit: Option<u64>,
    /// When requests may go again.
    pub until: UnixMillis,
    /// How far ahead that was when it was noted.
    pub left_ms: i64,
}

/// What others were seen to take of a rate limit: whoever comes next keeps it free for them.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherSpenders {
    /// The org's URL as in [`super::OrgRow::url`].
    pub org_url: String,
    /// Okta's name of the bucket, after a method that has a window of its own.
    pub bucket: String,
    /// Calls a second, in the busiest of the last windows.
    pub per_second: f64,
    /// Whether they needed more than could be seen.
    pub unsure: bool,
    /// How long that counts.
    pub until: UnixMillis,
    /// How far ahead that was when it was noted.
    pub left_ms: i64,
}

/// Something that other processes have to know of an org.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A window is used up.
    Spent(SpentWindow),
    /// Others spend from the same bucket.
    Others(OtherSpenders),
    /// Its calls wait, or continue.
    Waits {
        /// The run.
        run: RunId,
        /// The org in it.
        org: OrgNo,
        /// What for.
        wait: Option<OrgWait>,
    },
}
