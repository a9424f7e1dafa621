//! The service apps of an org as OAuth clients, and their admin roles: `/oauth2/v1/clients` (API.md §1 rows 16 to 18, §6).

use serde::de::IgnoredAny;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::apps::{MAX_TEXT, PAGE};
use super::fields::{self, Nothing, fields};
use super::request::{Bucket, Method, Read, Request, RequestBody, Write, segment};
use crate::manifest::AdminRole;
use crate::text::{Told, Veil};

/// Longest address of keys that is kept (bytes); ours have some 120.
const MAX_URI: usize = 2_048;

/// A service app as an OAuth client, as far as it is needed to find and compare one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceClient {
    /// `client_id`, which is also the id of its app.
    pub id: String,
    /// `client_name`; empty if Okta left it out.
    pub name: Told,
    /// What it signs with.
    pub keys: ClientKeys,
}

/// What a client signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKeys {
    /// The keys at this address (`jwks_uri`).
    At(Told),
    /// Those that it was registered with (`jwks`).
    Registered,
    /// Okta shows neither.
    NotShown,
}

/// A client with all that Okta shows of it: only for sending it back.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeClient {
    /// What is used of it.
    pub client: ServiceClient,
    whole: Value,
}

impl WholeClient {
    fn read(answer: &[u8], veil: &Veil) -> Option<Self> {
        Some(Self {
            client: ServiceClient::read(answer, veil)?,
            whole: fields::whole(answer)?,
        })
    }

    /// The keys that it was registered with.
    pub fn keys(&self) -> Vec<Value> {
        let keys = self.whole.pointer("/jwks/keys").and_then(Value::as_array);
        keys.cloned().unwrap_or_default()
    }

    /// Whether it was registered with a key of this id.
    pub fn has_key(&self, kid: &str) -> bool {
        self.keys().iter().any(|key| key["kid"] == kid)
    }

    /// One of which no more is known, for whoever sends nothing.
    pub const fn supposed(client: ServiceClient) -> Self {
        Self {
            client,
            whole: Value::Null,
        }
    }
}

/// The first page of the org's clients: for [`next`].
pub fn first_page() -> String {
    format!("/oauth2/v1/clients?limit={PAGE}")
}

/// A page of the org's service apps; `path` is [`first_page`] or what [`Body::next`](super::Body::next) said.
pub fn next(path: &str) -> Read<Vec<ServiceClient>> {
    Read::page(Bucket::Clients, path.to_owned(), keep, |page, veil| {
        let listed: Vec<Listed> = fields::list(page)?;
        let listed = listed.into_iter();
        Some(listed.filter_map(|client| client.read(veil)).collect())
    })
}

/// One client.
pub fn get(client_id: &str) -> Read<WholeClient> {
    Read::new(Bucket::Clients, path(client_id, ""), WholeClient::read)
}

/// Registers a service app whose keys are at that address. Not idempotent: Okta allows two with one name.
pub fn create(name: &str, jwks_uri: &str) -> Write<ServiceClient> {
    let body = json!({
        "client_name": name,
        "application_type": "service",
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": jwks_uri,
    });
    let path = "/oauth2/v1/clients".to_owned();
    let request = Request::new(Method::Post, Bucket::Clients, path);
    Write::new(
        request.with_body(RequestBody::json(&body)),
        ServiceClient::read,
    )
}

/// Replaces a client with what it is but for this name and address of its keys: whatever is left out of a PUT is gone.
pub fn replace(
    found: &WholeClient,
    name: &str,
    jwks_uri: Option<&str>,
) -> Write<Option<ServiceClient>> {
    let mut whole = found.whole.clone();
    if let Some(fields) = whole.as_object_mut() {
        fields.retain(|field, _| !READ_ONLY.contains(&field.as_str()));
        fields.insert("client_name".to_owned(), name.into());
        if let Some(uri) = jwks_uri {
            fields.insert("jwks_uri".to_owned(), uri.into());
        }
    }
    let path = path(&found.client.id, "");
    let request = Request::new(Method::Put, Bucket::Clients, path);
    let request = request.with_body(RequestBody::json(&whole));
    Write::new(request, |answer, veil| {
        Some(ServiceClient::read(answer, veil))
    })
}

