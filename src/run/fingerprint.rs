//! Keyed fingerprints of secrets: tell whether a token changed since it was last set, and nothing else.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::ledger::{Fingerprint, HmacKey, HmacKeys, KeyId};

/// Makes fingerprints with the ledger's keys. Cheap to clone.
#[derive(Clone)]
pub struct Fingerprints(Arc<HmacKeys>);

impl Fingerprints {
    /// With the keys kept beside the ledger.
    pub fn new(keys: HmacKeys) -> Self {
        Self(Arc::new(keys))
    }

    /// The fingerprint of what an app's connection is set with and Okta may not show: its secret and base URL.
    pub fn of(&self, org_url: &str, app_id: &str, hidden: &[&str]) -> Fingerprint {
        made(&self.0.current, org_url, app_id, hidden)
    }

    /// Whether a fingerprint that this key made can be recognized.
    pub fn knows(&self, key_id: KeyId) -> bool {
        self.0.knows(key_id)
    }

    /// The same as the key before the current one made it, if there was one.
    pub fn under_old_key(
        &self,
        org_url: &str,
        app_id: &str,
        hidden: &[&str],
    ) -> Option<Fingerprint> {
        let old = self.0.old.as_ref()?;
        Some(made(old, org_url, app_id, hidden))
    }
}

fn made(with: &HmacKey, org_url: &str, app_id: &str, hidden: &[&str]) -> Fingerprint {
    // Keyed by app as well, so that equal secrets of two apps do not look equal.
    // HMAC fills a key up with zeros to its block of 64 bytes; doing so here leaves no error to handle.
    let mut key = Zeroizing::new([0; 64]);
    key[..32].copy_from_slice(with.secret().expose_secret());
    let mut mac = Hmac::<Sha256>::new((&*key).into());
    for part in [org_url, app_id].iter().chain(hidden) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    Fingerprint {
        org_url: org_url.to_owned(),
        app_id: app_id.to_owned(),
        hmac: Some(mac.finalize().into_bytes().into()),
        key_id: with.id(),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretBox;

    use super::*;

    fn key(byte: u8) -> HmacKey {
        HmacKey::new(SecretBox::new(Box::new([byte; 32])))
    }

    #[test]
    fn what_the_key_before_made_is_recognized() {
        let before = Fingerprints::new(HmacKeys {
            current: key(1),
            old: None,
        });
        let after = Fingerprints::new(HmacKeys {
            current: key(2),
            old: Some(key(1)),
        });
        let args = ("https://a.example", "0oa1", &["token"][..]);
        let stored = before.of(args.0, args.1, args.2);
        assert_eq!(before.under_old_key(args.0, args.1, args.2), None);
        let old = after.under_old_key(args.0, args.1, args.2).unwrap();
        assert_eq!(old, stored);
        let fresh = after.of(args.0, args.1, args.2);
        assert_ne!(fresh.hmac, stored.hmac);
        assert_ne!(fresh.key_id, stored.key_id);
    }

    #[test]
    fn depends_on_key_org_app_and_secret() {
        let with = |byte: u8| {
            Fingerprints::new(HmacKeys {
                current: key(byte),
                old: None,
            })
        };
        let of = |key, org: &str, app: &str, secret: &str| with(key).of(org, app, &[secret]).hmac;
        let base = of(1, "https://a.example", "0oa1", "token");
        assert_eq!(base, of(1, "https://a.example", "0oa1", "token"));
        assert!(base.is_some());
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
