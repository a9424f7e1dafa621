//! URLs that credentials are sent to: org origins and SCIM base URLs. Strict on purpose, because a URL
//! decides who gets a token; what is unusual is refused rather than tidied up.

use std::net::IpAddr;

use url::{Host, Url};

/// Why a URL is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not an absolute https or http URL.
    #[error("is not a URL such as https://acme.okta.com")]
    NotAUrl,
    /// Plain http to somewhere else.
    #[error("must be https; plain http is only for loopback addresses")]
    NotHttps,
    /// `user:password@`.
    #[error("must not contain a user name or password")]
    Userinfo,
    /// A path where only the host belongs.
    #[error("must not have a path")]
    Path,
    /// `?…`
    #[error("must not have a query")]
    Query,
    /// `#…`
    #[error("must not have a fragment")]
    Fragment,
}

/// An org's URL as its origin: lower case, without the default port or a final slash.
///
/// # Errors
/// When it is not an https origin, or http for loopback (127.0.0.0/8, `::1`, `localhost` and
/// `*.localhost`), or has userinfo, path, query or fragment.
pub fn normalize_url(text: &str) -> Result<String, BadUrl> {
    let parts = split(text)?;
    match parts.rest {
        "" | "/" => {}
        rest if rest.contains('#') => return Err(BadUrl::Fragment),
        rest if rest.contains('?') => return Err(BadUrl::Query),
        _ => return Err(BadUrl::Path),
    }
    let url = parse(text)?;
    Ok(url.origin().ascii_serialization())
}

/// Checks the base URL of a SCIM server: as an org's URL, but with a path, and perhaps a query.
pub(super) fn check_base_url(text: &str) -> Result<(), BadUrl> {
    if split(text)?.rest.contains('#') {
        return Err(BadUrl::Fragment);
    }
    parse(text).map(drop)
}

struct Parts<'a> {
    rest: &'a str,
}

// The url crate repairs much (spaces, tabs, backslashes, missing slashes, an empty userinfo); all of it
// is looked for in the text itself.
fn split(text: &str) -> Result<Parts<'_>, BadUrl> {
    if text
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || c == '\\')
    {
        return Err(BadUrl::NotAUrl);
    }
    let (scheme, after) = text.split_once("://").ok_or(BadUrl::NotAUrl)?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(BadUrl::NotAUrl);
    }
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    if authority.contains('@') {
        return Err(BadUrl::Userinfo);
    }
    if authority.is_empty() {
        return Err(BadUrl::NotAUrl);
    }
    Ok(Parts { rest })
}

fn parse(text: &str) -> Result<Url, BadUrl> {
    let url = Url::parse(text).map_err(|_| BadUrl::NotAUrl)?;
    if url.port() == Some(0) {
        return Err(BadUrl::NotAUrl);
    }
    if url.scheme() == "https" || is_loopback(&url) {
        Ok(url)
    } else {
        Err(BadUrl::NotHttps)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn org_urls() {
        for (text, expected) in [
            ("https://acme.okta.com", Ok("https://acme.okta.com")),
            ("https://ACME.okta.com/", Ok("https://acme.okta.com")),
            ("HTTPS://acme.okta.com:443", Ok("https://acme.okta.com")),
            (
                "https://acme.okta.com:8443",
                Ok("https://acme.okta.com:8443"),
            ),
            ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080")),
            ("http://127.8.9.1", Ok("http://127.8.9.1")),
            ("http://[::1]:8080/", Ok("http://[::1]:8080")),
            ("http://localhost:1", Ok("http://localhost:1")),
            ("http://acme.localhost:1", Ok("http://acme.localhost:1")),
            ("http://acme.okta.com", Err(BadUrl::NotHttps)),
            ("http://localhost.evil.com", Err(BadUrl::NotHttps)),
            ("http://10.0.0.1", Err(BadUrl::NotHttps)),
            ("https://acme.okta.com/admin", Err(BadUrl::Path)),
            ("https://acme.okta.com//", Err(BadUrl::Path)),
            ("https://acme.okta.com/?", Err(BadUrl::Query)),
            ("https://acme.okta.com?x=1", Err(BadUrl::Query)),
            ("https://acme.okta.com#x", Err(BadUrl::Fragment)),
            ("https://acme.okta.com/#", Err(BadUrl::Fragment)),
            ("https://user:pw@acme.okta.com", Err(BadUrl::Userinfo)),
            ("https://@acme.okta.com", Err(BadUrl::Userinfo)),
            ("https:acme.okta.com", Err(BadUrl::NotAUrl)),
            ("https:/\\acme.okta.com", Err(BadUrl::NotAUrl)),
            ("https://acme.okta.com\\@evil.com", Err(BadUrl::NotAUrl)),
            ("https://", Err(BadUrl::NotAUrl)),
            ("https:///x", Err(BadUrl::NotAUrl)),
            ("https://acme.okta.com:0", Err(BadUrl::NotAUrl)),
            ("https://ac me.okta.com", Err(BadUrl::NotAUrl)),
            (" https://acme.okta.com", Err(BadUrl::NotAUrl)),
            ("https://acme.\tokta.com", Err(BadUrl::NotAUrl)),
            ("ftp://acme.okta.com", Err(BadUrl::NotAUrl)),
            ("acme.okta.com", Err(BadUrl::NotAUrl)),
            ("", Err(BadUrl::NotAUrl)),
        ] {
            let got = normalize_url(text);
            assert_eq!(got.as_deref().map_err(|e| *e), expected, "{text:?}");
        }
    }

    #[test]
    fn base_urls() {
        for (text, expected) in [
            ("https://scim.zscalerbeta.net/1/2/scim", Ok(())),
            ("http://127.0.0.1:9/scim", Ok(())),
            (
                "http://scim.zscalerbeta.net/1/2/scim",
                Err(BadUrl::NotHttps),
            ),
            ("https://u:p@scim.zscalerbeta.net/", Err(BadUrl::Userinfo)),
            ("https://scim.zscalerbeta.net/#x", Err(BadUrl::Fragment)),
            ("scim.zscalerbeta.net", Err(BadUrl::NotAUrl)),
        ] {
            assert_eq!(check_base_url(text), expected, "{text}");
        }
    }
}
