//! What a simulated org stores about an app. One app is one record of the state folder.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::capabilities::{Capabilities, Feature};
use super::catalog::{self, Facts, Kind};
use super::service::{OIDC_CLIENT, Service};
use super::settings::Assumptions;
use super::signing::{Owner, PublicKey, Signing};

/// An app instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct App {
    pub id: Box<str>,
    pub name: Box<str>,
    pub label: Box<str>,
    #[serde(default)]
    pub inactive: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_on_mode: Option<Box<str>>,
    /// `settings.app` as packed JSON, when the app was created through the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Box<str>>,
    /// Epoch milliseconds.
    pub created_ms: i64,
    #[serde(default)]
    pub connection: Connection,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Capabilities>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Capabilities>,
    /// Consents asked for and not yet brought home.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<OpenConsent>,
    /// What it is as an OAuth client, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Box<Service>>,
    /// What happened to its keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<Box<Signing>>,
}

/// An app's default provisioning connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection {
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// Digest of what was given as secret: tells tests whether it changed, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Box<str>>,
    /// Whether Okta holds the third party's token.
    #[serde(default)]
    pub granted: bool,
}

/// How a connection authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Scheme {
    #[serde(rename = "TOKEN")]
    Token,
    #[serde(rename = "OAUTH2")]
    Oauth2,
}

/// Who rotates an Org2Org connection's signing key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Rotation {
    Auto,
    #[default]
    Manual,
}

/// A consent link somebody may still follow.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenConsent {
    pub state: Box<str>,
    /// Epoch milliseconds.
    pub since_ms: i64,
}

impl OpenConsent {
    /// Whether it can still be brought home at `now_ms`.
    pub(super) fn is_live(&self, assume: &Assumptions, now_ms: i64) -> bool {
        let age_ms = u128::try_from(now_ms - self.since_ms).unwrap_or_default();
        age_ms < assume.state_ttl.0.as_millis()
    }
}

impl Connection {
    /// Whether it could be activated.
    pub(super) const fn is_complete(&self, kind: Kind) -> bool {
        if kind.needs_consent() {
            self.granted
        } else {
            self.credential.is_some()
        }
    }
}

impl App {
    /// A fresh instance of the app integration `name`.
    pub(super) fn new(id: &str, name: &str, label: &str, created_ms: i64) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            label: label.into(),
            inactive: false,
            sign_on_mode: None,
            settings: None,
            created_ms,
            connection: Connection::default(),
            user: None,
            inbound: None,
            consents: Vec::new(),
            service: None,
            signing: None,
        }
    }

    /// A new OAuth client.
    pub(super) fn client(id: &str, name: &str, service: Service, created_ms: i64) -> Self {
        Self {
            sign_on_mode: Some("OPENID_CONNECT".into()),
            service: Some(Box::new(service)),
            ..Self::new(id, OIDC_CLIENT, name, created_ms)
        }
    }

    /// What is known about its integration.
    pub(super) fn facts(&self) -> &'static Facts {
        catalog::facts(&self.name)
    }

    /// The scheme Okta shows: the one set, else the app's only or first one.
    pub(super) fn shown_scheme(&self) -> Scheme {
        self.connection
            .scheme
            .unwrap_or(if self.facts().kind.needs_consent() {
                Scheme::Oauth2
            } else {
                Scheme::Token
            })
    }

    /// Whose keys it has.
    pub(super) fn owner(&self, seed: u64) -> Owner<'_> {
        Owner {
            seed,
            id: &self.id,
            since_ms: self.created_ms,
        }
    }

    /// The keys it can sign with, oldest first.
    pub(super) fn keys(&self, seed: u64) -> Vec<PublicKey> {
        self.owner(seed).keys(self.signing.as_deref())
    }

    /// The id of the key it signs with.
    pub(super) fn kid(&self, seed: u64) -> String {
        self.owner(seed).current_kid(self.signing.as_deref())
    }

    /// Whether its connection signs in to another org with keys of its own.
    pub(super) fn signs_in(&self) -> bool {
        self.facts().kind == Kind::Org2Org && self.connection.scheme == Some(Scheme::Oauth2)
    }

    /// A key of `settings.app`, if it is a text.
    pub(super) fn setting(&self, key: &str) -> Option<String> {
        let settings: Value = serde_json::from_str(self.settings.as_deref()?).ok()?;
        settings[key].as_str().map(str::to_owned)
    }

    /// Where a feature's settings are kept.
    pub(super) const fn capabilities(&mut self, feature: Feature) -> &mut Option<Capabilities> {
        match feature {
            Feature::User => &mut self.user,
            Feature::Inbound => &mut self.inbound,
        }
    }

    /// A feature's settings as Okta shows them.
    pub(super) fn shown_capabilities(&self, feature: Feature) -> Value {
        match feature {
            Feature::User => &self.user,
            Feature::Inbound => &self.inbound,
        }
        .as_ref()
        .map_or_else(|| feature.defaults(), Capabilities::value)
    }

    /// Everything tests compare: no timestamps, no links, no secrets.
    pub(super) fn dump(&self) -> Value {
        let connection = &self.connection;
        let mut dump = json!({
            "id": self.id,
            "name": self.name,
            "label": self.label,
            "status": if self.inactive { "INACTIVE" } else { "ACTIVE" },
            "connection": {
                "status": match (self.facts().kind, connection.enabled) {
                    (Kind::Unsupported, _) => "UNKNOWN",
                    (_, true) => "ENABLED",
                    (_, false) => "DISABLED",
                },
                "authScheme": connection.scheme,
                "baseUrl": connection.base_url,
                "clientId": connection.client_id,
                "rotationMode": connection.rotation,
                "credential": connection.credential,
                "granted": connection.granted,
            },
            "features": {
                "USER_PROVISIONING": self.user.as_ref().map(Capabilities::value),
                "INBOUND_PROVISIONING": self.inbound.as_ref().map(Capabilities::value),
            },
            "openConsents": self.consents.len(),
        });
        if let Some(service) = &self.service {
            dump["service"] = service.dump();
        }
        dump
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_a_fresh_app_is_small() {
        let app = App::new("0oa1", "google", "Google Workspace", 5);
        let text = serde_json::to_string(&app).unwrap();
        let again: App = serde_json::from_str(&text).unwrap();
        assert_eq!(again.dump(), app.dump());
        // 10,000 orgs of 100 apps must fit a laptop.
        assert!(size_of::<App>() <= 256, "{}", size_of::<App>());
    }
}
