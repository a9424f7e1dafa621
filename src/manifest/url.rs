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
    /// `{yourOktaDomain}`, `${DOMAIN}`, `<domain>`: nobody put anything in.
    #[error("still has a placeholder in it")]
    Placeholder,
    /// `acme-admin.okta.com`.
    #[error("is the address of the Admin Console, not of the org")]
    AdminConsole,
}

impl BadUrl {
    /// The edit that helps with an org's URL.
    pub fn hint(self, text: &str) -> Option<String> {
        match self {
            Self::Placeholder => {
                Some("put the org's own address there, as in https://acme.okta.com".to_owned())
            }
            Self::Userinfo => None,
            _ => origin_of(text).map(|origin| format!("write {origin}")),
        }
    }

    /// The edit that helps with the URL of a SCIM server.
    pub(super) fn hint_base_url(self, text: &str) -> Option<String> {
        let whole = format!("https://{}", without_scheme(text));
        match self {
            Self::Placeholder => Some("put the app's own address there".to_owned()),
            Self::NotAUrl | Self::NotHttps => check_base_url(&whole)
                .ok()
                .map(|()| format!("write {whole}")),
            _ => None,
        }
    }
}

/// What an org's URL probably is: https, the host, and the org instead of its Admin Console.
fn origin_of(text: &str) -> Option<String> {
    let after = without_scheme(text);
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, _) = after.split_at(end);
    let (label, domain) = authority.split_once('.')?;
    let label = if ADMIN_DOMAINS.contains(&domain) {
        label.strip_suffix(ADMIN).unwrap_or(label)
    } else {
        label
    };
    normalize_url(&format!("https://{label}.{domain}")).ok()
}

/// What follows a scheme, whichever it is and however many slashes are behind it.
fn without_scheme(text: &str) -> &str {
    let text = text.trim();
    match text.split_once(':') {
        Some((scheme, rest))
            if rest.starts_with('/') || ["http", "https"].contains(&&*scheme.to_lowercase()) =>
        {
            rest.trim_start_matches('/')
        }
        // A host, perhaps with a port.
        _ => text,
    }
}

/// What the first label of an Admin Console's host ends in.
const ADMIN: &str = "-admin";

/// Where Okta has orgs.
const ADMIN_DOMAINS: [&str; 5] = [
    "okta.com",
    "oktapreview.com",
    "okta-emea.com",
    "okta-gov.com",
    "okta.mil",
];

/// First labels of hosts that documents write for a reader's own, without hyphens.
const YOURS: [&str; 8] = [
    "yourcompany",
    "yourdomain",
    "yourokta",
    "youroktadomain",
    "youroktasubdomain",
    "yourorg",
    "yoursubdomain",
    "yourtenant",
];

/// Domains that nobody has (RFC 2606).
const EXAMPLES: [&str; 3] = ["example.com", "example.net", "example.org"];

/// Whether something stands in a URL that a person or a template was to replace.
pub(super) fn has_placeholder(text: &str) -> bool {
    let after = text.split_once("://").map_or(text, |(_, after)| after);
    let end = after.find('/').unwrap_or(after.len());
    let (authority, _) = after.split_at(end);
    text.contains(['{', '}', '<', '>', '…']) || authority.contains(['$', '%'])
}

