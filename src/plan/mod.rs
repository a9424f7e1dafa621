//! What an entry needs: its steps, how its wanted state compares with the live one, and what a run would do about
//! it and at what cost. Pure: no clock, network or disk.

mod action;
mod change;
mod connection;
mod cost;
mod decide;
mod drift;
mod features;
mod forecast;
mod hub;
mod identity;
mod idp;
mod look;
mod reconnect;
mod scopes;
mod sheet;
mod wanted;
mod wave;

pub use connection::{LiveConnection, LiveStatus, Shown};
pub use cost::{Cost, Pace};
pub use decide::{
    Active, BeforeFeature, Consented, Obstacle, Secret, TokenPost, active, app_taken, consented,
    differences, found_app, inactive, no_feature, unsupported,
};
pub use drift::{Earlier, Fate, Judged, Part};
pub use features::{Difference, Live, compare, merge, without};
pub use forecast::{Action, Call, Change, Forecast, Identity, Past, Seen, SeenApp, SeenConsent};
pub use hub::{
    NEW_APP, NEW_CLIENT, SeenHub, client_differences, found_client, jwks_uri, missing_dpop,
    missing_role, missing_scope,
};
pub use identity::{is_right_app, pages_worth};
pub use idp::{
    IDP_NAME, NEW_IDP, SeenIdp, found_idp, idp_differences, is_new, may_be, named_idp, no_idp,
};
pub use look::Look;
pub use reconnect::{BeforeConsent, ConsentStep, ShownLink, admin_secrets, changed_admin};
pub use scopes::Scopes;
pub use sheet::{EntryPlan, OrgPlan, Sheet, Totals, Which, book_elsewhere};
pub use wanted::Wanted;
pub use wave::WavePlan;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::apps::AuthScheme;
use crate::ledger::WishDigest;
use crate::manifest::{Entry, OldKey, Status};
use crate::model::Step;

/// The steps an entry takes, in order.
pub fn steps(entry: &Entry) -> Vec<Step> {
    let mut steps = Vec::with_capacity(8);
    // Keys are rotated of what is there.
    let sets_up = entry.rotation.is_none();
    let hub = entry.hub.as_ref().filter(|_| sets_up);
    let idp = hub.and_then(|hub| hub.idp.as_ref());
    if entry.app_id.is_none() || entry.hub.is_some() {
        steps.push(Step::FindApp);
        // An app names its identity provider from the start; whether one that is there does is seen where it would be created.
        steps.extend(idp.map(|_| Step::CreateIdp));
        if (entry.create.is_some() && sets_up) || idp.is_some() {
            steps.push(Step::CreateApp);
        }
    }
    if let Some(rotation) = &entry.rotation {
        steps.extend([Step::GenerateKey, Step::AddKey, Step::SwitchKey]);
        if rotation.old_key == OldKey::Goes {
            steps.push(Step::RemoveKey);
        }
        return steps;
    }
    if entry.status == Status::Disabled {
        steps.push(Step::DeactivateConnection);
        return steps;
    }
    steps.extend(idp.map(|_| Step::UpdateIdp));
    steps.extend(in_hub(entry));
    if entry.connection.is_some() {
        steps.push(Step::SetConnection);
        if entry.app.needs_consent() {
            steps.extend([
                Step::AwaitConsent,
                Step::CompleteConsent,
                Step::ActivateConnection,
            ]);
        }
    }
    steps.extend(entry.features.names().map(Step::SetFeature));
    steps
}

/// The steps that make an entry's service app: each role and each scope is one.
fn in_hub(entry: &Entry) -> impl Iterator<Item = Step> {
    let each = |count: usize, step: fn(u16) -> Step| {
        (0..u16::try_from(count).unwrap_or(u16::MAX)).map(step)
    };
    entry.hub.iter().flat_map(move |hub| {
        std::iter::once(Step::CreateServiceApp)
            .chain(each(hub.roles.len(), Step::AssignRole))
            .chain(each(hub.scopes.len(), Step::GrantScope))
            .chain(hub.dpop.then_some(Step::RequireDpop))
    })
}

/// Digest of what the entry wants, whatever it is called and wherever it stands. Not of its secrets, which are compared
/// by their values.
pub fn digest(entry: &Entry) -> WishDigest {
    digest_with(entry, &json(&entry.features))
}

/// As [`digest`], with what the entry wants of its features as it is known already.
pub fn digest_of(entry: &Entry, features: &Wanted) -> WishDigest {
    digest_with(entry, features.json())
}

// Of the JSON list of status, connection and features, and of the hub where there is one.
fn digest_with(entry: &Entry, features: &str) -> WishDigest {
    let mut connection = entry.connection.clone();
    if let Some(connection) = &mut connection {
        connection.profile.token = None;
        connection.profile.settings = None;
    }
    let (status, connection) = (json(&entry.status), json(&connection));
    let hub = entry.hub.as_ref();
    let hub = hub.map_or_else(String::new, |hub| format!(",{}", json(hub)));
    let whole = format!("[{status},{connection},{features}{hub}]");
    let sha256 = Sha256::digest(whole);
    std::array::from_fn(|at| sha256[at])
}

