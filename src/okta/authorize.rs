//! The link that a person opens to consent (API.md §4, step 1). It comes from outside and is opened in an
//! administrator's browser: it has to be a plain link to a web page, or it is shown to nobody.

use url::Url;

use crate::manifest::{BadUrl, web_url};
use crate::text::Told;

/// No third party's link is longer (bytes): a longer one would not fit where people paste it.
const MAX_LINK: usize = 8 * 1024;

/// Why a link is not shown. Nothing of it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    /// Longer than any.
    #[error("it is longer than 8 KiB")]
    TooLong,
    /// Controls, blanks, quotes, and everything that is not ASCII.
    #[error("it has characters that no link has")]
    Characters,
    /// No link to a web page.
    #[error("it {0}")]
    Url(BadUrl),
    /// Whoever opened it would get what lets us into the org.
    #[error("it holds a credential of the org")]
    Credential,
    /// An answer to it could not be told from others.
    #[error("it needs exactly one `state` with a value")]
    State,
}

/// The `state` of a link that may be shown.
///
/// # Errors
/// When it may not.
pub fn state_of(link: &str) -> Result<String, BadLink> {
    let url = read(link)?;
    let mut states = url
        .query_pairs()
        .filter(|(name, _)| name == "state")
        .map(|(_, value)| value);
    match (states.next(), states.next()) {
        (Some(state), None) if !state.is_empty() => Ok(state.into_owned()),
        _ => Err(BadLink::State),
    }
}

/// As [`state_of`], of a link that an org told.
///
/// # Errors
/// As [`state_of`].
pub fn state_of_told(link: &Told) -> Result<String, BadLink> {
    let state = state_of(link.raw())?;
    if link.veil().gives_away(link.raw()) {
        return Err(BadLink::Credential);
    }
    Ok(state)
}

fn read(link: &str) -> Result<Url, BadLink> {
    if link.len() > MAX_LINK {
        return Err(BadLink::TooLong);
    }
    let belongs = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if !link.bytes().all(belongs) {
        return Err(BadLink::Characters);
    }
    web_url(link).map_err(|bad| match bad {
        BadUrl::NotAUrl => BadLink::Url(BadUrl::NotHttps),
        bad => BadLink::Url(bad),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn only_plain_links_to_web_pages_are_shown() {
        let not_https = BadLink::Url(BadUrl::NotHttps);
        let userinfo = BadLink::Url(BadUrl::Userinfo);
        let long = |length: usize| {
            let start = "https://accounts.google.com/?state=s1&x=";
            format!("{start}{}", "y".repeat(length - start.len()))
        };
        for (link, expected) in [
            (
                "https://accounts.google.com/o/oauth2/auth?response_type=code&state=s1",
                Ok("s1"),
            ),
            ("HTTPS://slack.com/oauth?state=a%2Fb+c#x", Ok("a/b c")),
            ("https://zoom.us:8443/?state=s1", Ok("s1")),
            ("http://localhost:8080/?state=s1", Ok("s1")),
            ("http://acme.localhost:8080/?state=s1", Ok("s1")),
            ("http://127.0.0.1/?state=s1", Ok("s1")),
            ("http://[::1]/?state=s1", Ok("s1")),
            (&long(MAX_LINK), Ok("s1")),
            (&long(MAX_LINK + 1), Err(BadLink::TooLong)),
            ("http://accounts.google.com/?state=s1", Err(not_https)),
            ("http://localhost.evil.example/?state=s1", Err(not_https)),
            ("javascript:alert(1)//?state=s1", Err(not_https)),
            (
                "javascript://accounts.google.com/%0aalert(1)?state=s1",
                Err(not_https),
            ),
            ("file:///etc/passwd?state=s1", Err(not_https)),
            ("data:text/html,x?state=s1", Err(not_https)),
            ("ftp://a.example/?state=s1", Err(not_https)),
            ("//accounts.google.com/?state=s1", Err(not_https)),
            ("accounts.google.com/?state=s1", Err(not_https)),
            ("https:accounts.google.com/?state=s1", Err(not_https)),
            ("", Err(not_https)),
            ("https://google.com@evil.example/?state=s1", Err(userinfo)),
            ("https://:p@evil.example/?state=s1", Err(userinfo)),
            ("https://@evil.example/?state=s1", Err(userinfo)),
            ("https:\\\\evil.example/?state=s1", Err(BadLink::Characters)),
            (
                "https://a.example/?state=s1\u{1b}[2J",
                Err(BadLink::Characters),
            ),
            (
                "https://a.example/?state=s1\r\nSet-Cookie: x",
                Err(BadLink::Characters),
            ),
            ("https://a.example/?state=s1\t", Err(BadLink::Characters)),
            (" https://a.example/?state=s1", Err(BadLink::Characters)),
            (
                "https://a.example/?state=s1\u{202e}",
                Err(BadLink::Characters),
            ),
            (
                "https://\u{430}.example/?state=s1",
                Err(BadLink::Characters),
            ),
            ("https://a.example/?state=\"s1\"", Err(BadLink::Characters)),
            ("https://a.example/?state=<s1>", Err(BadLink::Characters)),
            ("https://a.example/", Err(BadLink::State)),
            ("https://a.example/?state=", Err(BadLink::State)),
            ("https://a.example/?state", Err(BadLink::State)),
            ("https://a.example/?state=a&state=b", Err(BadLink::State)),
            ("https://a.example/?state=a&state=a", Err(BadLink::State)),
            ("https://a.example/?state=a&state=", Err(BadLink::State)),
            ("https://a.example/?STATE=a", Err(BadLink::State)),
            ("https://a.example/#state=a", Err(BadLink::State)),
        ] {
            let found = state_of(link);
            let shown = &link[..link.len().min(60)];
            assert_eq!(
                found.as_deref(),
                expected.as_ref().map(|state| *state),
                "{shown}"
            );
        }
    }

    #[test]
    fn no_reason_repeats_the_link() {
        for link in [
            "javascript:s3cr3t",
            "https://a@s3cr3t/?state=s3cr3t",
            "https://a/?s3cr3t",
        ] {
            let reason = state_of(link).expect_err("refused").to_string();
            assert!(!reason.contains("s3cr3t"), "{reason}");
        }
    }
}
