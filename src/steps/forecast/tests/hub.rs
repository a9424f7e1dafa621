//! An entry whose steps happen in two orgs costs each of them what it is called for.

pub mod federation;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::*;
use crate::manifest::AdminRole;
use crate::model::Site;
use crate::okta::Bucket;
use crate::okta::clients::{AssignedRole, ClientKeys, ServiceClient};
use crate::plan::tests::entry;
use crate::plan::{
    Action, Call, Cost, EntryPlan, LiveConnection, LiveStatus, OrgPlan, Pace, SeenApp, SeenHub,
    Sheet, Which, book_elsewhere, jwks_uri,
};

fn spoke() -> Entry {
    entry(
        json!({ "org": "acme", "app": "okta_org2org", "appId": "0oa1",
        "hub": { "org": "hub", "clientName": "spoke acme", "roles": ["USER_ADMIN", "HELP_DESK_ADMIN"],
            "scopes": ["okta.users.manage"], "dpop": true },
        "connection": { "profile": { "authScheme": "OAUTH2", "signing": { "rotationMode": "AUTO" } } } }),
    )
}

/// The spoke's app, and what its connection shows.
fn there(connection: LiveConnection, hub: SeenHub) -> Seen {
    Seen {
        app: Some(SeenApp {
            connection,
            ..SeenApp::default()
        }),
        hub: SeenHub {
            own_origin: "https://acme.okta.com".to_owned(),
            ..hub
        },
        ..Seen::default()
    }
}

fn unconnected() -> LiveConnection {
    LiveConnection {
        status: LiveStatus::Disabled,
        ..LiveConnection::default()
    }
}

fn connected(client_id: &str) -> LiveConnection {
    LiveConnection {
        status: LiveStatus::Enabled,
        auth_scheme: Some("OAUTH2".to_owned()),
        client_id: Some(client_id.into()),
        rotation_mode: Some("AUTO".to_owned()),
        ..LiveConnection::default()
    }
}

fn service_app(name: &str) -> ServiceClient {
    ServiceClient {
        id: "0oaC".to_owned(),
        name: name.into(),
        keys: ClientKeys::At(jwks_uri("https://acme.okta.com", "0oa1").as_str().into()),
    }
}

/// All that is wanted of the service app, which the ledger knows.
fn complete() -> SeenHub {
    let roles = ["USER_ADMIN", "HELP_DESK_ADMIN"];
    let role = |role: &str| AssignedRole::of(&AdminRole::Standard(role.to_owned()));
    SeenHub {
        known: Some("0oaC".to_owned()),
        looked: Some(service_app("spoke acme")),
        roles: roles.map(role).into(),
        scopes: vec!["okta.users.manage".into()],
        dpop: Some(true),
        ..SeenHub::default()
    }
}

