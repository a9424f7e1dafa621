mod hub;
mod identity;
mod requests;
mod samples;

use serde_json::json;

use super::*;
use crate::apps::{App, AuthScheme, Feature};
use crate::job::OnDrift;
use crate::manifest::Status;
use crate::model::Site;
use crate::plan::tests::entry;
use crate::plan::{Action, Call, Earlier, LiveConnection, LiveStatus, Obstacle, Secret};
use Call::*;
use samples::*;
use serde_json::Value;

const USER: Call = SetFeature(Feature::UserProvisioning);
const INBOUND: Call = SetFeature(Feature::InboundProvisioning);

fn fields(forecast: &Forecast) -> Vec<String> {
    forecast.changes.iter().map(ToString::to_string).collect()
}

#[test]
fn every_app_in_every_state_is_foretold() {
    use Action::{Change, Consent, Error, Nothing, SetUp};
    use LiveStatus::{Disabled, Enabled, Missing, Unknown};
    let none = json!({});
    for app in App::ALL {
        for scheme in app.schemes() {
            let other = match scheme {
                AuthScheme::Token => AuthScheme::Oauth2,
                AuthScheme::Oauth2 => AuthScheme::Token,
            };
            let entry = wanted(app, *scheme, &none);
            let read = vec![ReadConnection];
            let look_and_set = vec![ReadConnection, SetConnection];
            let in_vain = [ReadConnection, SetConnection, ReadConnection];
            let known = [
                (Enabled, *scheme, Nothing, read.clone()),
                (Unknown, *scheme, Error, read.clone()),
            ];
            let others = match (app.needs_consent(), scheme) {
                (true, _) => vec![
                    (Disabled, *scheme, Consent, look_and_set),
                    (Enabled, other, Error, read.clone()),
                    (Missing, *scheme, Error, read),
                ],
                (false, _) => vec![
                    (Disabled, *scheme, SetUp, look_and_set.clone()),
                    (Enabled, other, Change, look_and_set.clone()),
                    (Missing, *scheme, SetUp, look_and_set),
                ],
            };
            for (status, shown, action, calls) in known.into_iter().chain(others) {
                let seen = there(live(status.clone(), shown), None, Secret::Unchanged);
                let found = forecast(&entry, &seen);
                assert_eq!(found.action, action, "{app} {scheme} {status:?} {shown}");
                assert_eq!(found.calls, calls, "{app} {scheme} {status:?} {shown}");
                assert_eq!(found.error.is_some(), action == Error);
                if *scheme == AuthScheme::Token {
                    // A token that is not known to be the same is posted without a look.
                    let seen = there(live(status.clone(), shown), None, Secret::Unknown);
                    let found = forecast(&entry, &seen);
                    let expected = match status {
                        Unknown => &in_vain[1..],
                        _ => &in_vain[1..2],
                    };
                    assert_eq!(found.calls, expected, "{app} {status:?}");
                }
            }
        }
    }
}

#[test]
fn features_are_read_first_unless_they_are_given_in_full_and_the_connection_is_written() {
    let enabled = || live(LiveStatus::Enabled, AuthScheme::Token);
    let disabled = || live(LiveStatus::Disabled, AuthScheme::Token);
    let mut off = full();
    off["update"]["profile"]["status"] = json!("DISABLED");
    let differs = "features.USER_PROVISIONING.update.profile.status: \"DISABLED\" → \"ENABLED\"";
    let token = |what: &str| format!("connection.profile.token: (secret, {what})");
    for (features, seen, calls, uncertain, changes) in [
        (
            full(),
            there(enabled(), Some(listed(full())), Secret::Unchanged),
            vec![ReadConnection, ListFeatures],
            0,
            vec![],
        ),
        (
            full(),
            there(enabled(), Some(listed(off.clone())), Secret::Unchanged),
            vec![ReadConnection, ListFeatures, USER],
            0,
            vec![differs.to_owned()],
        ),
        (
            full(),
            there(enabled(), Some(listed(full())), Secret::Changed),
            vec![SetConnection, USER],
            0,
            vec![token("changed")],
        ),
        (
            partly(),
            there(enabled(), Some(listed(full())), Secret::Changed),
            vec![SetConnection, ListFeatures],
            0,
            vec![token("changed")],
        ),
        (
            partly(),
            there(disabled(), None, Secret::Unchanged),
            vec![ReadConnection, SetConnection, ListFeatures, USER],
            1,
            vec![
                "connection.status: \"DISABLED\" → \"ENABLED\"".to_owned(),
                token("unchanged"),
                "features.USER_PROVISIONING.create.lifecycleCreate.status: not shown yet → \"ENABLED\""
                    .to_owned(),
            ],
        ),
    ] {
        let entry = wanted(
            App::Zscalerbyz,
            AuthScheme::Token,
            &json!({ "USER_PROVISIONING": features }),
        );
        let found = forecast(&entry, &seen);
        assert_eq!(found.calls, calls, "{features} {seen:?}");
        assert_eq!(found.uncertain, uncertain, "{features} {seen:?}");
        assert_eq!(fields(&found), changes, "{features} {seen:?}");
    }
}

