//! Public keys, as others are told them.

use sha2::{Digest as _, Sha256};

use super::algorithm::Kind;
use super::encoded::base64url;

/// A public key as a JWK with nothing but what it must have, in the order and without the blanks that thumbprints are
/// made of (RFC 7638 §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(String);

impl PublicKey {
    /// Of RSA, from its numbers in big-endian bytes.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        let (n, e) = (base64url(modulus), base64url(exponent));
        Self(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#))
    }

    /// Of a curve, from the coordinates of a point.
    pub(super) fn ec(kind: Kind, x: &[u8], y: &[u8]) -> Self {
        let (crv, x, y) = (kind.curve().unwrap_or_default(), base64url(x), base64url(y));
        Self(format!(
            r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#
        ))
    }

    /// As JSON.
    pub fn jwk(&self) -> &str {
        &self.0
    }

    /// What it is known by (RFC 7638): SHA-256 in base64url.
    pub fn thumbprint(&self) -> String {
        base64url(&Sha256::digest(self.0.as_bytes()))
    }
}
