//! The `www-authenticate` header (RFC 6750 §3): the only explanation Okta gives when a token lacks a
//! scope, because the body is empty then.

use crate::text::unknown_value;

/// What a challenge says of the token that was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// `error`, for example `insufficient_scope`.
    pub(super) error: Option<String>,
    /// The scopes that would do, or that it is none of Okta's words.
    pub(super) scope: Option<String>,
    /// Whether these are scopes.
    pub(super) is_known: bool,
    /// `error_description`.
    pub(super) description: Option<String>,
}

impl Challenge {
    pub(super) fn read(text: &str) -> Self {
        let mut challenge = Self::default();
        for (name, value) in parameters(text) {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            // Codes are only compared. Of the rest only scopes are repeated to the user, and what is said of proofs.
            if name.eq_ignore_ascii_case("error") && challenge.error.is_none() {
                challenge.error = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("error_description")
                && challenge.description.is_none()
            {
                challenge.description = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("scope") && challenge.scope.is_none() {
                challenge.is_known = value.split(' ').all(is_scope);
                challenge.scope = Some(if challenge.is_known {
                    value.to_owned()
                } else {
                    unknown_value(value)
                });
            }
        }
        challenge
    }
}

/// Longest scope; Okta's have up to about 40 characters.
const MAX_SCOPE_CHARS: usize = 60;

/// Scopes of `OpenID` Connect, which have no prefix.
const OPENID: [&str; 8] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
    "device_sso",
    "groups",
];

/// `okta.apps.manage` and the like: small letters in parts, as all of Okta's are but for camel case in a few.
fn is_scope(word: &str) -> bool {
    let of_okta = word.strip_prefix("okta.").is_some_and(|rest| {
        let mut parts = rest.split('.');
        let kind = parts.next_back();
        let is_part =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphabetic());
        matches!(
            kind,
            Some("read" | "manage" | "manage_self" | "self" | "update")
        ) && parts.clone().next().is_some()
            && parts.all(is_part)
    });
    word.len() <= MAX_SCOPE_CHARS && (of_okta || OPENID.contains(&word))
}

/// All `name=value` and `name="value"` of a header, in order. A quoted value is skipped as a whole,
/// so that an `error=` inside a description is not taken for one.
fn parameters(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (before, after) = rest.split_once('=')?;
        let name = before
            .rsplit(|c: char| c == ',' || c.is_whitespace())
            .find(|word| !word.is_empty())
            .unwrap_or("");
        let (value, remaining) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once([',', ' ']).unwrap_or((after, "")),
        };
        rest = remaining;
        Some((name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let cases = [
            (
                r#"Bearer authorization_uri="http://acme.okta.com/oauth2/v1/authorize", realm="x", scope="okta.apps.manage", error="insufficient_scope", error_description="The access token provided does not contain the required scopes.", resource="/api""#,
                (Some("insufficient_scope"), Some("okta.apps.manage")),
            ),
            (
                r#"Bearer error_description="say error=no", error="invalid_token""#,
                (Some("invalid_token"), None),
            ),
            (
                "DPoP ERROR=invalid_dpop_proof, algs=x",
                (Some("invalid_dpop_proof"), None),
            ),
            ("Basic realm=\"x\"", (None, None)),
            (
                "Bearer scope=\"okta.apps.read okta.users.manage openid\"",
                (None, Some("okta.apps.read okta.users.manage openid")),
            ),
            // A token is no scope, nor is a sentence.
            (
                "Bearer scope=\"00abcDEF-t0ken\"",
                (None, Some("unknown value (14 characters)")),
            ),
            (
                "Bearer scope=\"okta.apps.t0ken\"",
                (None, Some("unknown value (15 characters)")),
            ),
            (
                "Bearer scope=\"okta..read\"",
                (None, Some("unknown value (10 characters)")),
            ),
            (
                "Bearer scope=\"okta.\u{e4}.read\"",
                (None, Some("unknown value (11 characters)")),
            ),
            ("Bearer scope=\" \"", (None, None)),
            ("error=\"unclosed", (Some("unclosed"), None)),
            ("====\"=", (None, None)),
            ("", (None, None)),
        ];
        for (text, (error, scope)) in cases {
            let expected = Challenge {
                error: error.map(str::to_owned),
                scope: scope.map(str::to_owned),
                is_known: scope.is_some_and(|scope| scope.starts_with("okta.")),
                description: None,
            };
            let mut found = Challenge::read(text);
            found.description = None;
            assert_eq!(found, expected, "{text}");
        }
    }
}
