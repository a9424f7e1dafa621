//! What a hub has to show of the identity provider that stands for an entry's org, and what of that differs (API.md §6, rows
//! 1 to 3).

use serde_json::{Value, json};
use url::Url;

use super::decide::Obstacle;
use super::features::Difference;
use crate::manifest::Hub;
use crate::okta::federated_app::FederatedApp;
use crate::okta::idps::{self, ALGORITHM, IdentityProvider, PLACEHOLDER};
use crate::text::Told;

/// What stands for the id of a provider that a run is still to make.
pub const NEW_IDP: &str = "(new identity provider)";

/// Fields of a provider, as paths below `hub`.
pub const IDP_NAME: &str = "idp.name";
/// The app that signs people in.
const CLIENT_ID: &str = "idp.clientId";
/// With what the entry's org signs.
const SIGNING: &str = "idp.signing.algorithm";
/// What the hub asks that org for.
const SCOPES: &str = "idp.scopes";
/// What becomes of those who come; it is lost as a whole.
const POLICY: &str = "idp.policy.provisioning.action";

/// What was seen of an entry's identity provider.
#[derive(Clone, Debug, Default)]
pub struct SeenIdp {
    /// The hub's providers that may be it, and the one that the app names.
    pub listed: Vec<IdentityProvider>,
    /// The entry's app, where that had to be looked at.
    pub app: Option<FederatedApp>,
    /// The one that the app names, where no list has it; `None` = it is not there.
    pub named: Option<IdentityProvider>,
}

/// Whether a provider lets in those whom this client signs in.
pub fn serves(idp: &IdentityProvider, client_id: &str) -> bool {
    let client = idp.client_id.as_ref();
    client.is_some_and(|client| client.raw() == client_id)
}

/// Whether it was made and serves no app yet.
pub fn is_new(idp: &IdentityProvider) -> bool {
    serves(idp, PLACEHOLDER)
}

/// Whether one may be the entry's.
pub fn may_be(idp: &IdentityProvider, name: &str, app_id: Option<&str>) -> bool {
    idp.name.raw() == name || app_id.is_some_and(|app_id| serves(idp, app_id))
}

/// The entry's provider among those that may be it: by its name, else by the app that it serves, whose client usually has
/// its id. `None` = there is none.
///
/// # Errors
/// When several could be it, or it stands for another org.
pub fn found_idp<'a>(
    hub: &Hub,
    own_origin: &str,
    app_id: Option<&str>,
    listed: &'a [IdentityProvider],
) -> Result<Option<&'a IdentityProvider>, Obstacle> {
    let name = hub.idp_name().unwrap_or_default();
    let named: Vec<_> = listed.iter().filter(|idp| idp.name.raw() == name).collect();
    let own = |idp: &&IdentityProvider| app_id.is_some_and(|app_id| serves(idp, app_id));
    let found = match named.as_slice() {
        [] => listed.iter().find(own),
        [one] => Some(*one),
        several => {
            let of_app = several.iter().copied().find(own);
            let ids: Vec<_> = several.iter().map(|idp| idp.id.as_str()).collect();
            let several = || {
                Obstacle::new(
                    format!(
                        "{} identity providers in {} are named {name:?}: {}",
                        ids.len(),
                        hub.org,
                        ids.join(", ")
                    ),
                    "remove those that nobody uses there, or give another hub.idp.name",
                )
            };
            Some(of_app.ok_or_else(several)?)
        }
    };
    if let Some(found) = found {
        stands_for(hub, own_origin, found)?;
    }
    Ok(found)
}

/// Refuses one that stands for another org.
fn stands_for(hub: &Hub, own_origin: &str, idp: &IdentityProvider) -> Result<(), Obstacle> {
    let Some(url) = &idp.org_url else {
        return Ok(());
    };
    if is_same_org(url.raw(), own_origin) {
        return Ok(());
    }
    Err(Obstacle::new(
        format!(
            "the identity provider \"{}\" ({}) in {} stands for another org: {url}",
            idp.name, idp.id, hub.org
        ),
        "give another hub.idp.name, or remove that identity provider in the hub's Admin Console",
    ))
}

/// Whether two addresses lead to one org.
pub(super) fn is_same_org(one: &str, other: &str) -> bool {
    let origin = |text: &str| Url::parse(text).map(|url| url.origin()).ok();
    one == other || origin(one).is_some_and(|of_one| Some(of_one) == origin(other))
}

