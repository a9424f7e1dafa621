//! Classifies answers that are not an accepted call with a usable body.

use super::super::content::{Content, content};
use super::super::head::Head;
use super::challenge::Challenge;
use super::codes::{self, Verdict};
use super::okta_body::OktaBody;
use super::{CallError, Class, Denied};
use crate::failure::Remedy;
use crate::model::ErrorDetails;

/// The error of an answer with a status other than 2xx.
pub(in super::super) fn refused(head: &Head, body: &[u8]) -> CallError {
    let okta = OktaBody::read(body);
    let challenge = Challenge::read(head.challenge.as_deref().unwrap_or_default());
    let judged = match okta.code.as_deref().and_then(codes::verdict) {
        Some(verdict) => by_code(verdict, head),
        None => by_proof(head, &okta, &challenge)
            .unwrap_or_else(|| by_status(head, &okta, &challenge, content(body))),
    };
    let code = okta.code.as_deref().unwrap_or_default();
    let said = okta.message.as_deref().unwrap_or_default();
    let hint = judged
        .hint
        .or_else(|| codes::hint(code, said).map(str::to_owned));
    let message = judged
        .message
        .or(okta.message.clone())
        .unwrap_or_else(|| describe(head.status, content(body)));
    CallError {
        details: ErrorDetails {
            okta_error_code: okta.code.clone(),
            http_status: Some(head.status),
            ..ErrorDetails::new(message, hint)
        },
        error_id: okta.id,
        // A redirect is about the org's url.
        remedy: if (300..400).contains(&head.status) || codes::is_about_entry(code, said) {
            Remedy::Manifest
        } else {
            Remedy::Outside
        },
        class: judged.class,
        denied: judged.denied,
    }
}

/// The error of an accepted call whose body is not Okta's: a captive portal or proxy answered, and
/// whether Okta ever saw the call is unknown.
pub(in super::super) fn foreign(head: &Head, body: &[u8]) -> CallError {
    let message = describe(head.status, content(body));
    CallError::new(Class::Unclear, message).hint(PROXY_HINT)
}

/// The error of an answer whose body broke off. Where the status alone decides, it does.
pub(in super::super) fn cut_short(head: &Head, fault: CallError) -> CallError {
    if head.status == 429 || head.status >= 500 {
        return refused(head, b"");
    }
    fault
}

/// The error of a body beyond a limit; which.
pub(in super::super) fn too_large(why: &str) -> CallError {
    CallError::new(Class::Unclear, why.to_owned()).hint(PROXY_HINT)
}

/// The error of a list whose next page is in another place than the org.
pub(in super::super) fn foreign_page(host: &str) -> CallError {
    CallError::new(
        Class::Refused,
        format!("the next page of the list leads to another origin, {host}, and was not followed"),
    )
    .edit("use the address Okta itself uses as the org's url")
}

/// The error of a list that does not end; why it does not. What its org says cannot be relied on.
pub fn endless_list(why: &str) -> CallError {
    CallError::new(
        Class::OrgStopped,
        format!("the list of its apps does not end: {why}"),
    )
    .hint(PROXY_HINT)
}

const PROXY_HINT: &str =
    "something between here and Okta answers in its place: check proxy and network";

/// A class, with the message and hint that belong to it where Okta's own are not the better ones.
struct Judged {
    class: Class,
    message: Option<String>,
    hint: Option<String>,
    denied: Option<Denied>,
}

impl Judged {
    fn new(class: Class) -> Self {
        Self {
            class,
            message: None,
            hint: None,
            denied: None,
        }
    }

    /// About the whole org, for what its credentials lack.
    fn denied(denied: Denied) -> Self {
        Self {
            denied: Some(denied),
            ..Self::new(Class::OrgStopped)
        }
    }

    fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

fn by_code(verdict: Verdict, head: &Head) -> Judged {
    match verdict {
        Verdict::Credentials => credentials(),
        Verdict::Role => Judged::denied(Denied::Role)
            .hint("give the owner of the org's credentials an admin role that may manage apps"),
        Verdict::Transient => transient(head),
        Verdict::RateLimited => rate_limited(head),
        Verdict::Refused => Judged::new(Class::Refused),
    }
}

/// What is said of the proof of a request (RFC 9449 §5, §8, §9), in a body or without one.
fn by_proof(head: &Head, okta: &OktaBody, challenge: &Challenge) -> Option<Judged> {
    let said = [okta.code.as_deref(), challenge.error.as_deref()];
    let is = |code| matches!(head.status, 400 | 401) && said.contains(&Some(code));
    let (denied, code) = if is("use_dpop_nonce") {
        (Denied::Nonce, "use_dpop_nonce")
    } else if is("invalid_dpop_proof") {
        (Denied::Proof, "invalid_dpop_proof")
    } else {
        return None;
    };
    let judged = Judged::denied(denied);
    if okta.message.is_some() {
        return Some(judged);
    }
    let description = challenge.description.as_deref().unwrap_or_default();
    let description = description.trim_end_matches('.');
    Some(judged.message(if description.is_empty() {
        code.to_owned()
    } else {
        format!("{description} ({code})")
    }))
}

fn by_status(head: &Head, okta: &OktaBody, challenge: &Challenge, content: Content) -> Judged {
    match head.status {
        300..=399 => redirect(head),
        401 => unauthorized(okta, challenge, content),
        403 => forbidden(okta, challenge, content),
        407 => Judged::new(Class::OrgStopped)
            .message("a proxy asks for a user and a password (status 407)")
            .hint("set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT"),
        429 => rate_limited(head),
        // Not by this server, or not in this protocol: no later try changes that.
        501 | 505 => Judged::new(Class::Refused),
        408 | 425 | 500..=599 => transient(head),
        400..=499 if content != Content::Foreign => Judged::new(Class::Refused),
        _ => Judged::new(Class::Unclear).hint(PROXY_HINT),
    }
}

fn transient(head: &Head) -> Judged {
    Judged::new(Class::Transient {
        retry_after: head.retry_after,
    })
}

fn rate_limited(head: &Head) -> Judged {
    Judged::new(Class::RateLimited {
        concurrency: head.rate.is_concurrency(),
        retry_after: head.retry_after,
    })
}

fn credentials() -> Judged {
    Judged::denied(Denied::Credentials)
        .hint("the org's credentials are wrong, expired or revoked: put valid ones in place")
}

fn redirect(head: &Head) -> Judged {
    let to = head
        .redirect_host
        .as_deref()
        .unwrap_or("an unreadable address");
    Judged::new(Class::Refused)
        .message(format!(
            "redirected to {to} (status {}); redirects are not followed",
            head.status
        ))
        .hint("put the org's own address in its url")
}

/// 401 (API.md §7.3). Codes that decide by themselves are out of the way already.
fn unauthorized(okta: &OktaBody, challenge: &Challenge, content: Content) -> Judged {
    let bad_token = challenge.error.as_deref() == Some("invalid_token");
    let is_okta_code = okta.code.as_deref().is_some_and(codes::is_oktas);
    if bad_token {
        let judged = credentials();
        return match okta.message {
            Some(_) => judged,
            None => judged.message("the access token is expired or invalid (invalid_token)"),
        };
    }
    match content {
        Content::Foreign => Judged::new(Class::Unclear).hint(PROXY_HINT),
        // One of Okta's many codes for one request, not a statement about the token.
        Content::Json if is_okta_code => Judged::new(Class::Refused),
        Content::Json | Content::Empty => credentials(),
    }
}

/// 403 (API.md §7.3): an empty body is how a missing scope looks.
fn forbidden(okta: &OktaBody, challenge: &Challenge, content: Content) -> Judged {
    if okta.code.as_deref().is_some_and(codes::is_oktas) {
        return Judged::new(Class::Refused);
    }
    if challenge.error.as_deref() == Some("insufficient_scope") {
        let scope = challenge.scope.as_deref();
        let needed = scope.filter(|_| challenge.is_known);
        return Judged::denied(Denied::Scopes(needed.map(Into::into)))
            .message(format!(
                "the access token lacks the scope {} (insufficient_scope)",
                scope.unwrap_or("needed here")
            ))
            .hint(format!(
                "grant the scope {} and use a token that has it",
                needed.unwrap_or("needed here")
            ));
    }
    match content {
        Content::Empty => Judged::denied(Denied::Scopes(None))
            .message("status 403 without a body, which probably means that the access token lacks a scope")
            .hint("grant okta.apps.read and okta.apps.manage and use a token that has them"),
        Content::Json => Judged::new(Class::Refused),
        Content::Foreign => Judged::new(Class::Unclear).hint(PROXY_HINT),
    }
}

/// What to say of an answer that says nothing itself.
fn describe(status: u16, content: Content) -> String {
    let what = match content {
        Content::Empty => "without a body",
        Content::Json => "without an explanation",
        Content::Foreign => "with a body that is not Okta's",
    };
    format!("status {status} {what}")
}

#[cfg(test)]
mod tests;
