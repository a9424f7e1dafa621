//! Whether a hub lets a spoke's connection in (API.md §6), when it is set and later on, when users are pushed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::catalog::Kind;
use super::client_keys::{self, Spoke};
use super::model::App;
use super::org::{Changed, Org};
use super::service::{Holds, Lack};
use super::signing::PublicKey;
use super::world::{World, now_ms};

/// What comes of signing in to a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    LetIn,
    Refused(Lack),
    /// The hub is not simulated here, or there is no such connection.
    Unknown,
}

/// Okta signs in to the hub before it stores a connection: the client has to be there, with the key that the connection
/// signs with, and with roles and scopes that hold.
pub(super) fn lets_in(world: &World, spoke: Spoke<'_>, client: &str) -> Verdict {
    let Some(hub) = hub_of(world, spoke, client) else {
        return Verdict::Unknown;
    };
    verdict(world, &hub, spoke, client, hub.holds(now_ms()))
}

/// What a push of the connection that is stored would meet.
fn push(world: &World, org: &Org, app: &str) -> Verdict {
    let stored = org.read(app, |app| {
        let client = app.connection.client_id.clone();
        client.filter(|_| app.connection.enabled && app.signs_in())
    });
    let Ok(Some(client)) = stored else {
        return Verdict::Unknown;
    };
    let spoke = Spoke {
        org,
        app,
        origin: None,
    };
    let Some(hub) = hub_of(world, spoke, &client) else {
        return Verdict::Unknown;
    };
    // It held when the connection was set: what was added since takes nothing away.
    let holds = Holds {
        after_ms: 0,
        now_ms: now_ms(),
    };
    verdict(world, &hub, spoke, &client, holds)
}

fn hub_of(world: &World, spoke: Spoke<'_>, client: &str) -> Option<Arc<Org>> {
    let url = spoke.org.read(spoke.app, |app| app.setting("baseUrl"));
    let hub = url.ok().flatten().and_then(|url| world.at_url(&url));
    hub.or_else(|| world.of_client(client))
}

fn verdict(world: &World, hub: &Org, spoke: Spoke<'_>, client: &str, holds: Holds) -> Verdict {
    let key = spoke
        .org
        .read(spoke.app, |app| current_key(app, world.settings.seed));
    let Ok(Some(key)) = key else {
        return Verdict::Unknown;
    };
    let service = hub.read(client, |app| app.service.as_deref().cloned());
    let Ok(Some(service)) = service else {
        return Verdict::Refused(Lack::Client);
    };
    let keys = client_keys::keys(world, &service, Some(spoke)).unwrap_or_default();
    if !key.is_in(&keys) {
        return Verdict::Refused(Lack::Key);
    }
    match service.lacks(holds) {
        Some(lack) => Verdict::Refused(lack),
        None => Verdict::LetIn,
    }
}

fn current_key(app: &App, seed: u64) -> Option<PublicKey> {
    let kid = app.kid(seed);
    let mut keys = app.keys(seed).into_iter();
    keys.find(|key| key.kid == kid && app.facts().kind == Kind::Org2Org)
}

/// Notes on the connections that sign in as this client whether its last change shut them out.
pub(super) fn client_changed(world: &World, client: &str) {
    for org in world.all() {
        let signs_in = |app: &&App| app.connection.client_id.as_deref() == Some(client);
        let spokes = org.list(None, |apps| {
            let spokes = apps.iter().filter(signs_in);
            spokes.map(|app| app.id.to_string()).collect::<Vec<_>>()
        });
        for app in spokes.unwrap_or_default() {
            app_changed(world, &org, &app);
        }
    }
}

/// Notes on a connection whether the last change shut it out.
pub(super) fn app_changed(world: &World, org: &Org, app: &str) {
    if !matches!(push(world, org, app), Verdict::Refused(_)) {
        return;
    }
    let noted = org.change(app, |app| {
        app.signing.get_or_insert_default().interruptions += 1;
        Ok(((), Changed::Yes))
    });
    if noted.is_err() {
        tracing::debug!(org = %org.name, app, "the app of a connection is gone");
    }
}

/// Everything an org holds, and of each of its connections to a hub how it fares there.
pub(super) fn state(world: &World, org: &Org) -> Value {
    let mut state = org.dump();
    for app in state["apps"].as_array_mut().into_iter().flatten() {
        let Some(id) = app["id"].as_str().map(str::to_owned) else {
            continue;
        };
        let signing = org.read(&id, |app| {
            let signing = app.signing.as_ref();
            let interruptions = signing.map_or(0, |signing| signing.interruptions);
            let kid = app.kid(world.settings.seed);
            app.signs_in().then_some((kid, interruptions))
        });
        let Ok(Some((kid, interruptions))) = signing else {
            continue;
        };
        let pushes = match push(world, org, &id) {
            Verdict::Unknown => Value::Null,
            Verdict::LetIn => json!("accepted"),
            Verdict::Refused(lack) => json!({ "refused": lack }),
        };
        app["connection"]["kid"] = json!(kid);
        app["connection"]["pushes"] = pushes;
        app["connection"]["interruptions"] = json!(interruptions);
    }
    state
}
