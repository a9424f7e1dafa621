//! Service apps of a simulated org: the OAuth clients that connections of other orgs sign in as (API.md §6). Each is an
//! app of the org, too, with the client's id as its own.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The `name` of every OAuth client among an org's apps.
pub(super) const OIDC_CLIENT: &str = "oidc_client";

/// What an app is as a client.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<Box<str>>,
    /// Its keys as packed JSON: a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    /// Whether its tokens are bound to a key (DPoP).
    #[serde(default)]
    pub dpop: bool,
}

/// A role that it was assigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Role {
    pub id: Box<str>,
    /// `CUSTOM`, or the name of a standard role.
    pub kind: Box<str>,
    /// Of a custom role: its id and that of its resource set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<(Box<str>, Box<str>)>,
    /// Epoch milliseconds.
    pub since_ms: i64,
}

/// A scope that it may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Grant {
    pub id: Box<str>,
    pub scope: Box<str>,
    /// Epoch milliseconds.
    pub since_ms: i64,
}

impl Service {
    /// When it last got something, epoch milliseconds.
    fn changed_ms(&self) -> Option<i64> {
        let roles = self.roles.iter().map(|role| role.since_ms);
        let grants = self.grants.iter().map(|grant| grant.since_ms);
        roles.chain(grants).max()
    }

    /// Whether a connection of another org can sign in as it: it has roles and scopes, for as long as it takes until
    /// they hold.
    pub(super) fn lets_in(&self, settles_ms: i64, now_ms: i64) -> bool {
        let settled = self
            .changed_ms()
            .is_some_and(|at| now_ms - at >= settles_ms);
        settled && !self.roles.is_empty() && !self.grants.is_empty()
    }

    /// Everything tests compare.
    pub(super) fn dump(&self) -> Value {
        let role = |role: &Role| match &role.custom {
            Some((id, set)) => json!([role.kind, id, set]),
            None => json!(role.kind),
        };
        json!({
            "jwksUri": self.jwks_uri,
            "keys": self.keys.as_deref().map(key_ids),
            "roles": self.roles.iter().map(role).collect::<Vec<_>>(),
            "grants": self.grants.iter().map(|grant| &grant.scope).collect::<Vec<_>>(),
            "dpop": self.dpop,
        })
    }
}

fn key_ids(keys: &str) -> Value {
    let keys: Value = serde_json::from_str(keys).unwrap_or_default();
    let keys = keys.as_array().into_iter().flatten();
    keys.map(|key| key["kid"].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_lets_in_once_it_has_roles_and_scopes_that_hold() {
        let role = Role {
            id: "r".into(),
            kind: "USER_ADMIN".into(),
            custom: None,
            since_ms: 1_000,
        };
        let grant = Grant {
            id: "g".into(),
            scope: "okta.users.manage".into(),
            since_ms: 2_000,
        };
        let of = |roles, grants| Service {
            roles: vec![role.clone(); roles],
            grants: vec![grant.clone(); grants],
            ..Service::default()
        };
        for (service, settles_ms, now_ms, lets_in) in [
            (of(0, 0), 0, 9_000, false),
            (of(1, 0), 0, 9_000, false),
            (of(0, 1), 0, 9_000, false),
            (of(1, 1), 0, 2_000, true),
            (of(1, 1), 500, 2_499, false),
            (of(1, 1), 500, 2_500, true),
        ] {
            assert_eq!(service.lets_in(settles_ms, now_ms), lets_in, "{service:?}");
        }
    }
}