/// The provider that an app which is there names, and the client that it signs people in as. `found`: the id of the
/// entry's, if one was found.
///
/// # Errors
/// When it is another one, or none: what an app names stays with it.
pub fn named_idp(
    hub: &Hub,
    found: Option<&str>,
    app: &FederatedApp,
) -> Result<(String, String), Obstacle> {
    let (name, app_id) = (hub.idp_name().unwrap_or_default(), &app.id);
    let anew =
        "give create and another label, so that an app is made that signs people in through it";
    let Some(names) = &app.idp_id else {
        return Err(Obstacle::new(
            format!("app {app_id} names no identity provider (settings.app.idpId)"),
            format!("leave hub.idp out, or {anew}"),
        ));
    };
    match found {
        Some(found) if found != names.raw() => Err(Obstacle::new(
            format!(
                "app {app_id} names another identity provider in its settings.app.idpId, {names}, than {name:?} ({found}) in {}",
                hub.org
            ),
            format!("give the name of that one as hub.idp.name, or {anew}"),
        )),
        _ => match &app.client_id {
            Some(client_id) => Ok((names.raw().to_owned(), client_id.clone())),
            None => Err(Obstacle::new(
                format!("Okta shows no OAuth client of app {app_id}, which signs nobody in"),
                format!("leave hub.idp out, or {anew}"),
            )),
        },
    }
}

/// What is said of a provider that an app names and its hub does not have.
pub fn no_idp(hub: &Hub, app_id: &str, idp_id: &str) -> Obstacle {
    Obstacle::new(
        format!(
            "app {app_id} names the identity provider {idp_id}, which {} does not have",
            hub.org
        ),
        "give create and another label, so that app and identity provider are made anew, or leave hub.idp out",
    )
}

/// What of a provider differs from what the entry wants of it, whose app signs people in as this client.
///
/// # Errors
/// When it stands for another org.
pub fn idp_differences(
    hub: &Hub,
    own_origin: &str,
    client_id: &str,
    idp: &IdentityProvider,
) -> Result<Vec<Difference>, Obstacle> {
    stands_for(hub, own_origin, idp)?;
    let mut differences = Vec::new();
    let name = hub.idp_name().unwrap_or_default();
    if !idp.name.raw().is_empty() && idp.name.raw() != name {
        let live = idp.name.to_string();
        differences.push(Difference::text(IDP_NAME, Some(&live), name));
    }
    if !serves(idp, client_id) {
        let live = idp.client_id.as_ref().map(ToString::to_string);
        differences.push(Difference::text(CLIENT_ID, live.as_deref(), client_id));
    }
    // What is not shown cannot be compared.
    if let Some(shown) = &idp.algorithm
        && shown.raw() != ALGORITHM
    {
        let live = shown.to_string();
        differences.push(Difference::text(SIGNING, Some(&live), ALGORITHM));
    }
    if let Some(shown) = &idp.scopes {
        differences.extend(missing_scopes(shown));
    }
    if !idp.has_policy {
        differences.push(Difference::text(POLICY, None, "AUTO"));
    }
    Ok(differences)
}

/// The scopes of a provider as they are, and with those that it lacks; nothing = it has them all.
fn missing_scopes(shown: &[Told]) -> Option<Difference> {
    let has = |needed: &&str| shown.iter().any(|scope| scope.raw() == *needed);
    let lacks: Vec<&str> = idps::SCOPES
        .into_iter()
        .filter(|scope| !has(scope))
        .collect();
    let live: Vec<Value> = shown.iter().map(|scope| json!(scope.to_string())).collect();
    let mut wanted = live.clone();
    wanted.extend(lacks.iter().map(|scope| json!(scope)));
    (!lacks.is_empty()).then(|| Difference {
        path: SCOPES.to_owned(),
        live: Some(live.into()),
        wanted: wanted.into(),
    })
}

