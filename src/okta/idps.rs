//! The identity providers of an org that stand for other orgs: `/api/v1/idps` (API.md §6, rows 1 and 3).

use serde::de::IgnoredAny;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::apps::{MAX_TEXT, PAGE};
use super::fields::{self, Nothing, fields};
use super::request::{Bucket, Method, Read, Request, RequestBody, Write, segment};
use crate::text::{Told, Veil};

/// The type of a provider that stands for another org.
const TYPE: &str = "OKTA_INTEGRATION";

/// The client of a provider whose app is still to be created: the app needs the provider's id first.
pub const PLACEHOLDER: &str = "placeholder";

/// With what the other org signs.
pub const ALGORITHM: &str = "RS256";

/// What the hub asks the other org for.
pub const SCOPES: [&str; 3] = ["openid", "profile", "email"];

/// What Okta says of a provider and takes from nobody.
const READ_ONLY: [&str; 4] = ["_links", "created", "id", "lastUpdated"];

/// A provider, as far as it is needed to find and compare one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Its id, `0oa…`.
    pub id: String,
    /// Its name; empty if Okta left it out.
    pub name: Told,
    /// The org that it stands for.
    pub org_url: Option<Told>,
    /// The app of that org which signs people in.
    pub client_id: Option<Told>,
    /// With what that org signs, where Okta shows it.
    pub algorithm: Option<Told>,
    /// What the hub asks that org for, where Okta shows it.
    pub scopes: Option<Vec<Told>>,
    /// Whether it says what becomes of those who come.
    pub has_policy: bool,
}

/// A provider with all that Okta shows of it: only for sending it back.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeProvider {
    /// What is used of it.
    pub provider: IdentityProvider,
    whole: Value,
}

impl WholeProvider {
    /// One of which no more is known, for whoever sends nothing.
    pub const fn supposed(provider: IdentityProvider) -> Self {
        Self {
            provider,
            whole: Value::Null,
        }
    }

    fn read(answer: &[u8], veil: &Veil) -> Option<Self> {
        Some(Self {
            provider: IdentityProvider::read(answer, veil)?,
            whole: fields::whole(answer)?,
        })
    }
}

/// The first page of the org's providers of the type: for [`next`].
pub fn first_page() -> String {
    format!("/api/v1/idps?limit={PAGE}&type={TYPE}")
}

/// A page of them; `path` is [`first_page`] or what [`Body::next`](super::Body::next) said.
pub fn next(path: &str) -> Read<Vec<IdentityProvider>> {
    Read::page(Bucket::Rest, path.to_owned(), keep, |page, veil| {
        let listed: Vec<Listed> = fields::list(page)?;
        let listed = listed.into_iter();
        Some(listed.filter_map(|idp| idp.read(veil)).collect())
    })
}

/// One provider.
pub fn get(id: &str) -> Read<WholeProvider> {
    Read::new(Bucket::Rest, path(id), WholeProvider::read)
}

/// Makes the one of this name that stands for the org at `org_url`. Not idempotent: a second one is refused for its name,
/// or made.
pub fn create(name: &str, org_url: &str) -> Write<IdentityProvider> {
    let request = Request::new(Method::Post, Bucket::Rest, "/api/v1/idps".to_owned());
    let body = RequestBody::json(&new(name, org_url));
    Write::new(request.with_body(body), IdentityProvider::read)
}

/// The same as it is from then on.
pub fn created(id: &str, name: &str, org_url: &str) -> WholeProvider {
    WholeProvider {
        provider: IdentityProvider {
            id: id.to_owned(),
            name: name.into(),
            org_url: Some(org_url.into()),
            client_id: Some(PLACEHOLDER.into()),
            algorithm: None,
            scopes: None,
            has_policy: true,
        },
        whole: new(name, org_url),
    }
}

fn new(name: &str, org_url: &str) -> Value {
    let client =
        json!({ "client_id": PLACEHOLDER, "token_endpoint_auth_method": "private_key_jwt" });
    json!({
        "type": TYPE,
        "name": name,
        "protocol": { "type": "OIDC", "oktaIdpOrgUrl": org_url, "credentials": { "client": client } },
        "policy": policy(),
    })
}

