//! A private key of a service app, and what it signs for an org: assertions and proofs (API.md §7).

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use okta_rollout::jose::{Algorithm, SigningKey, base64url, compact};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::raw::{Org, Reply};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// No two of what is signed have the same id.
static SIGNED: AtomicU32 = AtomicU32::new(0);

/// A key with the id under which it is registered.
pub struct Signer {
    key: SigningKey,
    kid: &'static str,
}

impl Signer {
    pub fn new(kid: &'static str) -> Self {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/support/keys/rsa.pkcs8.pem"
        );
        let text = std::fs::read_to_string(file).unwrap();
        let key = SigningKey::read(&text).unwrap();
        Self { key, kid }
    }

    /// What others verify with.
    pub fn jwk(&self) -> Value {
        let mut jwk: Value = serde_json::from_str(self.key.public().jwk()).unwrap();
        jwk["kid"] = json!(self.kid);
        jwk
    }

    /// Asks for a token of these scopes.
    pub async fn ask(&self, org: &Org, client: &str, scopes: &str) -> Reply {
        let request = self.request(org, client, scopes);
        org.send(request).await.unwrap()
    }

    /// Asks for a token that is bound to a key of its own, with a nonce if there is one.
    pub async fn ask_bound(&self, org: &Org, client: &str, scopes: &str, proof: &Proof) -> Reply {
        let url = format!("http://{}/oauth2/v1/token", org.host);
        let request = self.request(org, client, scopes);
        let request = request.header("dpop", proof.of("POST", &url, None));
        org.send(request).await.unwrap()
    }

    fn request(&self, org: &Org, client: &str, scopes: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}/oauth2/v1/token", org.host);
        let claims =
            json!({ "iss": client, "sub": client, "aud": url, "exp": now_s() + 60, "jti": id() });
        let assertion = signed(
            &self.key,
            Algorithm::Rs256,
            json!({ "kid": self.kid }),
            claims,
        );
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", scopes)
            .append_pair("client_assertion_type", TYPE)
            .append_pair("client_assertion", &assertion)
            .finish();
        org.request(Method::POST, "/oauth2/v1/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
    }
}

/// A key that proves possession of tokens.
pub struct Proof {
    key: SigningKey,
    pub nonce: Option<String>,
}

impl Proof {
    pub fn new() -> Self {
        Self {
            key: SigningKey::generate().unwrap(),
            nonce: None,
        }
    }

    /// Of one request.
    pub fn of(&self, method: &str, url: &str, token: Option<&str>) -> String {
        let jwk: Value = serde_json::from_str(self.key.public().jwk()).unwrap();
        let mut claims = json!({ "htm": method, "htu": url, "iat": now_s(), "jti": id() });
        if let Some(nonce) = &self.nonce {
            claims["nonce"] = json!(nonce);
        }
        if let Some(token) = token {
            claims["ath"] = json!(base64url(&Sha256::digest(token.as_bytes())));
        }
        let header = json!({ "typ": "dpop+jwt", "jwk": jwk });
        signed(&self.key, Algorithm::Es256, header, claims)
    }
}

fn signed(key: &SigningKey, algorithm: Algorithm, header: Value, claims: Value) -> String {
    let (Value::Object(header), Value::Object(claims)) = (header, claims) else {
        panic!("what is signed are objects")
    };
    let text = compact(key, algorithm, header, &claims).unwrap();
    text.expose_secret().to_owned()
}

fn id() -> String {
    SIGNED.fetch_add(1, Ordering::Relaxed).to_string()
}

fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}
