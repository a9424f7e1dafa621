//! What a row says of the app's connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::SecretRef;
use crate::apps::AuthScheme;

/// `POST /api/v1/apps/{appId}/connections/default` (API.md §3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connection {
    /// Base URL of the app's SCIM server; required for `zscalerbyz`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Scheme and credentials.
    pub profile: Profile,
}

impl Connection {
    /// What its secrets are read from.
    pub fn secrets(&self) -> impl Iterator<Item = SecretRef> + use<> {
        let settings = self.profile.settings.as_ref();
        let password = settings.map(|settings| settings.admin_password.clone());
        // A plain name is no reference.
        let username =
            settings.and_then(|settings| SecretRef::parse(&settings.admin_username).ok());
        [self.profile.token.clone(), password, username]
            .into_iter()
            .flatten()
    }
}

/// `profile` of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// How the connection authenticates.
    pub auth_scheme: AuthScheme,
    /// The app's API token (TOKEN).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretRef>,
    /// Client id of the service app in the hub (`okta_org2org` OAUTH2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Administrator of the tenant (`office365`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Office365Settings>,
    /// Key rotation (`okta_org2org` OAUTH2); `MANUAL` at Okta when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
}

/// `profile.settings` of an `office365` connection; both or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Office365Settings {
    /// A plain name or a secret reference.
    pub admin_username: String,
    /// The administrator's password.
    pub admin_password: SecretRef,
}

/// `profile.signing` of an `okta_org2org` OAUTH2 connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signing {
    /// Who rotates the signing keys.
    pub rotation_mode: RotationMode,
}

/// `signing.rotationMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RotationMode {
    /// Okta rotates.
    Auto,
    /// The customer rotates.
    Manual,
}
