//! The `hub` of an entry: the service app that its connection signs in as, as far as a manifest can say it.

use serde_json::{Map, Value, json};

use super::judged::{Said, judged};
use super::{Naming, Org, Outcome, without_secrets};
use crate::export::hub::{LiveService, Service, Services};
use crate::export::live::LiveApp;
use crate::manifest::Hub;
use crate::okta::clients::ClientKeys;
use crate::plan::jwks_uri;
use crate::text::Veil;

/// The hub side of an entry.
struct HubSide {
    /// What stands at `hub`.
    hub: Value,
    /// What had to be left out of it, and what is to be filled in.
    notes: Vec<String>,
    /// What hides the secrets of the hub.
    veil: Veil,
}

/// Why the id of the service app stays.
struct Kept {
    why: String,
    outcome: Outcome,
}

/// The entry with the service app that its connection signs in as, where hubs were named and one of them has it; with its
/// id otherwise, and a note that says why.
pub(super) fn with_hub(
    org: &Org<'_>,
    app: &LiveApp,
    entry: Map<String, Value>,
) -> Result<Said, String> {
    let (Some(services), Some(id)) = (org.services, app.client_id()) else {
        return judged(entry);
    };
    let side = hub_side(org, app, id, services).and_then(|side| {
        let said = beside_hub(entry.clone(), &side);
        said.map(|said| (said, side.notes)).map_err(|why| Kept {
            why,
            outcome: Outcome::Told,
        })
    });
    match side {
        Ok((mut said, notes)) => {
            said.notes.extend(notes);
            Ok(said)
        }
        Err(Kept { why, outcome }) => {
            let mut said = judged(entry)?;
            let note = format!("connection.profile.clientId stands for its service app: {why}");
            said.notes.push(note);
            said.outcome = outcome;
            Ok(said)
        }
    }
}

fn beside_hub(mut entry: Map<String, Value>, side: &HubSide) -> Result<Said, String> {
    let profile = entry
        .get_mut("connection")
        .and_then(|connection| connection.pointer_mut("/profile"))
        .and_then(Value::as_object_mut);
    if let Some(profile) = profile {
        profile.remove("clientId");
    }
    entry.insert("hub".to_owned(), side.hub.clone());
    let said = judged(without_secrets(entry, &side.veil)?)?;
    // Whatever is written otherwise than it was told would not be found again.
    let name = said.entry.hub.as_ref().map(|hub| hub.client_name.as_str());
    if name != side.hub["clientName"].as_str() {
        return Err("no manifest can say its name".to_owned());
    }
    Ok(said)
}

// The hub side of a connection that signs in as this service app.
fn hub_side(org: &Org<'_>, app: &LiveApp, id: &str, services: &Services) -> Result<HubSide, Kept> {
    let kept = |why: String, outcome| Err(Kept { why, outcome });
    let found = match services.get(id) {
        Service::Found(found) => found,
        Service::Nowhere => {
            let why = match services.hubs() {
                [] => "no other org is named as its hub".to_owned(),
                hubs => format!("it is no service app of {}", hubs.join(", ")),
            };
            return kept(why, Outcome::Told);
        }
        Service::Unread(why) => return kept(why.clone(), Outcome::Unread),
        Service::Shared(why) => return kept(why.clone(), Outcome::Told),
    };
    match (&found.client.keys, org.carried_to()) {
        (ClientKeys::At(uri), _) if uri.raw() != jwks_uri(org.origin, &app.id) => {
            let why = format!("in {} it has the keys of another app: {uri}", found.hub);
            kept(why, Outcome::Told)
        }
        // Nothing would tell it apart from the other org's own.
        (ClientKeys::Registered | ClientKeys::NotShown, Some(_)) => {
            let why = format!("in {} it has keys of its own", found.hub);
            kept(why, Outcome::Told)
        }
        _ => Ok(said(org, found)),
    }
}

fn said(org: &Org<'_>, found: &LiveService) -> HubSide {
    let mut notes = Vec::new();
    let mut roles = Vec::new();
    for assigned in &found.roles {
        match assigned.role() {
            Some(role) if Hub::takes_role(&role) => {
                if !roles.contains(&role) {
                    roles.push(role);
                }
            }
            Some(role) => notes.push(format!(
                "hub.roles is without {role}, which no manifest can say"
            )),
            None => notes.push(
                "hub.roles is without a custom role, of which Okta does not show enough".to_owned(),
            ),
        }
    }
    let mut scopes: Vec<&str> = Vec::new();
    for scope in &found.scopes {
        if !Hub::takes_scope(scope.raw()) {
            notes.push(format!(
                "hub.scopes is without {scope}, which no manifest can say"
            ));
        } else if !scopes.contains(&scope.raw()) {
            scopes.push(scope.raw());
        }
    }
    if let Some(to) = org.carried_to() {
        notes.push(format!(
            "hub.clientName is the service app that {} uses in {}: give {to} one of its own",
            org.name, found.hub
        ));
    }
    let mut hub = Map::from_iter([
        ("org".to_owned(), found.hub.as_str().into()),
        ("clientName".to_owned(), found.client.name.raw().into()),
    ]);
    if !roles.is_empty() {
        hub.insert("roles".to_owned(), json!(roles));
    }
    if !scopes.is_empty() {
        hub.insert("scopes".to_owned(), json!(scopes));
    }
    if found.dpop {
        hub.insert("dpop".to_owned(), true.into());
    }
    HubSide {
        hub: Value::Object(hub),
        notes,
        veil: found.client.name.veil().clone(),
    }
}

impl Org<'_> {
    /// The other org that its entries are written for, if that is so.
    pub(super) fn carried_to(&self) -> Option<&str> {
        match self.naming {
            Naming::Labels(to) if to != self.name => Some(to),
            Naming::Ids | Naming::Labels(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::entry::Scope;
    use crate::manifest::AdminRole;
    use crate::okta::clients::{AssignedRole, ServiceClient};

    #[test]
    fn what_no_manifest_can_say_is_left_out_and_told() {
        let standard = |kind: &str| AssignedRole::of(&AdminRole::Standard(kind.to_owned()));
        let custom = AdminRole::Custom {
            role: "cr1".to_owned(),
            resource_set: "iam1".to_owned(),
        };
        let found = LiveService {
            hub: "hub".to_owned(),
            client: ServiceClient {
                id: "0oa1".to_owned(),
                name: "spoke".into(),
                keys: ClientKeys::NotShown,
            },
            roles: vec![
                standard("USER_ADMIN"),
                standard("NEXT_YEARS_ADMIN"),
                standard("CUSTOM"),
                AssignedRole::of(&custom),
                standard("USER_ADMIN"),
            ],
            scopes: ["okta.users.manage", "openid", "okta.users.manage"]
                .map(Into::into)
                .to_vec(),
            dpop: false,
        };
        let org = Org {
            name: "acme",
            origin: "https://acme.okta.com",
            services: None,
            naming: Naming::Ids,
            scope: Scope::Enabled,
        };
        let side = said(&org, &found);
        assert_eq!(
            side.hub,
            json!({ "org": "hub", "clientName": "spoke",
                "roles": ["USER_ADMIN", { "role": "cr1", "resourceSet": "iam1" }], "scopes": ["okta.users.manage"] })
        );
        assert_eq!(
            side.notes,
            [
                "hub.roles is without NEXT_YEARS_ADMIN, which no manifest can say",
                "hub.roles is without a custom role, of which Okta does not show enough",
                "hub.scopes is without openid, which no manifest can say",
            ]
        );
    }
}
