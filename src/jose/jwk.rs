//! Private keys as JWK (RFC 7517, RFC 7518 §6).

use aws_lc_rs::signature::{EcdsaKeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Kind};
use super::bad_key::BadKey;
use super::pair::{Pair, rejected};

const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A JWK as it is written. What is secret is borrowed from the text, so that there is no copy to wipe.
#[derive(Deserialize)]
struct Jwk<'a> {
    kty: Option<&'a str>,
    crv: Option<&'a str>,
    kid: Option<&'a str>,
    alg: Option<&'a str>,
    #[serde(rename = "use")]
    usage: Option<&'a str>,
    keys: Option<serde::de::IgnoredAny>,
    n: Option<&'a str>,
    e: Option<&'a str>,
    d: Option<&'a str>,
    p: Option<&'a str>,
    q: Option<&'a str>,
    dp: Option<&'a str>,
    dq: Option<&'a str>,
    qi: Option<&'a str>,
    x: Option<&'a str>,
    y: Option<&'a str>,
}

/// A key, and what its JWK says of it.
pub(super) struct Read {
    pub pair: Pair,
    pub kid: Option<String>,
    pub algorithm: Option<Algorithm>,
}

/// Reads it.
pub(super) fn read(text: &str) -> Result<Read, BadKey> {
    let jwk: Jwk<'_> = serde_json::from_str(text).map_err(|error| BadKey::Json {
        line: error.line(),
        column: error.column(),
    })?;
    if jwk.keys.is_some() {
        return Err(BadKey::KeySet);
    }
    let kind = jwk.kind()?;
    if jwk.usage.is_some_and(|usage| usage != "sig") {
        return Err(BadKey::Use);
    }
    let algorithm = match jwk.alg {
        None => None,
        // What Okta's own key lists have there (API.md §3.5).
        Some("RSA") if kind == Kind::Rsa => None,
        Some(name) => {
            let known = Algorithm::named(name).filter(|known| known.kind() == kind);
            Some(known.ok_or(BadKey::Alg)?)
        }
    };
    Ok(Read {
        pair: if kind == Kind::Rsa {
            jwk.rsa()?
        } else {
            jwk.ec(kind)?
        },
        kid: jwk.kid.map(str::to_owned),
        algorithm,
    })
}

impl Jwk<'_> {
    fn kind(&self) -> Result<Kind, BadKey> {
        match (self.kty, self.crv) {
            (Some("RSA"), _) => Ok(Kind::Rsa),
            (Some("EC"), curve) => Kind::CURVES
                .into_iter()
                .find(|kind| kind.curve() == curve)
                .ok_or(BadKey::Unsupported),
            _ => Err(BadKey::Unsupported),
        }
    }

    fn ec(&self, kind: Kind) -> Result<Pair, BadKey> {
        let size = kind.size();
        let member = |name, value| {
            let bytes = bytes(name, value)?;
            if bytes.len() == size {
                Ok(bytes)
            } else {
                Err(BadKey::Member(name))
            }
        };
        let private = member("d", self.d)?;
        let mut point = vec![4];
        point.extend_from_slice(&member("x", self.x)?);
        point.extend_from_slice(&member("y", self.y)?);
        let algorithm = kind.ecdsa().ok_or(BadKey::Unsupported)?;
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, &private, &point)
            .map(|pair| Pair::Ec(kind, pair))
            .map_err(|_| BadKey::Inconsistent)
    }

    /// As PKCS #1 (RFC 8017 A.1.2), which is what the library reads.
    fn rsa(&self) -> Result<Pair, BadKey> {
        let members = [
            ("n", self.n),
            ("e", self.e),
            ("d", self.d),
            ("p", self.p),
            ("q", self.q),
            ("dp", self.dp),
            ("dq", self.dq),
            ("qi", self.qi),
        ];
        let mut numbers = vec![Zeroizing::new(vec![0])];
        for (name, value) in members {
            numbers.push(bytes(name, value)?);
        }
        RsaKeyPair::from_der(&sequence(&numbers))
            .map(Pair::Rsa)
            .map_err(|error| rejected(&error))
    }
}

fn bytes(name: &'static str, value: Option<&str>) -> Result<Zeroizing<Vec<u8>>, BadKey> {
    let value = value.ok_or(BadKey::Lacks(name))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(value.len()));
    BASE64URL
        .decode_vec(value, &mut bytes)
        .map_err(|_| BadKey::Member(name))?;
    Ok(bytes)
}

/// A SEQUENCE of INTEGERs (X.690).
fn sequence(numbers: &[Zeroizing<Vec<u8>>]) -> Zeroizing<Vec<u8>> {
    // For each a tag, at most three bytes of length and one for the sign; a buffer that grows would leave copies behind.
    let most = numbers.iter().map(|number| number.len() + 5).sum::<usize>() + 4;
    let mut inside = Zeroizing::new(Vec::with_capacity(most));
    for number in numbers {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let digits = &number[zeros.min(number.len().saturating_sub(1))..];
        let is_signed = digits.first().is_none_or(|first| first & 0x80 != 0);
        inside.push(0x02);
        length(&mut inside, digits.len() + usize::from(is_signed));
        if is_signed {
            inside.push(0);
        }
        inside.extend_from_slice(digits);
    }
    let mut whole = Zeroizing::new(Vec::with_capacity(most));
    whole.push(0x30);
    length(&mut whole, inside.len());
    whole.extend_from_slice(&inside);
    whole
}

fn length(out: &mut Vec<u8>, length: usize) {
    let bytes = length.to_be_bytes();
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.push(short);
        return;
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    // At most eight.
    out.push(0x80 | u8::try_from(bytes.len() - zeros).unwrap_or_default());
    out.extend_from_slice(&bytes[zeros..]);
}
