//! What an org's entries need of its credentials (API.md §1, §6, §7): scopes of an OAuth token, and the admin role of whoever
//! owns them. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::manifest::{Entry, Hub};
use crate::model::Step;
use crate::plan::steps;

/// What reading an org's apps needs.
pub(crate) const READ_APPS: &str = "okta.apps.read";

/// What everything that a run writes to apps needs.
const MANAGE_APPS: &str = "okta.apps.manage";

/// An admin role, as Okta names its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Role {
    /// May manage apps; a role of one's own that may do so will do.
    #[default]
    AppAdmin,
    /// May give roles and scopes to others.
    SuperAdmin,
}

impl Role {
    /// As [`Serialize`] has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AppAdmin => "APP_ADMIN",
            Self::SuperAdmin => "SUPER_ADMIN",
        }
    }
}

/// What the entries of an org need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Every scope.
    pub scopes: BTreeSet<&'static str>,
    /// The least role.
    pub role: Role,
    /// Entries whose app is there already, because nobody is to create it.
    pub existing: u64,
}

impl Needs {
    /// With what an entry of the org needs there.
    pub fn add(&mut self, entry: &Entry) {
        self.scopes.insert(READ_APPS);
        // Whatever else a step does, it does something to the app.
        let writes = |step: &Step| !matches!(step, Step::FindApp | Step::AwaitConsent);
        if steps(entry).iter().any(writes) {
            self.scopes.insert(MANAGE_APPS);
        }
        self.existing += u64::from(entry.create.is_none());
    }

    /// What a token with these scopes lacks. Who may manage something may read it, too.
    pub fn missing(&self, granted: &[String]) -> Vec<&'static str> {
        let has = |scope: &str| granted.iter().any(|granted| granted == scope);
        let is_missing = |scope: &&str| {
            let manages = scope.strip_suffix(".read");
            !has(scope) && !manages.is_some_and(|of| has(&format!("{of}.manage")))
        };
        self.scopes.iter().copied().filter(is_missing).collect()
    }

    /// With what is needed in an org that is the hub of an entry elsewhere.
    pub fn add_hub(&mut self, hub: &Hub) {
        self.scopes.extend([
            "okta.clients.read",
            "okta.clients.register",
            // To set right what is there.
            "okta.clients.manage",
        ]);
        if hub.dpop {
            // Only its app says whether a client's tokens are bound to a key.
            self.scopes.extend([READ_APPS, MANAGE_APPS]);
        }
        if !hub.roles.is_empty() {
            self.scopes.extend(["okta.roles.read", "okta.roles.manage"]);
        }
        if !hub.scopes.is_empty() {
            let grants = ["okta.appGrants.read", "okta.appGrants.manage"];
            self.scopes.extend(grants);
        }
        if hub.idp.is_some() {
            self.scopes.extend(["okta.idps.read", "okta.idps.manage"]);
        }
        // Only one may assign roles to a client and grant it scopes.
        self.role = Role::SuperAdmin;
    }
}

/// What is said of scopes that a service app lacks which asks for these, and what helps.
pub(crate) fn lacking(missing: &[&str], asked: &[String]) -> Option<(String, String)> {
    if missing.is_empty() {
        return None;
    }
    let unasked: Vec<_> = missing
        .iter()
        .copied()
        .filter(|scope| !asked.iter().any(|asked| asked == scope))
        .collect();
    let message = format!(
        "the token of the service app lacks {}, which its entries need",
        missing.join(" and ")
    );
    let grant = "let a super administrator grant what is missing (Admin Console, Applications, the app, Okta API Scopes)";
    let hint = if unasked.is_empty() {
        grant.to_owned()
    } else {
        let add = unasked.join(" and ");
        format!("add {add} to `auth.privateKeyJwt.scopes` of the org, and {grant}")
    };
    Some((message, hint))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(with: &Value) -> Entry {
        let mut whole = json!({ "org": "acme", "app": "google" });
        for (key, value) in with.as_object().unwrap() {
            whole[key] = value.clone();
        }
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn what_an_entry_needs_follows_from_its_steps() {
        let oauth = json!({ "profile": { "authScheme": "OAUTH2" } });
        let create = json!({ "signOnMode": "SAML_2_0" });
        let on = json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } } });
        let read = &["okta.apps.read"][..];
        let write = &["okta.apps.manage", "okta.apps.read"];
        for (with, scopes, existing) in [
            (json!({ "appId": "0oa1" }), read, 1),
            (json!({ "label": "G" }), read, 1),
            (json!({ "label": "G", "create": create }), write, 0),
            (json!({ "appId": "0oa1", "connection": oauth }), write, 1),
            (json!({ "appId": "0oa1", "status": "DISABLED" }), write, 1),
            (
                json!({ "appId": "0oa1", "features": { "USER_PROVISIONING": on } }),
                write,
                1,
            ),
        ] {
            let mut needs = Needs::default();
            needs.add(&entry(&with));
            assert_eq!(Vec::from_iter(needs.scopes), scopes, "{with}");
            assert_eq!((needs.existing, needs.role), (existing, Role::AppAdmin));
        }
    }

    #[test]
    fn who_manages_may_read() {
        let mut needs = Needs::default();
        needs.add(&entry(
            &json!({ "appId": "0oa1", "connection": { "profile": { "authScheme": "OAUTH2" } } }),
        ));
        let (read, manage) = ("okta.apps.read", "okta.apps.manage");
        for (granted, missing) in [
            (&[read, manage][..], &[][..]),
            (&[manage], &[]),
            (&[read], &[manage]),
            (&["okta.users.manage"], &[manage, read]),
        ] {
            let granted: Vec<_> = granted.iter().map(|&scope| scope.to_owned()).collect();
            assert_eq!(needs.missing(&granted), missing, "{granted:?}");
        }
        assert_eq!(lacking(&[], &[]), None);
        let asked = [read.to_owned()];
        let (message, hint) = lacking(&[manage], &asked).unwrap();
        assert_eq!(
            message,
            "the token of the service app lacks okta.apps.manage, which its entries need"
        );
        assert!(hint.starts_with("add okta.apps.manage to "), "{hint}");
        let (_, hint) = lacking(&[read], &asked).unwrap();
        assert!(
            hint.starts_with("let a super administrator grant"),
            "{hint}"
        );
    }

    #[test]
    fn a_hub_needs_what_its_service_app_is_given() {
        let hub = |roles: &[&str], scopes: &[&str], dpop| {
            let all = json!({ "org": "hub", "clientName": "c", "roles": roles, "scopes": scopes, "dpop": dpop });
            let mut needs = Needs::default();
            needs.add_hub(&serde_json::from_value(all).unwrap());
            assert_eq!(needs.role, Role::SuperAdmin);
            Vec::from_iter(needs.scopes).join(" ")
        };
        let client = "okta.clients.manage okta.clients.read okta.clients.register";
        let federated = json!({ "org": "hub", "clientName": "c", "idp": {} });
        let mut needs = Needs::default();
        needs.add_hub(&serde_json::from_value(federated).unwrap());
        assert_eq!(
            Vec::from_iter(needs.scopes).join(" "),
            format!("{client} okta.idps.manage okta.idps.read")
        );
        assert_eq!(hub(&[], &[], false), client);
        assert_eq!(
            hub(&["USER_ADMIN"], &[], false),
            format!("{client} okta.roles.manage okta.roles.read")
        );
        assert_eq!(
            hub(&[], &["okta.users.manage"], true),
            format!(
                "okta.appGrants.manage okta.appGrants.read okta.apps.manage okta.apps.read {client}"
            )
        );
    }
}
