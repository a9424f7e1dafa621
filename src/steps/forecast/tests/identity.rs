//! What an app is, is looked at right before the first write to it, and not without one.

use super::*;

#[test]
fn an_app_is_looked_at_right_before_the_first_write() {
    let wrong = || Obstacle::new("0oa1 is another app", "correct it");
    let (user, none) = (json!({ "USER_PROVISIONING": {} }), json!({}));
    let zscaler = wanted(App::Zscalerbyz, AuthScheme::Token, &user);
    let google = wanted(App::Google, AuthScheme::Oauth2, &none);
    let off = {
        let mut off = google.clone();
        off.status = Status::Disabled;
        off
    };
    let enabled = |scheme| live(LiveStatus::Enabled, scheme);
    let disabled = |scheme| live(LiveStatus::Disabled, scheme);
    let (token, oauth) = (AuthScheme::Token, AuthScheme::Oauth2);
    for (entry, live, secret, calls) in [
        (
            &zscaler,
            disabled(token),
            Secret::Unknown,
            &[SetConnection][..],
        ),
        (
            &zscaler,
            disabled(token),
            Secret::Unchanged,
            &[ReadConnection, SetConnection],
        ),
        (
            &google,
            disabled(oauth),
            Secret::Unknown,
            &[ReadConnection, SetConnection],
        ),
        (
            &off,
            enabled(oauth),
            Secret::Unknown,
            &[ReadConnection, Deactivate],
        ),
    ] {
        let (last, before) = calls.split_last().expect("calls");
        for (identity, look, error) in [
            (Identity::Right, false, false),
            (Identity::Looked, true, false),
            (Identity::Wrong(wrong()), false, true),
            (Identity::LookedWrong(wrong()), true, true),
        ] {
            let seen = Seen {
                identity,
                ..there(live.clone(), None, secret)
            };
            let found = forecast(entry, &seen);
            let mut expected = before.to_vec();
            expected.extend(look.then_some(ReadApp));
            expected.extend((!error).then_some(*last));
            assert_eq!(found.calls[..expected.len()], expected, "{seen:?}");
            assert_eq!(found.writes(), !error, "{seen:?}");
            assert_eq!(found.error.is_some(), error, "{seen:?}");
            if error {
                assert_eq!(
                    (found.action, found.calls.len()),
                    (Action::Error, expected.len())
                );
                assert!(found.changes.is_empty(), "{seen:?}");
            }
        }
    }
}

#[test]
fn nobody_looks_what_an_app_is_to_which_nothing_is_written() {
    let google = wanted(App::Google, AuthScheme::Oauth2, &json!({}));
    let enabled = live(LiveStatus::Enabled, AuthScheme::Oauth2);
    let wrong = Obstacle::new("0oa1 is another app", "correct it");
    let seen = Seen {
        identity: Identity::LookedWrong(wrong),
        ..there(enabled, None, Secret::Unknown)
    };
    let found = forecast(&google, &seen);
    assert_eq!(
        (found.action, found.calls),
        (Action::Nothing, vec![ReadConnection])
    );
    // Whoever hands an answer in looks.
    let waiting = forecast_waiting(&google, Past::default(), Identity::Looked);
    assert_eq!(waiting.after_consent[..2], [ReadApp, CompleteConsent]);
}
