//! Private keys of service apps, and what is signed with them: JWS in compact form (RFC 7515) with the algorithms that
//! Okta takes (API.md §7.1), keys as PEM or JWK (RFC 7468, RFC 7517), thumbprints (RFC 7638). The only place that knows
//! the library of signatures besides the sandbox, which verifies for itself.
//!
//! No error and no `Debug` shows anything of a private key.

mod algorithm;
mod bad_key;
mod encoded;
mod jwk;
mod key;
mod pair;
mod pem;
mod public;
mod signed;

pub use algorithm::{Algorithm, Kind};
pub use bad_key::BadKey;
pub use encoded::base64url;
pub use key::{CannotSign, SigningKey};
pub use public::PublicKey;
pub use signed::compact;

#[cfg(test)]
mod tests;
