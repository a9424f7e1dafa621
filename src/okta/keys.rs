//! The keys that an app signs with: `/api/v1/apps/{appId}/credentials/keys`, and which of them it uses
//! (API.md §1 row 20, §6 manual key rotation). Only public halves are ever shown.

use serde_json::{Value, json};

use super::fields::{self, fields};
use super::request::{Bucket, Method, Read, Request, RequestBody, Write, segment};
use crate::text::Veil;

/// Where an app says which key it signs with.
const KID: &str = "/credentials/signing/kid";

/// The public half of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id; empty if Okta shows none that can be used.
    pub kid: String,
    /// It as a client is registered with it (RFC 7517); `None` = Okta does not show all of it.
    pub jwk: Option<Value>,
}

/// An app with all that Okta shows of it: only for sending it back.
#[derive(Clone, Debug, PartialEq)]
pub struct SigningApp {
    /// The id of the key that it signs with; `None` = Okta does not show it.
    pub kid: Option<String>,
    id: String,
    whole: Value,
}

/// All keys of an app, whether it signs with them or not.
pub fn list(app_id: &str) -> Read<Vec<PublicKey>> {
    Read::new(Bucket::Apps, path(app_id, ""), |answer, veil| {
        let listed: Vec<Shown> = fields::list(answer)?;
        let listed = listed.into_iter();
        Some(listed.map(|key| key.read(veil)).collect())
    })
}

/// Makes one more, good for so many years (2 to 10). Not idempotent: each call makes one.
pub fn generate(app_id: &str, validity_years: u8) -> Write<PublicKey> {
    let path = path(app_id, &format!("/generate?validityYears={validity_years}"));
    let request = Request::new(Method::Post, Bucket::Apps, path);
    Write::new(request, |answer, veil| {
        Some(fields::object::<Shown>(answer)?.read(veil))
    })
}

/// The app, from a bucket of its own (API.md §10.1).
pub fn app(app_id: &str) -> Read<SigningApp> {
    Read::new(Bucket::AppById, app_path(app_id), SigningApp::read)
}

/// Replaces the app with what it is but for the key that it signs with. Gives the one that the answer shows.
pub fn sign_with(found: &SigningApp, kid: &str) -> Write<Option<String>> {
    let mut whole = found.whole.clone();
    let credentials = &mut whole["credentials"];
    if !credentials.is_object() {
        *credentials = json!({});
    }
    credentials["signing"] = json!({ "kid": kid });
    let request = Request::new(Method::Put, Bucket::AppById, app_path(&found.id));
    Write::new(
        request.with_body(RequestBody::json(&whole)),
        |answer, veil| Some(SigningApp::read(answer, veil).and_then(|shown| shown.kid)),
    )
}

fn path(app_id: &str, rest: &str) -> String {
    format!("/api/v1/apps/{}/credentials/keys{rest}", segment(app_id))
}

fn app_path(app_id: &str) -> String {
    format!("/api/v1/apps/{}", segment(app_id))
}

impl SigningApp {
    fn read(answer: &[u8], veil: &Veil) -> Option<Self> {
        let whole = fields::whole(answer)?;
        let word = |at: &str| veil.word(whole.pointer(at)?.as_str()?);
        Some(Self {
            kid: word(KID),
            id: word("/id")?,
            whole,
        })
    }
}

/// A key as it comes.
#[derive(Default)]
struct Shown {
    kid: Option<String>,
    kty: Option<String>,
    alg: Option<String>,
    e: Option<String>,
    n: Option<String>,
}

fields!(Shown {
    "kid" => text(kid),
    "kty" => text(kty),
    "alg" => text(alg),
    "e" => text(e),
    "n" => text(n),
});

impl Shown {
    fn read(self, veil: &Veil) -> PublicKey {
        let kid = self.kid.as_ref().and_then(|kid| veil.word(kid));
        PublicKey {
            jwk: kid.as_deref().and_then(|kid| self.jwk(kid)),
            kid: kid.unwrap_or_default(),
        }
    }

    fn jwk(self, kid: &str) -> Option<Value> {
        let mut jwk =
            json!({ "kty": self.kty?, "kid": kid, "use": "sig", "e": self.e?, "n": self.n? });
        // Okta says `RSA` where RFC 7518 wants an algorithm (API.md §3.5).
        if let Some(alg) = self.alg.filter(|alg| alg.starts_with("RS") && alg != "RSA") {
            jwk["alg"] = alg.into();
        }
        Some(jwk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_a_client_is_registered_with() {
        let read = |answer: Value| {
            let shown: Shown = fields::object(answer.to_string().as_bytes()).unwrap();
            shown.read(&Veil::default())
        };
        for (answer, kid, jwk) in [
            (
                json!({ "kid": "k1", "kty": "RSA", "alg": "RSA", "use": "sig", "e": "AQAB", "n": "AQ", "x5c": ["x"] }),
                "k1",
                Some(json!({ "kty": "RSA", "kid": "k1", "use": "sig", "e": "AQAB", "n": "AQ" })),
            ),
            (
                json!({ "kid": "k1", "kty": "RSA", "alg": "RS256", "e": "AQAB", "n": "AQ" }),
                "k1",
                Some(
                    json!({ "kty": "RSA", "kid": "k1", "use": "sig", "e": "AQAB", "n": "AQ", "alg": "RS256" }),
                ),
            ),
            // It is there, though nobody can be registered with it.
            (json!({ "kid": "k1", "kty": "RSA" }), "k1", None),
            (
                json!({ "kid": "k 1", "kty": "RSA", "e": "AQAB", "n": "AQ" }),
                "",
                None,
            ),
            (json!({}), "", None),
        ] {
            let kid = kid.to_owned();
            assert_eq!(read(answer.clone()), PublicKey { kid, jwk }, "{answer}");
        }
    }

    #[test]
    fn an_app_is_sent_back_with_another_key() {
        let shown = json!({ "id": "0oa1", "name": "okta_org2org", "label": "To the hub", "settings": { "app": {} },
            "credentials": { "signing": { "kid": "k1" }, "userNameTemplate": {} } });
        let found = SigningApp::read(shown.to_string().as_bytes(), &Veil::default()).unwrap();
        assert_eq!(found.kid.as_deref(), Some("k1"));
        let put = sign_with(&found, "k2");
        assert_eq!(put.request().label(), "PUT /api/v1/apps/0oa1");
        let sent: Value = serde_json::from_slice(&put.request().body().unwrap().bytes()).unwrap();
        let mut wanted = shown;
        wanted["credentials"]["signing"]["kid"] = json!("k2");
        assert_eq!(sent, wanted);
        let bare =
            SigningApp::read(br#"{"id":"0oa1","credentials":null}"#, &Veil::default()).unwrap();
        assert_eq!(bare.kid, None);
        let sent = sign_with(&bare, "k2").request().body().unwrap().bytes();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(sent.pointer(KID), Some(&json!("k2")));
    }
}
