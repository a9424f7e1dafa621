//! One request of the program with its answer, and what is to be said about it: which kind it is,
//! whether its headers are as they have to be, and what Okta's documents say.

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use serde_json::Value;

use crate::okta_docs::OktaDocs;

/// A request and its answer as the proxy saw them.
#[derive(Debug)]
pub struct Exchange {
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub status: u16,
    pub answer_headers: HeaderMap,
    pub answer: Bytes,
}

impl Exchange {
    /// What was asked for, so far as requests differ in kind: the operation, the names in the query,
    /// and of a connection its scheme and the fields given.
    pub fn kind(&self, docs: &OktaDocs) -> String {
        let operation = docs.operation_of(&self.method, &self.path);
        let mut kind = operation.unwrap_or_else(|| format!("{} {}", self.method, self.path));
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        let mut names: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, _)| name.into_owned())
            .collect();
        names.sort();
        if !names.is_empty() {
            kind = format!("{kind}?{}", names.join("&"));
        }
        let body = parsed(&self.body).ok().flatten().unwrap_or_default();
        if let Some(scheme) = body["profile"]["authScheme"].as_str() {
            let mut fields = Vec::new();
            leaves(&body, "", &mut fields);
            fields.retain(|field| field != "profile.authScheme");
            fields.insert(0, scheme.to_owned());
            kind = format!("{kind} {}", fields.join(" "));
        }
        kind
    }

    /// Where headers of the request are not as they have to be; `authorization` is what the manifest
    /// gives for the org at `host`.
    pub fn header_mistakes(&self, host: &str, authorization: &str) -> Vec<String> {
        let version = env!("CARGO_PKG_VERSION");
        let length = self.body.len().to_string();
        // A GET has no body and says nothing of it (RFC 9110 §8.6).
        let length = (self.method != "GET").then_some(length.as_str());
        let media_type = (!self.body.is_empty()).then_some("application/json");
        let agent = format!("okta-rollout/{version}");
        [
            (header::HOST, Some(host)),
            (header::USER_AGENT, Some(agent.as_str())),
            (header::ACCEPT, Some("application/json")),
            (header::AUTHORIZATION, Some(authorization)),
            (header::CONTENT_TYPE, media_type),
            (header::CONTENT_LENGTH, length),
        ]
        .into_iter()
        .filter_map(|(name, wanted)| {
            let given: Vec<_> = self.headers.get_all(&name).iter().collect();
            let fits = given.len() == usize::from(wanted.is_some())
                && given.first().map(|value| value.as_bytes()) == wanted.map(str::as_bytes);
            (!fits).then(|| format!("{name}: {given:?} instead of {wanted:?}"))
        })
        .collect()
    }

    /// What Okta's documents do not describe, of the request and of the answer.
    pub fn findings(&self, docs: &OktaDocs) -> Vec<String> {
        let (method, path, status) = (&self.method, &self.path, self.status);
        let request = parsed(&self.body)
            .and_then(|body| docs.validate_request(method, path, body.as_ref()))
            .err();
        let answer = parsed(&self.answer)
            .and_then(|body| docs.validate_response(method, path, status, body.as_ref()))
            .err();
        let request = request.into_iter().flatten();
        let answer = answer.into_iter().flatten();
        let mut findings: Vec<_> = request
            .map(|finding| format!("request: {finding}"))
            .chain(answer.map(|finding| format!("{status}: {finding}")))
            .collect();
        let media_type = self.answer_headers.get(header::CONTENT_TYPE);
        let wanted = (!self.answer.is_empty()).then_some("application/json");
        if media_type.map(HeaderValue::as_bytes) != wanted.map(str::as_bytes) {
            findings.push(format!("{status}: media type {media_type:?}"));
        }
        findings
    }
}

/// A body as JSON, `None` when there is none.
fn parsed(body: &Bytes) -> Result<Option<Value>, Vec<String>> {
    if body.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(body)
        .map(Some)
        .map_err(|error| vec![format!("the body is not JSON: {error}")])
}

/// The paths of everything in a body that is not an object.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    let Value::Object(fields) = value else {
        found.push(at.to_owned());
        return;
    };
    for (name, value) in fields {
        let dot = if at.is_empty() { "" } else { "." };
        leaves(value, &format!("{at}{dot}{name}"), found);
    }
}
