//! What a service app shows for a token: an assertion, signed with its key (RFC 7523; API.md §7.1).

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::super::dpop::once;
use crate::jose::{Algorithm, CannotSign, SigningKey, compact};

/// How long one is good (seconds): Okta takes an hour, and a call takes a minute at most.
const LIFE_S: i64 = 300;

/// A service app, and the key that it is known by.
pub(super) struct ServiceApp {
    pub client_id: String,
    pub key_id: String,
    pub key: SigningKey,
    pub algorithm: Algorithm,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The token endpoint, as an assertion names it.
    pub audience: String,
    /// Where the key is read from.
    pub reference: String,
}

impl ServiceApp {
    /// One that no other request has had, at this time.
    pub fn assertion(&self, now_s: i64) -> Result<SecretString, CannotSign> {
        let mut header = Map::new();
        header.insert("typ".to_owned(), "JWT".into());
        header.insert("kid".to_owned(), self.key_id.as_str().into());
        let claims: [(&str, Value); 6] = [
            ("iss", self.client_id.as_str().into()),
            ("sub", self.client_id.as_str().into()),
            ("aud", self.audience.as_str().into()),
            ("iat", now_s.into()),
            ("exp", now_s.saturating_add(LIFE_S).into()),
            ("jti", once().into()),
        ];
        let claims = claims.map(|(name, value)| (name.to_owned(), value));
        compact(
            &self.key,
            self.algorithm,
            header,
            &claims.into_iter().collect(),
        )
    }
}
