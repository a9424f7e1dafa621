//! What a run would do to an entry whose org is let in by its hub.

use serde_json::json;

use super::super::super::*;
use super::{complete, connected, there, unconnected};
use crate::okta::federated_app::FederatedApp;
use crate::okta::idps::{IdentityProvider, PLACEHOLDER, WholeProvider};
use crate::plan::tests::entry;
use crate::plan::{Action, Call, Earlier, SeenHub, SeenIdp};

/// A provider of this name, which serves the entry's app.
fn idp(name: &str) -> IdentityProvider {
    IdentityProvider {
        id: "0oaI".to_owned(),
        name: name.into(),
        org_url: Some("https://acme.okta.com".into()),
        client_id: Some("0oa1".into()),
        algorithm: Some("RS256".into()),
        scopes: None,
        has_policy: true,
    }
}

/// The same, whole.
pub fn whole(name: &str) -> WholeProvider {
    WholeProvider::supposed(idp(name))
}

fn spoke() -> Entry {
    entry(
        json!({ "org": "acme", "app": "okta_org2org", "appId": "0oa1",
        "hub": { "org": "hub", "clientName": "spoke acme", "roles": ["USER_ADMIN", "HELP_DESK_ADMIN"],
            "scopes": ["okta.users.manage"], "dpop": true, "idp": {} },
        "connection": { "profile": { "authScheme": "OAUTH2", "signing": { "rotationMode": "AUTO" } } } }),
    )
}

fn app(idp_id: Option<&str>) -> FederatedApp {
    FederatedApp {
        id: "0oa1".to_owned(),
        client_id: Some("0oa1".to_owned()),
        idp_id: idp_id.map(Into::into),
    }
}

fn with(idp: SeenIdp) -> Seen {
    let hub = SeenHub {
        own_app_id: "0oa1".to_owned(),
        idp: Some(idp),
        ..complete()
    };
    there(connected("0oaC"), hub)
}

#[test]
fn a_provider_that_is_right_costs_no_call_once_that_is_known() {
    let seen = SeenIdp {
        listed: vec![idp("spoke acme")],
        app: Some(app(Some("0oaI"))),
        named: None,
    };
    let rest = [
        Call::ReadServiceApp,
        Call::ListRoles,
        Call::ListGrants,
        Call::ReadConnection,
    ];
    let unknown = forecast(&spoke(), &with(seen.clone()));
    assert_eq!(unknown.calls, [&[Call::ReadApp][..], &rest].concat());
    let mut seen = with(SeenIdp { app: None, ..seen });
    seen.past.earlier = Earlier::Same;
    let known = forecast(&spoke(), &seen);
    assert_eq!(known.calls, rest);
    for found in [unknown, known] {
        assert_eq!((found.action, found.error), (Action::Nothing, None));
    }
}

#[test]
fn what_differs_of_a_provider_is_replaced() {
    let of = |change: fn(&mut IdentityProvider)| {
        let mut found = idp("spoke acme");
        change(&mut found);
        found
    };
    for (found, told) in [
        (
            of(|idp| idp.name = "mine".into()),
            "hub.idp.name: \"mine\" → \"spoke acme\"",
        ),
        (
            of(|idp| idp.client_id = Some(PLACEHOLDER.into())),
            "hub.idp.clientId: \"placeholder\" → \"0oa1\"",
        ),
        (
            of(|idp| idp.has_policy = false),
            "hub.idp.policy.provisioning.action: not set → \"AUTO\"",
        ),
    ] {
        let seen = SeenIdp {
            listed: vec![found],
            app: Some(app(Some("0oaI"))),
            named: None,
        };
        let found = forecast(&spoke(), &with(seen));
        let replaced = [Call::ReadApp, Call::ReadIdp, Call::UpdateIdp];
        assert_eq!(found.calls[..3], replaced, "{told}");
        let changes: Vec<_> = found.changes.iter().map(ToString::to_string).collect();
        assert_eq!(changes, [told]);
        assert_eq!((found.action, found.error), (Action::Change, None));
    }
    // Neither its name nor its client leads to it, but the app does.
    let mut other = idp("mine");
    other.client_id = Some("0oaElse".into());
    let seen = SeenIdp {
        listed: Vec::new(),
        app: Some(app(Some("0oaI"))),
        named: Some(other),
    };
    let found = forecast(&spoke(), &with(seen));
    let replaced = [Call::ReadApp, Call::ReadIdp, Call::UpdateIdp];
    assert_eq!(found.calls[..3], replaced);
    assert_eq!(found.changes.len(), 2);
}

#[test]
fn an_app_that_names_another_provider_is_refused_before_anything_is_written() {
    let listed = vec![idp("spoke acme")];
    for (listed, names, calls, told) in [
        (
            listed.clone(),
            Some("0oaX"),
            1,
            "names another identity provider",
        ),
        (listed, None, 1, "names no identity provider"),
        (
            Vec::new(),
            Some("0oaX"),
            2,
            "names the identity provider 0oaX, which hub does not have",
        ),
    ] {
        let seen = SeenIdp {
            listed,
            app: Some(app(names)),
            named: None,
        };
        let found = forecast(&spoke(), &with(seen));
        assert_eq!((found.action, found.calls.len()), (Action::Error, calls));
        let message = found.error.unwrap().message;
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn a_new_app_names_its_provider_which_lets_it_in_afterwards() {
    let mut new = spoke();
    (new.app_id, new.label) = (None, Some("To the hub".to_owned()));
    let create = json!({ "signOnMode": "OPENID_CONNECT", "settings": { "app": { "baseUrl": "https://hub.okta.com" } } });
    new.create = Some(serde_json::from_value(create).unwrap());
    let mut seen = there(
        unconnected(),
        SeenHub {
            idp: Some(SeenIdp::default()),
            ..SeenHub::default()
        },
    );
    seen.app = None;
    let found = forecast(&new, &seen);
    let first = [
        Call::CreateIdp,
        Call::CreateApp,
        Call::UpdateIdp,
        Call::CreateServiceApp,
    ];
    assert_eq!(found.calls[..4], first);
    let told: Vec<_> = found.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        told[..2],
        [
            "hub.idp.name: not set → \"spoke acme\"",
            "hub.idp.clientId: \"placeholder\" → \"(new app)\""
        ]
    );
    // One that nobody serves yet is taken.
    let mut waiting = idp("spoke acme");
    waiting.client_id = Some(PLACEHOLDER.into());
    seen.hub.idp = Some(SeenIdp {
        listed: vec![waiting],
        ..SeenIdp::default()
    });
    let found = forecast(&new, &seen);
    let first = [Call::CreateApp, Call::ReadIdp, Call::UpdateIdp];
    assert_eq!((&found.calls[..3], found.error), (&first[..], None));
}
