//! An Org2Org app that signs people in through an identity provider of its hub (API.md §6, row 2).

use serde_json::{Map, Value};

use super::apps::{self, AppInstance, MAX_TEXT};
use super::fields::{self, fields};
use super::request::{Bucket, Read, Write, segment};
use crate::apps::App;
use crate::text::{Told, Veil};

/// The setting that names the provider.
const IDP_ID: &str = "idpId";

/// The app, as far as it is needed to tell whether it and a provider belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedApp {
    /// Its id, `0oa…`.
    pub id: String,
    /// The OAuth client that it signs people in as; `None` = it does not.
    pub client_id: Option<String>,
    /// The provider that it names; `None` = none.
    pub idp_id: Option<Told>,
}

/// Reads it, from a bucket of its own (API.md §10.1).
pub fn get(app_id: &str) -> Read<FederatedApp> {
    let path = format!("/api/v1/apps/{}", segment(app_id));
    Read::new(Bucket::AppById, path, FederatedApp::read)
}

/// As [`apps::create`], with settings that name this provider.
pub fn create(
    app: App,
    label: &str,
    sign_on_mode: Option<&str>,
    settings: &Map<String, Value>,
    idp_id: &str,
) -> Write<FederatedApp> {
    let mut settings = settings.clone();
    if let Some(Value::Object(of_app)) = settings.get_mut("app") {
        of_app.insert(IDP_ID.to_owned(), idp_id.into());
    }
    let plain = apps::create(app, label, sign_on_mode, &settings);
    Write::new(plain.request().clone(), FederatedApp::read)
}

impl FederatedApp {
    fn read(answer: &[u8], veil: &Veil) -> Option<Self> {
        let app = AppInstance::read(answer, veil)?;
        let shown: Shown = fields::object(answer)?;
        let client = shown.credentials.and_then(|credentials| credentials.client);
        let client_id = client.and_then(|client| client.client_id);
        let settings = shown.settings.and_then(|settings| settings.app);
        let settings = settings.unwrap_or_default();
        // The guide's example spells it so (API.md §6).
        let idp_id = settings.idp_id.or(settings.odd_idp_id);
        let idp_id = idp_id.filter(|id| !id.is_empty() && id.len() <= MAX_TEXT);
        Some(Self {
            id: app.id,
            client_id: client_id.and_then(|id| veil.word(&id)),
            idp_id: idp_id.map(|id| veil.told(&id)),
        })
    }
}

/// An app as it comes.
#[derive(Default)]
struct Shown {
    credentials: Option<Credentials>,
    settings: Option<Settings>,
}

fields!(Shown {
    "credentials" => inner(credentials),
    "settings" => inner(settings),
});

#[derive(Default)]
struct Credentials {
    client: Option<Client>,
}

fields!(Credentials { "oauthClient" => inner(client) });

#[derive(Default)]
struct Client {
    client_id: Option<String>,
}

fields!(Client { "client_id" => text(client_id) });

#[derive(Default)]
struct Settings {
    app: Option<OfApp>,
}

fields!(Settings { "app" => inner(app) });

#[derive(Default)]
struct OfApp {
    idp_id: Option<String>,
    odd_idp_id: Option<String>,
}

fields!(OfApp {
    "idpId" => text(idp_id),
    "idPId" => text(odd_idp_id),
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_app_names_a_provider_or_none() {
        for (shown, client_id, idp_id) in [
            (
                json!({ "credentials": { "oauthClient": { "client_id": "0oaC" } },
                    "settings": { "app": { "baseUrl": "https://hub", "idpId": "0oaI" } } }),
                Some("0oaC"),
                Some("0oaI"),
            ),
            (
                json!({ "settings": { "app": { "idPId": "0oaI" } } }),
                None,
                Some("0oaI"),
            ),
            (
                json!({ "credentials": { "oauthClient": { "client_id": "a b" } },
                    "settings": { "app": { "idpId": "" } } }),
                None,
                None,
            ),
            (json!({ "settings": [] }), None, None),
        ] {
            let mut answer = shown.clone();
            answer["id"] = json!("0oa1");
            let read = FederatedApp::read(answer.to_string().as_bytes(), &Veil::default());
            let expected = FederatedApp {
                id: "0oa1".to_owned(),
                client_id: client_id.map(str::to_owned),
                idp_id: idp_id.map(Into::into),
            };
            assert_eq!(read, Some(expected), "{shown}");
        }
    }

    #[test]
    fn it_is_created_with_its_provider() {
        let mut settings = Map::new();
        settings.insert("app".to_owned(), json!({ "baseUrl": "https://hub" }));
        let mode = Some("OPENID_CONNECT");
        let call = create(App::OktaOrg2Org, "To the hub", mode, &settings, "0oaI");
        let body = call.request().body().unwrap().bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            json!({ "name": "okta_org2org", "label": "To the hub", "signOnMode": "OPENID_CONNECT",
                "settings": { "app": { "baseUrl": "https://hub", "idpId": "0oaI" } } })
        );
        assert_eq!(get("0oa1").request().bucket, Bucket::AppById);
    }
}
