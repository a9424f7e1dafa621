//! The `hub` of an entry: the service app that its connection signs in as, and the identity provider through which its app
//! signs people in, as far as a manifest can say it.

use serde_json::{Map, Value, json};

use super::judged::{Said, judged};
use super::{Naming, Org, Outcome, without_secrets};
use crate::export::hub::{LiveFederation, LiveService, Service, Services};
use crate::export::live::LiveApp;
use crate::manifest::{Hub, Idp};
use crate::okta::clients::ClientKeys;
use crate::okta::idps::IdentityProvider;
use crate::plan::{Obstacle, found_idp, idp_differences, jwks_uri, named_idp, no_idp};
use crate::text::Veil;

/// The hub side of an entry.
struct HubSide {
    /// What stands at `hub`.
    hub: Value,
    /// What had to be left out of it, and what is to be filled in.
    notes: Vec<String>,
    /// What hides the secrets of the hub.
    veil: Veil,
    /// Whether all of it could be read.
    outcome: Outcome,
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
        said.map(|said| (said, side)).map_err(|why| Kept {
            why,
            outcome: Outcome::Told,
        })
    });
    match side {
        Ok((mut said, side)) => {
            said.notes.extend(side.notes);
            said.outcome = side.outcome;
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
    let hub = said.entry.hub.as_ref();
    if hub.map(|hub| hub.client_name.as_str()) != side.hub["clientName"].as_str() {
        return Err("no manifest can say its name".to_owned());
    }
    let idp_name = hub.and_then(|hub| hub.idp_name());
    if idp_name.is_some() && idp_name != side.hub["idp"]["name"].as_str() {
        return Err("no manifest can say the name of its identity provider".to_owned());
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
        _ => Ok(said(org, app, found)),
    }
}

fn said(org: &Org<'_>, app: &LiveApp, found: &LiveService) -> HubSide {
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
    match idp(org, &app.id, found) {
        Ok(Some(name)) => drop(hub.insert("idp".to_owned(), json!({ "name": name }))),
        Ok(None) => {}
        Err(why) => notes.push(format!("hub.idp is left out: {why}")),
    }
    HubSide {
        hub: Value::Object(hub),
        notes,
        veil: found.client.name.veil().clone(),
        outcome: match found.federation {
            Ok(_) => Outcome::Told,
            Err(_) => Outcome::Unread,
        },
    }
}

/// The name of the identity provider through which the app signs people in, if it does; `Err` = an entry with it would not
/// find it, or change it.
fn idp<'a>(org: &Org<'_>, app_id: &str, found: &'a LiveService) -> Result<Option<&'a str>, String> {
    let Some(LiveFederation { app, listed }) = found.federation.as_ref().map_err(Clone::clone)?
    else {
        return Ok(None);
    };
    if let Some(to) = org.carried_to() {
        return Err(format!(
            "the identity provider stands for {}, and not for {to}",
            org.name
        ));
    }
    let is_named = |idp: &&IdentityProvider| {
        app.idp_id
            .as_ref()
            .is_some_and(|named| *named.raw() == *idp.id)
    };
    let named = listed.iter().find(is_named);
    let hub = Hub {
        org: found.hub.clone(),
        client_name: found.client.name.raw().to_owned(),
        roles: Vec::new(),
        scopes: Vec::new(),
        dpop: false,
        idp: Some(Idp {
            name: named.map(|idp| idp.name.raw().to_owned()),
        }),
    };
    let told = |obstacle: Obstacle| obstacle.message;
    let own = found_idp(&hub, org.origin, Some(app_id), listed).map_err(told)?;
    let own_id = own.map(|idp| idp.id.as_str());
    let (id, client_id) = named_idp(&hub, own_id, app).map_err(told)?;
    let Some(own) = own else {
        return Err(no_idp(&hub, app_id, &id).message);
    };
    let differences = idp_differences(&hub, org.origin, &client_id, own).map_err(told)?;
    match differences.first() {
        None => Ok(Some(own.name.raw())),
        Some(first) => Err(format!(
            "the identity provider is not as an entry would have it: {first}"
        )),
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
    use crate::apps::App;
    use crate::export::LiveState;
    use crate::export::entry::Scope;
    use crate::manifest::AdminRole;
    use crate::okta::clients::{AssignedRole, ServiceClient};
    use crate::okta::federated_app::FederatedApp;

    const OWN: &str = "https://acme.okta.com";

    fn org(naming: Naming<'_>) -> Org<'_> {
        Org {
            name: "acme",
            origin: OWN,
            services: None,
            naming,
            scope: Scope::Enabled,
        }
    }

    fn service(federation: Result<Option<LiveFederation>, String>) -> LiveService {
        LiveService {
            hub: "hub".to_owned(),
            client: ServiceClient {
                id: "0oa1".to_owned(),
                name: "spoke".into(),
                keys: ClientKeys::NotShown,
            },
            roles: Vec::new(),
            scopes: Vec::new(),
            dpop: false,
            federation,
        }
    }

    #[test]
    fn an_identity_provider_is_said_where_an_entry_finds_it_as_it_is() {
        let provider = |id: &str, name: &str, client_id: &str| IdentityProvider {
            id: id.to_owned(),
            name: name.into(),
            org_url: Some(OWN.into()),
            client_id: Some(client_id.into()),
            algorithm: Some("RS256".into()),
            scopes: None,
            has_policy: true,
        };
        let app = |idp_id: &str| FederatedApp {
            id: "0oaA".to_owned(),
            client_id: Some("0oaA".to_owned()),
            idp_id: Some(idp_id.into()),
        };
        let right = provider("0oaI", "People", "0oaA");
        let mut elsewhere = right.clone();
        elsewhere.org_url = Some("https://globex.okta.com".into());
        let mut lost = right.clone();
        lost.has_policy = false;
        let else_named = provider("0oaJ", "People", "0oaB");
        for (names, listed, told) in [
            ("0oaI", vec![right.clone()], Ok("People")),
            (
                "0oaI",
                vec![right.clone(), else_named.clone()],
                Ok("People"),
            ),
            ("0oaX", vec![], Err("which hub does not have")),
            (
                "0oaJ",
                vec![right.clone(), else_named],
                Err("names another identity provider"),
            ),
            (
                "0oaI",
                vec![provider("0oaI", "People", "0oaB")],
                Err("idp.clientId"),
            ),
            ("0oaI", vec![elsewhere], Err("stands for another org")),
            ("0oaI", vec![lost], Err("idp.policy.provisioning.action")),
        ] {
            let found = service(Ok(Some(LiveFederation {
                app: app(names),
                listed,
            })));
            match (idp(&org(Naming::Ids), "0oaA", &found), told) {
                (Ok(Some(name)), Ok(wanted)) => assert_eq!(name, wanted),
                (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
                (other, told) => panic!("{other:?} instead of {told:?}"),
            }
        }
        let found = service(Ok(Some(LiveFederation {
            app: app("0oaI"),
            listed: vec![right],
        })));
        let carried = idp(&org(Naming::Labels("globex")), "0oaA", &found);
        assert!(
            carried
                .unwrap_err()
                .contains("stands for acme, and not for globex")
        );
        assert_eq!(idp(&org(Naming::Ids), "0oaA", &service(Ok(None))), Ok(None));
        let unread = service(Err("no right".to_owned()));
        assert!(idp(&org(Naming::Ids), "0oaA", &unread).is_err());
    }

    #[test]
    fn what_no_manifest_can_say_is_left_out_and_told() {
        let standard = |kind: &str| AssignedRole::of(&AdminRole::Standard(kind.to_owned()));
        let custom = AdminRole::Custom {
            role: "cr1".to_owned(),
            resource_set: "iam1".to_owned(),
        };
        let found = LiveService {
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
            ..service(Ok(None))
        };
        let app = LiveApp {
            app: App::OktaOrg2Org,
            id: "0oaA".to_owned(),
            label: "To the hub".into(),
            state: LiveState::Inactive,
        };
        let side = said(&org(Naming::Ids), &app, &found);
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
