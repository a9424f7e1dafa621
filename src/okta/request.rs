//! What can be asked of an org: a request, and the typed pair of request and decoder around it.
//!
//! Requests are built only inside `okta`, so that a [`Read`] is a GET by construction and a path
//! segment cannot break out of its place.

use std::fmt;
use std::io;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::Serialize;

use super::answer::Body;
use super::error::CallError;
use super::page::Keep;
use crate::text::Veil;

/// The HTTP methods the program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, sets, triggers.
    Post,
    /// Replaces or merges.
    Put,
}

impl Method {
    /// As it is written on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A rate-limit bucket of an org (API.md §10.1): calls of one bucket share one allowance a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bucket {
    /// Everything under `/api/v1/apps` except one app itself.
    Apps,
    /// One app: `/api/v1/apps/{id}`.
    AppById,
    /// OAuth clients and their roles.
    Clients,
    /// The org's token endpoint.
    Token,
    /// Everything else under `/api/v1`.
    Rest,
    /// The system log.
    Logs,
}

impl Bucket {
    /// Every bucket.
    pub const ALL: [Self; 6] = [
        Self::Apps,
        Self::AppById,
        Self::Clients,
        Self::Token,
        Self::Rest,
        Self::Logs,
    ];

    /// Its place in [`Bucket::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Okta's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apps => "/api/v1/apps",
            Self::AppById => "/api/v1/apps/{id}",
            Self::Clients => "/oauth2/v1/clients",
            Self::Token => "/oauth2/v1/token",
            Self::Rest => "/api/v1",
            Self::Logs => "/api/v1/logs",
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One request to an org. Its `Debug` and [`label`](Self::label) leave out the query, which may carry
/// a live code.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The bucket it spends from.
    pub bucket: Bucket,
    path: Zeroizing<String>,
    body: Option<RequestBody>,
    secrets: Vec<SecretString>,
    page: Option<Keep>,
}

impl Request {
    /// A request without a body. `path` begins with `/` and is percent-encoded, query included.
    pub(super) fn new(method: Method, bucket: Bucket, path: String) -> Self {
        Self {
            method,
            bucket,
            path: Zeroizing::new(path),
            body: None,
            secrets: Vec::new(),
            page: None,
        }
    }

    /// What is kept of each element of the answer, where that is a page of a list.
    pub(super) const fn page(&self) -> Option<Keep> {
        self.page
    }

    /// Adds a JSON body.
    pub(super) fn with_body(mut self, body: RequestBody) -> Self {
        self.body = Some(body);
        self
    }

    /// Names the secrets it carries, so that an answer that repeats one cannot spread it.
    pub(super) fn with_secrets(mut self, secrets: Vec<SecretString>) -> Self {
        self.secrets = secrets;
        self
    }

    /// Percent-encoded path and query. The query may be a secret: not for messages.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn body(&self) -> Option<&RequestBody> {
        self.body.as_ref()
    }

    pub(super) fn secrets(&self) -> &[SecretString] {
        &self.secrets
    }

    /// Method and path without the query, as attempts and messages name the call:
    /// `POST /api/v1/apps/0oa1/connections/default`.
    pub fn label(&self) -> String {
        let path = self.path.split(['?', '#']).next().unwrap_or_default();
        format!("{} {path}", self.method.name())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", self.label())
    }
}

/// The bytes of a body, wiped from memory when the last copy is dropped. Cannot be shown.
#[derive(Clone)]
pub struct RequestBody {
    bytes: Bytes,
    content_type: &'static str,
}

impl RequestBody {
    /// Serializes `value`.
    pub(super) fn json(value: &impl Serialize) -> Self {
        // Measured first: a buffer that grows would leave unwiped copies of secrets behind.
        let mut length = Length(0);
        write_json(&mut length, value);
        let mut buffer = Zeroizing::new(Vec::with_capacity(length.0));
        write_json(&mut *buffer, value);
        Self {
            bytes: Bytes::from_owner(buffer),
            content_type: "application/json",
        }
    }

    /// A form that is encoded already.
    pub(super) fn form(encoded: Zeroizing<String>) -> Self {
        Self {
            bytes: Bytes::from_owner(encoded),
            content_type: "application/x-www-form-urlencoded",
        }
    }

    pub(super) const fn content_type(&self) -> &'static str {
        self.content_type
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBody({} bytes)", self.bytes.len())
    }
}

fn write_json(to: &mut impl io::Write, value: &impl Serialize) {
    serde_json::to_writer(to, value)
        .expect("bodies are structs of strings and JSON values, and both writers take every byte");
}

