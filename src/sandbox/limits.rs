//! Rate limit windows as Okta keeps them (API.md §10.1): one per org and bucket, of a fixed length,
//! begun by its first request. Pure: the caller passes the time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A group of operations that share one limit.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Bucket {
    /// Lists and creates apps, and everything below one app.
    #[serde(rename = "/api/v1/apps")]
    Apps,
    /// One app itself.
    #[serde(rename = "/api/v1/apps/{id}")]
    AppById,
    /// OAuth clients and their roles.
    #[serde(rename = "/oauth2/v1/clients")]
    Clients,
    /// The token endpoint.
    #[serde(rename = "/oauth2/v1/token")]
    Token,
    /// The system log.
    #[serde(rename = "/api/v1/logs")]
    Logs,
    /// Everything else.
    #[serde(rename = "/api/v1")]
    Rest,
}

impl Bucket {
    /// How many there are.
    pub(super) const COUNT: usize = 6;

    /// The bucket that pays for a path.
    pub(super) fn of(path: &str) -> Self {
        if let Some(rest) = path.strip_prefix("/api/v1/apps") {
            let id = rest.trim_matches('/');
            return match (rest.starts_with('/'), id.is_empty(), id.contains('/')) {
                (true, false, false) => Self::AppById,
                _ => Self::Apps,
            };
        }
        if path.starts_with("/oauth2/v1/clients") {
            Self::Clients
        } else if path.starts_with("/oauth2/v1/token") {
            Self::Token
        } else if path.starts_with("/api/v1/logs") {
            Self::Logs
        } else {
            Self::Rest
        }
    }

    /// Calls per minute one principal was recorded or published to have (API.md §10.1: half of the
    /// org's, Enterprise column where nothing was recorded).
    pub(super) const fn recorded_limit(self) -> u32 {
        match self {
            Self::Apps | Self::Clients => 50,
            Self::AppById => 250,
            Self::Token => 150,
            Self::Logs => 25,
            Self::Rest => 300,
        }
    }
}

/// Stands for "no limit" in the headers: far beyond what one window can see.
const UNLIMITED: u32 = 1_000_000_000;

/// One bucket's current window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    ends_ms: i64,
    used: u32,
}

/// What one request finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// `x-rate-limit-limit`.
    pub limit: u32,
    /// `x-rate-limit-remaining`, after this request.
    pub remaining: u32,
    /// When the window ends, epoch milliseconds.
    pub resets_ms: i64,
    /// Whether the request was within the limit.
    pub granted: bool,
}

/// The rules of one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Calls per window; 0 = unlimited.
    pub limit: u32,
    /// Calls somebody else has taken when it begins.
    pub spent: u32,
    /// Its length.
    pub length: Duration,
}

impl Window {
    /// Takes one call at `now_ms`.
    pub(super) fn take(&mut self, rule: Rule, now_ms: i64) -> Taken {
        let limit = if rule.limit == 0 {
            UNLIMITED
        } else {
            rule.limit
        };
        if now_ms >= self.ends_ms {
            self.ends_ms = now_ms.saturating_add(whole_millis(rule.length));
            self.used = rule.spent.min(limit);
        }
        let granted = self.used < limit;
        if granted {
            self.used += 1;
        }
        Taken {
            limit,
            remaining: limit.saturating_sub(self.used),
            resets_ms: self.ends_ms,
            granted,
        }
    }

    /// Uses up what is left, as another spender would.
    pub(super) const fn exhaust(&mut self) {
        self.used = u32::MAX;
    }
}

/// Whole milliseconds.
pub(super) fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_the_bucket_okta_charges() {
        for (path, bucket) in [
            ("/api/v1/apps", Bucket::Apps),
            ("/api/v1/apps/", Bucket::Apps),
            ("/api/v1/apps/0oa1", Bucket::AppById),
            ("/api/v1/apps/0oa1/features", Bucket::Apps),
            ("/api/v1/apps/0oa1/connections/default/jwks", Bucket::Apps),
            ("/api/v1/apps/google/0oa1/oauth2/callback", Bucket::Apps),
            ("/oauth2/v1/clients/0oa1/roles", Bucket::Clients),
            ("/oauth2/v1/token", Bucket::Token),
            ("/api/v1/logs", Bucket::Logs),
            ("/api/v1/idps", Bucket::Rest),
            ("/nothing", Bucket::Rest),
        ] {
            assert_eq!(Bucket::of(path), bucket, "{path}");
        }
    }

    #[test]
    fn a_window_is_fixed_from_its_first_request() {
        let rule = Rule {
            limit: 2,
            spent: 0,
            length: Duration::from_mins(1),
        };
        let mut window = Window::default();
        let seen: Vec<_> = [5_000, 30_000, 64_999, 65_000]
            .into_iter()
            .map(|now| window.take(rule, now))
            .map(|taken| (taken.remaining, taken.resets_ms, taken.granted))
            .collect();
        assert_eq!(
            seen,
            [
                (1, 65_000, true),
                (0, 65_000, true),
                (0, 65_000, false),
                (1, 125_000, true)
            ]
        );
    }

    #[test]
    fn others_spend_first_and_zero_means_no_limit() {
        let mut rule = Rule {
            limit: 3,
            spent: 2,
            length: Duration::from_mins(1),
        };
        let mut window = Window::default();
        assert!(window.take(rule, 0).granted);
        assert!(!window.take(rule, 1).granted);
        rule.limit = 0;
        let mut open = Window::default();
        assert!((0..10_000).all(|now| open.take(rule, now).granted));
    }

    #[test]
    fn an_exhausted_window_stays_so_until_it_ends() {
        let rule = Rule {
            limit: 50,
            spent: 0,
            length: Duration::from_secs(1),
        };
        let mut window = Window::default();
        assert!(window.take(rule, 0).granted);
        window.exhaust();
        assert!(!window.take(rule, 999).granted);
        assert!(window.take(rule, 1_000).granted);
    }
}