/// Replaces a provider with what it is but for its name and its client, and with what a client needs to be let in. Its
/// policy is sent again, since whatever is left out of a PUT is gone, and made anew where it is lost.
pub fn replace(
    found: &WholeProvider,
    name: &str,
    client_id: &str,
) -> Write<Option<IdentityProvider>> {
    let mut whole = found.whole.clone();
    if let Some(fields) = whole.as_object_mut() {
        fields.retain(|field, _| !READ_ONLY.contains(&field.as_str()));
    }
    whole["type"] = TYPE.into();
    whole["name"] = name.into();
    if !found.provider.has_policy {
        whole["policy"] = policy();
    }
    let protocol = object(&mut whole, "protocol");
    protocol["scopes"] = with_scopes(&protocol["scopes"]);
    let credentials = object(protocol, "credentials");
    object(credentials, "client")["client_id"] = client_id.into();
    object(credentials, "signing")["algorithm"] = ALGORITHM.into();
    let request = Request::new(Method::Put, Bucket::Rest, path(&found.provider.id));
    let request = request.with_body(RequestBody::json(&whole));
    Write::new(request, |answer, veil| {
        Some(IdentityProvider::read(answer, veil))
    })
}

/// What becomes of those who come (API.md §6, row 1): each is let in, and made a user if there is none.
fn policy() -> Value {
    let none = json!({ "action": "NONE" });
    json!({
        "accountLink": { "action": "DISABLED", "filter": null },
        "provisioning": {
            "action": "AUTO",
            "conditions": { "userOffboarding": none, "deprovisioned": none, "suspended": none },
            "groups": none,
        },
        "maxClockSkew": 120_000,
        "subject": {
            "userNameTemplate": { "template": "idpuser.email" },
            "matchType": "USERNAME",
            "matchAttribute": "",
            "filter": "",
        },
    })
}

/// The same scopes and those that are needed.
fn with_scopes(shown: &Value) -> Value {
    let mut scopes = shown.as_array().cloned().unwrap_or_default();
    for needed in SCOPES {
        if !scopes.iter().any(|scope| scope == needed) {
            scopes.push(needed.into());
        }
    }
    scopes.into()
}

/// The object below a key; what is none is replaced.
fn object<'a>(of: &'a mut Value, key: &str) -> &'a mut Value {
    let place = &mut of[key];
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    place
}

fn path(id: &str) -> String {
    format!("/api/v1/idps/{}", segment(id))
}

impl IdentityProvider {
    fn read(answer: &[u8], veil: &Veil) -> Option<Self> {
        fields::object::<Listed>(answer)?.bounded()?.read(veil)
    }
}

/// A provider as it comes.
#[derive(Default, Serialize)]
struct Listed {
    id: Option<String>,
    r#type: Option<String>,
    name: Option<String>,
    protocol: Option<Protocol>,
    policy: Option<Policy>,
}

fields!(Listed {
    "id" => text(id),
    "type" => text(r#type),
    "name" => text(name),
    "protocol" => inner(protocol),
    "policy" => inner(policy),
});

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Protocol {
    okta_idp_org_url: Option<String>,
    scopes: Option<Box<RawValue>>,
    credentials: Option<Credentials>,
}

fields!(Protocol {
    "oktaIdpOrgUrl" => text(okta_idp_org_url),
    "scopes" => raw(scopes),
    "credentials" => inner(credentials),
});

#[derive(Default, Serialize)]
struct Credentials {
    client: Option<Client>,
    signing: Option<Signing>,
}

fields!(Credentials {
    "client" => inner(client),
    "signing" => inner(signing),
});

#[derive(Default, Serialize)]
struct Client {
    client_id: Option<String>,
}

fields!(Client { "client_id" => text(client_id) });

#[derive(Default, Serialize)]
struct Signing {
    algorithm: Option<String>,
}

fields!(Signing { "algorithm" => text(algorithm) });

/// Whether it says what becomes of those who come.
#[derive(Default)]
struct Policy {
    provisioning: Option<Nothing>,
}

fields!(Policy { "provisioning" => inner(provisioning) });

/// That it does is all that is kept.
impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = match self.provisioning {
            Some(Nothing) => json!({ "provisioning": {} }),
            None => json!({}),
        };
        kept.serialize(serializer)
    }
}