/// Counts what is written to it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A request that changes nothing, and how to read its answer. It holds a GET by construction.
#[derive(Debug)]
pub struct Read<T> {
    request: Request,
    parse: fn(&[u8], &Veil) -> Option<T>,
}

impl<T> Read<T> {
    pub(super) fn new(bucket: Bucket, path: String, parse: fn(&[u8], &Veil) -> Option<T>) -> Self {
        Self {
            request: Request::new(Method::Get, bucket, path),
            parse,
        }
    }

    /// As [`Self::new`], of a page of a list, of whose elements that much is kept.
    pub(super) fn page(
        bucket: Bucket,
        path: String,
        keep: Keep,
        parse: fn(&[u8], &Veil) -> Option<T>,
    ) -> Self {
        let mut read = Self::new(bucket, path, parse);
        read.request.page = Some(keep);
        read
    }

    /// The request to send.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Reads the answer of an accepted call.
    ///
    /// # Errors
    /// [`Class::Unclear`](super::Class::Unclear) when the body is empty, broken, or of another shape.
    pub fn decode(&self, body: Body) -> Result<T, CallError> {
        (self.parse)(body.text(), body.veil()).ok_or_else(|| body.unreadable())
    }
}

/// A request that may change the org, and how to read its answer.
#[derive(Debug)]
pub struct Write<T> {
    request: Request,
    parse: fn(&[u8], &Veil) -> Option<T>,
}

impl<T> Write<T> {
    pub(super) fn new(request: Request, parse: fn(&[u8], &Veil) -> Option<T>) -> Self {
        Self { request, parse }
    }

    /// The request to send.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Reads the answer of an accepted call. Where the answer is optional, an empty or broken body is
    /// no error: the call was accepted, and what it brought about is read with a GET.
    ///
    /// # Errors
    /// [`Class::Unclear`](super::Class::Unclear) when the body is needed and cannot be read.
    pub fn decode(&self, body: Body) -> Result<T, CallError> {
        (self.parse)(body.text(), body.veil()).ok_or_else(|| body.unreadable())
    }
}

/// Unreserved characters of RFC 3986 §2.3 stay as they are; everything else is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One path segment or query value, encoded so that it cannot end early or become another.
pub(super) fn segment(text: &str) -> String {
    match text {
        // URL parsers drop these, also in the form `%2E`; encoded twice they name an app nobody has.
        "." => "%252E".to_owned(),
        ".." => "%252E%252E".to_owned(),
        // An empty segment would address the collection; a blank names nothing.
        "" => "%20".to_owned(),
        _ => utf8_percent_encode(text, ENCODED).to_string(),
    }
}

/// A query value, appended to `to` without intermediate copies.
pub(super) fn push_encoded(to: &mut String, text: &str) {
    to.extend(utf8_percent_encode(text, ENCODED));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_in_their_place() {
        let cases = [
            ("0oa1", "0oa1"),
            ("a/b", "a%2Fb"),
            ("a?b#c", "a%3Fb%23c"),
            ("../features", "..%2Ffeatures"),
            ("..", "%252E%252E"),
            (".", "%252E"),
            ("", "%20"),
            ("a b%2F", "a%20b%252F"),
            ("\r\nX: y", "%0D%0AX%3A%20y"),
            ("ä", "%C3%A4"),
            ("\\", "%5C"),
        ];
        for (text, expected) in cases {
            let encoded = segment(text);
            assert_eq!(encoded, expected, "{text:?}");
            let url = format!("https://acme.okta.com/api/v1/apps/{encoded}/features");
            let url = url::Url::parse(&url).expect("a URL");
            assert_eq!(
                url.path(),
                format!("/api/v1/apps/{expected}/features"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn labels_and_debug_leave_out_the_query() {
        let path = "/api/v1/apps/google/0oa1/oauth2/callback?code=live&state=s".to_owned();
        let request = Request::new(Method::Post, Bucket::Apps, path);
        assert_eq!(
            request.label(),
            "POST /api/v1/apps/google/0oa1/oauth2/callback"
        );
        let shown = format!("{request:?}");
        assert_eq!(
            shown,
            "Request(POST /api/v1/apps/google/0oa1/oauth2/callback)"
        );
    }

    #[test]
    fn bodies_fill_their_buffer_exactly_and_cannot_be_shown() {
        let body = RequestBody::json(&serde_json::json!({"token": "s3cret \" \u{1F600}"}));
        assert_eq!(
            &body.bytes()[..],
            "{\"token\":\"s3cret \\\" \u{1F600}\"}".as_bytes()
        );
        assert_eq!(format!("{body:?}"), "RequestBody(26 bytes)");
    }
}
