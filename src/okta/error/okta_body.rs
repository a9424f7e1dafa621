//! Okta's error bodies (API.md §8): the management API's, the OAuth endpoints', and those of its edge.

use super::super::fields::{self, fields};
use super::codes::is_oktas;
use crate::text::one_of;

/// Longest id of an error that is kept; Okta's have about 30 characters.
const MAX_ID_CHARS: usize = 60;

/// `error` of OAuth's endpoints (RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 9449 §5 and §8, `OpenID` Connect §3.1.2.6).
const OAUTH: [&str; 18] = [
    "access_denied",
    "consent_required",
    "insufficient_scope",
    "interaction_required",
    "invalid_client",
    "invalid_dpop_proof",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_token",
    "login_required",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "unsupported_token_type",
    "use_dpop_nonce",
];

/// What an error body says. Everything may be missing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OktaBody {
    /// `errorCode`, or OAuth's `error`.
    pub(super) code: Option<String>,
    /// `errorSummary` and its causes, joined.
    pub(super) message: Option<String>,
    /// `errorId`.
    pub(super) id: Option<String>,
}

impl OktaBody {
    /// Reads what there is; a body that is no JSON object says nothing.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let said: Said = fields::object(bytes).unwrap_or_default();
        let summary = said.error_summary.or(said.description).or(said.message);
        let causes = said.causes.unwrap_or_default();
        let causes = causes.into_iter().filter_map(|cause| cause.error_summary);
        let parts: Vec<_> = summary.into_iter().chain(causes).collect();
        Self {
            code: said.error_code.or(said.error).as_deref().and_then(code),
            message: join(parts.iter().map(String::as_str)),
            id: said.error_id.as_deref().and_then(word),
        }
    }
}

/// An error as it comes.
#[derive(Default)]
struct Said {
    error_code: Option<String>,
    error: Option<String>,
    error_summary: Option<String>,
    description: Option<String>,
    message: Option<String>,
    error_id: Option<String>,
    causes: Option<Vec<Cause>>,
}

#[derive(Default)]
struct Cause {
    error_summary: Option<String>,
}

fields!(Said {
    "errorCode" => text(error_code),
    "error" => text(error),
    "errorSummary" => text(error_summary),
    "error_description" => text(description),
    "message" => text(message),
    "errorId" => text(error_id),
    "errorCauses" => inner_list(causes),
});
fields!(Cause { "errorSummary" => text(error_summary) });

/// One of Okta's codes or OAuth's; what is none of them may be anything, and is not repeated.
fn code(text: &str) -> Option<String> {
    if is_oktas(text) {
        return Some(text.to_owned());
    }
    (!text.trim().is_empty()).then(|| one_of(text, &OAUTH))
}

/// An identifier that nobody reads a sentence in.
fn word(text: &str) -> Option<String> {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    (plain && !text.is_empty() && text.len() <= MAX_ID_CHARS).then(|| text.to_owned())
}

/// Joins what says something new: Okta repeats the summary among the causes of some errors.
fn join<'a>(parts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut message = String::new();
    for part in parts {
        let part = part.trim();
        let part = part.strip_suffix('.').unwrap_or(part);
        if part.is_empty() || message.contains(part) {
            continue;
        }
        if !message.is_empty() {
            message.push_str(": ");
        }
        message.push_str(part);
    }
    (!message.is_empty()).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_shape_is_read() {
        let body = |code: Option<&str>, message: Option<&str>, id: Option<&str>| OktaBody {
            code: code.map(str::to_owned),
            message: message.map(str::to_owned),
            id: id.map(str::to_owned),
        };
        let nothing = || body(None, None, None);
        let cases: [(&[u8], OktaBody); 13] = [
            (
                br#"{"errorCode":"E0000001","errorSummary":"Api validation failed: credential",
                     "errorLink":"E0000001","errorId":"oae1","errorCauses":[
                     {"errorSummary":"Verification failed: Invalid URL. Not authorized.","reason":"x"}]}"#,
                body(
                    Some("E0000001"),
                    Some("Api validation failed: credential: Verification failed: Invalid URL. Not authorized"),
                    Some("oae1"),
                ),
            ),
            (
                br#"{"errorCode":"E0000011","errorSummary":"Invalid token provided"}"#,
                body(Some("E0000011"), Some("Invalid token provided"), None),
            ),
            (
                br#"{"errorSummary":"a","errorCauses":[{"errorSummary":"a."},{"errorSummary":"b"},{},7,{"errorSummary":null}]}"#,
                body(None, Some("a: b"), None),
            ),
            (
                br#"{"error":"invalid_client","error_description":"The client_assertion expired."}"#,
                body(Some("invalid_client"), Some("The client_assertion expired"), None),
            ),
            (
                br#"{"status":404,"message":"No such org"}"#,
                body(None, Some("No such org"), None),
            ),
            (
                br#"{"errorCode":17,"errorSummary":["x"],"errorCauses":"none","errorId":null}"#,
                nothing(),
            ),
            (
                br#"{"errorCode":"not a code, but a whole sentence","errorSummary":" "}"#,
                body(Some("unknown value (32 characters)"), None, None),
            ),
            (b"{}", nothing()),
            (b"[]", nothing()),
            (b"null", nothing()),
            (b"", nothing()),
            (b"{\"errorCode\":\"E00", nothing()),
            (b"<html>502</html>", nothing()),
        ];
        for (bytes, expected) in cases {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(OktaBody::read(bytes), expected, "{text}");
        }
    }

    #[test]
    fn codes_are_okta_s_or_oauth_s_and_nothing_else_is_repeated() {
        for (text, told) in [
            ("E0000001", Some("E0000001")),
            ("E0000239", Some("E0000239")),
            ("invalid_grant", Some("invalid_grant")),
            ("use_dpop_nonce", Some("use_dpop_nonce")),
            ("e0000001", Some("unknown value (8 characters)")),
            ("E000001", Some("unknown value (7 characters)")),
            ("E00000001", Some("unknown value (9 characters)")),
            ("E000000\u{661}", Some("unknown value (8 characters)")),
            ("E0000001 00abcdef", Some("unknown value (17 characters)")),
            ("00aBcDeFgHiJkLmNoP", Some("unknown value (18 characters)")),
            ("Invalid_grant", Some("unknown value (13 characters)")),
            ("\u{1b}[2J", Some("unknown value (4 characters)")),
            ("", None),
            (" \n", None),
        ] {
            for key in ["errorCode", "error"] {
                let body = serde_json::json!({ key: text }).to_string();
                let code = OktaBody::read(body.as_bytes()).code;
                assert_eq!(code.as_deref(), told, "{key} {text:?}");
            }
        }
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        let bytes = "[".repeat(100_000);
        assert_eq!(OktaBody::read(bytes.as_bytes()), OktaBody::default());
    }
}
