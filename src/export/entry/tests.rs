use serde_json::{Value, json};

use super::*;

const ENABLED: fn(&str) -> LiveConnection = |scheme| LiveConnection {
    status: LiveStatus::Enabled,
    auth_scheme: Some(scheme.to_owned()),
    ..LiveConnection::default()
};

fn live(app: App, connection: LiveConnection, features: &[(&str, Value)]) -> LiveApp {
    let state = |(name, capabilities): &(&str, Value)| FeatureState {
        name: (*name).into(),
        capabilities: capabilities.clone(),
    };
    LiveApp {
        app,
        id: "0oa2".to_owned(),
        label: "L".into(),
        state: LiveState::Read {
            connection,
            features: Ok(features.iter().map(state).collect()),
        },
    }
}

fn of(naming: Naming<'_>, apps: &[LiveApp]) -> Vec<Exported> {
    let org = Org {
        name: "acme",
        origin: "https://acme.okta.com",
        services: None,
        naming,
        scope: Scope::All,
    };
    records(&org, apps, &mut Placeholders::default())
}

fn one(naming: Naming<'_>, app: LiveApp) -> Exported {
    of(naming, &[app]).remove(0)
}

fn shown(exported: &Exported) -> Value {
    serde_json::to_value(exported.entry.as_ref()).unwrap()
}