/// Replaces a client with what it is but for its keys, which are these from then on, and at no address.
pub fn register_keys(found: &WholeClient, keys: &[Value]) -> Write<Option<WholeClient>> {
    let mut whole = found.whole.clone();
    if let Some(fields) = whole.as_object_mut() {
        fields.retain(|field, _| !READ_ONLY.contains(&field.as_str()) && field != "jwks_uri");
        fields.insert("jwks".to_owned(), json!({ "keys": keys }));
    }
    let path = path(&found.client.id, "");
    let request = Request::new(Method::Put, Bucket::Clients, path);
    let request = request.with_body(RequestBody::json(&whole));
    Write::new(request, |answer, veil| {
        Some(WholeClient::read(answer, veil))
    })
}

/// What Okta says of a client and takes from nobody.
const READ_ONLY: [&str; 3] = ["_links", "client_id_issued_at", "client_secret_expires_at"];

/// A role that a client has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedRole {
    kind: String,
    // Of a custom role: its id and that of its resource set.
    custom: Option<(String, String)>,
}

impl AssignedRole {
    /// As a client has it that this role was assigned to.
    pub fn of(role: &AdminRole) -> Self {
        match role {
            AdminRole::Standard(kind) => Self {
                kind: kind.clone(),
                custom: None,
            },
            AdminRole::Custom { role, resource_set } => Self {
                kind: CUSTOM.to_owned(),
                custom: Some((role.clone(), resource_set.clone())),
            },
        }
    }

    /// Whether it is this one.
    pub fn is(&self, role: &AdminRole) -> bool {
        match role {
            AdminRole::Standard(kind) => self.kind == *kind,
            AdminRole::Custom { role, resource_set } => {
                let custom = self.custom.as_ref();
                custom.is_some_and(|(id, set)| id == role && set == resource_set)
            }
        }
    }

    /// The role that it is, for a manifest; `None` = Okta does not show enough of it.
    pub fn role(&self) -> Option<AdminRole> {
        match &self.custom {
            Some((role, resource_set)) => Some(AdminRole::Custom {
                role: role.clone(),
                resource_set: resource_set.clone(),
            }),
            None => (self.kind != CUSTOM).then(|| AdminRole::Standard(self.kind.clone())),
        }
    }

    fn read(answer: &[u8], veil: &Veil) -> Option<Self> {
        fields::object::<ListedRole>(answer)?.read(veil)
    }
}

const CUSTOM: &str = "CUSTOM";

/// The roles of a client.
pub fn roles(client_id: &str) -> Read<Vec<AssignedRole>> {
    let path = path(client_id, "/roles");
    Read::new(Bucket::Clients, path, |answer, veil| {
        let listed: Vec<ListedRole> = fields::list(answer)?;
        let listed = listed.into_iter();
        Some(listed.filter_map(|role| role.read(veil)).collect())
    })
}

/// Assigns a role. Gives it as the answer shows it, if it does. One that the client has is refused: 409, E0000263.
pub fn assign(client_id: &str, role: &AdminRole) -> Write<Option<AssignedRole>> {
    let body = match role {
        AdminRole::Standard(kind) => json!({ "type": kind }),
        AdminRole::Custom { role, resource_set } => {
            json!({ "type": CUSTOM, "role": role, "resource-set": resource_set })
        }
    };
    let request = Request::new(Method::Post, Bucket::Clients, path(client_id, "/roles"));
    let request = request.with_body(RequestBody::json(&body));
    Write::new(request, |answer, veil| {
        Some(AssignedRole::read(answer, veil))
    })
}

fn path(client_id: &str, rest: &str) -> String {
    format!("/oauth2/v1/clients/{}{rest}", segment(client_id))
}