impl Listed {
    // Without texts that are too long; what has no id is nothing, nor is what is of another type.
    fn bounded(self) -> Option<Self> {
        let kept = |text: Option<String>| text.filter(|text| text.len() <= MAX_TEXT);
        if self.r#type.as_ref().is_some_and(|of| of != TYPE) {
            return None;
        }
        let protocol = self.protocol.unwrap_or_default();
        let credentials = protocol.credentials.unwrap_or_default();
        let client = credentials.client.map(|client| Client {
            client_id: kept(client.client_id),
        });
        let signing = credentials.signing.map(|signing| Signing {
            algorithm: kept(signing.algorithm),
        });
        Some(Self {
            id: Some(kept(self.id).filter(|id| !id.is_empty())?),
            r#type: None,
            name: kept(self.name),
            protocol: Some(Protocol {
                okta_idp_org_url: kept(protocol.okta_idp_org_url),
                scopes: protocol.scopes.filter(|all| all.get().len() <= MAX_TEXT),
                credentials: Some(Credentials { client, signing }),
            }),
            policy: self.policy,
        })
    }

    fn read(self, veil: &Veil) -> Option<IdentityProvider> {
        let told = |text: Option<String>| text.map(|text| veil.told(&text));
        let protocol = self.protocol.unwrap_or_default();
        let credentials = protocol.credentials.unwrap_or_default();
        let scopes = protocol.scopes.and_then(|all| texts(&all));
        let policy = self.policy.and_then(|policy| policy.provisioning);
        Some(IdentityProvider {
            id: veil.word(&self.id?)?,
            name: veil.told(&self.name.unwrap_or_default()),
            org_url: told(protocol.okta_idp_org_url),
            client_id: told(credentials.client.and_then(|client| client.client_id)),
            algorithm: told(credentials.signing.and_then(|signing| signing.algorithm)),
            scopes: scopes.map(|all| all.iter().map(|scope| veil.told(scope)).collect()),
            has_policy: policy.is_some(),
        })
    }
}

/// The texts of a list, if it is one of nothing else.
fn texts(list: &RawValue) -> Option<Vec<String>> {
    serde_json::from_str(list.get()).ok()
}

