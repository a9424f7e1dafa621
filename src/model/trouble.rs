//! Why an entry failed, and why an org was stopped.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Step;
use crate::failure::Remedy;

/// What is told of something that went wrong; no secret, no whole body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetails {
    /// What happened; Okta's own words where it sent some, without its code and request id.
    pub message: String,
    /// Okta's `errorCode`, or `error` of an OAuth endpoint.
    pub okta_error_code: Option<String>,
    /// HTTP status; absent when no answer came.
    pub http_status: Option<u16>,
    /// `x-okta-request-id`.
    pub request_id: Option<String>,
    /// The next command or edit.
    pub hint: Option<String>,
}

impl ErrorDetails {
    /// What happened, when nothing of an answer is known.
    pub fn new(message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            message: message.into(),
            hint,
            ..Self::default()
        }
    }
}

/// The message, with what is known of the answer: `… (E0000001, HTTP 400, request abc)`.
impl fmt::Display for ErrorDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = codes(
            self.okta_error_code.as_deref(),
            self.http_status,
            self.request_id.as_deref(),
        );
        write!(f, "{}{codes}", self.message)
    }
}

/// ` (E0000001, HTTP 400, request abc)`, or nothing.
pub fn codes(okta: Option<&str>, http: Option<u16>, request: Option<&str>) -> String {
    let parts: Vec<String> = [
        okta.map(str::to_owned),
        http.map(|status| format!("HTTP {status}")),
        request.map(|id| format!("request {id}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}

/// Why an entry failed, or why its step is being retried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryError {
    /// The step.
    pub step: Step,
    /// What happened.
    #[serde(flatten)]
    pub details: ErrorDetails,
}

/// Why an org was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// What happened.
    #[serde(flatten)]
    pub details: ErrorDetails,
    /// Where the hint helps; the ledger keeps the hint with the command that follows from it.
    #[serde(skip)]
    pub remedy: Remedy,
}

/// An error that has [`ErrorDetails`] is read as they are.
macro_rules! has_details {
    ($($error:ty),*) => {$(
        impl std::ops::Deref for $error {
            type Target = $crate::model::ErrorDetails;

            fn deref(&self) -> &Self::Target {
                &self.details
            }
        }

        impl std::ops::DerefMut for $error {
            fn deref_mut(&mut self) -> &mut Self::Target {
                &mut self.details
            }
        }
    )*};
}
pub(crate) use has_details;

has_details!(EntryError, Stopped);
