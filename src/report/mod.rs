//! What a run left behind: built from the ledger's rows, never from memory, so that
//! it is as right after a crash as after a clean end.
//!
//! Building is pure: rows in, an [`Overview`] and one [`EntryReport`] per entry out. The formats
//! write entry by entry, so a million entries need no million entries of memory.

mod activity;
mod alike;
mod build;
mod changes;
mod findings;
mod html;
mod json;
mod junit;
mod markdown;
mod notes;
mod schema;
mod summary;
mod text;
mod totals;
mod undelivered;
mod wave;
mod words;

use schemars::JsonSchema;
use serde::Serialize;

use crate::ledger::{FailedStart, Removed};
use crate::model::{ErrorDetails, State, Why, has_details};

pub use alike::Alike;
pub(crate) use build::rfc3339;
pub use build::{Held, RunFacts, calls, entry, error, is_earlier, overview};
pub use changes::ChangeReport;
pub(crate) use changes::told;
pub use findings::{Commands, Findings};
pub use html::HtmlReport;
pub use json::{JsonManifest, JsonReport};
pub use junit::JunitReport;
pub use markdown::MarkdownReport;
pub use notes::{notes, notes_of_start};
pub use schema::{VERSION, json_schema};
pub(crate) use summary::short;
pub use summary::{Attention, CHANGED_READ, DRIFTED_SHOWN, FAILED_READ, Summary, TOKEN_UNUSED};
pub use text::TextReport;
pub(crate) use text::totals;
pub use totals::Totals;
pub use undelivered::{UndeliveredReport, undelivered};
pub use wave::{WaveReport, WaveState, not_begun};
pub(crate) use words::{counted, wave_called};

/// A run as a whole: everything of the report but its entries.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// [`VERSION`].
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// The file it was started with, as typed.
    pub file: String,
    /// Where it stands.
    pub state: RunState,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339; absent while it runs and after a crash.
    pub finished_at: Option<String>,
    /// Entries by state.
    pub totals: Totals,
    /// One per org, in order of first use.
    pub orgs: Vec<OrgReport>,
    /// One per wave, in order; none where the job has none.
    pub waves: Vec<WaveReport>,
    /// Why it did not begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<FailedStart>,
    /// What the file's last run had and the file has no more; it is left as it is.
    pub removed: Vec<Removed>,
    /// Notices that did not arrive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undelivered: Vec<UndeliveredReport>,
    /// Pending entries that a later run took over: nothing moves them here.
    #[serde(skip)]
    pub carried_over: u64,
    /// Pending entries that could move by themselves.
    #[serde(skip)]
    pub movable: u64,
    /// When its last process continued it: RFC 3339.
    #[serde(skip)]
    pub continued_at: Option<String>,
    /// Entries that were done or had failed by then: that process did not look at them.
    #[serde(skip)]
    pub earlier: u64,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Nothing is left that could move by itself.
    Settled,
    /// Something is left, and no process works on it.
    Interrupted,
    /// It was stored for workers, and none has taken it up yet.
    Stored,
    /// A process holds it.
    Running,
    /// It did not begin.
    Failed,
}

impl RunState {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Interrupted => "interrupted",
            Self::Stored => "stored",
            Self::Running => "running",
            Self::Failed => "failed",
        }
    }
}

/// What a run cost an org.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrgReport {
    /// Its name in the manifest.
    pub org: String,
    /// HTTP requests sent.
    pub requests: u64,
    /// Answers with status 429.
    pub rate_limited: u64,
    /// Step attempts after the first.
    pub retries: u64,
    /// Time its calls waited for budget, caps or a reset.
    pub waited_ms: u64,
    /// What its calls wait for now.
    pub waiting: Option<WaitingReport>,
    /// Why its entries are held back.
    pub stopped: Option<ErrorDetails>,
}

impl OrgReport {
    /// `acme waits until …: budget of /api/v1/apps: 0 of 45 left`, if it waits.
    pub fn wait(&self) -> Option<String> {
        let WaitingReport { until, reason, .. } = self.waiting.as_ref()?;
        Some(format!("{} waits until {until}: {reason}", self.org))
    }
}