/// What is kept of an element of a page.
fn keep(element: &[u8]) -> Result<Option<Vec<u8>>, serde_json::Error> {
    let Some(idp) = fields::object::<Listed>(element).and_then(Listed::bounded) else {
        return serde_json::from_slice(element).map(|IgnoredAny| None);
    };
    serde_json::to_vec(&idp).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(answer: &Value) -> Option<WholeProvider> {
        WholeProvider::read(answer.to_string().as_bytes(), &Veil::default())
    }

    fn sent<T>(call: &Write<T>) -> Value {
        let body = call.request().body().unwrap().bytes();
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn a_provider_is_made_as_the_guide_makes_it() {
        let call = create("spoke acme", "https://acme.okta.com");
        assert_eq!(call.request().label(), "POST /api/v1/idps");
        let body = sent(&call);
        assert_eq!(body["type"], "OKTA_INTEGRATION");
        let protocol = &body["protocol"];
        assert_eq!(protocol["oktaIdpOrgUrl"], "https://acme.okta.com");
        let client = &protocol["credentials"]["client"];
        assert_eq!(client["client_id"], PLACEHOLDER);
        assert_eq!(client["token_endpoint_auth_method"], "private_key_jwt");
        assert_eq!(body["policy"]["provisioning"]["action"], "AUTO");
        let mut shown = body;
        shown["id"] = json!("0oa7");
        let known = created("0oa7", "spoke acme", "https://acme.okta.com");
        assert_eq!(whole(&shown).unwrap().provider, known.provider);
        let put = sent(&replace(&known, "spoke acme", "0oaApp"));
        assert_eq!(put["policy"], shown["policy"]);
        let client = &put["protocol"]["credentials"]["client"]["client_id"];
        assert_eq!(client, "0oaApp");
    }

    #[test]
    fn a_provider_is_sent_back_whole_and_with_its_policy() {
        let mut shown = json!({ "id": "0oa7", "type": TYPE, "name": "old", "status": "ACTIVE", "created": "x",
            "_links": {}, "protocol": { "type": "OIDC", "oktaIdpOrgUrl": "https://a", "scopes": ["openid", "groups"],
                "credentials": { "client": { "client_id": "p", "token_endpoint_auth_method": "private_key_jwt" } } },
            "policy": { "provisioning": { "action": "DISABLED" } } });
        let call = replace(&whole(&shown).unwrap(), "new", "0oaApp");
        assert_eq!(call.request().label(), "PUT /api/v1/idps/0oa7");
        let expected = json!({ "type": TYPE, "name": "new", "status": "ACTIVE",
            "protocol": { "type": "OIDC", "oktaIdpOrgUrl": "https://a",
                "scopes": ["openid", "groups", "profile", "email"],
                "credentials": {
                    "client": { "client_id": "0oaApp", "token_endpoint_auth_method": "private_key_jwt" },
                    "signing": { "algorithm": "RS256" } } },
            "policy": { "provisioning": { "action": "DISABLED" } } });
        assert_eq!(sent(&call), expected);
        // One that lost its policy gets that which new ones have.
        for lost in [Value::Null, json!({})] {
            shown["policy"] = lost;
            let found = whole(&shown).unwrap();
            assert!(!found.provider.has_policy);
            assert_eq!(sent(&replace(&found, "new", "0oaApp"))["policy"], policy());
        }
        // What shows too little is completed.
        let bare = whole(&json!({ "id": "0oa7" })).unwrap();
        let protocol = sent(&replace(&bare, "new", "0oaApp"))["protocol"].clone();
        assert_eq!(protocol["scopes"], json!(SCOPES));
        assert_eq!(protocol["credentials"]["client"]["client_id"], "0oaApp");
    }

    #[test]
    fn providers_of_a_page_are_kept_as_far_as_they_are_used() {
        let kept = |element: &Value| {
            let kept = keep(element.to_string().as_bytes()).unwrap()?;
            let page = [b"[", kept.as_slice(), b"]"].concat();
            let listed: Vec<Listed> = fields::list(&page).unwrap();
            listed.into_iter().next()?.read(&Veil::default())
        };
        let mut shown = json!({ "id": "0oa7", "type": TYPE, "name": "acme", "more": [1],
            "protocol": { "oktaIdpOrgUrl": "https://a", "scopes": ["openid", "groups"], "credentials": {
                "client": { "client_id": "0oaApp" }, "signing": { "algorithm": "RS256" } } },
            "policy": { "provisioning": { "action": "AUTO" } } });
        let provider = kept(&shown).unwrap();
        assert_eq!(
            Some(&provider),
            whole(&shown).map(|whole| whole.provider).as_ref()
        );
        assert_eq!(
            provider.scopes,
            Some(vec!["openid".into(), "groups".into()])
        );
        // What is no list of texts, or a very long one, tells nothing.
        for odd in [
            json!("openid"),
            json!([7]),
            json!(["x".repeat(MAX_TEXT)]),
            json!(null),
        ] {
            shown["protocol"]["scopes"] = odd.clone();
            assert_eq!(kept(&shown).unwrap().scopes, None, "{odd}");
        }
        shown["type"] = json!("SAML2");
        for other in [shown, json!({ "type": TYPE }), json!(7)] {
            assert_eq!(kept(&other), None, "{other}");
        }
        let page = first_page();
        assert_eq!(page, "/api/v1/idps?limit=200&type=OKTA_INTEGRATION");
        assert_eq!(next(&page).request().bucket, Bucket::Rest);
    }
}
