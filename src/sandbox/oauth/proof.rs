//! Proofs of requests (`DPoP`: RFC 9449 §4.3, API.md §7.2).

use axum::http::HeaderMap;

use super::jose::{Signed, hash, is_known, thumbprint};
use super::{OAuth, Use};

/// How old a proof may be (seconds).
const MOST_OLD_S: i64 = 300;

/// The request that a proof has to be of.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Sent<'a> {
    pub method: &'a str,
    /// Without query.
    pub url: &'a str,
    pub token: Option<&'a str>,
    pub now_s: i64,
}

/// What a good proof says.
#[derive(Debug)]
pub(in super::super) struct Proven {
    /// The thumbprint of its key.
    pub key: String,
    pub nonce: Option<String>,
}

impl Sent<'_> {
    /// What the proof among these headers says; Okta's words for what is wrong with it.
    pub fn proven(self, headers: &HeaderMap, oauth: &mut OAuth) -> Result<Proven, &'static str> {
        let mut given = headers.get_all("dpop").iter();
        let text = match (given.next(), given.next()) {
            (None, _) => return Err("The DPoP proof JWT header is missing."),
            (Some(_), Some(_)) => return Err("Multiple DPoP proof JWT headers are not allowed."),
            (Some(one), None) => one.to_str().unwrap_or_default(),
        };
        let proof = Signed::read(text).ok_or("The DPoP proof JWT cannot be parsed.")?;
        if proof.header["typ"] != "dpop+jwt" {
            return Err("'typ' must be 'dpop+jwt' in the DPoP proof JWT.");
        }
        if !is_known(proof.algorithm()) {
            return Err("The DPoP proof JWT signature algorithm is invalid.");
        }
        let key = &proof.header["jwk"];
        let is_public = ["d", "p", "q", "k"]
            .iter()
            .all(|private| key[*private].is_null());
        if !is_public || !proof.is_of(key) {
            return Err("The DPoP proof JWT signature is invalid.");
        }
        if proof.text("htm") != Some(self.method) {
            return Err("'htm' claim in the DPoP proof JWT is invalid.");
        }
        if proof.text("htu") != Some(self.url) {
            return Err("'htu' claim in the DPoP proof JWT is invalid.");
        }
        let issued = proof.claims["iat"].as_i64();
        let issued = issued.ok_or("'iat' claim in the DPoP proof JWT is invalid.")?;
        if issued > self.now_s {
            return Err("The DPoP proof JWT is issued in the future.");
        }
        if self.now_s - issued > MOST_OLD_S {
            return Err("The DPoP proof JWT is issued more than five minutes in the past.");
        }
        if let Some(token) = self.token
            && proof.text("ath") != Some(&hash(token))
        {
            return Err("'ath' claim in the DPoP proof does not match the presented access_token.");
        }
        let id = proof.text("jti").filter(|id| !id.is_empty());
        let id = id.ok_or("'jti' claim in the DPoP proof JWT is invalid.")?;
        let until = issued + MOST_OLD_S + 1;
        if oauth.note(format!("proof {id}"), until, self.now_s) == Use::Again {
            return Err("The DPoP proof JWT has already been used.");
        }
        Ok(Proven {
            key: thumbprint(key).ok_or("The DPoP proof JWT signature is invalid.")?,
            nonce: proof.text("nonce").map(str::to_owned),
        })
    }
}
