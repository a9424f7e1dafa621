//! Keyed fingerprints of secrets: tell whether a token changed since it was last set, and nothing else.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::ledger::Fingerprint;

/// Makes fingerprints with the ledger's key. Cheap to clone.
#[derive(Clone)]
pub struct Fingerprints(Arc<SecretBox<[u8; 32]>>);

impl Fingerprints {
    /// With the key kept beside the ledger.
    pub fn new(key: SecretBox<[u8; 32]>) -> Self {
        Self(Arc::new(key))
    }

    /// The fingerprint of what an app's connection is set with and Okta may not show: its secret and base URL.
    pub fn of(&self, org_url: &str, app_id: &str, hidden: &[&str]) -> Fingerprint {
        // Keyed by app as well, so that equal secrets of two apps do not look equal.
        // HMAC fills a key up with zeros to its block of 64 bytes; doing so here leaves no error to handle.
        let mut key = Zeroizing::new([0; 64]);
        key[..32].copy_from_slice(self.0.expose_secret());
        let mut mac = Hmac::<Sha256>::new((&*key).into());
        for part in [org_url, app_id].iter().chain(hidden) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Fingerprint {
            org_url: org_url.to_owned(),
            app_id: app_id.to_owned(),
            hmac: hex::encode(mac.finalize().into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_on_key_org_app_and_secret() {
        let with = |key: u8| Fingerprints::new(SecretBox::new(Box::new([key; 32])));
        let of = |key, org: &str, app: &str, secret: &str| with(key).of(org, app, &[secret]).hmac;
        let base = of(1, "https://a.example", "0oa1", "token");
        assert_eq!(base, of(1, "https://a.example", "0oa1", "token"));
        assert_eq!(base.len(), 64);
        for other in [
            of(2, "https://a.example", "0oa1", "token"),
            of(1, "https://b.example", "0oa1", "token"),
            of(1, "https://a.example", "0oa2", "token"),
            of(1, "https://a.example", "0oa1", "Token"),
            of(1, "https://a.example", "0oa1t", "oken"),
        ] {
            assert_ne!(base, other);
        }
    }
}
