//! Entries and what is seen of them.

use serde_json::{Value, json};

use super::super::*;
use crate::apps::{App, AuthScheme};
use crate::ledger::{AppMemory, LastApplied};
use crate::okta::features::FeatureState;
use crate::plan::tests::entry;
use crate::plan::{LiveConnection, LiveStatus, Secret, SeenConsent, SeenHub, TokenPost};

pub fn on() -> Value {
    json!({ "status": "ENABLED" })
}

/// `USER_PROVISIONING` in full.
pub fn full() -> Value {
    json!({ "create": { "lifecycleCreate": on() },
        "update": { "profile": on(), "lifecycleDeactivate": on(),
            "password": { "status": "ENABLED", "seed": "RANDOM", "change": "KEEP_EXISTING" } } })
}

pub fn partly() -> Value {
    json!({ "create": { "lifecycleCreate": on() } })
}

/// An entry of this app and scheme, with these features.
pub fn wanted(app: App, scheme: AuthScheme, features: &Value) -> Entry {
    let mut profile = json!({ "authScheme": scheme });
    match (app, scheme) {
        (_, AuthScheme::Token) => profile["token"] = json!("env:T"),
        (App::OktaOrg2Org, AuthScheme::Oauth2) => profile["clientId"] = json!("0oaHub"),
        _ => {}
    }
    entry(
        json!({ "org": "", "app": app, "appId": "0oa1", "connection": { "profile": profile },
        "features": features }),
    )
}

pub fn live(status: LiveStatus, scheme: AuthScheme) -> LiveConnection {
    LiveConnection {
        status,
        auth_scheme: Some(scheme.name().to_owned()),
        ..LiveConnection::default()
    }
}

pub fn listed(user: Value) -> Vec<FeatureState> {
    let state = |name: &str, capabilities| FeatureState {
        name: name.into(),
        capabilities,
    };
    vec![state("USER_PROVISIONING", user)]
}

pub fn there(
    connection: LiveConnection,
    features: Option<Vec<FeatureState>>,
    secret: Secret,
) -> Seen {
    let app = SeenApp {
        has_link: false,
        connection,
        features,
    };
    Seen {
        identity: Identity::Right,
        consent: SeenConsent::default(),
        hub: SeenHub::default(),
        app: Some(app),
        token: TokenPost {
            secret,
            force: false,
        },
        past: Past::default(),
    }
}

/// Of an app that a run had as wanted and connected.
pub fn connected() -> AppMemory {
    AppMemory {
        applied: Some(LastApplied::Unclear),
        connected: true,
        ..AppMemory::default()
    }
}
