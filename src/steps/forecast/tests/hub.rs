//! An entry whose steps happen in two orgs costs each of them what it is called for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::*;
use crate::model::Site;
use crate::okta::Bucket;
use crate::plan::tests::entry;
use crate::plan::{
    Call, Cost, EntryPlan, LiveConnection, LiveStatus, OrgPlan, Pace, SeenApp, Sheet, Which,
    book_elsewhere,
};

fn spoke() -> Entry {
    entry(
        json!({ "org": "acme", "app": "okta_org2org", "appId": "0oa1",
        "hub": { "org": "hub", "clientName": "spoke acme", "roles": ["USER_ADMIN", "HELP_DESK_ADMIN"] },
        "connection": { "profile": { "authScheme": "OAUTH2", "clientId": "0oaClient" } } }),
    )
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
    let entry = spoke();
    let app = SeenApp {
        connection: LiveConnection {
            status: LiveStatus::Disabled,
            ..LiveConnection::default()
        },
        ..SeenApp::default()
    };
    let seen = Seen {
        app: Some(app),
        identity: Identity::Looked,
        ..Seen::default()
    };
    let foretold = forecast(&entry, &seen);
    assert_eq!(foretold.error, None);
    let in_hub = [Call::HubTrial, Call::HubTrial];
    // What the app is matters to nobody before something is written to it.
    assert_eq!(
        foretold.calls,
        [
            &in_hub[..],
            &[Call::ReadConnection, Call::ReadApp, Call::SetConnection]
        ]
        .concat()
    );

    let (mut own, mut there) = (Cost::default(), Cost::default());
    own.add(&foretold, Site::Own);
    there.add(&foretold, Site::Hub);
    assert_eq!(there.calls, BTreeMap::from([(Bucket::Clients, 2)]));
    let plan = EntryPlan::new(Which::of(&entry, 1), foretold, [0; 16]);
    assert_eq!(plan.calls, 5);
    let elsewhere = BTreeMap::from([("hub".to_owned(), there)]);
    let mut globex = org("globex", Cost::default(), Vec::new(), &[]);
    globex.elsewhere = elsewhere.clone();
    let mut acme = org("acme", own, vec![plan], &[(Bucket::Apps, 50)]);
    acme.elsewhere = elsewhere;
    let mut all = [
        globex,
        acme,
        org("hub", Cost::default(), Vec::new(), &[(Bucket::Clients, 3)]),
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
    assert_eq!(calls(2), json!({ "/oauth2/v1/clients": 4 }));
    assert_eq!(sheet["entries"][0]["calls"], 5);
    // The hub's budget is what holds it up.
    assert_eq!(all[2].calls_a_minute(), Some(3));
    assert_eq!(all[2].time().as_secs(), 60);
    assert_eq!(all[1].time().as_secs(), 0);
}
