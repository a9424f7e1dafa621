//! Orgs as a manifest, `--orgs` or a job gives them: URL, credentials by reference, limits.

use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::labels::AskedLabels;
use super::secret::SecretRef;
use crate::jose::Algorithm;

/// The `url` of an org that the program serves itself.
pub const SANDBOX: &str = "sandbox";

/// One Okta tenant: a URL and credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrgSpec {
    /// `https://…` origin, plain http for loopback only, or `sandbox` for an org the program serves itself.
    pub url: String,
    /// Credentials; not needed for `sandbox`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Limits of its own; they win over the job's.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// What a process has to be given with `--label KEY=VALUE` to work on it, where several share a ledger. Calls that
    /// only look, and answers of consents, are made by whoever makes them.
    #[serde(default, skip_serializing_if = "AskedLabels::is_empty")]
    #[schemars(schema_with = "labels_schema")]
    pub worker: AskedLabels,
    /// Where the program of its credentials is started, once nobody knows any more which file the org stood in. Only the
    /// ledger has it; earlier versions did not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub folder: Option<PathBuf>,
}

impl OrgSpec {
    /// Where its credentials are read from.
    pub fn credentials(&self) -> Option<&SecretRef> {
        self.auth.as_ref().map(|auth| match auth {
            Auth::ApiToken(secret) | Auth::AccessToken(secret) => secret,
            Auth::PrivateKeyJwt(jwt) => &jwt.key,
        })
    }

    /// Where the token is read from that its calls carry as it is: what is wrong with that is wrong there.
    pub fn token(&self) -> Option<&SecretRef> {
        match self.auth.as_ref()? {
            Auth::ApiToken(token) | Auth::AccessToken(token) => Some(token),
            Auth::PrivateKeyJwt(_) => None,
        }
    }

    /// The org with its `file:` references relative to what `base` is relative to.
    #[must_use]
    pub fn anchored(&self, base: &Path) -> Self {
        let mut org = self.clone();
        match &mut org.auth {
            Some(Auth::ApiToken(secret) | Auth::AccessToken(secret)) => {
                *secret = secret.anchored(base);
            }
            Some(Auth::PrivateKeyJwt(jwt)) => jwt.key = jwt.key.anchored(base),
            None => {}
        }
        org
    }

    /// The org with its `file:` references that are in `base` relative to it.
    #[must_use]
    pub fn relative_to(&self, base: &Path) -> Self {
        let mut org = self.clone();
        match &mut org.auth {
            Some(Auth::ApiToken(secret) | Auth::AccessToken(secret)) => {
                *secret = secret.relative_to(base);
            }
            Some(Auth::PrivateKeyJwt(jwt)) => jwt.key = jwt.key.relative_to(base),
            None => {}
        }
        org
    }

    /// As [`Self::anchored`], with the folder that a program needs besides.
    #[must_use]
    pub fn placed(&self, base: &Path) -> Self {
        let runs = self.credentials().is_some_and(SecretRef::is_program);
        // What is no text cannot be stored.
        let folder = base.to_str().filter(|_| runs).map(PathBuf::from);
        Self {
            folder,
            ..self.anchored(base)
        }
    }

    /// As it stands in a file.
    #[must_use]
    pub fn without_folder(&self) -> Self {
        Self {
            folder: None,
            ..self.clone()
        }
    }
}

fn labels_schema(_: &mut SchemaGenerator) -> Schema {
    let part = "^[A-Za-z0-9._/-]{1,63}$";
    json_schema!({
        "type": "object",
        "propertyNames": { "pattern": part },
        "additionalProperties": { "type": ["string", "boolean"], "pattern": part },
    })
}

/// Exactly one way to authenticate (API.md §7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Auth {
    /// Sent as `Authorization: SSWS …`.
    ApiToken(SecretRef),
    /// Sent as `Authorization: Bearer …`.
    AccessToken(SecretRef),
    /// `client_credentials` with `private_key_jwt`.
    PrivateKeyJwt(PrivateKeyJwt),
}

impl Auth {
    /// As manifests spell it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ApiToken(_) => "apiToken",
            Self::AccessToken(_) => "accessToken",
            Self::PrivateKeyJwt(_) => "privateKeyJwt",
        }
    }
}

/// A service app's key (API.md §7.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrivateKeyJwt {
    /// `client_id` of the service app.
    pub client_id: String,
    /// `kid` of the registered key.
    pub key_id: String,
    /// The private key, PEM or JWK.
    pub key: SecretRef,
    /// Scopes to ask for.
    #[schemars(length(min = 1))]
    pub scopes: Vec<String>,
    /// How assertions are signed; follows from the key where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// Whether requests prove from the first on that they are this process's (`DPoP`); otherwise they do as soon as Okta
    /// asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dpop: bool,
}

/// What a run may spend of an org; absent = the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Part of the limit the headers show that this run may use, over 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Requests per second at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rps: Option<f64>,
    /// Requests in flight at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
}

impl Limits {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These limits, with `defaults` where they say nothing.
    #[must_use]
    pub fn or(self, defaults: Self) -> Self {
        Self {
            share: self.share.or(defaults.share),
            max_rps: self.max_rps.or(defaults.max_rps),
            max_in_flight: self.max_in_flight.or(defaults.max_in_flight),
        }
    }
}
