//! Status and headers of an answer. Reading them never fails: what is missing or broken is absent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{AsHeaderName, DATE, HeaderMap, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use url::Url;

/// A `Retry-After` beyond this counts as this: longer than any back-off that makes sense, short
/// enough that adding it to a clock cannot overflow.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Request ids are 32 hex digits; a longer header is cut here before it reaches a report.
const MAX_REQUEST_ID_CHARS: usize = 64;

/// `x-rate-limit-*` of an answer (API.md §10.1); absent fields were missing or unreadable.
///
/// A header that came more than once (a proxy's doing) counts with its most pessimistic value: the
/// lowest limit and remainder, the latest reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateHeaders {
    /// Calls a window allows; 0 marks the concurrency limit.
    pub limit: Option<u64>,
    /// Calls left in the window.
    pub remaining: Option<u64>,
    /// When the window ends, Unix seconds on the server's clock.
    pub reset: Option<i64>,
}

impl RateHeaders {
    fn read(headers: &HeaderMap) -> Self {
        Self {
            limit: numbers(headers, "x-rate-limit-limit").min(),
            remaining: numbers(headers, "x-rate-limit-remaining").min(),
            reset: numbers(headers, "x-rate-limit-reset")
                .max()
                .and_then(|seconds| i64::try_from(seconds).ok()),
        }
    }

    /// Whether a 429 with these headers is the concurrency limit (API.md §10.1).
    pub(super) fn is_concurrency(self) -> bool {
        self.limit == Some(0) && self.remaining == Some(0)
    }
}

/// All readable values of a header, whether on lines of their own or joined by commas.
fn numbers(headers: &HeaderMap, name: &'static str) -> impl Iterator<Item = u64> {
    texts(headers, name)
        .flat_map(|text| text.split(','))
        .filter_map(|text| text.trim().parse().ok())
}

fn texts(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
}

/// Status and headers of an answer, as far as they matter.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) rate: RateHeaders,
    pub(super) date: Option<i64>,
    pub(super) request_id: Option<String>,
    pub(super) retry_after: Option<Duration>,
    /// All `www-authenticate` challenges.
    pub(super) challenge: Option<String>,
    /// The host a redirect leads to; never more of the address.
    pub(super) redirect_host: Option<String>,
}

impl Head {
    pub(super) fn read(status: u16, headers: &HeaderMap, url: &Url, now: SystemTime) -> Self {
        let date = texts(headers, DATE).next().and_then(http_date);
        let clock = date.or_else(|| unix_seconds(now));
        let challenges: Vec<&str> = texts(headers, WWW_AUTHENTICATE).collect();
        Self {
            status,
            rate: RateHeaders::read(headers),
            date,
            request_id: texts(headers, "x-okta-request-id")
                .next()
                .and_then(request_id),
            retry_after: texts(headers, RETRY_AFTER)
                .next()
                .and_then(|text| retry_after(text, clock)),
            challenge: (!challenges.is_empty()).then(|| challenges.join(", ")),
            redirect_host: texts(headers, LOCATION)
                .next()
                .and_then(|to| url.join(to).ok())
                .and_then(|to| to.host_str().map(ToOwned::to_owned)),
        }
    }
}

fn request_id(text: &str) -> Option<String> {
    let id: String = text
        .chars()
        .filter(char::is_ascii_graphic)
        .take(MAX_REQUEST_ID_CHARS)
        .collect();
    (!id.is_empty()).then_some(id)
}

fn http_date(text: &str) -> Option<i64> {
    httpdate::parse_http_date(text).ok().and_then(unix_seconds)
}

fn unix_seconds(time: SystemTime) -> Option<i64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

