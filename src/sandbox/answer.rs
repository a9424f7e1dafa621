//! Okta's answers: the error body of API.md §8, and JSON with the headers recorded.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

/// What a handler gives.
pub(super) type Answer = Result<Response, Refusal>;

/// An error in Okta's shape.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    summary: String,
    causes: Vec<String>,
    challenge: Option<Box<str>>,
    nonce: Option<Box<str>>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, summary: impl Into<String>) -> Self {
        Self {
            status,
            code,
            summary: summary.into(),
            causes: Vec::new(),
            challenge: None,
            nonce: None,
        }
    }

    /// With a `www-authenticate` header.
    pub(super) fn challenge(mut self, challenge: &str) -> Self {
        self.challenge = Some(challenge.into());
        self
    }

    /// An empty body, and the reason in `www-authenticate`.
    pub(super) fn bare(status: StatusCode, challenge: &str) -> Self {
        Self::new(status, "", "").challenge(challenge)
    }

    /// With the nonce that the next proof needs.
    pub(super) fn with_nonce(mut self, nonce: &str) -> Self {
        self.nonce = Some(nonce.into());
        self
    }

    fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// 400 E0000001: `what` is not acceptable because of `cause`.
    pub(super) fn invalid(what: &str, cause: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "E0000001",
            format!("Api validation failed: {what}"),
        )
        .because(cause)
    }

    /// 400 E0000001 of a connection whose credentials the target does not take.
    pub(super) fn credential(cause: &str) -> Self {
        Self::invalid("credential", format!("Verification failed: {cause}"))
    }

    /// 400 E0000003: no body, no JSON, or JSON of another type.
    pub(super) fn malformed() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "E0000003",
            "The request body was not well-formed.",
        )
    }

    /// 403 E0000006.
    pub(super) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "E0000006",
            "You do not have permission to perform the requested action",
        )
    }

    /// 404 E0000007 of one `id` of a kind of `entity`.
    pub(super) fn not_found(id: &str, entity: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "E0000007",
            format!("Not found: Resource not found: {id} ({entity})"),
        )
    }

    /// 404 E0000008: no such path.
    pub(super) fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "E0000008",
            "The requested path was not found",
        )
    }

    /// 500 E0000009.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "E0000009",
            "Internal Server Error",
        )
    }

    /// 503 E0000010.
    pub(super) fn read_only() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "E0000010",
            "Service is in read only mode",
        )
    }

    /// 401 E0000011.
    pub(super) fn invalid_token() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "E0000011",
            "Invalid token provided",
        )
    }

    /// 400 E0000019 or E0000021: headers missing or of another media type.
    pub(super) fn media_type(missing: bool) -> Self {
        let (code, what) = if missing {
            ("E0000019", "not set")
        } else {
            ("E0000021", "do not match supported values")
        };
        Self::new(
            StatusCode::BAD_REQUEST,
            code,
            format!("Bad request.  Accept and/or Content-Type headers likely {what}."),
        )
    }

    /// 405 E0000022.
    pub(super) fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "E0000022",
            "The endpoint does not support the provided HTTP method",
        )
    }

    /// 400 E0000029 of a cursor nobody gave out.
    pub(super) fn bad_cursor() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "E0000029",
            "Invalid paging request",
        )
        .because("Invalid cursor.")
    }

    /// 400 E0000031 of a `filter`.
    pub(super) fn bad_filter() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "E0000031",
            "Invalid search criteria.",
        )
    }

    /// 400 E0000037 of a parameter of another type.
    pub(super) fn type_mismatch(parameter: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "E0000037",
            format!("Type mismatch exception. The value of `{parameter}` has another type."),
        )
    }

    /// 400 E0000040.
    pub(super) fn label_taken() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "E0000040",
            "Application label must not be the same as another existing application label.",
        )
    }

    /// 409 E0000263 of a client that has the role already.
    pub(super) fn role_assigned() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "E0000263",
            "Role is already assigned to the client.",
        )
    }

    /// 409 E0000268 of a client whose roles another request is changing.
    pub(super) fn roles_in_use() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "E0000268",
            "The roles of the client are being changed by another request.",
        )
    }

    /// 400 E0000028 of a parameter that an operation cannot do without.
    pub(super) fn missing_parameter(parameter: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "E0000028",
            format!("The request is missing a required parameter: {parameter}"),
        )
    }

    /// 429 E0000047; which of the two limits it was, only the headers tell.
    pub(super) fn rate_limited() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "E0000047",
            "API call exceeded rate limit due to too many requests.",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = self.body();
        // An origin comes from a Host header that was understood, so this is always header text.
        if let Some(challenge) = &self.challenge
            && let Ok(value) = HeaderValue::from_str(challenge)
        {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        if let Some(nonce) = &self.nonce
            && let Ok(value) = HeaderValue::from_str(nonce)
        {
            answer.headers_mut().insert("dpop-nonce", value);
        }
        answer
    }
}

impl Refusal {
    fn body(&self) -> Response {
        if self.code.is_empty() {
            return self.status.into_response();
        }
        let causes: Vec<_> = self
            .causes
            .iter()
            .map(|cause| json!({ "errorSummary": cause }))
            .collect();
        let body = json!({
            "errorCode": self.code,
            "errorSummary": self.summary,
            "errorLink": self.code,
            "errorId": format!("oae{:022x}", rand::random::<u64>()),
            "errorCauses": causes,
        });
        with_type(self.status, "application/json", body.to_string())
    }
}

/// 200 with JSON.
pub(super) fn json(body: &impl Serialize) -> Answer {
    json_as(StatusCode::OK, body)
}

/// As [`json`], with another status.
pub(super) fn json_as(status: StatusCode, body: &impl Serialize) -> Answer {
    // Serializing our own types cannot fail; if it did, that is an internal error like any other.
    let text = serde_json::to_string(body).map_err(|_| Refusal::internal())?;
    Ok(with_type(status, "application/json", text))
}

/// 200 with an empty list.
pub(super) fn nothing() -> Response {
    with_type(StatusCode::OK, "application/json", "[]")
}

/// 204 without body.
pub(super) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// A body of a media type.
pub(super) fn with_type(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<Body>,
) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))],
        body.into(),
    )
        .into_response()
}
