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

/// What keeps a connection of another org from signing in as a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Lack {
    /// There is no such client.
    Client,
    /// The connection's key is not among its keys.
    Key,
    /// It has no role.
    Role,
    /// It has no scope.
    Scope,
    /// It does not have them for long enough.
    Time,
}

/// When roles and scopes hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holds {
    /// How long it takes until they do, in milliseconds.
    pub after_ms: i64,
    /// Epoch milliseconds.
    pub now_ms: i64,
}

impl Holds {
    const fn since(self, at_ms: i64) -> bool {
        self.now_ms - at_ms >= self.after_ms
    }
}

impl Service {
    /// What a connection of another org lacks to sign in as it: roles and scopes, for as long as it takes until all of
    /// them hold.
    pub(super) fn lacks(&self, holds: Holds) -> Option<Lack> {
        if self.roles.is_empty() {
            return Some(Lack::Role);
        }
        if self.grants.is_empty() {
            return Some(Lack::Scope);
        }
        let roles = self.roles.iter().map(|role| role.since_ms);
        let mut all = roles.chain(self.grants.iter().map(|grant| grant.since_ms));
        (!all.all(|at_ms| holds.since(at_ms))).then_some(Lack::Time)
    }

    /// The keys that were registered with it.
    pub(super) fn own_keys(&self) -> Vec<Value> {
        let keys = self.keys.as_deref().map(serde_json::from_str);
        keys.and_then(Result::ok).unwrap_or_default()
    }

    /// Whether another one is verified with the same keys.
    pub(super) fn signs_like(&self, other: &Self) -> bool {
        self.jwks_uri == other.jwks_uri && self.own_keys() == other.own_keys()
    }

    /// The types of its roles that hold.
    pub(super) fn roles_held(&self, holds: Holds) -> Vec<Box<str>> {
        let held = self.roles.iter().filter(|role| holds.since(role.since_ms));
        held.map(|role| role.kind.clone()).collect()
    }

    /// The scopes that it may ask for.
    pub(super) fn scopes_held(&self, holds: Holds) -> Vec<String> {
        let held = self.grants.iter();
        let held = held.filter(|grant| holds.since(grant.since_ms));
        held.map(|grant| grant.scope.to_string()).collect()
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
    fn a_client_lets_in_once_all_its_roles_and_scopes_hold() {
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
        for (service, after_ms, now_ms, lacks) in [
            (of(0, 0), 0, 9_000, Some(Lack::Role)),
            (of(1, 0), 0, 9_000, Some(Lack::Scope)),
            (of(0, 1), 0, 9_000, Some(Lack::Role)),
            (of(1, 1), 0, 2_000, None),
            (of(1, 1), 500, 2_499, Some(Lack::Time)),
            (of(1, 1), 500, 2_500, None),
        ] {
            let holds = Holds { after_ms, now_ms };
            assert_eq!(service.lacks(holds), lacks, "{service:?}");
        }
        let early = Holds {
            after_ms: 500,
            now_ms: 2_000,
        };
        let both = of(1, 1);
        assert_eq!(both.roles_held(early), ["USER_ADMIN".into()]);
        assert_eq!(both.scopes_held(early), [""; 0]);
        let late = Holds {
            now_ms: 9_000,
            ..early
        };
        assert_eq!(both.scopes_held(late), ["okta.users.manage"]);
    }
}
