//! How far the keys of an entry's connection are rotated.

use serde::{Deserialize, Serialize};

/// The keys of a connection while they are rotated; public halves only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotatedKeys {
    /// The ids of all keys that the app had before.
    pub before: Vec<String>,
    /// The one of them that it signed with, as a client is registered with it (RFC 7517).
    pub old: serde_json::Value,
    /// The new one, once it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<serde_json::Value>,
}

impl RotatedKeys {
    /// The id of the key that it signed with.
    pub fn old_kid(&self) -> &str {
        self.old["kid"].as_str().unwrap_or_default()
    }

    /// The id of the new one.
    pub fn new_kid(&self) -> Option<&str> {
        self.new.as_ref()?["kid"].as_str()
    }
}