#[test]
fn a_consent_divides_the_calls() {
    let features = json!({ "USER_PROVISIONING": full() });
    let disabled = || {
        let live = live(LiveStatus::Disabled, AuthScheme::Oauth2);
        there(live, None, Secret::Unknown)
    };
    let with = wanted(App::Google, AuthScheme::Oauth2, &features);
    let found = forecast(&with, &disabled());
    assert_eq!(found.calls, [ReadConnection, SetConnection]);
    assert_eq!(found.after_consent, [CompleteConsent, Activate, USER]);
    let waiting = forecast_waiting(&with, Past::default(), Identity::Right);
    assert_eq!(waiting.action, Action::Consent);
    assert!(waiting.calls.is_empty());
    assert_eq!(waiting.after_consent, found.after_consent);
    let mut labelled = with.clone();
    (labelled.app_id, labelled.label) = (None, Some("L".to_owned()));
    let waiting = forecast_waiting(&labelled, Past::default(), Identity::Right);
    assert_eq!(waiting.after_consent, found.after_consent);
    // A link that is out is waited for.
    let mut carried_over = disabled();
    if let Some(app) = &mut carried_over.app {
        app.has_link = true;
    }
    let carried_over = forecast(&with, &carried_over);
    assert_eq!(carried_over.action, Action::Consent);
    assert_eq!(carried_over.calls, [ReadConnection]);
    assert_eq!(carried_over.after_consent, found.after_consent);
    assert_eq!(fields(&carried_over), fields(&found));
    // Without a feature to show it a GET proves the activation.
    let without = wanted(App::Google, AuthScheme::Oauth2, &json!({}));
    let found = forecast(&without, &disabled());
    assert_eq!(
        found.after_consent,
        [CompleteConsent, Activate, ReadConnection]
    );
    let both = json!({ "USER_PROVISIONING": partly(), "INBOUND_PROVISIONING": {} });
    let both = wanted(App::Slack, AuthScheme::Oauth2, &both);
    let found = forecast(&both, &disabled());
    assert_eq!(
        found.after_consent,
        [CompleteConsent, Activate, ListFeatures, USER, INBOUND]
    );
    assert_eq!(found.uncertain, 2);
}

#[test]
fn disabled_is_deactivated_once() {
    let entry = entry(json!({ "org": "", "app": "google", "appId": "0oa1", "status": "DISABLED" }));
    for (status, action, calls) in [
        (
            LiveStatus::Enabled,
            Action::Deactivate,
            vec![ReadConnection, Deactivate, ReadConnection],
        ),
        (LiveStatus::Disabled, Action::Nothing, vec![ReadConnection]),
        (LiveStatus::Unknown, Action::Error, vec![ReadConnection]),
    ] {
        let seen = there(live(status, AuthScheme::Oauth2), None, Secret::Unknown);
        let found = forecast(&entry, &seen);
        assert_eq!((found.action, found.calls), (action, calls));
    }
}

