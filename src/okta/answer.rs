//! What was observed of one call: status, headers that matter, body.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::content::without_bom;
use super::error::{CallError, Class};
use super::head::{Head, RateHeaders};
use crate::text::Veil;

/// Everything observed of one call.
#[derive(Debug)]
pub struct Exchange {
    /// HTTP status; absent when no answer came.
    pub status: Option<u16>,
    /// What the answer says of the rate limit.
    pub rate: RateHeaders,
    /// The server's clock, Unix seconds, from `Date`.
    pub date: Option<i64>,
    /// `x-okta-request-id`.
    pub request_id: Option<String>,
    /// When the call began.
    pub sent_at: Instant,
    /// How long it took, to the last byte of the body or to the fault.
    pub duration: Duration,
    /// The body of an accepted call (2xx), or why there is none.
    pub outcome: Result<Body, CallError>,
}

impl Exchange {
    /// One that nobody made: what it would have brought if the org had answered so, after `duration` from now.
    pub fn supposed(
        status: u16,
        (rate, date): (RateHeaders, i64),
        duration: Duration,
        outcome: Result<(), CallError>,
    ) -> Self {
        Self {
            status: Some(status),
            rate,
            date: Some(date),
            request_id: None,
            sent_at: Instant::now(),
            duration,
            outcome: outcome.map(|()| Body {
                next: None,
                bytes: Bytes::new(),
                veil: Veil::default(),
                status,
                request_id: None,
            }),
        }
    }
}

/// The body of an accepted call. Not shown by `Debug`: it may hold a consent link.
#[derive(Clone)]
pub struct Body {
    /// Path and query of the next page of a list; always of the same org.
    pub next: Option<String>,
    bytes: Bytes,
    veil: Veil,
    status: u16,
    request_id: Option<String>,
}

impl Body {
    pub(super) fn new(bytes: Bytes, next: Option<String>, head: &Head, veil: &Veil) -> Self {
        Self {
            next,
            bytes,
            veil: veil.clone(),
            status: head.status,
            request_id: head.request_id.clone(),
        }
    }

    /// The bytes as they came, decompressed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What its texts are shown through.
    pub(super) const fn veil(&self) -> &Veil {
        &self.veil
    }

    /// The body without a byte order mark.
    pub(super) fn text(&self) -> &[u8] {
        without_bom(&self.bytes)
    }

    /// The error of a body that should have said something.
    pub(super) fn unreadable(self) -> CallError {
        let what = if self.bytes.is_empty() {
            "without a body"
        } else {
            "with a body that is not the expected JSON"
        };
        let message = format!("status {} {what}", self.status);
        let mut error = CallError::new(Class::Unclear, message);
        error.http_status = Some(self.status);
        error.request_id = self.request_id;
        error
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.bytes.len())
    }
}
