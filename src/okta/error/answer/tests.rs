//! The rows of API.md §7.3 and §8, each with the class that follows from it.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::okta::head::RateHeaders;
use crate::text::presentable;

const TRANSIENT: Class = Class::Transient { retry_after: None };
const RATE: Class = Class::RateLimited {
    concurrency: false,
    retry_after: None,
};

fn head(status: u16) -> Head {
    Head {
        status,
        ..Head::default()
    }
}

fn okta(code: &str) -> Vec<u8> {
    format!(
        r#"{{"errorCode":"{code}","errorSummary":"Summary","errorLink":"{code}","errorId":"oae1","errorCauses":[]}}"#
    )
    .into_bytes()
}

#[test]
fn every_documented_code_has_its_class() {
    use Class::{OrgStopped, Refused};
    let rows = [
        ("E0000001", 400, Refused),
        ("E0000002", 400, Refused),
        ("E0000003", 400, Refused),
        ("E0000004", 401, OrgStopped),
        ("E0000005", 403, OrgStopped),
        ("E0000005", 401, OrgStopped),
        ("E0000006", 403, OrgStopped),
        ("E0000007", 404, Refused),
        ("E0000008", 404, Refused),
        ("E0000009", 500, TRANSIENT),
        ("E0000009", 400, TRANSIENT),
        ("E0000010", 503, TRANSIENT),
        ("E0000011", 401, OrgStopped),
        ("E0000012", 404, Refused),
        ("E0000013", 403, Refused),
        ("E0000014", 403, Refused),
        ("E0000015", 401, Refused),
        ("E0000016", 403, Refused),
        ("E0000018", 400, Refused),
        ("E0000019", 400, Refused),
        ("E0000020", 400, Refused),
        ("E0000021", 400, Refused),
        ("E0000022", 405, Refused),
        ("E0000024", 400, Refused),
        ("E0000028", 400, Refused),
        ("E0000029", 400, Refused),
        ("E0000031", 400, Refused),
        ("E0000037", 400, Refused),
        ("E0000038", 403, Refused),
        ("E0000039", 403, Refused),
        ("E0000040", 400, Refused),
        ("E0000041", 400, Refused),
        ("E0000047", 429, RATE),
        ("E0000047", 403, RATE),
        ("E0000047", 503, RATE),
        ("E0000048", 404, Refused),
        ("E0000051", 500, TRANSIENT),
        ("E0000052", 501, Refused),
        ("E0000060", 501, Refused),
        ("E0000056", 403, Refused),
        ("E0000075", 403, Refused),
        ("E0000090", 409, Refused),
        ("E0000263", 409, Refused),
        ("E0000195", 409, Refused),
        ("E0000239", 423, TRANSIENT),
        ("E0000268", 409, TRANSIENT),
        // Codes nobody has heard of follow their status.
        ("E9999999", 400, Refused),
        ("E9999999", 401, Refused),
        ("E9999999", 500, TRANSIENT),
        ("invalid_client", 401, OrgStopped),
        ("invalid_grant", 400, Refused),
    ];
    for (code, status, class) in rows {
        let error = refused(&head(status), &okta(code));
        assert_eq!(error.class, class, "{code} {status}");
        assert_eq!(error.okta_error_code.as_deref(), Some(code));
        assert_eq!(error.http_status, Some(status));
        assert_eq!(error.error_id.as_deref(), Some("oae1"));
        assert_eq!(error.message, "Summary");
        let stopped = error.class == OrgStopped;
        assert!(!stopped || error.hint.is_some(), "{code}: no way out");
    }
}

#[test]
fn without_a_code_the_status_decides() {
    use Class::{OrgStopped, Refused, Unclear};
    let html: &[u8] = b"<!DOCTYPE html><h1>Access denied</h1>";
    let json: &[u8] = br#"{"status":404,"message":"gone"}"#;
    let rows: [(u16, &[u8], Class); 34] = [
        (302, b"", Refused),
        (304, b"", Refused),
        (400, b"", Refused),
        (400, json, Refused),
        (400, b"{\"errorCode\":", Refused),
        (400, html, Unclear),
        (401, b"", OrgStopped),
        (401, json, OrgStopped),
        (401, html, Unclear),
        (403, b"", OrgStopped),
        (403, b" \n", OrgStopped),
        (403, json, Refused),
        (403, html, Unclear),
        (404, b"", Refused),
        (404, json, Refused),
        (404, html, Unclear),
        (407, html, OrgStopped),
        (408, b"", TRANSIENT),
        (411, b"", Refused),
        (413, html, Unclear),
        (425, b"", TRANSIENT),
        (429, b"", RATE),
        (429, html, RATE),
        (451, html, Unclear),
        (500, b"", TRANSIENT),
        (500, html, TRANSIENT),
        (501, b"", Refused),
        (502, html, TRANSIENT),
        (503, html, TRANSIENT),
        (504, b"upstream timed out", TRANSIENT),
        (505, b"", Refused),
        (520, html, TRANSIENT),
        (101, b"", Unclear),
        (799, b"", Unclear),
    ];
    for (status, body, class) in rows {
        let error = refused(&head(status), body);
        let text = String::from_utf8_lossy(body);
        assert_eq!(error.class, class, "{status} {text}");
        assert!(!error.message.contains('<'), "{status}: {}", error.message);
        assert!(!error.message.is_empty());
    }
}

