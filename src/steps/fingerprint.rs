//! Keyed fingerprints of secrets: tell whether a token changed since it was last set, and nothing else.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::ledger::{self, AppMemory, Fingerprint, HmacKey, HmacKeys};
use crate::okta::connections::Office365Admin;

/// Makes fingerprints with the ledger's keys. Cheap to clone.
#[derive(Clone)]
pub struct Fingerprints(Arc<HmacKeys>);

impl Fingerprints {
    /// With the keys kept beside the ledger.
    pub fn new(keys: HmacKeys) -> Self {
        Self(Arc::new(keys))
    }

    /// Those of what an app's connection is set with and Okta may not show: its token and base URL.
    pub fn of(
        &self,
        org_url: &str,
        app_id: &str,
        token: &SecretString,
        base_url: Option<&str>,
    ) -> Made {
        let hidden = [token.expose_secret(), base_url.unwrap_or_default()];
        self.under_each_key(|key| made(key, org_url, app_id, &hidden))
    }

    /// Those of an administrator's credentials: half of each is of the name, half of the password, so that it can be told
    /// which of them changed.
    pub fn of_admin(&self, org_url: &str, app_id: &str, admin: &Office365Admin) -> Made {
        self.under_each_key(|key| admin_made(key, org_url, app_id, admin))
    }

    fn under_each_key(&self, made: impl Fn(&HmacKey) -> Fingerprint) -> Made {
        Made {
            now: made(&self.0.current),
            under_old_key: self.0.old.as_ref().map(made),
        }
    }

    /// What an app's secrets were set with last. What a key has made that was given up says nothing.
    pub fn set_last(&self, app: &AppMemory) -> Option<ledger::Mac> {
        let is_known = app.key_id.is_none_or(|key_id| self.0.knows(key_id));
        app.hmac.filter(|_| is_known)
    }
}

/// The fingerprints of secrets as they are now.
pub struct Made {
    /// Under the current key.
    pub now: Fingerprint,
    /// Under the one before, if there was one.
    pub under_old_key: Option<Fingerprint>,
}

impl Made {
    /// Under each key.
    pub const fn each(&self) -> [Option<&Fingerprint>; 2] {
        [Some(&self.now), self.under_old_key.as_ref()]
    }
}

fn admin_made(with: &HmacKey, org_url: &str, app_id: &str, admin: &Office365Admin) -> Fingerprint {
    let name = admin.username.expose_secret();
    let password = admin.password.expose_secret();
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
        let of = |keys: &Fingerprints| keys.of("https://a.example", "0oa1", &"token".into(), None);
        let (stored, fresh) = (of(&before), of(&after));
        assert_eq!(stored.under_old_key, None);
        let stored = stored.now;
        assert_eq!(fresh.under_old_key.as_ref(), Some(&stored));
        let fresh = fresh.now;
        assert_ne!(fresh.hmac, stored.hmac);
        assert_ne!(fresh.key_id, stored.key_id);
    }

    #[test]
    fn halves_distinguish_a_name_from_a_password() {
        let keys = |old| {
            Fingerprints::new(HmacKeys {
                current: key(1),
                old,
            })
        };
        let made = |old, [username, password]: [&str; 2]| {
            let admin = Office365Admin {
                username: username.into(),
                password: password.into(),
            };
            keys(old).of_admin("https://a.example", "0oa1", &admin)
        };
        let of = |admin| made(None, admin).now.hmac.unwrap();
        let base = of(["a", "b"]);
        assert_eq!(base, of(["a", "b"]));
        let (name, password) = (of(["x", "b"]), of(["a", "x"]));
        assert!(base[..16] != name[..16] && base[16..] == name[16..]);
        assert!(base[..16] == password[..16] && base[16..] != password[16..]);
        // Equal texts do not show as equal.
        let same = of(["a", "a"]);
        assert_ne!(same[..16], same[16..]);
        let old = made(Some(key(2)), ["a", "b"]).under_old_key;
        assert_ne!(old.unwrap().hmac, Some(base));
        assert_eq!(made(None, ["a", "b"]).under_old_key, None);
    }

    #[test]
    fn depends_on_key_org_app_and_secret() {
        let with = |byte: u8| {
            Fingerprints::new(HmacKeys {
                current: key(byte),
                old: None,
            })
        };
        let of = |key, org: &str, app: &str, secret: &str| {
            with(key).of(org, app, &secret.into(), None).now.hmac
        };
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
