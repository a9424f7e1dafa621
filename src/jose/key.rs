//! A private key that signs.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair,
};

use super::algorithm::{Algorithm, Kind};
use super::bad_key::BadKey;
use super::pair::{Pair, rejected};
use super::pem::{self, Label};
use super::public::PublicKey;
use super::{jwk, pem::BEGIN};

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A private key. The library keeps it and wipes it when it is dropped; nothing here gives it out.
pub struct SigningKey {
    pair: Pair,
    kid: Option<String>,
    algorithm: Option<Algorithm>,
}

/// The library does not sign or make a key: no memory, no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key does not sign")]
pub struct CannotSign;

impl SigningKey {
    /// Reads a key: PEM (PKCS #8, PKCS #1, SEC 1) or JWK, with whatever blanks and line breaks around it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, BadKey> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == BYTE_ORDER_MARK);
        if text.starts_with('{') {
            let jwk::Read {
                pair,
                kid,
                algorithm,
            } = jwk::read(text)?;
            return Ok(Self {
                pair,
                kid,
                algorithm,
            });
        }
        if !text.contains(BEGIN) {
            return Err(BadKey::Format);
        }
        let (label, der) = pem::private_key(text)?;
        let pair = match label {
            Label::Pkcs1 => RsaKeyPair::from_der(&der)
                .map(Pair::Rsa)
                .map_err(|error| rejected(&error))?,
            Label::Sec1 => ec(&der).ok_or(BadKey::Unreadable)?,
            Label::Pkcs8 => match (ec(&der), RsaKeyPair::from_pkcs8(&der)) {
                (Some(pair), _) => pair,
                (None, Ok(pair)) => Pair::Rsa(pair),
                (None, Err(error)) => return Err(rejected(&error)),
            },
        };
        Ok(Self {
            pair,
            kid: None,
            algorithm: None,
        })
    }

    /// A new key on P-256.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn generate() -> Result<Self, CannotSign> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| CannotSign)?;
        Ok(Self {
            pair: Pair::Ec(Kind::P256, pair),
            kid: None,
            algorithm: None,
        })
    }

    /// What its JWK calls it.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it is.
    pub const fn kind(&self) -> Kind {
        match &self.pair {
            Pair::Rsa(_) => Kind::Rsa,
            Pair::Ec(kind, _) => *kind,
        }
    }

    /// How it signs: as is wanted, as its JWK says, or as is usual for its kind.
    ///
    /// # Errors
    /// When it cannot sign as is wanted.
    pub fn algorithm(&self, wanted: Option<Algorithm>) -> Result<Algorithm, BadKey> {
        let kind = self.kind();
        match wanted {
            Some(algorithm) if algorithm.kind() != kind => {
                Err(BadKey::Algorithm { kind, algorithm })
            }
            Some(algorithm) => Ok(algorithm),
            None => Ok(self.algorithm.unwrap_or(kind.usual())),
        }
    }

    /// Its public part.
    pub fn public(&self) -> PublicKey {
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                PublicKey::rsa(
                    public.modulus().big_endian_without_leading_zero(),
                    public.exponent().big_endian_without_leading_zero(),
                )
            }
            Pair::Ec(kind, pair) => {
                // 4, and the two coordinates (SEC 1, section 2.3.3).
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(kind.size().min(point.len()));
                PublicKey::ec(*kind, x, y)
            }
        }
    }

    /// The signature of a text.
    ///
    /// # Errors
    /// When the library does not sign.
    pub(super) fn sign(&self, algorithm: Algorithm, text: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(algorithm.rsa(), &random, text, &mut signature)
                    .map_err(|_| CannotSign)?;
                Ok(signature)
            }
            Pair::Ec(_, pair) => {
                let signature = pair.sign(&random, text).map_err(|_| CannotSign)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.kind())
    }
}

/// PKCS #8 or SEC 1, on the curve that it is of.
fn ec(der: &[u8]) -> Option<Pair> {
    Kind::CURVES.into_iter().find_map(|kind| {
        let pair = EcdsaKeyPair::from_private_key_der(kind.ecdsa()?, der).ok()?;
        Some(Pair::Ec(kind, pair))
    })
}