/// What an org's calls wait for.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingReport {
    /// For people.
    pub reason: String,
    /// The bucket that is used up, if it is that.
    pub bucket: Option<String>,
    /// What is left of it for us.
    pub left: Option<u64>,
    /// What we may have of it in a window.
    pub limit: Option<u64>,
    /// Calls a second that are kept free of it for others who were seen to spend from it.
    pub others_per_second: Option<f64>,
    /// RFC 3339.
    pub until: String,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryReport {
    /// Org's name.
    pub org: String,
    /// App's name.
    pub app: &'static str,
    /// The app instance, once known.
    pub app_id: Option<String>,
    /// Its label, if the manifest gave one.
    pub label: Option<String>,
    /// Row in the manifest.
    pub row: u64,
    /// Where it stands.
    pub state: State,
    /// Whether anything was written at Okta.
    pub changed: bool,
    /// When a process last looked at it in Okta: RFC 3339; null when none ever did.
    pub checked_at: Option<String>,
    /// Whether the run's last process did not look at it; see [`is_earlier`].
    #[serde(skip)]
    pub is_earlier: bool,
    /// What, and why.
    pub changes: Vec<ChangeReport>,
    /// The same in words, each with its reason.
    #[serde(skip)]
    pub told: Vec<(String, Why)>,
    /// Whether its connection was switched off.
    #[serde(skip)]
    pub deactivated: bool,
    /// Why it failed, is being retried, or is held back.
    pub error: Option<ErrorReport>,
    /// What was found otherwise than the manifest wants it, although nobody of the run had changed it.
    pub drift: Vec<DriftReport>,
    /// Admin credentials that changed and were left, because setting them costs a consent (`--reconnect`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs_reconnect: Vec<String>,
    /// The steps it takes, in order.
    pub steps: Vec<StepReport>,
    /// Every call that was made for it, where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<CallReport>>,
}

impl EntryReport {
    /// `acme/google (row 14)`.
    pub fn name(&self) -> String {
        format!("{}/{} (row {})", self.org, self.app, self.row)
    }

    /// Whether its connection works with a service app from now on instead of an API token.
    pub fn migrated(&self) -> bool {
        let switches = self.changes.iter().any(|change| {
            change.field == "connection.profile.authScheme"
                && change.from == "TOKEN"
                && change.to == "OAUTH2"
        });
        // Of one that was not active nobody had a token.
        let was_active = |change: &ChangeReport| change.field != "connection.status";
        switches && self.changes.iter().all(was_active)
    }
}

/// A field that had drifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DriftReport {
    /// Dotted path as in the manifest.
    pub field: String,
    /// What Okta showed; null when it did not show the field.
    pub live: serde_json::Value,
    /// What the manifest says.
    pub wanted: serde_json::Value,
}

/// Why an entry is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorReport {
    /// The step it happened at.
    pub step: &'static str,
    /// What happened.
    #[serde(flatten)]
    pub details: ErrorDetails,
}

has_details!(ErrorReport);

impl ErrorReport {
    /// `set_connection: … (E0000001, HTTP 400, request abc)`.
    pub fn line(&self) -> String {
        match self.step {
            "" => self.details.to_string(),
            step => format!("{step}: {}", self.details),
        }
    }
}

/// One call that was made for an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallReport {
    /// When it was sent: RFC 3339.
    pub at: String,
    /// The step it was made for.
    pub step: &'static str,
    /// The feature of a `set_feature`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<&'static str>,
    /// Which of several steps of its kind it was made for, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u16>,
    /// Method and path without query.
    pub call: String,
    /// HTTP status; null when no answer came.
    pub http_status: Option<u16>,
    /// Okta's error code.
    pub okta_error_code: Option<String>,
    /// `x-okta-request-id` of the answer.
    pub request_id: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
    /// When its step was to be tried again, if it was: RFC 3339.
    pub next_try_at: Option<String>,
}

/// One step of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// Its kind.
    pub step: &'static str,
    /// The feature of a `set_feature`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<&'static str>,
    /// Which of several of its kind it is, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u16>,
    /// Where it stands.
    pub state: State,
    /// Attempts so far; 0 where the step turned out to be needless.
    pub attempts: u32,
    /// Whether it wrote something at Okta.
    pub changed: bool,
    /// HTTP status of its last call.
    pub http_status: Option<u16>,
    /// Request id of its last call.
    pub request_id: Option<String>,
}