impl ServiceClient {
    fn read(answer: &[u8], veil: &Veil) -> Option<Self> {
        fields::object::<Listed>(answer)?.bounded()?.read(veil)
    }
}

/// A client as it comes.
#[derive(Default, Serialize)]
struct Listed {
    client_id: Option<String>,
    client_name: Option<String>,
    application_type: Option<String>,
    jwks_uri: Option<String>,
    jwks: Option<KeySet>,
}

fields!(Listed {
    "client_id" => text(client_id),
    "client_name" => text(client_name),
    "application_type" => text(application_type),
    "jwks_uri" => text(jwks_uri),
    "jwks" => inner(jwks),
});

/// Whether there are keys.
#[derive(Default)]
pub(super) struct KeySet {
    keys: Option<Vec<Nothing>>,
}

fields!(KeySet { "keys" => inner_list(keys) });

impl KeySet {
    pub(super) fn has_keys(&self) -> bool {
        self.keys.as_ref().is_some_and(|keys| !keys.is_empty())
    }
}

/// That there are some is all that is kept.
impl Serialize for KeySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys: &[Value] = if self.has_keys() { &[json!({})] } else { &[] };
        json!({ "keys": keys }).serialize(serializer)
    }
}

/// What a client is said to sign with.
pub(super) fn client_keys(uri: Option<String>, jwks: Option<&KeySet>, veil: &Veil) -> ClientKeys {
    match uri.filter(|uri| !uri.is_empty()) {
        Some(uri) => ClientKeys::At(veil.told(&uri)),
        None if jwks.is_some_and(KeySet::has_keys) => ClientKeys::Registered,
        None => ClientKeys::NotShown,
    }
}

impl Listed {
    // Without texts that are too long; what has no id is nothing, nor is what is no service app.
    fn bounded(self) -> Option<Self> {
        let kept = |text: Option<String>, most| text.filter(|text| text.len() <= most);
        let of_service = |kind: &String| kind == "service";
        if self
            .application_type
            .as_ref()
            .is_some_and(|kind| !of_service(kind))
        {
            return None;
        }
        Some(Self {
            client_id: Some(kept(self.client_id, MAX_TEXT).filter(|id| !id.is_empty())?),
            client_name: kept(self.client_name, MAX_TEXT),
            jwks_uri: kept(self.jwks_uri, MAX_URI),
            ..self
        })
    }

    fn read(self, veil: &Veil) -> Option<ServiceClient> {
        Some(ServiceClient {
            id: veil.word(&self.client_id?)?,
            name: veil.told(&self.client_name.unwrap_or_default()),
            keys: client_keys(self.jwks_uri, self.jwks.as_ref(), veil),
        })
    }
}

/// What is kept of an element of a page.
fn keep(element: &[u8]) -> Result<Option<Vec<u8>>, serde_json::Error> {
    let Some(client) = fields::object::<Listed>(element).and_then(Listed::bounded) else {
        return serde_json::from_slice(element).map(|IgnoredAny| None);
    };
    serde_json::to_vec(&client).map(Some)
}

/// A role as it comes.
#[derive(Default)]
struct ListedRole {
    kind: Option<String>,
    role: Option<String>,
    resource_set: Option<String>,
}

fields!(ListedRole {
    "type" => text(kind),
    "role" => text(role),
    "resource-set" => text(resource_set),
});

