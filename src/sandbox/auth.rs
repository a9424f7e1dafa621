//! Who may ask what (API.md §7.3): token, scope, admin role, media types, in this order.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};

use super::answer::Refusal;
use super::settings::Switches;

/// What a request is held against.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    /// The org's one token.
    pub token: &'a str,
    /// Names the org in challenges.
    pub origin: &'a str,
    pub switches: &'a Switches,
    /// The route, with placeholders.
    pub operation: &'a str,
}

impl Claim<'_> {
    /// Whether the request may continue to its handler.
    pub(super) fn check(&self, parts: &Parts, body: &Bytes) -> Result<(), Refusal> {
        if self.operation.ends_with("/jwks") {
            // The hub fetches the keys without the spoke's credentials (API.md §3.5).
            return Ok(());
        }
        self.authenticate(&parts.headers)?;
        let scope = match parts.method {
            Method::GET | Method::HEAD => "okta.apps.read",
            _ => "okta.apps.manage",
        };
        if self.switches.missing_scopes.iter().any(|s| s == scope) {
            return Err(Refusal::no_scope(&self.challenge(&format!(
                "scope=\"{scope}\", error=\"insufficient_scope\", error_description=\"The access \
                 token provided does not contain the required scopes.\""
            ))));
        }
        if self.switches.missing_role {
            return Err(Refusal::forbidden());
        }
        media_types(&parts.headers, body)
    }

    fn authenticate(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (bearer, token) = match given.strip_prefix("Bearer ") {
            Some(token) => (true, token),
            // Okta's Python SDK 3.4 leaves out the space, so Okta cannot insist on it.
            None => (
                false,
                given.strip_prefix("SSWS").unwrap_or_default().trim_start(),
            ),
        };
        if token == self.token && !self.switches.revoked_token {
            return Ok(());
        }
        let refused = Refusal::invalid_token();
        Err(if bearer {
            refused.challenge(&self.challenge(
                "error=\"invalid_token\", error_description=\"The access token is invalid.\"",
            ))
        } else {
            refused
        })
    }

    fn challenge(&self, why: &str) -> String {
        let origin = self.origin;
        format!(
            "Bearer authorization_uri=\"{origin}/oauth2/v1/authorize\", realm=\"{origin}\", {why}"
        )
    }
}

/// JSON only, both ways.
fn media_types(headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_json = |media_type: &str| {
        let bare = media_type.split(';').next().unwrap_or_default().trim();
        bare.eq_ignore_ascii_case("application/json")
    };
    if !body.is_empty() {
        let given = text(header::CONTENT_TYPE).ok_or_else(|| Refusal::media_type(true))?;
        if !is_json(given) {
            return Err(Refusal::media_type(false));
        }
    }
    match text(header::ACCEPT) {
        Some(accept)
            if !accept.split(',').any(|one| {
                is_json(one) || one.trim().starts_with("*/*") || one.contains("application/*")
            }) =>
        {
            Err(Refusal::media_type(false))
        }
        _ => Ok(()),
    }
}