#[test]
fn connections_become_what_sets_them_up() {
    let url = "https://scim.example/1/2/scim";
    let zscaler = LiveConnection {
        base_url: Some(url.into()),
        ..ENABLED("TOKEN")
    };
    let client = LiveConnection {
        client_id: Some("0oaHub".into()),
        rotation_mode: Some("AUTO".to_owned()),
        // Not what an OAUTH2 connection is set up with.
        base_url: Some(url.into()),
        ..ENABLED("OAUTH2")
    };
    let token = |name| json!({ "authScheme": "TOKEN", "token": name });
    let admin = json!({ "adminUsername": "env:HUB_OFFICE365_L_ADMIN_USERNAME",
        "adminPassword": "env:HUB_OFFICE365_L_ADMIN_PASSWORD" });
    let oauth = json!({ "profile": { "authScheme": "OAUTH2" } });
    for (naming, app, connection, expected) in [
        (
            Naming::Ids,
            App::Zscalerbyz,
            zscaler.clone(),
            json!({ "baseUrl": url, "profile": token("env:ACME_ZSCALERBYZ_0OA2_TOKEN") }),
        ),
        (
            Naming::Labels("hub"),
            App::Zscalerbyz,
            zscaler,
            json!({ "baseUrl": url, "profile": token("env:HUB_ZSCALERBYZ_L_TOKEN") }),
        ),
        (
            Naming::Ids,
            App::OktaOrg2Org,
            ENABLED("TOKEN"),
            json!({ "profile": token("env:ACME_OKTA_ORG2ORG_0OA2_TOKEN") }),
        ),
        (
            Naming::Ids,
            App::OktaOrg2Org,
            client,
            json!({ "profile": { "authScheme": "OAUTH2", "clientId": "0oaHub",
                "signing": { "rotationMode": "AUTO" } } }),
        ),
        (Naming::Ids, App::Slack, ENABLED("OAUTH2"), oauth.clone()),
        (Naming::Ids, App::Office365, ENABLED("OAUTH2"), oauth),
        (
            Naming::Labels("hub"),
            App::Office365,
            ENABLED("OAUTH2"),
            json!({ "profile": { "authScheme": "OAUTH2", "settings": admin } }),
        ),
    ] {
        let exported = one(naming, live(app, connection, &[]));
        assert_eq!(shown(&exported)["connection"], expected);
        assert_eq!(exported.outcome, Outcome::Told);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_no_entry_can_say_is_a_comment() {
    let strange = LiveConnection {
        status: LiveStatus::Enabled,
        ..LiveConnection::default()
    };
    let read = |app, connection| live(app, connection, &[]);
    let state = |state| LiveApp {
        state,
        ..read(App::Slack, ENABLED("OAUTH2"))
    };
    let with_url = |url: &str| LiveConnection {
        base_url: Some(url.into()),
        ..ENABLED("TOKEN")
    };
    for (app, outcome, why) in [
        (
            state(LiveState::Inactive),
            Outcome::Told,
            "the app is INACTIVE",
        ),
        (
            state(LiveState::Unread("gone".to_owned())),
            Outcome::Unread,
            "its connection cannot be read: gone",
        ),
        (
            read(App::Slack, strange),
            Outcome::Told,
            "Okta shows no authScheme",
        ),
        (
            read(
                App::Slack,
                LiveConnection {
                    status: LiveStatus::Unknown,
                    ..ENABLED("UNKNOWN")
                },
            ),
            Outcome::Told,
            "Okta shows no provisioning connection for it (UNKNOWN)",
        ),
        (
            read(App::Slack, LiveConnection::default()),
            Outcome::Told,
            "its connection is neither ENABLED nor DISABLED",
        ),
        (
            read(App::Slack, ENABLED("UNKNOWN")),
            Outcome::Told,
            "connection.profile.authScheme: `UNKNOWN` is not one of TOKEN or OAUTH2",
        ),
        (
            read(App::Slack, ENABLED("TOKEN")),
            Outcome::Told,
            "connection.profile.authScheme: slack does not have TOKEN",
        ),
        (
            read(App::Zscalerbyz, ENABLED("TOKEN")),
            Outcome::Told,
            "connection.baseUrl: is required for zscalerbyz",
        ),
        (
            read(App::Zscalerbyz, with_url("http://scim.example")),
            Outcome::Told,
            "connection.baseUrl: must be https; plain http is only for loopback addresses",
        ),
        (
            read(App::OktaOrg2Org, ENABLED("OAUTH2")),
            Outcome::Told,
            "connection.profile.clientId: is required for okta_org2org with OAUTH2",
        ),
    ] {
        let name = app.app;
        let exported = one(Naming::Ids, app);
        assert_eq!(
            exported.comment,
            format!("acme/{name} \"L\" (0oa2) is not exported: {why}")
        );
        assert_eq!(exported.warnings, std::slice::from_ref(&exported.comment));
        assert_eq!((exported.entry, exported.outcome), (None, outcome));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn features_are_exported_as_far_as_a_manifest_can_say_them() {
    let cron = |expression| json!({ "expression": expression, "timeZone": "UTC" });
    for (feature, capabilities, expected, notes) in [
        (
            "USER_PROVISIONING",
            json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } },
                "update": { "password": { "change": "CYCLE", "seed": null } } }),
            json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } } }),
            &["update.password.change is left out: `CYCLE` is not one of CHANGE or KEEP_EXISTING"]
                [..],
        ),
        (
            "INBOUND_PROVISIONING",
            json!({ "importSettings": {
                "username": { "usernameFormat": "EMAIL", "userNameExpression": "" },
                "schedule": { "status": "ENABLED", "fullImport": cron("0 3 * * *"), "incrementalImport": {} } } }),
            json!({ "importSettings": {
                "username": { "userNameFormat": "EMAIL" },
                "schedule": { "status": "ENABLED", "incrementalImport": null,
                    "fullImport": { "expression": "0 3 * * *", "timezone": "UTC" } } } }),
            &[],
        ),
        (
            "INBOUND_PROVISIONING",
            json!({ "importSettings": { "schedule": { "status": "ENABLED", "fullImport": cron("every night") } } }),
            json!({ "importSettings": { "schedule": { "status": "ENABLED" } } }),
            &["importSettings.schedule.fullImport.expression is left out: "],
        ),
        (
            "USER_PROVISIONING",
            json!({ "create": { "lifecycleCreate": { "status": "ENABLED", "x/y": 1 } }, "new": { "status": "ON" } }),
            json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } } }),
            &[
                "create.lifecycleCreate.x/y is left out: unknown key",
                "new is left out: unknown key",
            ],
        ),
        (
            // A key that no path can name takes what holds it along.
            "USER_PROVISIONING",
            json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } },
                "update": { "a.b": 1, "profile": { "status": "ENABLED" } } }),
            json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } } }),
            &["update is left out: features.USER_PROVISIONING.update.a.b: unknown key"],
        ),
        ("USER_PROVISIONING", Value::Null, Value::Null, &[]),
        (
            "USER_PROVISIONING",
            json!({ "update": {} }),
            Value::Null,
            &[],
        ),
        (
            "GROUP_PUSH",
            json!({ "status": "ENABLED" }),
            Value::Null,
            &[" is left out: unknown key"],
        ),
    ] {
        let app = live(App::Slack, ENABLED("OAUTH2"), &[(feature, capabilities)]);
        let exported = one(Naming::Ids, app);
        assert_eq!(shown(&exported)["features"][feature], expected);
        assert_eq!(exported.warnings.len(), notes.len(), "{exported:?}");
        for (warning, note) in exported.warnings.iter().zip(notes) {
            let dot = if note.starts_with(' ') { "" } else { "." };
            assert!(
                warning.contains(&format!("features.{feature}{dot}{note}")),
                "{warning}"
            );
            assert!(
                exported.comment.starts_with("label: L; features."),
                "{}",
                exported.comment
            );
        }
    }
}

