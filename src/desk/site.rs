//! What all requests share, and who is asking.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::asked::{Complete, Doer};
use super::claims::Claims;
use super::counted::Counted;
use super::feed::Feed;
use super::fleet;
use super::jobs::JobStatus;
use super::keys::Keys;
use super::shelves::Shelves;
use super::slow::Slow;
use crate::engine::Engine;

/// Event streams at once: a browser has one for each page that is seen.
pub(super) const STREAMS: usize = 128;

/// Characters of a name that somebody types, at most.
const LONGEST_NAME: usize = 40;

/// What is written as it is in a cookie.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The cookie with the name of who works here.
const WHO: &str = "who";

/// The jobs that are served, as they stand.
pub(crate) type Jobs = Arc<Mutex<Vec<JobStatus>>>;

/// See the first lines of this file.
pub(super) struct Site {
    pub keys: Keys,
    pub address: Address,
    pub slow: Slow,
    pub feed: Arc<Feed>,
    pub streams: Arc<Semaphore>,
    pub shelves: Arc<Shelves>,
    pub engine: Engine,
    pub jobs: Jobs,
    pub doer: Doer,
    pub complete: Complete,
    pub claims: Claims,
    pub counted: Arc<Counted>,
    pub fleet: fleet::Seen,
    pub end: CancellationToken,
}

impl Site {
    /// The name of the cookie that lets in: on one machine, desks at several ports have one each.
    pub fn cookie_name(&self) -> String {
        if self.address.is_secure() {
            "__Host-okta-rollout".to_owned()
        } else {
            format!("okta-rollout-{}", self.address.port())
        }
    }

    /// The header that gives a browser a cookie.
    pub fn set_cookie(&self, name: &str, value: &str, for_how_long: &str) -> String {
        let secure = if self.address.is_secure() {
            "; Secure"
        } else {
            ""
        };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{for_how_long}")
    }

    /// The header that has a browser remember who works at it.
    pub fn set_who(&self, who: &str) -> String {
        let who: String = who.trim().chars().take(LONGEST_NAME).collect();
        let who = utf8_percent_encode(&who, PLAIN).to_string();
        self.set_cookie(WHO, &who, "; Max-Age=31536000")
    }

    /// Whether a request has what lets in; `None` = it has nothing.
    pub fn admits(&self, headers: &HeaderMap) -> Option<bool> {
        let bearer = headers.get(axum::http::header::AUTHORIZATION);
        let bearer = bearer.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let cookie = cookie(headers, &self.cookie_name());
        if bearer.is_none() && cookie.is_none() {
            return None;
        }
        let by_bearer = bearer.is_some_and(|token| self.keys.is_token(token));
        let by_cookie = cookie.is_some_and(|value| self.keys.is_cookie(value));
        Some(by_bearer || by_cookie)
    }
}

/// The name of who works at a browser, if they gave one.
pub(super) fn who(headers: &HeaderMap) -> Option<String> {
    let who = percent_decode_str(cookie(headers, WHO)?)
        .decode_utf8()
        .ok()?;
    let who: String = who.chars().take(LONGEST_NAME).collect();
    (!who.trim().is_empty()).then_some(who)
}

/// The value of the cookie of this name.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).into_iter();
    let all = all.filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "nowho=1; who2=2".parse().unwrap());
        headers.append(COOKIE, "x=y;who=Ada%20L%C3%B6w ; z".parse().unwrap());
        assert_eq!(cookie(&headers, "who"), Some("Ada%20L%C3%B6w"));
        assert_eq!(who(&headers).as_deref(), Some("Ada Löw"));
        assert_eq!(cookie(&headers, "z"), None);
        assert_eq!(who(&HeaderMap::new()), None);
    }
}
