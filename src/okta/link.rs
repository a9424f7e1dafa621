//! The `Link` header of lists (API.md §9): where the next page is, and that it is in the same org.

use url::Url;

/// The next page is somewhere else: following it would carry the org's credentials there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    /// The host it leads to.
    pub(super) host: String,
}

/// Path and query of the link with `rel="next"` among the lines of the header.
///
/// # Errors
/// [`Foreign`] when that link leads to another origin, or is no address at all.
pub(super) fn next<'a>(
    lines: impl Iterator<Item = &'a str>,
    origin: &Url,
) -> Result<Option<String>, Foreign> {
    for line in lines {
        for (target, parameters) in links(line) {
            if !is_next(parameters) {
                continue;
            }
            let url = origin.join(target).map_err(|_| Foreign {
                host: "an unreadable address".to_owned(),
            })?;
            if url.origin() != origin.origin() {
                return Err(Foreign {
                    host: url.host_str().unwrap_or("nowhere").to_owned(),
                });
            }
            let query = url.query().map(|query| format!("?{query}"));
            return Ok(Some(format!("{}{}", url.path(), query.unwrap_or_default())));
        }
    }
    Ok(None)
}

/// The links of one line as target and parameters (RFC 8288 §3). Targets may contain commas and
/// semicolons, so the angle brackets are what is looked for.
fn links(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        // The next link begins with the next bracket; parameters of Okta's contain none.
        let end = after.find('<').unwrap_or(after.len());
        let (parameters, remaining) = after.split_at(end);
        rest = remaining;
        Some((target, parameters))
    })
}

fn is_next(parameters: &str) -> bool {
    parameters
        .split([';', ','])
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("rel"))
        .any(|(_, value)| {
            value
                .trim()
                .trim_matches('"')
                .split_ascii_whitespace()
                .any(|relation| relation.eq_ignore_ascii_case("next"))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(lines: &[&str]) -> Result<Option<String>, Foreign> {
        let origin = Url::parse("https://acme.okta.com").expect("a URL");
        next(lines.iter().copied(), &origin)
    }

    #[test]
    fn the_next_page_is_found() {
        let page = Ok(Some("/api/v1/apps?after=0oa2&limit=200".to_owned()));
        let link = "<https://acme.okta.com/api/v1/apps?after=0oa2&limit=200>; rel=\"next\"";
        let cases: [(&[&str], _); 9] = [
            (&[], Ok(None)),
            (
                &["<https://acme.okta.com/api/v1/apps>; rel=\"self\""],
                Ok(None),
            ),
            (
                &["<https://acme.okta.com/a>; rel=\"self\"", link],
                page.clone(),
            ),
            (
                &[
                    "<https://acme.okta.com/a>; rel=self, </api/v1/apps?after=0oa2&limit=200>; title=x; REL=Next",
                ],
                page.clone(),
            ),
            (
                &[
                    "<https://acme.okta.com:443/api/v1/apps?after=0oa2&limit=200>; rel=\"last next\"",
                ],
                page,
            ),
            (
                &["</a?f=x,y;z>; rel=\"next\""],
                Ok(Some("/a?f=x,y;z".to_owned())),
            ),
            (&["<https://acme.okta.com/a"], Ok(None)),
            (&["garbage", ">;<", ""], Ok(None)),
            (&["</nextish>; rel=\"nextish\"; title=\"next\""], Ok(None)),
        ];
        for (lines, expected) in cases {
            assert_eq!(read(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_page_elsewhere_is_refused() {
        let cases = [
            ("https://evil.example/api/v1/apps", "evil.example"),
            ("//evil.example/api/v1/apps", "evil.example"),
            ("http://acme.okta.com/api/v1/apps", "acme.okta.com"),
            ("https://acme.okta.com:8443/", "acme.okta.com"),
            ("https://acme.okta.com@evil.example/", "evil.example"),
            ("https://[", "an unreadable address"),
            ("data:x", "nowhere"),
        ];
        for (target, host) in cases {
            let line = format!("<{target}>; rel=\"next\"");
            let host = host.to_owned();
            assert_eq!(read(&[&line]), Err(Foreign { host }), "{target}");
        }
    }

    proptest! {
        #[test]
        fn a_page_is_always_in_the_org(line in "[ -~]{0,60}", target in "[ -~]{0,40}") {
            let linked = format!("{line}<{target}>; rel=next");
            for line in [line.as_str(), linked.as_str()] {
                if let Ok(Some(path)) = read(&[line]) {
                    prop_assert!(path.starts_with('/'), "{path}");
                    let url = Url::parse(&format!("https://acme.okta.com{path}")).expect("a URL");
                    prop_assert_eq!(url.host_str(), Some("acme.okta.com"));
                }
            }
        }
    }
}
