//! PEM (RFC 7468) as it reaches us: with texts around it, line breaks that got lost in an environment variable or
//! became `\n`, and what tools put beside a key.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::bad_key::BadKey;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How each begins.
pub(super) const BEGIN: &str = "-----BEGIN ";

/// What an unencrypted key may be labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// PKCS #8: any kind.
    Pkcs8,
    /// PKCS #1: RSA.
    Pkcs1,
    /// SEC 1: EC.
    Sec1,
}

/// The one private key of a text.
pub(super) fn private_key(text: &str) -> Result<(Label, Zeroizing<Vec<u8>>), BadKey> {
    let mut found = None;
    let mut other = None;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once("-----").ok_or(BadKey::BrokenPem)?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(&end).ok_or(BadKey::BrokenPem)?;
        rest = after;
        let label = match label {
            "PRIVATE KEY" => Label::Pkcs8,
            "RSA PRIVATE KEY" => Label::Pkcs1,
            "EC PRIVATE KEY" => Label::Sec1,
            "ENCRYPTED PRIVATE KEY" => return Err(BadKey::Encrypted),
            "OPENSSH PRIVATE KEY" => return Err(BadKey::OpenSsh),
            // `openssl ecparam -genkey` writes EC PARAMETERS before the key.
            "PUBLIC KEY" | "RSA PUBLIC KEY" => {
                other = Some("public key");
                continue;
            }
            "CERTIFICATE" => {
                other = Some("certificate");
                continue;
            }
            _ => continue,
        };
        if body.contains("ENCRYPTED") {
            // `Proc-Type: 4,ENCRYPTED` (RFC 1421).
            return Err(BadKey::Encrypted);
        }
        if found.replace((label, decoded(body)?)).is_some() {
            return Err(BadKey::Several);
        }
    }
    found.ok_or(other.map_or(BadKey::Format, BadKey::NotPrivate))
}

fn decoded(body: &str) -> Result<Zeroizing<Vec<u8>>, BadKey> {
    let mut bare = Zeroizing::new(String::with_capacity(body.len()));
    for part in body.split("\\n").flat_map(|part| part.split("\\r")) {
        bare.extend(part.chars().filter(|c| !c.is_whitespace()));
    }
    // As long as it can get: a buffer that grows would leave copies behind.
    let mut der = Zeroizing::new(Vec::with_capacity(bare.len()));
    BASE64
        .decode_vec(bare.as_bytes(), &mut der)
        .map_err(|_| BadKey::BrokenPem)?;
    Ok(der)
}
