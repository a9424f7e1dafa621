//! What an org knows of tokens (API.md §7): which it gave to whom, which assertions and proofs it has seen, and the
//! nonce that it wants.

mod client;
mod jose;
mod proof;
mod refusal;
mod request;

use std::collections::HashMap;

pub use client::Client;
pub(super) use client::Known;
pub(super) use proof::Sent;
pub(super) use refusal::OAuthRefusal;
pub(super) use request::{Expected, TokenRequest};

use super::names;

/// How long a token is good where nothing else is set (API.md §7.1).
pub(super) const TOKEN_LIFE_S: u32 = 3600;

/// How long a nonce is the one that is given out where nothing else is set; it is taken for three times as long
/// (API.md §7.2).
pub(super) const NONCE_LIFE_S: u32 = 24 * 3600;

/// Ids of assertions and proofs that are remembered at most: those that ended are dropped first.
const MOST_USED: usize = 100_000;

/// What an org remembers. Nothing of it outlives the process: then tokens are refused and asked for again.
#[derive(Debug, Default)]
pub(super) struct OAuth {
    tokens: HashMap<String, Issued>,
    /// Ids that were used, and until when they count.
    used: HashMap<String, i64>,
    given: u64,
}

/// A token that was given.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub client: String,
    pub scopes: Vec<String>,
    /// The thumbprint of the key that its requests are proven with.
    pub key: Option<String>,
    pub ends_s: i64,
    /// Calls that it still lets in, if there is an end to them.
    pub calls: Option<u32>,
}

/// Whether something was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    First,
    Again,
}

impl OAuth {
    /// Notes the id of an assertion or a proof, which counts until then.
    pub fn note(&mut self, id: String, until_s: i64, now_s: i64) -> Use {
        if self.used.len() >= MOST_USED {
            self.used.retain(|_, until| *until > now_s);
        }
        match self.used.insert(id, until_s) {
            Some(until) if until > now_s => Use::Again,
            _ => Use::First,
        }
    }

    /// Gives a token.
    pub fn issue(&mut self, seed: u64, org: &str, issued: Issued, now_s: i64) -> String {
        self.tokens.retain(|_, token| token.ends_s > now_s);
        self.given += 1;
        let parts = [
            "access token",
            org,
            &self.given.to_string(),
            &now_s.to_string(),
        ];
        let token = names::token("eyJ", 120, seed, &parts);
        self.tokens.insert(token.clone(), issued);
        token
    }

    /// The token, if it is good; then a call less is.
    pub fn token(&mut self, token: &str, now_s: i64) -> Option<Issued> {
        let issued = self.tokens.get_mut(token)?;
        if issued.ends_s <= now_s || issued.calls == Some(0) {
            return None;
        }
        issued.calls = issued.calls.map(|calls| calls - 1);
        Some(issued.clone())
    }
}

/// The nonce of an org at a time.
pub(super) fn nonce(seed: u64, org: &str, life_s: u32, now_s: i64) -> String {
    nonce_of(seed, org, now_s.div_euclid(i64::from(life_s.max(1))))
}

/// Whether a nonce is taken at that time.
pub(super) fn is_taken(given: &str, seed: u64, org: &str, life_s: u32, now_s: i64) -> bool {
    let period = now_s.div_euclid(i64::from(life_s.max(1)));
    (period - 2..=period).any(|period| given == nonce_of(seed, org, period))
}

fn nonce_of(seed: u64, org: &str, period: i64) -> String {
    names::token("", 32, seed, &["nonce", org, &period.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_changes_and_is_taken_for_three_times_as_long() {
        let (day, now) = (i64::from(NONCE_LIFE_S), 1_800_000_000);
        let one = nonce(1, "acme", NONCE_LIFE_S, now);
        assert_ne!(one, nonce(1, "acme", NONCE_LIFE_S, now + day));
        assert_ne!(one, nonce(1, "globex", NONCE_LIFE_S, now));
        for (days, taken) in [(0, true), (1, true), (2, true), (3, false), (-1, false)] {
            let at = now + days * day;
            assert_eq!(is_taken(&one, 1, "acme", NONCE_LIFE_S, at), taken, "{days}");
        }
    }

    #[test]
    fn what_was_used_counts_as_long_as_it_might_be_used_again() {
        let mut oauth = OAuth::default();
        assert_eq!(oauth.note("a".to_owned(), 100, 10), Use::First);
        assert_eq!(oauth.note("a".to_owned(), 100, 11), Use::Again);
        assert_eq!(oauth.note("b".to_owned(), 100, 11), Use::First);
        assert_eq!(oauth.note("a".to_owned(), 300, 101), Use::First);
    }
}
