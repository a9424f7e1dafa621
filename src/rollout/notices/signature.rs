//! The signature of a notice, after the Standard Webhooks specification, "Signature scheme": HMAC-SHA256 over id,
//! timestamp and body. Pure.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::manifest::signing_key;

/// What notices are signed with.
pub(super) struct SigningKey(Zeroizing<Vec<u8>>);

impl SigningKey {
    /// Of its text; `None` when that is no key.
    pub fn of(secret: &SecretString) -> Option<Self> {
        signing_key(secret.expose_secret()).map(Self)
    }

    /// The value of `webhook-signature`, of a body that is sent at that second.
    pub fn signature(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_come_out_as_published() {
        // Of the specification's own libraries (standard-webhooks/standard-webhooks, `libraries/`), and of the
        // documentation of Svix, by whom they were written.
        for (secret, id, timestamp, body, signature) in [
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ] {
            for secret in [secret, secret.trim_start_matches("whsec_")] {
                let key = SigningKey::of(&secret.to_owned().into()).unwrap();
                assert_eq!(key.signature(id, timestamp, body.as_bytes()), signature);
                assert_eq!(format!("{key:?}"), "SigningKey");
            }
        }
    }
}
