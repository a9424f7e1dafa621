//! Why an entry failed, and why an org was stopped.

use serde::{Deserialize, Serialize};

use super::Step;
use crate::failure::Remedy;

/// Why an entry failed, or why its step is being retried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryError {
    /// The step.
    pub step: Step,
    /// What happened; no secret, no whole body.
    pub message: String,
    /// Okta's error code.
    pub okta_error_code: Option<String>,
    /// HTTP status.
    pub http_status: Option<u16>,
    /// `x-okta-request-id`.
    pub request_id: Option<String>,
    /// The next command or edit.
    pub hint: Option<String>,
}

/// Why an org was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// What Okta said, in our words.
    pub message: String,
    /// The next command or edit.
    pub hint: Option<String>,
    /// Okta's error code, if it sent one.
    pub okta_error_code: Option<String>,
    /// HTTP status of the answer.
    pub http_status: Option<u16>,
    /// `x-okta-request-id` of the answer.
    pub request_id: Option<String>,
    /// Where the hint helps; the ledger keeps the hint with the command that follows from it.
    #[serde(skip)]
    pub remedy: Remedy,
}
