//! What a hub has to show of an entry's service app, and what of that differs (API.md §6).

use serde_json::{Value, json};

use super::decide::Obstacle;
use super::features::Difference;
use super::idp::{SeenIdp, had_wanted_idp, is_same_org};
use crate::manifest::{AdminRole, Hub};
use crate::okta::clients::{AssignedRole, ClientKeys, ServiceClient};
use crate::text::Told;

/// What stands for the id of a service app that a run is still to make.
pub const NEW_CLIENT: &str = "(new service app)";

/// What stands for the id of an app that a run is still to create.
pub const NEW_APP: &str = "(new app)";

/// Fields of a service app, as paths below `hub`.
pub const CLIENT_NAME: &str = "clientName";
/// Where its keys are; follows from the entry's org and app.
pub const JWKS_URI: &str = "jwksUri";
/// One of its roles.
pub const ROLES: &str = "roles";
/// One of its scopes.
pub const SCOPES: &str = "scopes";
/// Whether its tokens are bound to a key.
pub const DPOP: &str = "dpop";

/// What was seen of an entry's hub.
#[derive(Clone, Debug, Default)]
pub struct SeenHub {
    /// Where the entry's own org is reached.
    pub own_origin: String,
    /// The id of the entry's own app there; empty = it is still to be created.
    pub own_app_id: String,
    /// The service app's id, if the ledger knows it.
    pub known: Option<String>,
    /// What a look by that id showed; `None` = it is not there any more.
    pub looked: Option<ServiceClient>,
    /// Where it is not known, or gone: the hub's service apps that may be it.
    pub listed: Vec<ServiceClient>,
    /// Its roles.
    pub roles: Vec<AssignedRole>,
    /// Its scopes.
    pub scopes: Vec<Told>,
    /// Whether its tokens are bound to a key, where that was looked at.
    pub dpop: Option<bool>,
    /// What was seen of the identity provider that stands for the entry's org, where that was looked for.
    pub idp: Option<SeenIdp>,
}

/// Where a connection's public keys are, for the hub to read them (API.md §3.5).
pub fn jwks_uri(origin: &str, app_id: &str) -> String {
    let id = if app_id.is_empty() { NEW_APP } else { app_id };
    format!("{origin}/api/v1/apps/{id}/connections/default/jwks")
}

/// The entry's service app among those of the hub that may be it; `None` = it is to be made.
///
/// # Errors
/// When several could be it.
pub fn found_client<'a>(
    hub: &Hub,
    jwks_uri: &str,
    found: &'a [ServiceClient],
) -> Result<Option<&'a ServiceClient>, Obstacle> {
    let named: Vec<_> = found
        .iter()
        .filter(|client| client.name.raw() == hub.client_name)
        .collect();
    let signs_so = |client: &&&ServiceClient| matches!(&client.keys, ClientKeys::At(uri) if uri.raw() == jwks_uri);
    let mut own = named.iter().filter(signs_so);
    match (named.as_slice(), own.next(), own.next()) {
        ([], ..) => Ok(None),
        ([one], ..) => Ok(Some(one)),
        (_, Some(own), None) => Ok(Some(own)),
        (several, ..) => {
            let ids: Vec<_> = several.iter().map(|client| client.id.as_str()).collect();
            let count = ids.len();
            Err(Obstacle::new(
                format!(
                    "{count} service apps in {} are named {:?}: {}",
                    hub.org,
                    hub.client_name,
                    ids.join(", ")
                ),
                "remove those that nobody uses there, or give another hub.clientName",
            ))
        }
    }
}

/// What of a service app differs from what the entry wants of it.
///
/// # Errors
/// When it is somebody else's.
pub fn client_differences(
    hub: &Hub,
    jwks_uri: &str,
    client: &ServiceClient,
) -> Result<Vec<Difference>, Obstacle> {
    let mut differences = Vec::new();
    if !client.name.raw().is_empty() && client.name.raw() != hub.client_name {
        let live = client.name.to_string();
        differences.push(Difference::text(CLIENT_NAME, Some(&live), &hub.client_name));
    }
    // Keys that somebody registered with it are left, and what is not shown cannot be compared.
    if let ClientKeys::At(uri) = &client.keys
        && uri.raw() != jwks_uri
    {
        let live = uri.to_string();
        // One of another app of the same org was there before this one: names tell service apps apart.
        if !is_same_org(uri.raw(), jwks_uri) {
            return Err(Obstacle::new(
                format!(
                    "the service app {:?} ({}) in {} signs with the keys of another org: {live}",
                    hub.client_name, client.id, hub.org
                ),
                "give another hub.clientName, or remove that service app in the hub's Admin Console",
            ));
        }
        differences.push(Difference::text(JWKS_URI, Some(&live), jwks_uri));
    }
    Ok(differences)
}

/// The roles of a service app as they are, and with this one; nothing = it has it.
pub fn missing_role(role: &AdminRole, assigned: &[AssignedRole]) -> Vec<Difference> {
    if assigned.iter().any(|assigned| assigned.is(role)) {
        return Vec::new();
    }
    let shown = assigned.iter().filter_map(AssignedRole::role);
    vec![one_more(ROLES, shown.map(|role| json!(role)), json!(role))]
}

/// The scopes of a service app as they are, and with this one; nothing = it has it.
pub fn missing_scope(scope: &str, granted: &[Told]) -> Vec<Difference> {
    if granted.iter().any(|granted| granted.raw() == scope) {
        return Vec::new();
    }
    let shown = granted.iter().map(|scope| json!(scope.to_string()));
    vec![one_more(SCOPES, shown, scope.into())]
}

