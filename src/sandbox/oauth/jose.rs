//! Verifies what clients sign (RFC 7515, RFC 7518): of its own, so that it cannot agree with a client's mistakes.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What somebody signed.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    text: &'a str,
    signature: Vec<u8>,
    pub header: Value,
    pub claims: Value,
}

impl<'a> Signed<'a> {
    /// The three parts; nothing is verified yet.
    pub fn read(compact: &'a str) -> Option<Self> {
        let (text, signature) = compact.rsplit_once('.')?;
        let (header, claims) = text.split_once('.')?;
        let object = |part: &str| {
            let json: Value = serde_json::from_slice(&decoded(part)?).ok()?;
            json.is_object().then_some(json)
        };
        Some(Self {
            text,
            signature: decoded(signature)?,
            header: object(header)?,
            claims: object(claims)?,
        })
    }

    /// What the header says of how it is signed.
    pub fn algorithm(&self) -> &str {
        self.header["alg"].as_str().unwrap_or_default()
    }

    /// A claim that is a text.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims[claim].as_str()
    }

    /// Whether this public key signed it, in a way that its kind allows.
    pub fn is_of(&self, key: &Value) -> bool {
        let (text, signature) = (self.text.as_bytes(), &self.signature);
        let member = |name: &str| decoded(key[name].as_str().unwrap_or_default());
        let rsa = match self.algorithm() {
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            "RS384" => &RSA_PKCS1_2048_8192_SHA384,
            "RS512" => &RSA_PKCS1_2048_8192_SHA512,
            of_curve => {
                let (curve, parameters) = match of_curve {
                    "ES256" => ("P-256", &ECDSA_P256_SHA256_FIXED),
                    "ES384" => ("P-384", &ECDSA_P384_SHA384_FIXED),
                    "ES512" => ("P-521", &ECDSA_P521_SHA512_FIXED),
                    _ => return false,
                };
                let (Some(x), Some(y)) = (member("x"), member("y")) else {
                    return false;
                };
                let point = [vec![4], x, y].concat();
                return key["kty"] == "EC"
                    && key["crv"] == curve
                    && UnparsedPublicKey::new(parameters, point)
                        .verify(text, signature)
                        .is_ok();
            }
        };
        let (Some(n), Some(e)) = (member("n"), member("e")) else {
            return false;
        };
        let key_is_rsa = key["kty"] == "RSA";
        key_is_rsa
            && RsaPublicKeyComponents { n, e }
                .verify(rsa, text, signature)
                .is_ok()
    }
}

/// Whether Okta takes this for an assertion.
pub(super) fn is_known(algorithm: &str) -> bool {
    ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"].contains(&algorithm)
}

/// What a public key is known by (RFC 7638).
pub(super) fn thumbprint(key: &Value) -> Option<String> {
    let members: &[&str] = match key["kty"].as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let member = |name: &&str| {
        let value = Value::from(key[*name].as_str()?);
        Some(format!("\"{name}\":{value}"))
    };
    let members: Option<Vec<_>> = members.iter().map(member).collect();
    Some(hash(&format!("{{{}}}", members?.join(","))))
}

/// SHA-256 in base64url.
pub(super) fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 9449 §4.2.
    const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

    #[test]
    fn the_proof_of_rfc_9449_verifies() {
        let proof = Signed::read(PROOF).expect("signed");
        let key = proof.header["jwk"].clone();
        assert!(proof.is_of(&key));
        assert_eq!(proof.header["typ"], "dpop+jwt");
        assert_eq!(proof.text("htu"), Some("https://server.example.com/token"));
        assert_eq!(proof.claims["iat"], 1_562_262_616);
        // RFC 9449 §6.1.
        let thumbprint = thumbprint(&key);
        assert_eq!(
            thumbprint.as_deref(),
            Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")
        );
        let altered = PROOF.replace("eyJqdGki", "eyJqdGkj");
        assert!(!Signed::read(&altered).is_some_and(|altered| altered.is_of(&key)));
    }

    /// RFC 9449 §7.1.
    #[test]
    fn the_hash_of_rfc_9449_is_found() {
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        assert_eq!(hash(token), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    }

    #[test]
    fn what_is_not_signed_by_the_key_does_not_verify() {
        let proof = Signed::read(PROOF).expect("signed");
        for key in [
            json!({}),
            json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA" }),
            json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
            json!({ "kty": "oct", "k": "AAAA" }),
        ] {
            assert!(!proof.is_of(&key), "{key}");
        }
        for broken in ["", "a.b", "a.b.c", "e30.e30", "W10.e30.AA", "e30.e30.!"] {
            assert!(Signed::read(broken).is_none(), "{broken}");
        }
        // Without a signature, whatever the header says.
        let none = Signed::read("eyJhbGciOiJub25lIn0.e30.").expect("three parts");
        assert!(!none.is_of(&json!({ "kty": "EC", "crv": "P-256", "x": "", "y": "" })));
    }
}
