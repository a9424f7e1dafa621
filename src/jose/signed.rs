//! What is signed: a header and claims, in compact form (RFC 7515 §7.1).

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::encoded::base64url;
use super::key::{CannotSign, SigningKey};

/// Signs claims; the header gets its `alg`. What comes out lets its holder in, and is treated so.
///
/// # Errors
/// When the key does not sign.
pub fn compact(
    key: &SigningKey,
    algorithm: Algorithm,
    mut header: Map<String, Value>,
    claims: &Map<String, Value>,
) -> Result<SecretString, CannotSign> {
    header.insert("alg".to_owned(), algorithm.name().into());
    let part = |part: &Map<String, Value>| {
        // Maps of JSON values are always JSON.
        serde_json::to_vec(part)
            .map(|json| base64url(&json))
            .map_err(|_| CannotSign)
    };
    let mut text = part(&header)?;
    text.push('.');
    text.push_str(&part(claims)?);
    let signature = key.sign(algorithm, text.as_bytes())?;
    text.push('.');
    text.push_str(&base64url(&signature));
    Ok(text.into())
}