#[test]
fn what_was_changed_by_hand_is_left_alone_if_the_job_says_so() {
    let disabled = |scheme| live(LiveStatus::Disabled, scheme);
    let features = json!({ "USER_PROVISIONING": partly() });
    let token = wanted(App::Zscalerbyz, AuthScheme::Token, &features);
    let google = wanted(App::Google, AuthScheme::Oauth2, &json!({}));
    let with_past = |entry: &Entry, seen: Seen, on_drift| {
        let past = Past {
            earlier: Earlier::Same,
            app: connected(),
            on_drift,
        };
        forecast(entry, &Seen { past, ..seen })
    };
    let left = |forecast: &Forecast| {
        let fields = forecast.left_alone.iter().map(|left| left.path.clone());
        fields.collect::<Vec<_>>()
    };
    let off = there(disabled(AuthScheme::Token), None, Secret::Unchanged);
    let found = with_past(&token, off, OnDrift::Report);
    assert_eq!(found.action, Action::Nothing);
    assert_eq!(found.calls, [ReadConnection]);
    assert_eq!(left(&found), ["connection.status"]);
    let enabled = live(LiveStatus::Enabled, AuthScheme::Token);
    let moved = || {
        let features = Some(listed(json!({})));
        there(enabled.clone(), features, Secret::Unchanged)
    };
    let found = with_past(&token, moved(), OnDrift::Report);
    assert_eq!(found.calls, [ReadConnection, ListFeatures]);
    assert_eq!(
        left(&found),
        ["features.USER_PROVISIONING.create.lifecycleCreate.status"]
    );
    assert_eq!(
        with_past(&token, moved(), OnDrift::Repair).action,
        Action::Change
    );
    // A consent that was given once is not asked for again.
    let off = || there(disabled(AuthScheme::Oauth2), None, Secret::Unknown);
    let found = with_past(&google, off(), OnDrift::Repair);
    assert_eq!(found.action, Action::SetUp);
    assert_eq!(found.calls, [ReadConnection, Activate, ReadConnection]);
    let found = with_past(&google, off(), OnDrift::Report);
    assert_eq!(found.calls, [ReadConnection]);
    // What the manifest changed is not by hand.
    let past = Past {
        earlier: Earlier::Unknown,
        app: connected(),
        on_drift: OnDrift::Report,
    };
    let seen = Seen { past, ..moved() };
    assert_eq!(forecast(&token, &seen).action, Action::Change);
}

#[test]
fn an_app_to_create_is_set_up_from_nothing() {
    let create = json!({ "settings": { "app": {} } });
    let entry = |connection: Value| {
        entry(
            json!({ "org": "", "app": "okta_org2org", "label": "New", "create": create,
            "connection": connection, "features": { "USER_PROVISIONING": full() } }),
        )
    };
    let token = entry(json!({ "profile": { "authScheme": "TOKEN", "token": "env:T" } }));
    let absent = Seen::default();
    let found = forecast(&token, &absent);
    assert_eq!(found.action, Action::SetUp);
    assert_eq!(found.calls, [CreateApp, SetConnection, USER]);
    let client = entry(json!({ "profile": { "authScheme": "OAUTH2", "clientId": "0oaHub" } }));
    let found = forecast(&client, &absent);
    assert_eq!(
        found.calls,
        [CreateApp, ReadConnection, SetConnection, USER]
    );
    let found = forecast(
        &token,
        &there(
            live(LiveStatus::Enabled, AuthScheme::Token),
            Some(listed(full())),
            Secret::Unchanged,
        ),
    );
    assert_eq!(found.action, Action::Nothing, "it is there already");
}

#[test]
fn features_alone_need_a_connection_that_is_active() {
    let entry = entry(json!({ "org": "", "app": "slack", "appId": "0oa1",
        "features": { "USER_PROVISIONING": partly() } }));
    let seen =
        |status, features| there(live(status, AuthScheme::Oauth2), features, Secret::Unknown);
    let found = forecast(&entry, &seen(LiveStatus::Enabled, Some(listed(json!({})))));
    assert_eq!(found.action, Action::Change);
    assert_eq!(found.calls, [ListFeatures, USER]);
    let found = forecast(&entry, &seen(LiveStatus::Disabled, None));
    assert_eq!(found.calls, [ListFeatures, ReadConnection]);
    let why = found.error.expect("an obstacle").message;
    assert!(why.contains("DISABLED"), "{why}");
    let found = forecast(&entry, &seen(LiveStatus::Enabled, Some(Vec::new())));
    let why = found.error.expect("an obstacle").message;
    assert!(why.contains("does not have the feature"), "{why}");
}

#[test]
fn what_okta_does_not_show_is_unverifiable() {
    let mut token = wanted(App::OktaOrg2Org, AuthScheme::Token, &json!({}));
    let connection = token.connection.as_mut().expect("a connection");
    connection.base_url = Some("https://hub.example".to_owned());
    let mut shown = live(LiveStatus::Enabled, AuthScheme::Token);
    let unverifiable = |live: &LiveConnection| {
        forecast(&token, &there(live.clone(), None, Secret::Unchanged)).unverifiable
    };
    assert_eq!(unverifiable(&shown), [TOKEN_FIELD, "connection.baseUrl"]);
    shown.base_url = Some("https://hub.example".into());
    assert_eq!(unverifiable(&shown), [TOKEN_FIELD]);
}

const TOKEN_FIELD: &str = "connection.profile.token";
