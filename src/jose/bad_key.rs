//! Why a text is no private key that can be used. Nothing of it is repeated.

use super::algorithm::{Algorithm, Kind};

/// Why a key cannot be used, as in `the key …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// No PEM, no JSON.
    #[error("is neither PEM nor a JWK")]
    Format,
    /// PEM, but not of a private key.
    #[error("is a {0}, not a private key")]
    NotPrivate(&'static str),
    /// Behind a passphrase.
    #[error("is encrypted with a passphrase")]
    Encrypted,
    /// As `ssh-keygen` writes it.
    #[error("is in the format of OpenSSH")]
    OpenSsh,
    /// Several private keys.
    #[error("is one of several private keys in one text")]
    Several,
    /// The end is missing, or what is inside is no base64.
    #[error("is PEM that is cut off or damaged")]
    BrokenPem,
    /// What is inside is no key.
    #[error("cannot be read: what is inside the PEM is no RSA or EC private key")]
    Unreadable,
    /// RSA below 2048 bits.
    #[error("is an RSA key of less than 2048 bits, or of more than 8192")]
    Size,
    /// Its parts do not belong together.
    #[error("is damaged: its parts do not belong together")]
    Inconsistent,
    /// Begins as JSON does.
    #[error("is not the JSON of a JWK (line {line}, column {column})")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// `{"keys": […]}`.
    #[error("is a set of keys (JWKS), not one key")]
    KeySet,
    /// JWK without its private part.
    #[error("is a public JWK: it has no `{0}`")]
    Lacks(&'static str),
    /// No base64url.
    #[error("is a JWK whose `{0}` is not base64url of the right length")]
    Member(&'static str),
    /// `kty` or `crv` of another kind.
    #[error("is a JWK of another kind than RSA, P-256, P-384 and P-521")]
    Unsupported,
    /// `use` or `key_ops` forbids it.
    #[error("is a JWK that is not for signing: its `use` is not sig")]
    Use,
    /// `alg` of something else.
    #[error(
        "is a JWK whose `alg` is none of RS256, RS384, RS512, ES256, ES384, ES512, or not of its kind"
    )]
    Alg,
    /// The algorithm that was asked for needs another kind.
    #[error("is {kind}, and {algorithm} signs with a key that is {}", .algorithm.kind(), algorithm = .algorithm.name())]
    Algorithm {
        /// What it is.
        kind: Kind,
        /// What was asked for.
        algorithm: Algorithm,
    },
}

impl BadKey {
    /// The edit that helps.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Format | Self::NotPrivate(_) | Self::Lacks(_) => {
                "give the private key that Okta showed once when it was generated, as PEM or as JWK"
            }
            Self::Encrypted => {
                "store it without passphrase, in a file that nobody else may read: openssl pkcs8 -in KEY -out NEW"
            }
            Self::OpenSsh => "convert a copy of it: ssh-keygen -p -m PEM -N '' -f COPY",
            Self::Several | Self::KeySet => "leave only the one whose kid is keyId",
            Self::BrokenPem | Self::Inconsistent | Self::Json { .. } | Self::Member(_) => {
                "copy it again, whole: from -----BEGIN to -----END, or from { to }"
            }
            Self::Unreadable | Self::Unsupported | Self::Size => {
                "Okta takes RSA keys of 2048 bits or more and EC keys on P-256, P-384 or P-521"
            }
            Self::Use => "take the key that the app signs with, not the one for encryption",
            Self::Alg | Self::Algorithm { .. } => "leave algorithm out: it follows from the key",
        }
    }
}