fn is_anybodys(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let example = |domain: &&str| {
        host.strip_suffix(*domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let label = host
        .split('.')
        .next()
        .unwrap_or_default()
        .replace(['-', '_'], "");
    EXAMPLES.iter().any(example) || YOURS.contains(&label.as_str())
}

/// An org's URL as its origin: lower case, without the default port or a final slash.
///
/// # Errors
/// When it is not an https origin, or http for loopback (127.0.0.0/8, `::1`, `localhost` and
/// `*.localhost`), or has userinfo, path, query or fragment.
pub fn normalize_url(text: &str) -> Result<String, BadUrl> {
    if has_placeholder(text) {
        return Err(BadUrl::Placeholder);
    }
    let parts = split(text)?;
    if is_anybodys(parts.host()) {
        return Err(BadUrl::Placeholder);
    }
    let (label, domain) = parts.host().split_once('.').unwrap_or_default();
    if ADMIN_DOMAINS
        .iter()
        .any(|known| domain.eq_ignore_ascii_case(known))
        && label.len() > ADMIN.len()
        && label.to_ascii_lowercase().ends_with(ADMIN)
    {
        return Err(BadUrl::AdminConsole);
    }
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
    if has_placeholder(text) {
        return Err(BadUrl::Placeholder);
    }
    if split(text)?.rest.contains('#') {
        return Err(BadUrl::Fragment);
    }
    parse(text).map(drop)
}

/// A link to a web page, with whatever path, query and fragment.
///
/// # Errors
/// When it is neither https nor http for loopback, or has userinfo.
pub fn web_url(text: &str) -> Result<Url, BadUrl> {
    split(text)?;
    parse(text)
}

struct Parts<'a> {
    authority: &'a str,
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn host(&self) -> &'a str {
        // A port follows the last colon; an address in brackets is nobody's placeholder.
        self.authority
            .rsplit_once(':')
            .map_or(self.authority, |(host, _)| host)
    }
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
    Ok(Parts { authority, rest })
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
    fn org_urls_of_consoles_and_templates() {
        for (text, expected) in [
            ("https://acme-admin.okta.com", Err(BadUrl::AdminConsole)),
            (
                "https://acme-admin.okta.com/admin/dashboard",
                Err(BadUrl::AdminConsole),
            ),
            (
                "https://ACME-Admin.OktaPreview.com/",
                Err(BadUrl::AdminConsole),
            ),
            (
                "https://acme-admin.okta-emea.com:443",
                Err(BadUrl::AdminConsole),
            ),
            (
                "https://acme-admin.corp.com",
                Ok("https://acme-admin.corp.com"),
            ),
            (
                "https://acme-administration.okta.com",
                Ok("https://acme-administration.okta.com"),
            ),
            ("https://-admin.okta.com", Ok("https://-admin.okta.com")),
            ("https://{yourOktaDomain}", Err(BadUrl::Placeholder)),
            ("https://${yourOktaDomain}/", Err(BadUrl::Placeholder)),
            ("{{domain}}", Err(BadUrl::Placeholder)),
            ("https://$OKTA_DOMAIN", Err(BadUrl::Placeholder)),
            ("https://%OKTA_DOMAIN%", Err(BadUrl::Placeholder)),
            ("https://<your org>.okta.com", Err(BadUrl::Placeholder)),
            ("https://….okta.com", Err(BadUrl::Placeholder)),
            ("https://yourOktaDomain", Err(BadUrl::Placeholder)),
            ("https://your-org.okta.com", Err(BadUrl::Placeholder)),
            ("https://example.com", Err(BadUrl::Placeholder)),
            ("https://acme.example.org:8443", Err(BadUrl::Placeholder)),
            ("https://notexample.com", Ok("https://notexample.com")),
            ("https://yourorgs.okta.com", Ok("https://yourorgs.okta.com")),
        ] {
            let got = normalize_url(text);
            assert_eq!(got.as_deref().map_err(|e| *e), expected, "{text:?}");
        }
    }

    #[test]
    fn what_was_probably_meant() {
        for (text, hint) in [
            ("acme.okta.com", Some("write https://acme.okta.com")),
            ("acme-admin.okta.com", Some("write https://acme.okta.com")),
            ("http://acme.okta.com", Some("write https://acme.okta.com")),
            (
                "https://acme-admin.okta.com/admin/dashboard?x#y",
                Some("write https://acme.okta.com"),
            ),
            (
                "https://acme.okta.com/app/UserHome",
                Some("write https://acme.okta.com"),
            ),
            (
                " https://acme.okta.com",
                Some("write https://acme.okta.com"),
            ),
            (
                "https://{yourOktaDomain}",
                Some("put the org's own address there, as in https://acme.okta.com"),
            ),
            ("ftp://acme.okta.com/x", Some("write https://acme.okta.com")),
            ("https:/acme.okta.com", Some("write https://acme.okta.com")),
            ("HTTPS:acme.okta.com", Some("write https://acme.okta.com")),
            (
                "https:///acme.okta.com",
                Some("write https://acme.okta.com"),
            ),
            (
                "acme.okta.com:8443/x",
                Some("write https://acme.okta.com:8443"),
            ),
            ("acme", None),
            ("https://user:pw@acme.okta.com", None),
            ("https://acme.okta.com\\@evil.com", None),
        ] {
            let error = normalize_url(text).unwrap_err();
            assert_eq!(error.hint(text).as_deref(), hint, "{text}");
        }
        for (text, hint) in [
            (
                "scim.zscaler.net/1",
                Some("write https://scim.zscaler.net/1"),
            ),
            (
                "http://scim.zscaler.net/1",
                Some("write https://scim.zscaler.net/1"),
            ),
            ("ftp://x", Some("write https://x")),
            ("https:/x.net", Some("write https://x.net")),
            ("http:x.net/1", Some("write https://x.net/1")),
            ("HTTP://x.net/1", Some("write https://x.net/1")),
            ("x.net:8443/1", Some("write https://x.net:8443/1")),
            ("https://", None),
            ("ftp:/u:p@x.net", None),
            ("https://{host}/1", Some("put the app's own address there")),
            ("https://u:p@scim.zscaler.net", None),
        ] {
            let error = check_base_url(text).unwrap_err();
            assert_eq!(error.hint_base_url(text).as_deref(), hint, "{text}");
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
            (
                "https://scim.zscaler.net/<company id>/scim",
                Err(BadUrl::Placeholder),
            ),
            ("https://${HOST}/1/2/scim", Err(BadUrl::Placeholder)),
            ("https://scim.zscaler.net/$filter/1", Ok(())),
        ] {
            assert_eq!(check_base_url(text), expected, "{text}");
        }
    }
}