fn json(value: &impl Serialize) -> String {
    // Plain structs of strings, booleans and lists: serialization cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// The scheme the entry's connection must show, if the entry manages the connection.
pub fn wanted_scheme(entry: &Entry) -> Option<AuthScheme> {
    entry
        .connection
        .as_ref()
        .map(|connection| connection.profile.auth_scheme)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::apps::{App, Feature};

    /// An entry from its JSON.
    pub(crate) fn entry(json: serde_json::Value) -> Entry {
        serde_json::from_value(json).expect("a valid entry")
    }

    // Ledgers hold digests of earlier runs.
    #[test]
    fn a_digest_is_that_of_the_list_of_what_is_wanted() {
        let whole = entry(
            serde_json::json!({ "org": "a", "app": "zscalerbyz", "appId": "0oa1",
            "connection": { "baseUrl": "https://one", "profile": { "authScheme": "TOKEN", "token": "env:T" } },
            "features": { "USER_PROVISIONING": { "create": { "lifecycleCreate": { "status": "ENABLED" } } } } }),
        );
        let bare = entry(serde_json::json!({ "org": "a", "app": "google", "label": "x" }));
        let connection = whole.connection.clone().map(|mut connection| {
            connection.profile.token = None;
            connection
        });
        for (entry, connection) in [(whole, connection), (bare, None)] {
            let list = serde_json::to_vec(&(&entry.status, &connection, &entry.features));
            let expected = &Sha256::digest(list.expect("JSON"))[..16];
            assert_eq!(digest(&entry), expected);
            assert_eq!(digest_of(&entry, &Wanted::of(&entry.features)), expected);
        }
    }

    #[test]
    fn a_hub_is_part_of_what_is_wanted() {
        let spoke = |hub: serde_json::Value| {
            entry(
                serde_json::json!({ "org": "a", "app": "okta_org2org", "appId": "0oa1", "hub": hub,
                "connection": { "profile": { "authScheme": "OAUTH2" } } }),
            )
        };
        let hub =
            |roles: &[&str]| serde_json::json!({ "org": "hub", "clientName": "c", "roles": roles });
        let all = [
            spoke(serde_json::Value::Null),
            spoke(hub(&[])),
            spoke(hub(&["USER_ADMIN"])),
        ];
        let digests: std::collections::HashSet<_> = all.iter().map(digest).collect();
        assert_eq!(digests.len(), 3);
    }

    #[test]
    fn a_service_app_is_made_before_the_connection_that_signs_in_as_it() {
        use Step::*;
        let spoke = |with: serde_json::Value| {
            let mut whole = serde_json::json!({ "org": "a", "app": "okta_org2org", "label": "L",
                "create": { "settings": { "app": { "baseUrl": "https://hub.okta.com" } } },
                "hub": { "org": "hub", "clientName": "c", "roles": ["USER_ADMIN", "HELP_DESK_ADMIN"],
                    "scopes": ["okta.users.manage"], "dpop": true },
                "connection": { "profile": { "authScheme": "OAUTH2" } },
                "features": { "USER_PROVISIONING": {} } });
            for (key, value) in with.as_object().unwrap() {
                whole["hub"][key] = value.clone();
            }
            steps(&entry(whole))
        };
        let user = SetFeature(Feature::UserProvisioning);
        assert_eq!(
            spoke(serde_json::json!({})),
            [
                FindApp,
                CreateApp,
                CreateServiceApp,
                AssignRole(0),
                AssignRole(1),
                GrantScope(0),
                RequireDpop,
                SetConnection,
                user
            ]
        );
        let federated = spoke(serde_json::json!({ "idp": {} }));
        assert_eq!(
            federated[..5],
            [FindApp, CreateIdp, CreateApp, UpdateIdp, CreateServiceApp]
        );
        let bare = serde_json::json!({ "roles": [], "scopes": [], "dpop": false });
        assert_eq!(
            spoke(bare),
            [FindApp, CreateApp, CreateServiceApp, SetConnection, user]
        );
    }

    #[test]
    fn every_app_takes_the_steps_of_the_contract() {
        use Step::*;
        let user = SetFeature(Feature::UserProvisioning);
        let inbound = SetFeature(Feature::InboundProvisioning);
        let both = serde_json::json!({
            "INBOUND_PROVISIONING": {}, "USER_PROVISIONING": {} });
        for app in App::ALL {
            for scheme in app.schemes() {
                let profile = serde_json::json!({ "authScheme": scheme });
                let steps = steps(&entry(serde_json::json!({
                    "org": "a", "app": app, "label": "L",
                    "connection": { "profile": profile }, "features": both })));
                let expected = if app.needs_consent() {
                    vec![
                        FindApp,
                        SetConnection,
                        AwaitConsent,
                        CompleteConsent,
                        ActivateConnection,
                        user,
                        inbound,
                    ]
                } else {
                    vec![FindApp, SetConnection, user, inbound]
                };
                assert_eq!(steps, expected, "{app} {scheme}");
            }
        }
    }

    #[test]
    fn disabled_means_deactivate_and_nothing_else() {
        let entry = entry(serde_json::json!({
            "org": "a", "app": "google", "appId": "0oa1", "status": "DISABLED",
            "connection": { "profile": { "authScheme": "OAUTH2" } } }));
        assert_eq!(steps(&entry), [Step::DeactivateConnection]);
    }

    #[test]
    fn features_without_a_connection_are_set_on_the_connection_that_is_there() {
        let entry = entry(serde_json::json!({
            "org": "a", "app": "slack", "appId": "0oa1",
            "features": { "USER_PROVISIONING": {} } }));
        assert_eq!(steps(&entry), [Step::SetFeature(Feature::UserProvisioning)]);
    }

    #[test]
    fn an_app_to_create_is_looked_for_first() {
        let entry = entry(serde_json::json!({
            "org": "a", "app": "zscalerbyz", "label": "Z", "create": { "settings": { "app": {} } },
            "connection": { "baseUrl": "https://z.example",
                            "profile": { "authScheme": "TOKEN", "token": "env:Z" } } }));
        assert_eq!(
            steps(&entry),
            [Step::FindApp, Step::CreateApp, Step::SetConnection]
        );
    }
}