fn one_more(path: &str, shown: impl Iterator<Item = Value>, wanted: Value) -> Difference {
    let live: Vec<Value> = shown.collect();
    let mut with = live.clone();
    with.push(wanted);
    Difference {
        path: path.to_owned(),
        live: Some(live.into()),
        wanted: with.into(),
    }
}

/// Whether tokens still have to be bound to a key; nothing = they are.
pub fn missing_dpop(dpop: Option<bool>) -> Vec<Difference> {
    match dpop {
        Some(true) => Vec::new(),
        live => vec![Difference {
            path: DPOP.to_owned(),
            live: live.map(Value::from),
            wanted: true.into(),
        }],
    }
}

/// Whether a hub was to have this of its service app.
pub(super) fn had_wanted(hub: &Hub, found: &Difference) -> bool {
    let added = found.wanted.as_array().and_then(|list| list.last());
    match found.path.as_str() {
        CLIENT_NAME => found.wanted == *hub.client_name,
        ROLES => hub.roles.iter().any(|role| added == Some(&json!(role))),
        SCOPES => hub.scopes.iter().any(|scope| added == Some(&json!(scope))),
        DPOP => hub.dpop,
        // The address of an app's keys is always the same.
        JWKS_URI => true,
        _ => had_wanted_idp(hub, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://acme.okta.com/api/v1/apps/0oa1/connections/default/jwks";

    fn hub() -> Hub {
        serde_json::from_value(
            json!({ "org": "hub", "clientName": "spoke", "roles": ["USER_ADMIN"],
            "scopes": ["okta.users.manage"], "dpop": true }),
        )
        .unwrap()
    }

    fn client(id: &str, name: &str, keys: ClientKeys) -> ServiceClient {
        ServiceClient {
            id: id.to_owned(),
            name: name.into(),
            keys,
        }
    }

    fn at(uri: &str) -> ClientKeys {
        ClientKeys::At(uri.into())
    }

    #[test]
    fn a_service_app_is_found_by_its_name_and_then_by_its_keys() {
        let other = "https://globex.okta.com/api/v1/apps/0oa1/connections/default/jwks";
        let all = [
            client("0oa1", "other", at(OWN)),
            client("0oa2", "spoke", at(other)),
            client("0oa3", "spoke", at(OWN)),
            client("0oa4", "spoke", ClientKeys::Registered),
            client("0oa5", "spoke", at(OWN)),
        ];
        let found = |places: &[usize]| {
            let some: Vec<_> = places.iter().map(|place| all[*place].clone()).collect();
            found_client(&hub(), OWN, &some)
                .map(|found| found.map(|client| client.id.clone()))
                .map_err(|obstacle| obstacle.message)
        };
        assert_eq!(found(&[]), Ok(None));
        assert_eq!(found(&[0]), Ok(None));
        assert_eq!(found(&[0, 1]), Ok(Some("0oa2".to_owned())));
        assert_eq!(found(&[1, 2, 3]), Ok(Some("0oa3".to_owned())));
        for several in [&[1, 3][..], &[2, 4]] {
            let message = found(several).unwrap_err();
            assert!(
                message.starts_with("2 service apps in hub are named \"spoke\": 0oa"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_service_app_has_the_entrys_name_and_its_apps_keys() {
        let before = "https://acme.okta.com/api/v1/apps/0oaOld/connections/default/jwks";
        let elsewhere = "https://acme.okta.com.evil.example/jwks";
        for (name, keys, wanted) in [
            ("spoke", at(OWN), Ok(vec![])),
            ("spoke", ClientKeys::Registered, Ok(vec![])),
            ("spoke", ClientKeys::NotShown, Ok(vec![])),
            ("", at(OWN), Ok(vec![])),
            ("renamed", at(OWN), Ok(vec!["clientName"])),
            ("renamed", at(before), Ok(vec!["clientName", "jwksUri"])),
            ("spoke", at(elsewhere), Err(())),
            ("spoke", at("no address"), Err(())),
        ] {
            let found = client_differences(&hub(), OWN, &client("0oa9", name, keys.clone()));
            let paths = found.as_ref().map(|found| {
                let paths = found.iter().map(|found| found.path.as_str());
                paths.collect::<Vec<_>>()
            });
            assert_eq!(paths.map_err(|_| ()), wanted, "{name} {keys:?}");
        }
    }

    #[test]
    fn what_is_missing_was_wanted_before_or_not() {
        let role = AdminRole::Standard("USER_ADMIN".to_owned());
        let missing = [
            missing_role(&role, &[]),
            missing_scope("okta.users.manage", &["okta.users.read".into()]),
            missing_dpop(None),
            missing_dpop(Some(false)),
        ];
        for found in missing.iter().flatten() {
            assert!(had_wanted(&hub(), found), "{found}");
        }
        let told: Vec<_> = missing.iter().flatten().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                r#"roles: [] → ["USER_ADMIN"]"#,
                r#"scopes: ["okta.users.read"] → ["okta.users.read","okta.users.manage"]"#,
                "dpop: not set → true",
                "dpop: false → true",
            ]
        );
        assert!(missing_scope("okta.users.manage", &["okta.users.manage".into()]).is_empty());
        assert!(missing_dpop(Some(true)).is_empty());
        let mut before = hub();
        (before.roles, before.scopes, before.dpop) = (Vec::new(), Vec::new(), false);
        before.client_name = "x".to_owned();
        for found in missing.iter().flatten() {
            assert!(!had_wanted(&before, found), "{found}");
        }
    }
}
