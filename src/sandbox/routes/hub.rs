//! Whether a hub lets a spoke's connection in.

use serde_json::Value;

use super::super::answer::Refusal;
use super::super::catalog::Kind;
use super::super::world::{World, now_ms};
use super::{NOT_AUTHORIZED, text_at};
use crate::sandbox::caller::Caller;

/// Okta signs in to the hub before it stores a connection (API.md §6): the client has to be there, with the keys of this
/// connection, and with roles and scopes that hold. A hub that is not simulated here lets everybody in.
pub(super) fn lets_in(
    world: &World,
    caller: &Caller,
    id: &str,
    body: &Value,
) -> Result<(), Refusal> {
    let Some(client) = text_at(body, &["profile", "clientId"])? else {
        return Ok(());
    };
    let hub = caller.org.read(id, |app| {
        let settings = app.settings.as_deref()?;
        let settings: Value = serde_json::from_str(settings).ok()?;
        let hub = url::Url::parse(settings.get("baseUrl")?.as_str()?).ok()?;
        (app.facts().kind == Kind::Org2Org && hub.port() == Some(world.port))
            .then(|| world.at_host(hub.host_str()?))
            .flatten()
    })?;
    let Some(hub) = hub.or_else(|| world.of_client(client)) else {
        return Ok(());
    };
    let keys = format!(
        "{}/api/v1/apps/{id}/connections/default/jwks",
        caller.origin
    );
    let settles = world.settings.assume.hub_settles.0.as_millis();
    let settles_ms = i64::try_from(settles).unwrap_or(i64::MAX);
    let lets_in = hub.read(client, |app| {
        let service = app.service.as_deref()?;
        let signs = service.jwks_uri.as_deref() == Some(&*keys) || service.keys.is_some();
        Some(signs && service.lets_in(settles_ms, now_ms()))
    });
    match lets_in {
        Ok(Some(true)) => Ok(()),
        _ => Err(Refusal::credential(NOT_AUTHORIZED)),
    }
}
