//! The provisioning connection of an app: `/api/v1/apps/{appId}/connections/default` (API.md §3).

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::fields::{self, fields};
use super::request::{Bucket, Method, Read, Request, RequestBody, Write, segment};
use crate::manifest::RotationMode;
use crate::text::{Told, Veil, one_of};

/// Reads the connection.
pub fn get(app_id: &str) -> Read<Connection> {
    Read::new(Bucket::Apps, path(app_id, ""), Connection::read)
}

/// Saves credentials or starts a consent; overwrites what was there. Okta answers 2xx also for apps
/// it cannot provision (API.md §3.4): only the returned status tells.
pub fn set(app_id: &str, body: &ConnectionBody, activate: Activate) -> Write<Option<Connection>> {
    let query = match activate {
        Activate::Yes => "?activate=true",
        Activate::No => "",
    };
    let request = Request::new(Method::Post, Bucket::Apps, path(app_id, query))
        .with_body(body.serialize())
        .with_secrets(body.secrets());
    Write::new(request, |answer, veil| Some(Connection::read(answer, veil)))
}

/// Activates the connection.
pub fn activate(app_id: &str) -> Write<()> {
    lifecycle(app_id, "/lifecycle/activate")
}

/// Deactivates the connection.
pub fn deactivate(app_id: &str) -> Write<()> {
    lifecycle(app_id, "/lifecycle/deactivate")
}

fn lifecycle(app_id: &str, rest: &str) -> Write<()> {
    let request = Request::new(Method::Post, Bucket::Apps, path(app_id, rest));
    Write::new(request, |_, _| Some(()))
}

fn path(app_id: &str, rest: &str) -> String {
    format!("/api/v1/apps/{}/connections/default{rest}", segment(app_id))
}

/// Whether saving a connection also activates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activate {
    /// `?activate=true`.
    Yes,
    /// A consent has to come first.
    No,
}

/// What a connection is set to: one variant per shape of API.md §3.1. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub enum ConnectionBody {
    /// `zscalerbyz`, `okta_org2org` with TOKEN.
    Token {
        /// Base URL of the app's SCIM server; `zscalerbyz` needs it.
        base_url: Option<String>,
        /// The app's API token.
        token: SecretString,
    },
    /// `google`, `slack`, `zoomus`.
    Oauth2,
    /// `office365`.
    Office365 {
        /// The administrator whose tenant it is, where Okta still wants one.
        admin: Option<Office365Admin>,
    },
    /// `okta_org2org` with OAUTH2.
    Org2Org {
        /// The service app in the hub.
        client_id: String,
        /// Who rotates the signing keys; Okta takes MANUAL when it is left out.
        rotation_mode: Option<RotationMode>,
    },
}

/// `profile.settings` of an `office365` connection.
#[derive(Clone, Debug)]
pub struct Office365Admin {
    /// `adminUsername`.
    pub username: SecretString,
    /// `adminPassword`.
    pub password: SecretString,
}

impl ConnectionBody {
    fn serialize(&self) -> RequestBody {
        let mut wire = Wire::default();
        match self {
            Self::Token { base_url, token } => {
                wire.base_url = base_url.as_deref();
                wire.profile.auth_scheme = "TOKEN";
                wire.profile.token = Some(token.expose_secret());
            }
            Self::Oauth2 => {}
            Self::Office365 { admin } => {
                wire.profile.settings = admin.as_ref().map(|admin| WireSettings {
                    admin_username: admin.username.expose_secret(),
                    admin_password: admin.password.expose_secret(),
                });
            }
            Self::Org2Org {
                client_id,
                rotation_mode,
            } => {
                wire.profile.client_id = Some(client_id);
                wire.profile.signing =
                    rotation_mode.map(|rotation_mode| WireSigning { rotation_mode });
            }
        }
        RequestBody::json(&wire)
    }

    fn secrets(&self) -> Vec<SecretString> {
        match self {
            Self::Token { token, .. } => vec![token.clone()],
            Self::Office365 { admin: Some(admin) } => {
                vec![admin.username.clone(), admin.password.clone()]
            }
            Self::Office365 { admin: None } | Self::Oauth2 | Self::Org2Org { .. } => Vec::new(),
        }
    }
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<&'a str>,
    profile: WireProfile<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireProfile<'a> {
    auth_scheme: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<WireSettings<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing: Option<WireSigning>,
}

impl Default for WireProfile<'_> {
    fn default() -> Self {
        Self {
            auth_scheme: "OAUTH2",
            token: None,
            settings: None,
            client_id: None,
            signing: None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSettings<'a> {
    admin_username: &'a str,
    admin_password: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSigning {
    rotation_mode: RotationMode,
}

/// A connection as Okta shows it (API.md §3.2). Every field may be missing; secrets are never among
/// them. `Debug` leaves out the consent link, which carries its `state`.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    status: ConnectionStatus,
    scheme: Option<String>,
    base_url: Option<Told>,
    client_id: Option<Told>,
    rotation_mode: Option<String>,
    authorize_url: Option<Told>,
}

/// What Okta describes as `authScheme`.
const SCHEMES: [&str; 3] = ["TOKEN", "OAUTH2", "UNKNOWN"];

/// What Okta describes as `rotationMode`.
const MODES: [&str; 2] = ["AUTO", "MANUAL"];

/// Whether a connection works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionStatus {
    /// It works.
    Enabled,
    /// Not active.
    Disabled,
    /// Okta cannot provision this app: it accepts everything and does nothing (API.md §3.4).
    Unknown,
    /// None of Okta's words, or none at all.
    Missing,
}

