//! Service apps, as settings give them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
