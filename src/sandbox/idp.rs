//! Identity providers of a simulated org: the other orgs whose users it lets in (API.md §6, rows 1 and 3).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An identity provider. What was put replaces what was there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Idp {
    pub id: Box<str>,
    pub name: Box<str>,
    /// `protocol` as packed JSON, without secrets.
    pub protocol: Box<str>,
    /// `policy` as packed JSON, if one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Box<str>>,
    /// Epoch milliseconds.
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl Idp {
    /// A part of it as it was sent.
    pub(super) fn part(text: &str) -> Value {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Everything tests compare.
    pub(super) fn dump(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "protocol": Self::part(&self.protocol),
            "policy": self.policy.as_deref().map(Self::part),
        })
    }
}