impl Connection {
    fn read(answer: &[u8], veil: &Veil) -> Option<Self> {
        let shown: Shown = fields::object(answer)?;
        let profile = shown.profile.unwrap_or_default();
        let signing = profile.signing.unwrap_or_default();
        let link = shown
            .links
            .unwrap_or_default()
            .authorize
            .unwrap_or_default();
        // An empty text says nothing.
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let told = |text: Option<String>| said(text).map(|text| veil.told(&text));
        let one_of =
            |text: Option<String>, known: &[&str]| said(text).map(|text| one_of(&text, known));
        Some(Self {
            status: ConnectionStatus::read(shown.status.as_deref()),
            scheme: one_of(profile.auth_scheme, &SCHEMES).or(one_of(shown.auth_scheme, &SCHEMES)),
            base_url: told(shown.base_url),
            client_id: told(profile.client_id).or(told(shown.client_id)),
            rotation_mode: one_of(signing.rotation_mode, &MODES),
            authorize_url: told(link.href),
        })
    }

    /// Whether it works. Only [`ConnectionStatus::Enabled`] together with the wanted scheme is proof.
    pub const fn status(&self) -> ConnectionStatus {
        self.status
    }

    /// `authScheme` of the profile, else of the connection; or that it is none of Okta's words.
    pub fn scheme(&self) -> Option<&str> {
        self.scheme.as_deref()
    }

    /// `baseUrl`.
    pub fn base_url(&self) -> Option<&Told> {
        self.base_url.as_ref()
    }

    /// `clientId` of the profile, else of the connection.
    pub fn client_id(&self) -> Option<&Told> {
        self.client_id.as_ref()
    }

    /// `profile.signing.rotationMode`; or that it is none of Okta's words.
    pub fn rotation_mode(&self) -> Option<&str> {
        self.rotation_mode.as_deref()
    }

    /// The link a person opens to consent. It carries a `state`: not for logs.
    pub fn authorize_url(&self) -> Option<&Told> {
        self.authorize_url.as_ref()
    }
}

/// A connection as it comes.
#[derive(Default)]
struct Shown {
    status: Option<String>,
    auth_scheme: Option<String>,
    base_url: Option<String>,
    client_id: Option<String>,
    profile: Option<ShownProfile>,
    links: Option<ShownLinks>,
}

#[derive(Default)]
struct ShownProfile {
    auth_scheme: Option<String>,
    client_id: Option<String>,
    signing: Option<ShownSigning>,
}

#[derive(Default)]
struct ShownSigning {
    rotation_mode: Option<String>,
}

#[derive(Default)]
struct ShownLinks {
    authorize: Option<ShownLink>,
}

#[derive(Default)]
struct ShownLink {
    href: Option<String>,
}

fields!(Shown {
    "status" => text(status),
    "authScheme" => text(auth_scheme),
    "baseUrl" => text(base_url),
    "clientId" => text(client_id),
    "profile" => inner(profile),
    "_links" => inner(links),
});
fields!(ShownProfile {
    "authScheme" => text(auth_scheme),
    "clientId" => text(client_id),
    "signing" => inner(signing),
});
fields!(ShownSigning { "rotationMode" => text(rotation_mode) });
fields!(ShownLinks { "authorize" => inner(authorize) });
fields!(ShownLink { "href" => text(href) });

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("status", &self.status)
            .field("scheme", &self.scheme)
            .field("base_url", &self.base_url)
            .field("client_id", &self.client_id)
            .field("rotation_mode", &self.rotation_mode)
            .field("has_authorize_url", &self.authorize_url.is_some())
            .finish()
    }
}

