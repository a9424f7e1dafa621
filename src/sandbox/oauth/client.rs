//! Service apps: as settings give them, and as an org knows each of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::mistake::Mistake;
use super::jose::thumbprint;

/// A service app that may ask for tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Client {
    /// Its public keys as JWKs, each with a `kid`.
    pub keys: Vec<Value>,
    /// Scopes that are granted to it.
    pub scopes: Vec<String>,
    /// Whether its tokens are bound to a proof (`dpop_bound_access_tokens`).
    pub dpop: bool,
    /// Its admin role does not allow anything: 403 E0000006.
    pub missing_role: bool,
}

/// A service app that asks for a token, wherever the org knows it from.
#[derive(Clone, Debug)]
pub(in super::super) struct Known {
    /// Its public keys, or in Okta's words why there are none.
    pub keys: Result<Vec<Value>, &'static str>,
    /// Scopes that are granted to it.
    pub scopes: Vec<String>,
    /// Whether its tokens are bound to a proof.
    pub dpop: bool,
}

impl From<Client> for Known {
    fn from(client: Client) -> Self {
        Self {
            keys: Ok(client.keys),
            scopes: client.scopes,
            dpop: client.dpop,
        }
    }
}

impl Client {
    /// What is wrong with its keys; where it stands.
    pub(in super::super) fn mistakes(&self, path: &str) -> Vec<Mistake> {
        let mut found = Vec::new();
        for (n, key) in self.keys.iter().enumerate() {
            let mut wrong = |message: &str, hint| {
                found.push(Mistake {
                    path: format!("{path}.keys[{n}]"),
                    message: message.to_owned(),
                    hint,
                });
            };
            if !key["kid"].is_string() {
                wrong("has no kid", "give it the kid that assertions name");
            }
            if !key["d"].is_null() {
                wrong("is a private key", "leave only its public part, without d");
            } else if thumbprint(key).is_none() {
                wrong(
                    "is no public key of RSA or of a curve",
                    "give it as a JWK: kty, n and e, or kty, crv, x and y",
                );
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_public_keys_with_a_name_are_registered() {
        let good = json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "k" });
        let mut private = good.clone();
        private["d"] = json!("AA");
        let unnamed = json!({ "kty": "RSA", "n": "AA", "e": "AQAB" });
        for (key, wrong) in [
            (good, None),
            (private, Some("is a private key")),
            (unnamed, Some("has no kid")),
            (
                json!({ "kty": "oct", "kid": "k" }),
                Some("is no public key of RSA or of a curve"),
            ),
        ] {
            let client = Client {
                keys: vec![key],
                ..Client::default()
            };
            let found = client.mistakes("clients.c");
            let said = found.first().map(|mistake| mistake.message.as_str());
            assert_eq!(said, wrong);
            assert!(
                found
                    .iter()
                    .all(|mistake| mistake.path == "clients.c.keys[0]")
            );
        }
    }
}
