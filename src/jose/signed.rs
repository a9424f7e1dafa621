//! What is signed: a header and claims, in compact form (RFC 7515 §7.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::key::{CannotSign, SigningKey};

/// Without padding (RFC 7515 §2).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

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
