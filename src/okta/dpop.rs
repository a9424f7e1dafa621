//! Proofs that a request is this process's own (`DPoP`, RFC 9449; API.md §7.2): signed with a key that never leaves it, for
//! one request each.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::authorizer::Authorizing;
use super::error::{CallError, Class};
use crate::jose::{Algorithm, CannotSign, SigningKey, base64url, compact};

/// Makes proofs with one key, which tokens are bound to.
pub(super) struct Prover {
    key: SigningKey,
    /// As proofs carry it.
    jwk: Value,
}

/// What a proof is about, besides its request.
pub(super) struct About<'a> {
    /// The time in the org, Unix seconds.
    pub now_s: i64,
    /// What the org wants to see in it.
    pub nonce: Option<&'a str>,
    /// The token that the request carries.
    pub token: Option<&'a SecretString>,
}

impl Prover {
    /// With a new key.
    pub fn new() -> Result<Self, CannotSign> {
        let key = SigningKey::generate()?;
        let jwk = serde_json::from_str(key.public().jwk()).map_err(|_| CannotSign)?;
        Ok(Self { key, jwk })
    }

    /// Adds a proof to a request.
    ///
    /// # Errors
    /// When none can be made.
    pub fn prove(&self, request: &mut Authorizing<'_>, about: &About<'_>) -> Result<(), CallError> {
        let proof = self
            .proof(request.method().name(), request.url(), about)
            .map_err(|error| CallError::new(Class::Refused, format!("no DPoP proof: {error}")))?;
        request.header("dpop", proof)
    }

    fn proof(
        &self,
        method: &str,
        url: &Url,
        about: &About<'_>,
    ) -> Result<SecretString, CannotSign> {
        let mut header = Map::new();
        header.insert("typ".to_owned(), "dpop+jwt".into());
        header.insert("jwk".to_owned(), self.jwk.clone());
        let mut claims = Map::new();
        claims.insert("htm".to_owned(), method.into());
        claims.insert("htu".to_owned(), without_query(url).into());
        claims.insert("iat".to_owned(), about.now_s.into());
        claims.insert("jti".to_owned(), once().into());
        if let Some(nonce) = about.nonce {
            claims.insert("nonce".to_owned(), nonce.into());
        }
        if let Some(token) = about.token {
            let hash = Sha256::digest(token.expose_secret().as_bytes());
            claims.insert("ath".to_owned(), json!(base64url(&hash)));
        }
        compact(&self.key, Algorithm::Es256, header, &claims)
    }
}

/// An id that nothing else ever has: 128 random bits.
pub(super) fn once() -> String {
    base64url(&rand::random::<u128>().to_be_bytes())
}

/// RFC 9449 §4.2: without query and fragment.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn parts(proof: &SecretString) -> [Value; 2] {
        let mut parts = proof.expose_secret().split('.');
        [0, 1].map(|_| {
            let part = URL_SAFE_NO_PAD.decode(parts.next().expect("a part"));
            serde_json::from_slice(&part.expect("base64url")).expect("JSON")
        })
    }

    #[test]
    fn a_proof_is_of_one_request() {
        let prover = Prover::new().expect("a key");
        let url = Url::parse("https://acme.okta.com/api/v1/apps?limit=200#x").expect("a URL");
        // RFC 9449 §7: this token has this hash.
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU".into();
        let about = About {
            now_s: 1_562_262_618,
            nonce: Some("n-1"),
            token: Some(&token),
        };
        let proof = || prover.proof("GET", &url, &about).expect("signed");
        let (one, other) = (proof(), proof());
        let [header, claims] = parts(&one);
        assert_eq!(header["typ"], "dpop+jwt");
        assert_eq!(header["alg"], "ES256");
        assert_eq!(header["jwk"]["crv"], "P-256");
        assert_eq!(header["jwk"]["d"], Value::Null);
        assert_eq!(claims["htm"], "GET");
        assert_eq!(claims["htu"], "https://acme.okta.com/api/v1/apps");
        assert_eq!(claims["iat"], 1_562_262_618);
        assert_eq!(claims["nonce"], "n-1");
        assert_eq!(claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        let [_, again] = parts(&other);
        assert_ne!(claims["jti"], again["jti"]);
    }

    #[test]
    fn a_proof_says_nothing_of_what_there_is_not() {
        let prover = Prover::new().expect("a key");
        let url = Url::parse("https://acme.okta.com/oauth2/v1/token").expect("a URL");
        let about = About {
            now_s: 1,
            nonce: None,
            token: None,
        };
        let [_, claims] = parts(&prover.proof("POST", &url, &about).expect("signed"));
        let mut names: Vec<_> = claims.as_object().expect("an object").keys().collect();
        names.sort();
        assert_eq!(names, ["htm", "htu", "iat", "jti"]);
    }
}
