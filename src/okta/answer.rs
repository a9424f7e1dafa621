//! What was observed of one call: status, headers that matter, body. Reading headers never fails:
//! what is missing or broken is absent.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::header::{AsHeaderName, DATE, HeaderMap, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use tokio::time::Instant;
use url::Url;

use super::error::{CallError, Class};
use crate::text::Veil;

/// A `Retry-After` beyond this counts as this: longer than any back-off that makes sense, short
/// enough that adding it to a clock cannot overflow.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Request ids are 32 hex digits; a longer header is cut here before it reaches a report.
const MAX_REQUEST_ID_CHARS: usize = 64;

/// Everything observed of one call.
#[derive(Debug)]
pub struct Exchange {
    /// HTTP status; absent when no answer came.
    pub status: Option<u16>,
    /// What the answer says of the rate limit.
    pub rate: RateHeaders,
    /// The server's clock, Unix seconds, from `Date`.
    pub date: Option<i64>,
    /// `x-okta-request-id`.
    pub request_id: Option<String>,
    /// When the call began.
    pub sent_at: Instant,
    /// How long it took, to the last byte of the body or to the fault.
    pub duration: Duration,
    /// The body of an accepted call (2xx), or why there is none.
    pub outcome: Result<Body, CallError>,
}

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

/// The body of an accepted call. Not shown by `Debug`: it may hold a consent link.
#[derive(Clone)]
pub struct Body {
    /// Path and query of the next page of a list; always of the same org.
    pub next: Option<String>,
    bytes: Bytes,
    veil: Veil,
    status: u16,
    request_id: Option<String>,
}

impl Body {
    pub(super) fn new(bytes: Bytes, next: Option<String>, head: &Head, veil: &Veil) -> Self {
        Self {
            next,
            bytes,
            veil: veil.clone(),
            status: head.status,
            request_id: head.request_id.clone(),
        }
    }

    /// The bytes as they came, decompressed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What its texts are shown through.
    pub(super) const fn veil(&self) -> &Veil {
        &self.veil
    }

    /// The body without a byte order mark.
    pub(super) fn text(&self) -> &[u8] {
        without_bom(&self.bytes)
    }

    /// The error of a body that should have said something.
    pub(super) fn unreadable(self) -> CallError {
        let what = if self.bytes.is_empty() {
            "without a body"
        } else {
            "with a body that is not the expected JSON"
        };
        CallError {
            http_status: Some(self.status),
            request_id: self.request_id,
            ..CallError::new(Class::Unclear, format!("status {} {what}", self.status))
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.bytes.len())
    }
}

fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// What kind of body an answer has, as far as its first byte tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing, or only white space.
    Empty,
    /// An object, a list or `null`: what Okta sends, if perhaps cut short.
    Json,
    /// Something Okta's API never sends, as a proxy or captive portal does.
    Foreign,
}

pub(super) fn content(bytes: &[u8]) -> Content {
    let text = without_bom(bytes).trim_ascii();
    match text.first() {
        None => Content::Empty,
        Some(b'{' | b'[') => Content::Json,
        Some(_) if text == b"null" => Content::Json,
        Some(_) => Content::Foreign,
    }
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

    #[test]
    fn content_is_told_by_its_first_byte() {
        let cases: [(&[u8], Content); 8] = [
            (b"", Content::Empty),
            (b" \r\n", Content::Empty),
            (b"\xEF\xBB\xBF{}", Content::Json),
            (b" [", Content::Json),
            (b"null", Content::Json),
            (b"<html>", Content::Foreign),
            (b"OK", Content::Foreign),
            (b"\0\0", Content::Foreign),
        ];
        for (bytes, expected) in cases {
            assert_eq!(content(bytes), expected, "{bytes:?}");
        }
    }
}
