//! The `www-authenticate` header (RFC 6750 §3): the only explanation Okta gives when a token lacks a
//! scope, because the body is empty then.

/// What a challenge says of the token that was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// `error`, for example `insufficient_scope`.
    pub(super) error: Option<String>,
    /// The scopes that would do.
    pub(super) scope: Option<String>,
}

impl Challenge {
    pub(super) fn read(text: &str) -> Self {
        let mut challenge = Self::default();
        for (name, value) in parameters(text) {
            let slot = if name.eq_ignore_ascii_case("error") {
                &mut challenge.error
            } else if name.eq_ignore_ascii_case("scope") {
                &mut challenge.scope
            } else {
                continue;
            };
            // Scopes and error codes are plain words; anything else is not repeated to the user.
            let plain = value
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | ' '));
            if slot.is_none() && plain && !value.trim().is_empty() {
                *slot = Some(value.trim().to_owned());
            }
        }
        challenge
    }
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
            ("Bearer error=\"a\u{1b}b\"", (None, None)),
            ("error=\"unclosed", (Some("unclosed"), None)),
            ("====\"=", (None, None)),
            ("", (None, None)),
        ];
        for (text, (error, scope)) in cases {
            let expected = Challenge {
                error: error.map(str::to_owned),
                scope: scope.map(str::to_owned),
            };
            assert_eq!(Challenge::read(text), expected, "{text}");
        }
    }
}
