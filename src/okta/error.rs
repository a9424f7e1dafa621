//! What a failed call means. The class of an error is decided in this folder and nowhere else: by
//! Okta's error code first, by the HTTP status second, and for calls without an answer by whether
//! the request can have left (API.md §7.3, §8).

mod answer;
mod challenge;
mod codes;
mod okta_body;
mod socks;
mod transport;

use std::fmt;
use std::time::Duration;

use crate::failure::Remedy;
use crate::model::{ErrorDetails, has_details};
pub use answer::endless_list;
pub(super) use answer::{cut_short, foreign, foreign_page, refused, too_large};
pub use codes::is_oktas;
pub(super) use transport::{Way, is_declined, unanswered};

/// What follows from a failed call. A pure function in `run` decides from it and the step's effect
/// whether to try again, look first, or give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request did not leave, and a later one may: name resolution, connection, proxy or TLS failed.
    NotSent,
    /// The request did not leave, because of this machine: no file handle, memory or port was to be had for it. It says
    /// nothing about the org.
    NoRoom,
    /// The server said that it failed, and may succeed later: 5xx and Okta's own transient codes. It
    /// may have acted all the same (a gateway's 504): a once-only call is looked up before it is
    /// sent again.
    Transient {
        /// When the server wants the next try, if it said so.
        retry_after: Option<Duration>,
    },
    /// The request left and no usable answer came: time-out, broken connection, cut or foreign body.
    Unclear,
    /// 429, or E0000047 under another status.
    RateLimited {
        /// Too many at once, rather than too many a minute (API.md §10.1).
        concurrency: bool,
        /// When the server wants the next try, if it said so.
        retry_after: Option<Duration>,
    },
    /// Okta understood and declined; the same request would be declined again.
    Refused,
    /// No call of this org can succeed before somebody changes something: its credentials are not good, or not good
    /// enough, or there is no way to it (unknown host, certificate that is not trusted, proxy that refuses).
    OrgStopped,
}

/// What of an org's credentials an answer found wanting (API.md §7.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// They are not good: wrong, expired, revoked.
    Credentials,
    /// Their token lacks these scopes; `None` = Okta did not say which.
    Scopes(Option<Box<str>>),
    /// Their owner's admin role is not enough.
    Role,
    /// The proof of the request is not good (`DPoP`).
    Proof,
    /// It needs one that holds the nonce of the answer.
    Nonce,
}

impl Class {
    /// Whether a call that failed so was certainly not carried out.
    pub const fn was_not_done(self) -> bool {
        matches!(
            self,
            Self::NotSent | Self::NoRoom | Self::Refused | Self::OrgStopped
        )
    }
}

/// Why a call brought no usable answer. Safe to show: no secret, no whole body, no query string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// What follows from it.
    pub class: Class,
    /// What happened.
    pub details: ErrorDetails,
    /// Okta's `errorId`, which its support asks for.
    pub error_id: Option<String>,
    /// Where the hint helps.
    pub remedy: Remedy,
    /// What of the credentials is wanting, if that is why.
    pub denied: Option<Denied>,
}

impl CallError {
    /// An error of which nothing more is known.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            details: ErrorDetails::new(message, None),
            error_id: None,
            remedy: Remedy::Outside,
            denied: None,
        }
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.details.hint = Some(hint.into());
        self
    }

    /// Whether Okta looked at what was asked for, and declined. About credentials and rights it answers before it looks.
    pub fn shows_something(&self) -> bool {
        let looked = |status| matches!(status, 400..=499) && !matches!(status, 401 | 403);
        self.class == Class::Refused && self.http_status.is_some_and(looked)
    }

    /// As [`Self::hint`], for a setting of the job.
    #[must_use]
    pub fn setting(self, hint: impl Into<String>) -> Self {
        Self {
            remedy: Remedy::Job,
            ..self.hint(hint)
        }
    }

    /// As [`Self::hint`], for an edit of the manifest or the orgs file.
    #[must_use]
    pub fn edit(self, hint: impl Into<String>) -> Self {
        Self {
            remedy: Remedy::Manifest,
            ..self.hint(hint)
        }
    }
}

/// The message, with Okta's code and request id where known.
impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match (&self.okta_error_code, &self.request_id) {
            (Some(code), Some(id)) => write!(f, " ({code}, request {id})"),
            (Some(code), None) => write!(f, " ({code})"),
            (None, Some(id)) => write!(f, " (request {id})"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for CallError {}

has_details!(CallError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_declines_without_looking_shows_nothing() {
        let transient = Class::Transient { retry_after: None };
        for (class, status, shows) in [
            (Class::Refused, Some(400), true),
            (Class::Refused, Some(404), true),
            (Class::Refused, Some(401), false),
            (Class::Refused, Some(403), false),
            (Class::Refused, Some(302), false),
            (Class::Refused, Some(501), false),
            (Class::Refused, None, false),
            (Class::OrgStopped, Some(401), false),
            (Class::Unclear, Some(200), false),
            (transient, Some(503), false),
            (Class::NotSent, None, false),
        ] {
            let mut error = CallError::new(class, "no");
            error.http_status = status;
            assert_eq!(error.shows_something(), shows, "{error:?}");
        }
    }

    #[test]
    fn display_names_code_and_request() {
        let mut error = CallError::new(Class::Refused, "no");
        assert_eq!(error.to_string(), "no");
        error.request_id = Some("r1".to_owned());
        assert_eq!(error.to_string(), "no (request r1)");
        error.okta_error_code = Some("E0000001".to_owned());
        assert_eq!(error.to_string(), "no (E0000001, request r1)");
    }
}
