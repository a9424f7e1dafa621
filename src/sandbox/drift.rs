//! What people change in an org behind everybody's back, for tests of how it is found and mended. Okta has operations for
//! most of it that nobody here calls.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Refusal;
use super::hub;
use super::model::{App, Rotation};
use super::org::{Changed, Org};
use super::world::{World, now_ms};

/// A change that somebody made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Drift {
    /// A role is taken from a client: its type, the id of a custom role, or that of the assignment.
    RevokedRole {
        /// The client's id.
        client: String,
        /// Which role.
        role: String,
    },
    /// A scope is taken from a client.
    RevokedScope {
        /// The client's id.
        client: String,
        /// The scope, or the id of its grant.
        scope: String,
    },
    /// An app, a client or an identity provider is deleted.
    Deleted {
        /// Its id.
        id: String,
    },
    /// An Org2Org connection signs in as another client, or its keys are rotated by somebody else.
    ChangedConnection {
        /// The app's id.
        app: String,
        /// As whom it signs in.
        #[serde(default)]
        client_id: Option<String>,
        /// `AUTO` or `MANUAL`.
        #[serde(default)]
        rotation_mode: Option<String>,
    },
    /// An app signs with this key from now on, whose private half somebody has.
    ChangedKey {
        /// The app's id.
        app: String,
        /// The public half: a JWK of RSA with `kid` and `n`, its exponent 65537.
        key: Value,
    },
}

/// Changes an org.
pub(super) fn apply(world: &World, org: &Org, drift: &Drift) -> Result<(), Refusal> {
    match drift {
        Drift::RevokedRole { client, role } => {
            revoke(org, client, |app| {
                let roles = &mut app.service.as_mut()?.roles;
                let before = roles.len();
                roles.retain(|has| {
                    let custom = has.custom.as_ref().map(|(id, _)| &**id);
                    *has.kind != **role && *has.id != **role && custom != Some(role.as_str())
                });
                (roles.len() < before).then_some(())
            })?;
            hub::client_changed(world, client);
        }
        Drift::RevokedScope { client, scope } => {
            revoke(org, client, |app| {
                let grants = &mut app.service.as_mut()?.grants;
                let before = grants.len();
                grants.retain(|has| *has.scope != **scope && *has.id != **scope);
                (grants.len() < before).then_some(())
            })?;
            hub::client_changed(world, client);
        }
        Drift::Deleted { id } => {
            if !org.remove(id) {
                return Err(Refusal::not_found(id, "AppInstance"));
            }
            hub::client_changed(world, id);
        }
        Drift::ChangedConnection {
            app,
            client_id,
            rotation_mode,
        } => {
            let rotation = rotation_mode.as_deref().map(rotation).transpose()?;
            org.change(app, |app| {
                let connection = &mut app.connection;
                if let Some(client) = client_id {
                    connection.client_id = Some(client.as_str().into());
                }
                connection.rotation = rotation.or(connection.rotation);
                Ok(((), Changed::Yes))
            })?;
            hub::app_changed(world, org, app);
        }
        Drift::ChangedKey { app, key } => {
            let (Some(kid), Some(modulus)) = (key["kid"].as_str(), key["n"].as_str()) else {
                return Err(Refusal::malformed());
            };
            org.change(app, |app| {
                let signing = app.signing.get_or_insert_default();
                signing.adopt(kid, modulus, now_ms());
                Ok(((), Changed::Yes))
            })?;
            hub::app_changed(world, org, app);
        }
    }
    Ok(())
}

/// Takes something from a client that has it.
fn revoke(
    org: &Org,
    client: &str,
    take: impl FnOnce(&mut App) -> Option<()>,
) -> Result<(), Refusal> {
    org.change(client, |app| match take(app) {
        Some(()) => Ok(((), Changed::Yes)),
        None => Err(Refusal::not_found(client, "PublicClientApp")),
    })
}

fn rotation(mode: &str) -> Result<Rotation, Refusal> {
    match mode {
        "AUTO" => Ok(Rotation::Auto),
        "MANUAL" => Ok(Rotation::Manual),
        _ => Err(Refusal::malformed()),
    }
}
