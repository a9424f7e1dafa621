//! What lets a browser in: the desk's token, and what is derived from it: the value of the cookie and of the hidden field of
//! forms. Nothing of it is kept, so that a desk that is given its token knows its browsers again after a restart.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// A digest: what is compared, so that nobody learns by how long it takes.
type Digest = [u8; 32];

/// See the first lines of this file.
pub(super) struct Keys {
    token: Digest,
    key: Digest,
}

impl Keys {
    /// Of the desk with this token.
    pub fn of(token: &SecretString) -> Self {
        let token = token.expose_secret();
        Self {
            token: digest(token),
            key: mac(token.as_bytes(), &["okta-rollout desk"]),
        }
    }

    /// Whether this is the desk's token.
    pub fn is_token(&self, given: &str) -> bool {
        digest(given) == self.token
    }

    /// What the cookie of a browser that had the token holds.
    pub fn cookie(&self) -> String {
        hex::encode(mac(&self.key, &["cookie"]))
    }

    /// Whether a cookie holds that.
    pub fn is_cookie(&self, given: &str) -> bool {
        digest(given) == digest(&self.cookie())
    }

    /// The hidden field of forms, for pages of this kind: those of the desk, or of one link for an org.
    pub fn csrf(&self, pages: &str) -> String {
        hex::encode(mac(&self.key, &["csrf", pages]))
    }

    /// Whether a form was one of these pages'.
    pub fn is_csrf(&self, pages: &str, given: &str) -> bool {
        digest(given) == digest(&self.csrf(pages))
    }
}

fn digest(text: &str) -> Digest {
    Sha256::digest(text).into()
}

/// HMAC-SHA-256 over texts, each of which ends where it ends.
pub(super) fn mac(key: &[u8], texts: &[&str]) -> Digest {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for text in texts {
        mac.update(&(text.len() as u64).to_be_bytes());
        mac.update(text.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_derived_from_the_token_lets_in() {
        let (ours, theirs) = (Keys::of(&"one".into()), Keys::of(&"two".into()));
        assert!(ours.is_token("one") && !ours.is_token("two") && !ours.is_token(""));
        assert!(ours.is_cookie(&ours.cookie()) && !ours.is_cookie(&theirs.cookie()));
        assert!(!ours.is_cookie("one") && !ours.is_token(&ours.cookie()));
        let csrf = ours.csrf("desk");
        assert!(ours.is_csrf("desk", &csrf) && !ours.is_csrf("/share/x", &csrf));
        assert!(!theirs.is_csrf("desk", &csrf) && !ours.is_csrf("desk", &ours.cookie()));
        assert_ne!(mac(b"k", &["ab", "c"]), mac(b"k", &["a", "bc"]));
    }
}