fn changes(forecast: &Forecast) -> Vec<String> {
    forecast.changes.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_right_costs_three_looks_in_the_hub_and_one_in_the_spoke() {
    let found = forecast(&spoke(), &there(connected("0oaC"), complete()));
    let looks = [Call::ReadServiceApp, Call::ListRoles, Call::ListGrants];
    assert_eq!(found.calls, [&looks[..], &[Call::ReadConnection]].concat());
    assert_eq!((found.action, changes(&found)), (Action::Nothing, vec![]));
    // Without a binding to a key there is nothing to see of its app.
    let mut entry = spoke();
    entry.hub.as_mut().unwrap().dpop = false;
    let found = forecast(&entry, &there(connected("0oaC"), complete()));
    assert_eq!(found.calls[0], Call::ReadClient);
    assert_eq!(found.calls.len(), 4);
}

#[test]
fn what_is_missing_of_a_service_app_is_given() {
    use Call::*;
    let look = [ReadServiceApp, ListRoles];
    for (hub, calls, told) in [
        (
            SeenHub {
                roles: complete().roles[..1].to_vec(),
                ..complete()
            },
            vec![
                ReadServiceApp,
                ListRoles,
                AssignRole,
                ListGrants,
                ReadConnection,
            ],
            vec![r#"hub.roles: ["USER_ADMIN"] → ["USER_ADMIN","HELP_DESK_ADMIN"]"#],
        ),
        (
            SeenHub {
                scopes: Vec::new(),
                ..complete()
            },
            [&look[..], &[ListGrants, GrantScope, ReadConnection]].concat(),
            vec![r#"hub.scopes: [] → ["okta.users.manage"]"#],
        ),
        (
            SeenHub {
                dpop: Some(false),
                ..complete()
            },
            vec![
                ReadServiceApp,
                ListRoles,
                ListGrants,
                ReadServiceApp,
                RequireDpop,
                ReadConnection,
            ],
            vec!["hub.dpop: false → true"],
        ),
        (
            SeenHub {
                looked: Some(service_app("mine")),
                ..complete()
            },
            vec![
                ReadServiceApp,
                ReadClient,
                ReplaceClient,
                ListRoles,
                ListGrants,
                ReadServiceApp,
                ReadConnection,
            ],
            vec!["hub.clientName: \"mine\" → \"spoke acme\""],
        ),
    ] {
        let found = forecast(&spoke(), &there(connected("0oaC"), hub));
        assert_eq!(found.calls, calls, "{told:?}");
        assert_eq!(changes(&found), told);
        assert_eq!(
            (found.action, found.error),
            (Action::Change, None),
            "{told:?}"
        );
    }
}

#[test]
fn a_service_app_that_is_gone_is_made_again_and_the_connection_signs_in_as_it() {
    use Call::*;
    let gone = SeenHub {
        known: Some("0oaC".to_owned()),
        ..SeenHub::default()
    };
    let found = forecast(&spoke(), &there(connected("0oaC"), gone));
    let made = [
        CreateServiceApp,
        AssignRole,
        AssignRole,
        GrantScope,
        ReadServiceApp,
        RequireDpop,
    ];
    let calls = [
        &[ReadServiceApp][..],
        &made,
        &[ReadConnection, SetConnection],
    ]
    .concat();
    assert_eq!(found.calls, calls);
    let told = changes(&found);
    let client = "connection.profile.clientId: \"0oaC\" → \"(new service app)\"";
    assert!(told.iter().any(|told| told == client), "{told:?}");
    assert!(!found.migrates);
}

#[test]
fn a_connection_with_a_token_migrates() {
    let token = LiveConnection {
        status: LiveStatus::Enabled,
        auth_scheme: Some("TOKEN".to_owned()),
        ..LiveConnection::default()
    };
    let found = forecast(&spoke(), &there(token.clone(), complete()));
    assert_eq!((found.action, found.migrates), (Action::Change, true));
    assert!(!found.calls.contains(&Call::Deactivate));
    // One that never worked has nothing to migrate from.
    let never = LiveConnection {
        status: LiveStatus::Disabled,
        ..token
    };
    assert!(!forecast(&spoke(), &there(never, complete())).migrates);
}

fn org(name: &str, cost: Cost, entries: Vec<EntryPlan>, allowed: &[(Bucket, u64)]) -> OrgPlan {
    OrgPlan {
        name: name.to_owned(),
        entries,
        cost,
        elsewhere: BTreeMap::new(),
        pace: Pace {
            allowances: allowed.iter().copied().collect(),
            at_once: 20,
            ..Pace::default()
        },
        error: None,
        scopes: None,
    }
}

#[test]
fn each_org_is_charged_with_the_calls_that_it_gets() {
    use Call::*;
    let entry = spoke();
    let seen = Seen {
        identity: Identity::Looked,
        ..there(unconnected(), SeenHub::default())
    };
    let foretold = forecast(&entry, &seen);
    assert_eq!(foretold.error, None);
    // What the app is, is seen before anything is made for it.
    assert_eq!(
        foretold.calls,
        [
            ReadApp,
            CreateServiceApp,
            AssignRole,
            AssignRole,
            GrantScope,
            ReadServiceApp,
            RequireDpop,
            ReadConnection,
            SetConnection
        ]
    );

    let (mut own, mut there) = (Cost::default(), Cost::default());
    own.add(&foretold, Site::Own);
    there.add(&foretold, Site::Hub);
    let in_hub = [
        (Bucket::Apps, 1),
        (Bucket::AppById, 2),
        (Bucket::Clients, 3),
    ];
    assert_eq!(there.calls, BTreeMap::from(in_hub));
    let plan = EntryPlan::new(Which::of(&entry, 1), foretold, [0; 16]);
    assert_eq!(plan.calls, 9);
    let elsewhere = BTreeMap::from([("hub".to_owned(), there)]);
    let mut globex = org("globex", Cost::default(), Vec::new(), &[]);
    globex.elsewhere = elsewhere.clone();
    let mut acme = org("acme", own, vec![plan], &[(Bucket::Apps, 50)]);
    acme.elsewhere = elsewhere;
    let mut all = [
        globex,
        acme,
        org("hub", Cost::default(), Vec::new(), &[(Bucket::Clients, 5)]),
    ];
    book_elsewhere(&mut all);
    // Once.
    book_elsewhere(&mut all);
    let sheet: Value = serde_json::to_value(Sheet::new("m.json", None, &all)).expect("JSON");
    let calls = |org: usize| sheet["orgs"][org]["calls"].clone();
    assert_eq!(calls(0), json!({}));
    assert_eq!(
        calls(1),
        json!({ "/api/v1/apps": 2, "/api/v1/apps/{id}": 1 })
    );
    assert_eq!(
        calls(2),
        json!({ "/api/v1/apps": 2, "/api/v1/apps/{id}": 4, "/oauth2/v1/clients": 6 })
    );
    assert_eq!(sheet["entries"][0]["calls"], 9);
    // The hub's budget is what holds it up.
    assert_eq!(all[2].calls_a_minute(), Some(5));
    assert_eq!(all[2].time().as_secs(), 60);
    assert_eq!(all[1].time().as_secs(), 0);
}