/// Whether a hub was to have this of its identity provider.
pub(super) fn had_wanted_idp(hub: &Hub, found: &Difference) -> bool {
    match found.path.as_str() {
        IDP_NAME => hub.idp_name() == found.wanted.as_str(),
        // These follow from the app, or are always the same.
        CLIENT_ID | SIGNING | SCOPES | POLICY => hub.idp.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWN: &str = "https://acme.okta.com";

    fn hub() -> Hub {
        let hub = json!({ "org": "hub", "clientName": "spoke", "idp": {} });
        serde_json::from_value(hub).unwrap()
    }

    fn idp(id: &str, name: &str, client_id: &str) -> IdentityProvider {
        IdentityProvider {
            id: id.to_owned(),
            name: name.into(),
            org_url: Some(OWN.into()),
            client_id: Some(client_id.into()),
            algorithm: None,
            scopes: None,
            has_policy: true,
        }
    }

    #[test]
    fn a_provider_is_found_by_its_name_and_then_by_its_app() {
        let mut all = [
            idp("0oa1", "spoke", PLACEHOLDER),
            idp("0oa2", "other", "0oaApp"),
            idp("0oa3", "spoke", "0oaApp"),
            idp("0oa4", "spoke", "0oaElse"),
            idp("0oa5", "spoke", "0oaApp"),
        ];
        all[4].org_url = Some("https://globex.okta.com".into());
        let found = |places: &[usize], app_id: Option<&str>| {
            let some: Vec<_> = places.iter().map(|place| all[*place].clone()).collect();
            found_idp(&hub(), OWN, app_id, &some)
                .map(|found| found.map(|idp| idp.id.clone()))
                .map_err(|obstacle| obstacle.message)
        };
        let (app, of) = (Some("0oaApp"), |id: &str| Ok(Some(id.to_owned())));
        assert_eq!(found(&[], app), Ok(None));
        assert_eq!(found(&[0, 1], app), of("0oa1"));
        assert_eq!(found(&[1], app), of("0oa2"));
        assert_eq!(found(&[1], None), Ok(None));
        assert_eq!(found(&[0, 2, 3], app), of("0oa3"));
        for (places, told) in [
            (
                &[0, 3][..],
                "2 identity providers in hub are named \"spoke\": 0oa1, 0oa4",
            ),
            (
                &[4],
                "the identity provider \"spoke\" (0oa5) in hub stands for another org: https://globex.okta.com",
            ),
        ] {
            assert_eq!(found(places, app), Err(told.to_owned()));
        }
    }

    #[test]
    fn an_app_names_the_entrys_provider_or_is_refused() {
        let app = |client_id: Option<&str>, idp_id: Option<&str>| FederatedApp {
            id: "0oaApp".to_owned(),
            client_id: client_id.map(str::to_owned),
            idp_id: idp_id.map(Into::into),
        };
        let whole = app(Some("0oaC"), Some("0oaI"));
        let right = Ok(("0oaI".to_owned(), "0oaC".to_owned()));
        for found in [None, Some("0oaI")] {
            assert_eq!(named_idp(&hub(), found, &whole), right);
        }
        for (found, app, told) in [
            (
                Some("0oaX"),
                &whole,
                "names another identity provider in its settings.app.idpId, 0oaI, than \"spoke\" (0oaX) in hub",
            ),
            (None, &app(Some("0oaC"), None), "names no identity provider"),
            (
                None,
                &app(None, Some("0oaI")),
                "Okta shows no OAuth client of app 0oaApp",
            ),
        ] {
            let message = named_idp(&hub(), found, app).unwrap_err().message;
            assert!(message.contains(told), "{message}");
        }
    }

    #[test]
    fn what_differs_was_wanted_before_or_not() {
        let right = idp("0oa1", "spoke", "0oaC");
        let mut wrong = idp("0oa1", "mine", PLACEHOLDER);
        (wrong.algorithm, wrong.has_policy) = (Some("ES256".into()), false);
        wrong.scopes = Some(vec!["groups".into(), "email".into()]);
        let differences = |idp: &IdentityProvider| idp_differences(&hub(), OWN, "0oaC", idp);
        assert_eq!(differences(&right), Ok(vec![]));
        let found = differences(&wrong).unwrap();
        let paths: Vec<_> = found.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(paths, [IDP_NAME, CLIENT_ID, SIGNING, SCOPES, POLICY]);
        assert_eq!(
            found[3].wanted,
            json!(["groups", "email", "openid", "profile"])
        );
        // More than is needed is somebody's own.
        let more = ["email", "groups", "openid", "profile"].map(Into::into);
        wrong.scopes = Some(more.to_vec());
        let differs = differences(&wrong).unwrap();
        assert!(differs.iter().all(|found| found.path != SCOPES));
        let mut without = hub();
        without.idp = None;
        for found in &found {
            assert!(had_wanted_idp(&hub(), found), "{found}");
            assert!(!had_wanted_idp(&without, found), "{found}");
        }
        wrong.org_url = Some("https://acme.okta.com.evil.example".into());
        assert!(differences(&wrong).is_err());
    }
}
