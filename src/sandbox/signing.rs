//! The keys that an app signs with (API.md §3.5, §6). Their numbers follow from the seed, so that they are the same every
//! time; nobody holds their private halves, and no certificate is shown with them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::names;

/// Years for which the key is good that an app is made with.
const FIRST_YEARS: i64 = 10;

/// A year as certificates have it, in milliseconds: leap days are left out.
const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

/// What happened to an app's keys since it was made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Signing {
    /// Keys besides the first, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    made: Vec<Made>,
    /// The id of the key it signs with, where that is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<Box<str>>,
    /// Changes after which its hub did not let it in any longer.
    #[serde(default)]
    pub interruptions: u32,
}

/// A key that was made later.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    kid: Box<str>,
    /// Its number, where somebody gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modulus: Option<Box<str>>,
    /// Epoch milliseconds.
    at_ms: i64,
    ends_ms: i64,
}

/// The app whose keys they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub seed: u64,
    pub id: &'a str,
    /// When it was made, epoch milliseconds.
    pub since_ms: i64,
}

/// The public half of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicKey {
    pub kid: String,
    pub modulus: String,
    /// Epoch milliseconds.
    pub since_ms: i64,
    pub ends_ms: i64,
}

impl Owner<'_> {
    fn first_kid(&self) -> String {
        names::token("", 43, self.seed, &["kid", self.id])
    }

    /// The id of the key that it signs with.
    pub fn current_kid(&self, signing: Option<&Signing>) -> String {
        let current = signing.and_then(|signing| signing.current.as_deref());
        current.map_or_else(|| self.first_kid(), str::to_owned)
    }

    /// All its keys, oldest first.
    pub fn keys(&self, signing: Option<&Signing>) -> Vec<PublicKey> {
        let kid = self.first_kid();
        let first = PublicKey {
            modulus: self.modulus(&["modulus", self.id]),
            since_ms: self.since_ms,
            ends_ms: self.since_ms + FIRST_YEARS * YEAR_MS,
            kid,
        };
        let made = signing.map_or(&[][..], |signing| &signing.made);
        let later = made.iter().map(|made| PublicKey {
            kid: made.kid.to_string(),
            modulus: match &made.modulus {
                Some(given) => given.to_string(),
                None => self.modulus(&["modulus", self.id, &made.kid]),
            },
            since_ms: made.at_ms,
            ends_ms: made.ends_ms,
        });
        std::iter::once(first).chain(later).collect()
    }

    fn modulus(&self, parts: &[&str]) -> String {
        let mut number: Vec<u8> = (0..8_u8)
            .flat_map(|n| {
                let n = n.to_string();
                names::digest(self.seed, &[parts, &[&n]].concat())
            })
            .collect();
        // A 2048-bit number, odd, as a product of two primes is.
        number[0] |= 0x80;
        number[255] |= 1;
        URL_SAFE_NO_PAD.encode(number)
    }
}

impl Signing {
    /// Adds a key that is good for so many years, and gives its id.
    pub fn generate(&mut self, owner: Owner<'_>, years: u8, now_ms: i64) -> String {
        let place = self.made.len().to_string();
        let kid = names::token("", 43, owner.seed, &["kid", owner.id, &place]);
        self.made.push(Made {
            kid: kid.as_str().into(),
            modulus: None,
            at_ms: now_ms,
            ends_ms: now_ms + i64::from(years) * YEAR_MS,
        });
        kid
    }

    /// Adds a key whose number somebody knows the factors of, or gives a known id that number.
    pub fn adopt(&mut self, kid: &str, modulus: &str, now_ms: i64) {
        self.made.retain(|made| *made.kid != *kid);
        self.made.push(Made {
            kid: kid.into(),
            modulus: Some(modulus.into()),
            at_ms: now_ms,
            ends_ms: now_ms + FIRST_YEARS * YEAR_MS,
        });
        self.current = Some(kid.into());
    }

    /// Signs with another key from now on; whether it is there is for the caller to know.
    pub fn switch(&mut self, kid: &str) {
        self.current = Some(kid.into());
    }
}

impl PublicKey {
    /// As a member of a set that others verify with.
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "alg": "RSA",
            "kid": self.kid,
            "use": "sig",
            "e": "AQAB",
            "n": self.modulus,
        })
    }

    /// Whether a set has it.
    pub fn is_in(&self, keys: &[Value]) -> bool {
        let is_this = |key: &&Value| key["kid"] == *self.kid && key["n"] == *self.modulus;
        keys.iter()
            .find(is_this)
            .is_some_and(|key| key["e"] == "AQAB" && key["kty"] == "RSA")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner<'_> = Owner {
        seed: 1,
        id: "0oa1",
        since_ms: 0,
    };

    #[test]
    fn an_app_has_a_key_from_its_beginning_and_more_when_they_are_made() {
        let mut signing = Signing::default();
        let before = OWNER.keys(Some(&signing));
        assert_eq!(before, OWNER.keys(None));
        let [first] = &before[..] else {
            panic!("{before:?}")
        };
        assert_eq!(OWNER.current_kid(None), first.kid);
        let made = signing.generate(OWNER, 2, 1_000);
        let again = signing.generate(OWNER, 2, 1_000);
        let keys = OWNER.keys(Some(&signing));
        assert_eq!(keys.len(), 3);
        assert_eq!((&keys[0], &keys[1].kid), (first, &made));
        assert_eq!(keys[1].ends_ms, 1_000 + 2 * YEAR_MS);
        assert_ne!(made, again);
        assert_ne!(keys[1].modulus, keys[2].modulus);
        assert_eq!(OWNER.current_kid(Some(&signing)), first.kid);
        signing.switch(&made);
        assert_eq!(OWNER.current_kid(Some(&signing)), made);
        signing.adopt("own", "AQAB", 5);
        assert_eq!(OWNER.current_kid(Some(&signing)), "own");
        assert_eq!(OWNER.keys(Some(&signing))[3].modulus, "AQAB");
    }

    #[test]
    fn a_set_has_a_key_when_its_id_and_its_number_are_there() {
        let key = &OWNER.keys(None)[0];
        assert!(key.is_in(&[json!({}), key.jwk()]));
        for (field, value) in [("kid", "other"), ("n", "AQAB"), ("e", "AQ"), ("kty", "EC")] {
            let mut other = key.jwk();
            other[field] = json!(value);
            assert!(!key.is_in(&[other]), "{field}");
        }
        let size = URL_SAFE_NO_PAD.decode(&key.modulus).unwrap();
        assert_eq!((size.len(), size[0] & 0x80, size[255] & 1), (256, 0x80, 1));
    }
}
