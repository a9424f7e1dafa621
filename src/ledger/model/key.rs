//! The keys of the fingerprints that tell whether a secret changed.

use std::io;

use rand::TryRng as _;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, ExposeSecretMut as _, SecretBox};
use sha2::{Digest, Sha256};

use super::KeyId;

/// A key of fingerprints.
pub struct HmacKey {
    secret: SecretBox<[u8; HmacKey::LEN]>,
    id: KeyId,
}

impl HmacKey {
    /// 256 bits: what HMAC-SHA-256 can use (RFC 2104 §3).
    pub const LEN: usize = 32;

    /// Of these bytes.
    pub fn new(secret: SecretBox<[u8; Self::LEN]>) -> Self {
        let sha256 = Sha256::digest(secret.expose_secret());
        let id = std::array::from_fn(|at| sha256[at]);
        Self { secret, id }
    }

    /// One that nobody has.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random() -> io::Result<Self> {
        let mut secret = SecretBox::new(Box::new([0; Self::LEN]));
        SysRng
            .try_fill_bytes(secret.expose_secret_mut())
            .map_err(io::Error::other)?;
        Ok(Self::new(secret))
    }

    /// The key itself.
    pub const fn secret(&self) -> &SecretBox<[u8; Self::LEN]> {
        &self.secret
    }

    /// Names it without giving it away.
    pub const fn id(&self) -> KeyId {
        self.id
    }
}

/// The keys of a ledger.
pub struct HmacKeys {
    /// Fingerprints are made with it.
    pub current: HmacKey,
    /// The one before, if it was replaced: fingerprints made with it are still recognized.
    pub old: Option<HmacKey>,
}

impl HmacKeys {
    /// Whether a fingerprint that this key made can be recognized.
    pub fn knows(&self, key_id: KeyId) -> bool {
        let mut keys = [Some(&self.current), self.old.as_ref()]
            .into_iter()
            .flatten();
        keys.any(|key| key.id() == key_id)
    }
}