impl ConnectionStatus {
    fn read(text: Option<&str>) -> Self {
        match text {
            Some("ENABLED") => Self::Enabled,
            Some("DISABLED") => Self::Disabled,
            Some("UNKNOWN") => Self::Unknown,
            _ => Self::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_five_shapes_are_written_as_okta_wants_them() {
        let token = || SecretString::from("t0ken");
        let cases = [
            (
                ConnectionBody::Token {
                    base_url: None,
                    token: token(),
                },
                r#"{"profile":{"authScheme":"TOKEN","token":"t0ken"}}"#,
            ),
            (
                ConnectionBody::Token {
                    base_url: Some("https://scim.example/1/2/scim".to_owned()),
                    token: SecretString::from("a\"b\\c\u{e9}"),
                },
                "{\"baseUrl\":\"https://scim.example/1/2/scim\",\"profile\":{\"authScheme\":\"TOKEN\",\"token\":\"a\\\"b\\\\c\u{e9}\"}}",
            ),
            (
                ConnectionBody::Oauth2,
                r#"{"profile":{"authScheme":"OAUTH2"}}"#,
            ),
            (
                ConnectionBody::Office365 { admin: None },
                r#"{"profile":{"authScheme":"OAUTH2"}}"#,
            ),
            (
                ConnectionBody::Office365 {
                    admin: Some(Office365Admin {
                        username: SecretString::from("admin@x"),
                        password: SecretString::from("pa55"),
                    }),
                },
                r#"{"profile":{"authScheme":"OAUTH2","settings":{"adminUsername":"admin@x","adminPassword":"pa55"}}}"#,
            ),
            (
                ConnectionBody::Org2Org {
                    client_id: "0oa9".to_owned(),
                    rotation_mode: None,
                },
                r#"{"profile":{"authScheme":"OAUTH2","clientId":"0oa9"}}"#,
            ),
            (
                ConnectionBody::Org2Org {
                    client_id: "0oa9".to_owned(),
                    rotation_mode: Some(RotationMode::Auto),
                },
                r#"{"profile":{"authScheme":"OAUTH2","clientId":"0oa9","signing":{"rotationMode":"AUTO"}}}"#,
            ),
        ];
        for (body, expected) in cases {
            let write = set("0oa1", &body, Activate::No);
            let bytes = write.request().body().expect("a body").bytes();
            assert_eq!(String::from_utf8_lossy(&bytes), expected);
            let shown = format!("{body:?} {write:?}");
            assert!(
                !shown.contains("t0ken") && !shown.contains("pa55"),
                "{shown}"
            );
        }
    }

    #[test]
    fn calls_have_okta_s_paths() {
        let base = "/api/v1/apps/0oa1/connections/default";
        let body = ConnectionBody::Oauth2;
        assert_eq!(get("0oa1").request().path(), base);
        assert_eq!(set("0oa1", &body, Activate::No).request().path(), base);
        assert_eq!(
            set("0oa1", &body, Activate::Yes).request().path(),
            format!("{base}?activate=true")
        );
        assert_eq!(
            activate("0oa1").request().label(),
            format!("POST {base}/lifecycle/activate")
        );
        assert_eq!(
            deactivate("0oa1").request().label(),
            format!("POST {base}/lifecycle/deactivate")
        );
    }

    fn read(answer: &serde_json::Value) -> Option<Connection> {
        Connection::read(answer.to_string().as_bytes(), &Veil::default())
    }

    #[test]
    fn recorded_and_documented_connections_are_read() {
        let org2org = read(&json!({
            "authScheme": "OAUTH2", "status": "ENABLED", "clientId": "top",
            "profile": {"clientId": "0oa9", "signing": {"rotationMode": "AUTO"}, "authScheme": "OAUTH2"},
            "_links": {"self": {}, "deactivate": {"href": "x"}}, "brandNew": [1]
        }))
        .expect("a connection");
        assert_eq!(org2org.status(), ConnectionStatus::Enabled);
        assert_eq!(org2org.scheme(), Some("OAUTH2"));
        assert_eq!(org2org.client_id().map(Told::raw), Some("0oa9"));
        assert_eq!(org2org.rotation_mode(), Some("AUTO"));
        assert_eq!(org2org.authorize_url(), None);

        let google = read(&json!({
            "status": "DISABLED", "profile": {"authScheme": "OAUTH2"},
            "_links": {"authorize": {"href": "https://idp/auth?state=s3cret",
                                     "hints": {"allow": ["GET"]}, "guidance": 7}}
        }))
        .expect("a connection");
        assert_eq!(
            google.authorize_url().map(Told::raw),
            Some("https://idp/auth?state=s3cret")
        );
        assert!(!format!("{google:?}").contains("s3cret"));
    }

    #[test]
    fn missing_fields_nulls_and_wrong_types_are_tolerated() {
        let status = |answer: &_| read(answer).map(|found| found.status);
        let missing = Some(ConnectionStatus::Missing);
        let cases = [
            (json!({}), missing),
            (json!({"status": null, "profile": null}), missing),
            (json!({"status": 7, "_links": []}), missing),
            (json!({"status": "PENDING"}), missing),
            (
                json!({"status": "UNKNOWN"}),
                Some(ConnectionStatus::Unknown),
            ),
            (
                json!({"status": "ENABLED", "profile": "x"}),
                Some(ConnectionStatus::Enabled),
            ),
            (json!([]), None),
            (json!("ENABLED"), None),
            (json!(null), None),
        ];
        for (answer, expected) in cases {
            assert_eq!(status(&answer), expected, "{answer}");
        }
        let top_level =
            json!({"authScheme": "TOKEN", "profile": {"authScheme": null}, "baseUrl": "b"});
        let top_level = read(&top_level).expect("a connection");
        assert_eq!(top_level.scheme(), Some("TOKEN"));
        assert_eq!(top_level.base_url().map(Told::raw), Some("b"));
    }
}