impl ListedRole {
    fn read(self, veil: &Veil) -> Option<AssignedRole> {
        let word = |text: Option<String>| veil.word(&text?);
        Some(AssignedRole {
            kind: word(self.kind)?,
            custom: word(self.role).zip(word(self.resource_set)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(answer: &Value) -> Option<ServiceClient> {
        ServiceClient::read(answer.to_string().as_bytes(), &Veil::default())
    }

    #[test]
    fn clients_are_read_leniently() {
        let uri = "https://acme.okta.com/api/v1/apps/0oa1/connections/default/jwks";
        let at = ClientKeys::At(uri.into());
        for (answer, wanted) in [
            (
                json!({ "client_id": "0oa9", "client_name": "spoke", "application_type": "service", "jwks_uri": uri, "x": [1] }),
                Some(("0oa9", "spoke", at.clone())),
            ),
            (
                json!({ "client_id": "0oa9", "client_name": null, "jwks": { "keys": [{ "kid": "a" }] } }),
                Some(("0oa9", "", ClientKeys::Registered)),
            ),
            (
                json!({ "client_id": "0oa9", "client_name": "spoke", "jwks": { "keys": [] }, "jwks_uri": "" }),
                Some(("0oa9", "spoke", ClientKeys::NotShown)),
            ),
            (
                json!({ "client_id": "0oa9", "application_type": "web" }),
                None,
            ),
            (json!({ "client_name": "spoke" }), None),
            (json!({ "client_id": "0oa 9" }), None),
            (json!([]), None),
        ] {
            let found = client(&answer);
            let found = found
                .as_ref()
                .map(|found| (found.id.as_str(), found.name.raw(), found.keys.clone()));
            assert_eq!(found, wanted, "{answer}");
            // What is kept of a page says the same.
            let kept = keep(answer.to_string().as_bytes()).unwrap();
            let kept = kept.and_then(|kept| ServiceClient::read(&kept, &Veil::default()));
            assert_eq!(kept, client(&answer), "{answer}");
        }
    }

    #[test]
    fn a_client_is_sent_back_as_it_was_but_for_what_changes() {
        let shown = json!({ "client_id": "0oa9", "client_id_issued_at": 1, "client_name": "a", "logo_uri": null,
            "grant_types": ["client_credentials"], "jwks_uri": "https://a", "policy_uri": "https://p", "_links": {} });
        let found = WholeClient {
            client: client(&shown).unwrap(),
            whole: shown,
        };
        let put = replace(&found, "b", Some("https://b"));
        let body = put.request().body().unwrap().bytes();
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({ "client_id": "0oa9", "client_name": "b", "logo_uri": null, "grant_types": ["client_credentials"],
                "jwks_uri": "https://b", "policy_uri": "https://p" })
        );
        assert_eq!(put.request().label(), "PUT /oauth2/v1/clients/0oa9");
    }

    #[test]
    fn roles_are_told_apart() {
        let standard = AdminRole::Standard("USER_ADMIN".to_owned());
        let custom = AdminRole::Custom {
            role: "cr1".to_owned(),
            resource_set: "iam1".to_owned(),
        };
        for (answer, wanted) in [
            (
                json!({ "type": "USER_ADMIN", "label": "x" }),
                Some(&standard),
            ),
            (
                json!({ "type": "CUSTOM", "role": "cr1", "resource-set": "iam1" }),
                Some(&custom),
            ),
            (
                json!({ "type": "CUSTOM", "role": "cr1", "resource-set": "iam2" }),
                None,
            ),
            (json!({ "type": "CUSTOM" }), None),
            (json!({}), None),
        ] {
            let role = AssignedRole::read(answer.to_string().as_bytes(), &Veil::default());
            let is = |wanted: &AdminRole| role.as_ref().is_some_and(|role| role.is(wanted));
            assert_eq!(is(&standard), wanted == Some(&standard), "{answer}");
            assert_eq!(is(&custom), wanted == Some(&custom), "{answer}");
            if wanted.is_some() {
                assert_eq!(role.unwrap().role().as_ref(), wanted);
            }
        }
        let body = |role| {
            let call = assign("0oa9", role);
            serde_json::from_slice::<Value>(&call.request().body().unwrap().bytes()).unwrap()
        };
        assert_eq!(body(&standard), json!({ "type": "USER_ADMIN" }));
        assert_eq!(
            body(&custom),
            json!({ "type": "CUSTOM", "role": "cr1", "resource-set": "iam1" })
        );
    }
}
