//! The key of a service app: read like every secret, and then looked at as a key, whoever asks for it.

use secrecy::{ExposeSecret as _, SecretString};

use super::flaw::SecretUse;
use super::org::PrivateKeyJwt;
use super::problem::shown;
use super::secret_error::{Cause, SecretError};
use super::secrets::Secrets;
use crate::jose::{Algorithm, SigningKey};

/// A key that signs as its manifest wants it to.
#[derive(Debug)]
pub struct ServiceKey {
    /// It.
    pub key: SigningKey,
    /// How it signs.
    pub algorithm: Algorithm,
    /// As it was read.
    pub text: SecretString,
}

impl Secrets {
    /// Reads the key now.
    ///
    /// # Errors
    /// As [`Secrets::resolve`], and when it is no key, not the one that is named, or does not sign so.
    pub async fn service_key(&self, jwt: &PrivateKeyJwt) -> Result<ServiceKey, SecretError> {
        let text = self.resolve(&jwt.key, SecretUse::PrivateKey).await?;
        judged(jwt, text).map_err(|cause| SecretError::new(&jwt.key, cause))
    }

    /// As [`Secrets::probe`].
    ///
    /// # Errors
    /// As [`Secrets::service_key`], as far as that can be known.
    pub fn probe_key(&self, jwt: &PrivateKeyJwt) -> Result<(), SecretError> {
        self.try_probe(&jwt.key, SecretUse::PrivateKey)
            .and_then(|text| text.map_or(Ok(()), |text| judged(jwt, text).map(drop)))
            .map_err(|cause| SecretError::new(&jwt.key, cause))
    }
}

fn judged(jwt: &PrivateKeyJwt, text: SecretString) -> Result<ServiceKey, Cause> {
    let key = SigningKey::read(text.expose_secret()).map_err(Cause::Key)?;
    let algorithm = key.algorithm(jwt.algorithm).map_err(Cause::Key)?;
    match key.kid() {
        Some(own) if own != jwt.key_id => Err(Cause::OtherKey {
            own: shown(own),
            given: shown(&jwt.key_id),
        }),
        _ => Ok(ServiceKey {
            key,
            algorithm,
            text,
        }),
    }
}
