//! What the ledger remembers, in domain words. No SQL here.

mod app;
mod consents;
mod counts;
mod drift;
mod import;
mod key;
mod moves;
mod note;
mod notice;
mod open;
mod process;
mod rotated_keys;
mod schedule;
mod step_record;
mod upkeep;
mod waiting;
mod wave;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use app::{
    AppClient, AppMemory, AppName, EntryKey, Federation, FoundBy, HubClient, LastApplied,
    LastAppliedChange, LastAppliedUpdate, Target,
};
pub use consents::{ConsentKey, ConsentState, Pending};
pub use counts::{Counts, Standing};
pub use drift::{Drift, Noted};
pub use import::{ImportEntry, NewRun};
pub use key::{HmacKey, HmacKeys};
pub use moves::{Gone, MovedLedger};
pub use note::{Note, OrgWait, OtherSpenders, SpentWindow};
pub use notice::{CutNotice, NewNotice, Repeats, Undelivered};
pub use open::{BUSY_TIMEOUT, OpenMode, OpenOptions};
pub use process::{AtWork, Holdings};
pub use rotated_keys::RotatedKeys;
pub use schedule::{FailedStart, Scheduled, Starts};
pub use step_record::StepRecord;
pub use upkeep::{Forgetting, Kept, Old, Pruned, Removed, Rotation};
pub use waiting::WaitingEntry;
pub use wave::WaveRow;

use super::AsStored;
use crate::manifest::{Entry, OrgSpec};
use crate::model::{
    Changed, EntryError, EntryNo, EntryState, OrgNo, RunId, Step, Stopped, UnixMillis,
};

/// A run as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// What was given to `run`, as typed (manifest or job): shown in reports.
    pub file: String,
    /// The same, absolute and normalized: what a later `run` is compared with.
    pub file_key: String,
    /// SHA-256 (hex) of the manifest's bytes when the run began.
    pub digest: String,
    /// Everything else `resume` needs, as JSON of `run`'s choosing (orgs file, job file, base folders…).
    pub context: serde_json::Value,
    /// When it began.
    pub started_at: UnixMillis,
    /// When its last process ended in good order.
    pub finished_at: Option<UnixMillis>,
    /// When the last process continued it; `None` = only one ever worked on it.
    #[serde(default)]
    pub continued_at: Option<UnixMillis>,
    /// Entries that were done or had failed by then, and were left as they were.
    #[serde(default)]
    pub ended_before: u64,
    /// Why it is only a start that failed: nothing of it began.
    #[serde(default)]
    pub failed: Option<FailedStart>,
}

impl RunRow {
    /// When the last process began to work on it.
    pub fn session_at(&self) -> UnixMillis {
        self.continued_at.unwrap_or(self.started_at)
    }
}

/// An org of a run. In the ledger an org is its URL, not its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrgRow {
    /// Index in the run.
    pub no: OrgNo,
    /// Name in the manifest.
    pub name: String,
    /// Normalized URL, or `sandbox:NAME` for an org the program serves itself.
    pub url: String,
    /// Credentials (references only) and limits.
    pub spec: OrgSpec,
    /// Why its entries are held back, if they are.
    pub stopped: Option<Stopped>,
    /// Sums over the run.
    pub stats: OrgStats,
    /// What its calls wait for, or waited for last: it may be over.
    pub wait: Option<OrgWait>,
}

/// Sums of an org in a run; also the amount a checkpoint adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrgStats {
    /// HTTP requests sent.
    pub requests: u64,
    /// Answers with status 429.
    pub rate_limited: u64,
    /// Step attempts after the first.
    pub retries: u64,
    /// Time calls waited for budget, caps or a reset.
    pub waited_ms: u64,
}

/// How far an entry has come: the part of its row that changes, stored as one JSON value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub struct Progress {
    /// Steps that ended, in order.
    pub steps: Vec<StepRecord>,
    /// Attempts of the current step that used up a try.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// Time the current step's attempts and back-offs took; waits for budget don't count.
    #[serde(skip_serializing_if = "is_zero_ms")]
    pub elapsed_ms: u64,
    /// Id of the app instance once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// Id of its service app in the hub once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// How far its keys are rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Box<RotatedKeys>>,
    /// Its identity provider in the hub once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idp: Option<Box<Federation>>,
    /// Set while a once-only call may be under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<InFlight>,
    /// The consent this entry waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// Whether anything was written at Okta.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
    /// What was changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Changed>,
    /// What the write changes that may be under way: it counts as changed once Okta shows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changing: Vec<Changed>,
    /// Whether only a fresh link will do: a consent turned out to be of no use, or a person asked for another link. One
    /// that was given earlier does not stand either.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub consent_lost: bool,
    /// Whether another link may have taken the place of the one it waits for: a call that asks for one had no answer
    /// before this one's was sent, and may have arrived after it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub link_in_doubt: bool,
    /// Whether its consent is being renewed although there was one (`--reconnect`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub renewing: bool,
    /// Admin credentials that are others than those the connection was last set with, and were left so: setting them
    /// costs a consent, which somebody has to ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_secrets: Vec<String>,
    /// Fields that somebody had changed by hand since a run of this ledger had them as wanted, fixed or left alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
}

