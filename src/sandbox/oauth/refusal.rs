//! Refusals in OAuth's shape, with Okta's words (its list of OAuth error codes, release 2026.03.1).

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::answer::with_type;

/// A refusal of the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct OAuthRefusal {
    pub status: StatusCode,
    pub error: &'static str,
    pub description: &'static str,
}

impl OAuthRefusal {
    pub(in super::super) const fn client(description: &'static str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: "invalid_client",
            description,
        }
    }

    pub(in super::super) const fn bad(error: &'static str, description: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description,
        }
    }
}

impl IntoResponse for OAuthRefusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        with_type(self.status, "application/json", body.to_string())
    }
}