#[test]
fn a_feature_that_the_app_should_not_have_is_reported() {
    let connection = LiveConnection {
        base_url: Some("https://scim.example".into()),
        ..ENABLED("TOKEN")
    };
    let inbound = json!({ "importSettings": { "schedule": { "status": "DISABLED" } } });
    let app = live(
        App::Zscalerbyz,
        connection,
        &[("INBOUND_PROVISIONING", inbound)],
    );
    let exported = one(Naming::Ids, app);
    assert_eq!(
        exported.comment,
        "label: L; features.INBOUND_PROVISIONING is left out: zscalerbyz does not have INBOUND_PROVISIONING"
    );
}

#[test]
fn a_connection_is_exported_although_its_features_could_not_be_read() {
    let mut app = live(App::Slack, ENABLED("OAUTH2"), &[]);
    if let LiveState::Read { features, .. } = &mut app.state {
        *features = Err("lost".to_owned());
    }
    let exported = one(Naming::Ids, app);
    assert_eq!(exported.outcome, Outcome::Unread);
    assert!(exported.entry.is_some());
    assert_eq!(
        exported.comment,
        "label: L; its features cannot be read: lost"
    );
}

#[test]
fn labels_name_apps_of_another_org_only_where_they_are_clear() {
    let twin = |id: &str| LiveApp {
        id: id.to_owned(),
        ..live(App::Slack, ENABLED("OAUTH2"), &[])
    };
    let apps = [
        twin("0oa1"),
        twin("0oa2"),
        live(App::Google, ENABLED("OAUTH2"), &[]),
    ];
    let exported = of(Naming::Labels("hub"), &apps);
    for one in &exported[..2] {
        assert!(one.comment.ends_with(
            "is not exported: 2 slack apps have this label (0oa1, 0oa2), \
             and in another org an app is found by its label"
        ));
    }
    assert_eq!(
        shown(&exported[2]),
        json!({ "org": "hub", "app": "google", "label": "L",
            "connection": { "profile": { "authScheme": "OAUTH2" } } })
    );
    assert_eq!(exported[2].comment, "");
    assert!(of(Naming::Ids, &apps).iter().all(|one| one.entry.is_some()));

    let padded = LiveApp {
        label: " L".into(),
        ..live(App::Google, ENABLED("OAUTH2"), &[])
    };
    let exported = one(Naming::Labels("hub"), padded);
    assert!(
        exported.comment.contains("label: has a space"),
        "{}",
        exported.comment
    );

    let client = LiveConnection {
        client_id: Some("0oaHub".into()),
        ..ENABLED("OAUTH2")
    };
    for (to, told) in [("globex", true), ("acme", false)] {
        let app = live(App::OktaOrg2Org, client.clone(), &[]);
        let exported = one(Naming::Labels(to), app);
        assert_eq!(exported.comment.contains("give the one of globex"), told);
    }
}

#[test]
fn disabled_connections_are_taken_only_when_wanted() {
    let disabled = LiveConnection {
        status: LiveStatus::Disabled,
        ..ENABLED("OAUTH2")
    };
    let apps = [live(App::Slack, disabled, &[])];
    let exported = of(Naming::Ids, &apps);
    assert_eq!(
        shown(&exported[0]),
        json!({ "org": "acme", "app": "slack", "appId": "0oa2", "status": "DISABLED" })
    );
    let org = Org {
        name: "acme",
        origin: "https://acme.okta.com",
        services: None,
        naming: Naming::Labels("hub"),
        scope: Scope::Enabled,
    };
    let twice = [apps[0].clone(), apps[0].clone()];
    assert_eq!(records(&org, &twice, &mut Placeholders::default()), []);
}
