//! Classifies calls that brought no answer, by whether the request can have left.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::super::http::root_cause;
use super::{CallError, Class};

/// The error of a call to `host` that ended without a complete answer within `timeout`.
pub(in super::super) fn unanswered(
    error: reqwest::Error,
    host: &str,
    timeout: Duration,
) -> CallError {
    // The address carries the query, which may carry a code.
    let error = error.without_url();
    if error.is_builder() {
        let cause = root_cause(&error);
        return CallError::new(Class::Refused, format!("cannot build the request: {cause}"));
    }
    if error.is_connect() {
        return unreachable_host(&error, host);
    }
    if error.is_timeout() {
        let seconds = timeout.as_secs_f64();
        return CallError::new(
            Class::Unclear,
            format!("no answer from {host} within {seconds} s"),
        );
    }
    let cause = root_cause(&error);
    CallError::new(
        Class::Unclear,
        format!("no usable answer from {host}: {cause}"),
    )
}

/// Nothing left: the connection itself could not be made.
fn unreachable_host(error: &reqwest::Error, host: &str) -> CallError {
    let cause = root_cause(error);
    let failed = |what: String| CallError::new(Class::NotSent, what);
    if is_certificate(&cause) {
        failed(format!("{host} shows a certificate that is not trusted: {cause}")).hint(
            "if a company proxy or private CA signs it, name its PEM file as caFile under [http] of the job",
        )
    } else if error.is_dns() {
        failed(format!("cannot resolve {host}: {cause}"))
            .hint("check the org's url and the network; behind a proxy set HTTPS_PROXY")
    } else if is_tls(error) {
        failed(format!("cannot set up TLS with {host}: {cause}"))
            .hint("check that the org's url names an HTTPS address")
    } else if error.is_timeout() {
        failed(format!("cannot connect to {host} in time"))
            .hint("check the network; behind a proxy set HTTPS_PROXY")
    } else {
        failed(format!("cannot connect to {host}: {cause}"))
            .hint("check the org's url and the network; behind a proxy set HTTPS_PROXY")
    }
}

/// rustls' words for a certificate it does not accept. Only the hint depends on them.
fn is_certificate(cause: &str) -> bool {
    cause.contains("certificate")
}

/// TLS failures come as I/O errors of this kind around the library's own, themselves wrapped in
/// further I/O errors.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(current) = cause {
        // What an I/O error wraps is not its source.
        cause = match current.downcast_ref::<io::Error>() {
            Some(io) if io.kind() == io::ErrorKind::InvalidData => return true,
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => current.source(),
        };
    }
    false
}