/// Seconds or an HTTP date (RFC 9110 §10.2.3); a date in the past is "now".
fn retry_after(text: &str, clock: Option<i64>) -> Option<Duration> {
    let text = text.trim();
    let seconds = if let Ok(seconds) = text.parse::<u64>() {
        seconds
    } else {
        let at = http_date(text)?;
        u64::try_from(at.saturating_sub(clock?)).unwrap_or(0)
    };
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_bytes(value.as_bytes()).expect("a header value"),
                )
            })
            .collect()
    }

    fn head(lines: &[(&'static str, &str)]) -> Head {
        let url = Url::parse("https://acme.okta.com/api/v1/apps").expect("a URL");
        Head::read(200, &headers(lines), &url, UNIX_EPOCH)
    }

    #[test]
    fn rate_headers_survive_anything() {
        let (limit, remaining, reset) = (
            "x-rate-limit-limit",
            "x-rate-limit-remaining",
            "x-rate-limit-reset",
        );
        let all = |limit, remaining, reset| RateHeaders {
            limit,
            remaining,
            reset,
        };
        let cases: [(&[(&'static str, &str)], RateHeaders); 8] = [
            (&[], RateHeaders::default()),
            (
                &[(limit, "50"), (remaining, "49"), (reset, "1761000000")],
                all(Some(50), Some(49), Some(1_761_000_000)),
            ),
            (
                &[(limit, "50"), (limit, "50"), (remaining, " 7 ")],
                all(Some(50), Some(7), None),
            ),
            (
                &[
                    (limit, "50"),
                    (limit, "600"),
                    (remaining, "9, 3"),
                    (reset, "100"),
                    (reset, "160"),
                ],
                all(Some(50), Some(3), Some(160)),
            ),
            (
                &[(limit, "fifty"), (remaining, "-1"), (reset, "")],
                RateHeaders::default(),
            ),
            (
                &[
                    (limit, "99999999999999999999999"),
                    (remaining, "1.5"),
                    (reset, "18446744073709551615"),
                ],
                RateHeaders::default(),
            ),
            (
                &[(limit, "50"), (limit, "garbage")],
                all(Some(50), None, None),
            ),
            (&[(limit, "\u{fc}")], RateHeaders::default()),
        ];
        for (lines, expected) in cases {
            assert_eq!(head(lines).rate, expected, "{lines:?}");
        }
    }

    #[test]
    fn only_limit_and_remaining_zero_is_the_concurrency_limit() {
        let rate = |limit, remaining| RateHeaders {
            limit,
            remaining,
            reset: None,
        };
        assert!(rate(Some(0), Some(0)).is_concurrency());
        assert!(!rate(Some(50), Some(0)).is_concurrency());
        assert!(!rate(None, Some(0)).is_concurrency());
        assert!(!rate(Some(0), None).is_concurrency());
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_on_the_servers_clock() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let cases = [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:50 GMT", Some(13)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("999999999999", Some(86_400)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400)),
            ("-3", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let head = head(&[("date", date), ("retry-after", text)]);
            assert_eq!(
                head.retry_after,
                expected.map(Duration::from_secs),
                "{text:?}"
            );
            assert_eq!(head.date, Some(784_111_777));
        }
    }

    #[test]
    fn request_ids_are_short_and_plain() {
        let id = |text: &str| head(&[("x-okta-request-id", text)]).request_id;
        assert_eq!(id("abc123").as_deref(), Some("abc123"));
        assert_eq!(id("a b\tc").as_deref(), Some("abc"));
        assert_eq!(id(""), None);
        assert_eq!(id(&"x".repeat(500)).map(|id| id.len()), Some(64));
        assert_eq!(head(&[("date", "yesterday")]).date, None);
    }

    #[test]
    fn a_redirect_is_known_by_its_host_only() {
        let host = |to: &str| head(&[("location", to)]).redirect_host;
        assert_eq!(
            host("https://evil.example/x?code=1").as_deref(),
            Some("evil.example")
        );
        assert_eq!(host("//evil.example/").as_deref(), Some("evil.example"));
        assert_eq!(host("/login").as_deref(), Some("acme.okta.com"));
        assert_eq!(host("mailto:a@b"), None);
        assert_eq!(host("http://["), None);
    }
}