impl Progress {
    /// Whether its connection was switched off.
    pub fn is_deactivated(&self) -> bool {
        self.changes.iter().any(Changed::is_deactivation)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero_ms(n: &u64) -> bool {
    *n == 0
}

/// A once-only call that was about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InFlight {
    /// Which step's call.
    pub step: Step,
    /// When it was about to be sent.
    pub sent_at: UnixMillis,
    /// Whether its process saw it end, without a clear answer: then it cannot land later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// Of a call that asks for a consent link: hash (hex) of the link's `state` that Okta showed before, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_before: Option<String>,
    /// Of such a call with credentials: their keyed fingerprint (hex), by which it can be told whether they are still
    /// the same when its answer was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
}

/// A once-only call of any run that may still be under way, as far as the ledger knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// The run that made it.
    pub run: RunId,
    /// Where to, as in [`OrgRow::url`].
    pub org_url: String,
    /// See [`InFlight::sent_at`].
    pub sent_at: UnixMillis,
}

/// A consent that is waited for. `Debug` shows neither link nor state: they are as good as a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// The link a person opens.
    pub authorize_url: String,
    /// Its `state`: what an answer is matched by.
    pub state: String,
    /// Since when.
    pub since: UnixMillis,
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consent")
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

/// An entry with all that is stored of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryRow {
    /// Place in the run.
    pub no: EntryNo,
    /// Its org.
    pub org: OrgNo,
    /// The org in whose queue it stands; `None` = its own.
    pub queue: Option<OrgNo>,
    /// `row` of messages and reports.
    pub row: u64,
    /// What is wanted.
    pub entry: Entry,
    /// Where it stands.
    pub state: EntryState,
    /// How far it came.
    pub progress: Progress,
    /// Not before this time (a retry).
    pub due_at: Option<UnixMillis>,
    /// Why it failed or is retried.
    pub error: Option<EntryError>,
    /// When an answer of Okta's last showed something of it; `None` = never.
    pub checked_at: Option<UnixMillis>,
    /// Counts the row's changes: a checkpoint states the one it builds on.
    pub version: i64,
    /// The later run that waits for its consent instead, or has a fresher link: nothing moves it here.
    pub carried_over_by: Option<RunId>,
    /// What was known of its app when it was loaded to be worked on.
    pub known: Option<Known>,
    /// What a checkpoint builds on, if it was loaded to be worked on.
    pub stored: Option<AsStored>,
}

impl EntryRow {
    /// The org that its next calls go to.
    pub fn stands_at(&self) -> OrgNo {
        self.queue.unwrap_or(self.org)
    }
}

/// What the ledger knew of an app at a time: spares each entry a read of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it knew.
    pub app: AppMemory,
    /// Counts what other processes changed; another number means that it may have changed since.
    pub(in crate::ledger) as_of: i64,
}

/// One HTTP call of a step, kept for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it was sent.
    pub at: UnixMillis,
    /// For which step.
    pub step: Step,
    /// Method and path without query.
    pub call: String,
    /// HTTP status, absent when no answer came.
    pub http_status: Option<u16>,
    /// Okta's error code.
    pub okta_error_code: Option<String>,
    /// `x-okta-request-id`.
    pub request_id: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
    /// When the step is tried again, if it is.
    pub next_at: Option<UnixMillis>,
}

/// The keyed fingerprint of the secrets a connection was last set with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The org's URL as in [`OrgRow::url`].
    pub org_url: String,
    /// The app instance.
    pub app_id: String,
    /// The keyed HMAC; `None` = not known.
    pub hmac: Option<Mac>,
    /// The key it was made with.
    pub key_id: KeyId,
}

/// An HMAC-SHA-256.
pub type Mac = [u8; 32];

/// Names a key: the first bytes of its SHA-256, enough for the handful of keys a ledger ever has.
pub type KeyId = [u8; 8];

/// Half of the SHA-256 of what an entry wants.
pub type WishDigest = [u8; 16];

/// One durable transition of an entry. All of it is stored, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<'a> {
    /// The entry.
    pub no: EntryNo,
    /// [`EntryRow::version`] this builds on; on success the stored one is one more.
    pub version: i64,
    /// [`EntryRow::stored`] of that version; without it the ledger looks.
    pub stored: Option<AsStored>,
    /// New [`EntryRow::queue`]. The calls of this checkpoint are the org's in whose queue the entry stood before.
    pub queue: Option<OrgNo>,
    /// New state.
    pub state: EntryState,
    /// New progress.
    pub progress: Cow<'a, Progress>,
    /// New due time.
    pub due_at: Option<UnixMillis>,
    /// New error.
    pub error: Option<EntryError>,
    /// Calls to add.
    pub attempts: Vec<Attempt>,
    /// When an answer to one of them showed something of the entry; `None` = none did.
    pub looked_at: Option<UnixMillis>,
    /// What to add to the sums of the org that was called.
    pub stats: OrgStats,
    /// Fingerprint to remember.
    pub fingerprint: Option<Fingerprint>,
    /// What its app is to be remembered for.
    pub applied: Option<LastAppliedUpdate>,
    /// What its app was seen to be.
    pub name: Option<AppName>,
    /// The service app that its connection signs in as.
    pub client: Option<AppClient>,
    /// A consent that was settled by this transition: its `state`, and whether Okta accepted it.
    pub settled_consent: Option<(String, bool)>,
}

#[cfg(test)]
pub(crate) mod tests;
