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

    /// The fingerprint of an administrator's credentials: half of it is of the name, half of the password, so that it
    /// can be told which of them changed.
    pub fn of_admin(&self, org_url: &str, app_id: &str, admin: [&str; 2]) -> Fingerprint {
        admin_made(&self.0.current, org_url, app_id, admin)
    }

    /// The same as the key before the current one made it, if there was one.
    pub fn of_admin_under_old_key(
        &self,
        org_url: &str,
        app_id: &str,
        admin: [&str; 2],
    ) -> Option<Fingerprint> {
        let old = self.0.old.as_ref()?;
        Some(admin_made(old, org_url, app_id, admin))
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

fn admin_made(with: &HmacKey, org_url: &str, app_id: &str, admin: [&str; 2]) -> Fingerprint {
    let [name, password] = admin;
    let mut both = made(with, org_url, app_id, &["adminUsername", name]);
    let of_password = made(with, org_url, app_id, &["adminPassword", password]);
    if let (Some(both), Some(of_password)) = (&mut both.hmac, of_password.hmac) {
        both[16..].copy_from_slice(&of_password[..16]);
    }
    both
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
    fn halves_tell_a_name_from_a_password() {
        let keys = |old| {
            Fingerprints::new(HmacKeys {
                current: key(1),
                old,
            })
        };
        let of = |admin| {
            keys(None)
                .of_admin("https://a.example", "0oa1", admin)
                .hmac
                .unwrap()
        };
        let base = of(["a", "b"]);
        assert_eq!(base, of(["a", "b"]));
        let (name, password) = (of(["x", "b"]), of(["a", "x"]));
        assert!(base[..16] != name[..16] && base[16..] == name[16..]);
        assert!(base[..16] == password[..16] && base[16..] != password[16..]);
        // Equal texts do not show as equal.
        let same = of(["a", "a"]);
        assert_ne!(same[..16], same[16..]);
        let old =
            keys(Some(key(2))).of_admin_under_old_key("https://a.example", "0oa1", ["a", "b"]);
        assert_ne!(old.unwrap().hmac, Some(base));
        assert_eq!(
            keys(None).of_admin_under_old_key("u", "i", ["a", "b"]),
            None
        );
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