#[test]
fn a_challenge_explains_what_an_empty_body_does_not() {
    let challenged = |status, challenge: &str, body: &[u8]| {
        let head = Head {
            challenge: Some(challenge.to_owned()),
            ..head(status)
        };
        refused(&head, body)
    };
    let scope = r#"Bearer error="insufficient_scope", scope="okta.apps.manage""#;
    let error = challenged(403, scope, b"");
    assert_eq!(error.class, Class::OrgStopped);
    assert!(error.message.contains("okta.apps.manage"), "{error}");
    assert!(
        error
            .details
            .hint
            .is_some_and(|hint| hint.contains("okta.apps.manage"))
    );

    let error = challenged(401, r#"Bearer error="invalid_token""#, b"");
    assert_eq!(error.class, Class::OrgStopped);
    assert!(error.message.contains("invalid_token"), "{error}");

    // What is no code of Okta's says no more than a challenge.
    for body in [
        &br#"{"error":"insufficient_scope"}"#[..],
        br#"{"error":"No way"}"#,
    ] {
        let error = challenged(403, scope, body);
        assert_eq!(error.class, Class::OrgStopped);
        assert!(error.message.contains("okta.apps.manage"), "{error}");
    }

    // A code says more than a challenge.
    let error = challenged(403, scope, &okta("E0000039"));
    assert_eq!(error.class, Class::Refused);
    let error = challenged(401, r#"Bearer error="invalid_token""#, &okta("E0000015"));
    assert_eq!(error.class, Class::Refused);
}

#[test]
fn the_two_429s_are_distinguished() {
    let limited = |limit, remaining| {
        let head = Head {
            rate: RateHeaders {
                limit,
                remaining,
                reset: Some(1),
            },
            retry_after: Some(Duration::from_secs(3)),
            ..head(429)
        };
        refused(&head, &okta("E0000047")).class
    };
    let class = |concurrency| Class::RateLimited {
        concurrency,
        retry_after: Some(Duration::from_secs(3)),
    };
    assert_eq!(limited(Some(50), Some(0)), class(false));
    assert_eq!(limited(Some(0), Some(0)), class(true));
    assert_eq!(limited(None, None), class(false));
}

#[test]
fn retry_after_is_kept_where_it_was_sent() {
    let head = Head {
        retry_after: Some(Duration::from_secs(9)),
        ..head(503)
    };
    let expected = Class::Transient {
        retry_after: Some(Duration::from_secs(9)),
    };
    assert_eq!(refused(&head, b"").class, expected);
}

#[test]
fn what_is_wanting_of_the_credentials_is_known() {
    let scope = r#"Bearer error="insufficient_scope", scope="okta.apps.manage""#;
    let expired = r#"Bearer error="invalid_token""#;
    let scopes = |scopes: Option<&str>| Some(Denied::Scopes(scopes.map(Into::into)));
    for (status, challenge, code, denied) in [
        (401, None, Some("E0000011"), Some(Denied::Credentials)),
        (403, None, Some("E0000005"), Some(Denied::Credentials)),
        (401, Some(expired), None, Some(Denied::Credentials)),
        (401, None, None, Some(Denied::Credentials)),
        (403, None, Some("E0000006"), Some(Denied::Role)),
        (403, Some(scope), None, scopes(Some("okta.apps.manage"))),
        (
            403,
            Some("Bearer error=\"insufficient_scope\""),
            None,
            scopes(None),
        ),
        (403, None, None, scopes(None)),
        // Licences, and what is not about the caller.
        (401, None, Some("E0000015"), None),
        (404, None, Some("E0000007"), None),
        (407, None, None, None),
        (503, None, None, None),
    ] {
        let head = Head {
            challenge: challenge.map(str::to_owned),
            ..head(status)
        };
        let body = code.map(okta).unwrap_or_default();
        let error = refused(&head, &body);
        assert_eq!(error.denied, denied, "{status} {challenge:?} {code:?}");
    }
}

#[test]
fn a_redirect_names_the_host_and_nothing_more() {
    let head = Head {
        redirect_host: Some("login.example".to_owned()),
        ..head(302)
    };
    let error = refused(&head, b"");
    assert_eq!(
        error.message,
        "redirected to login.example (status 302); redirects are not followed"
    );
}

#[test]
fn a_body_cut_short_matters_only_where_the_status_does_not_decide() {
    let fault = || CallError::new(Class::Unclear, "broke");
    let class = |status| cut_short(&head(status), fault()).class;
    assert_eq!(class(200), Class::Unclear);
    assert_eq!(class(403), Class::Unclear);
    assert_eq!(class(429), RATE);
    assert_eq!(class(502), TRANSIENT);
}

#[test]
fn refusals_carry_hints_where_the_code_says_why() {
    let hint = |body: &[u8]| refused(&head(400), body).details.hint;
    let credential =
        br#"{"errorCode":"E0000001","errorSummary":"Api validation failed: credential"}"#;
    assert!(hint(credential).is_some_and(|hint| hint.contains("connection")));
    assert!(hint(&okta("E0000007")).is_some_and(|hint| hint.contains("appId")));
    assert_eq!(hint(&okta("E0000041")), None);
}

proptest! {
    #[test]
    fn whatever_is_answered_is_classified(
        status in 0_u16..1000,
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            r#"\{"error(Code|Summary|Causes)":("E0000[0-9]{3}"|\[\]|null|"\PC{0,20}")\}"#
                .prop_map(String::into_bytes),
        ],
        challenge in proptest::option::of(".{0,80}"),
    ) {
        let error = refused(&Head { challenge, ..head(status) }, &body);
        prop_assert!(!error.message.is_empty());
        prop_assert!(presentable(&error.message).chars().all(|c| !c.is_control()));
        prop_assert_eq!(error.http_status, Some(status));
        // Success is never made of a failure, nor a stopped org of a server's trouble.
        prop_assert!(status < 500 || error.class != Class::OrgStopped || error.okta_error_code.is_some());
    }
}
