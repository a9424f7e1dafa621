//! Answers that are not for the entry that waits: refused before anything is sent, since the call
//! would carry the org's credentials.

use crate::consent::{url_in, waiting};
use crate::support::{Scenario, google, slack};

/// Asserts that nothing of it is sent, and that it is told why.
#[track_caller]
fn unsent(story: &Scenario, answer: &str, why: &str) {
    story
        .fed(&["consent", "complete"], answer)
        .exits(2)
        .says("not sent: ")
        .says(why);
    for org in story.orgs() {
        assert!(story.calls(&org).is_empty(), "{answer}");
    }
}

/// A rollout whose orgs wait for a consent each, and the right answer for acme's.
fn two_orgs() -> (Scenario, String) {
    let story = Scenario::of([google("0oa1"), google("0oa2").at("globex")]);
    story.run().exits(4);
    let links = story.consents();
    assert_eq!(links[0]["org"], "acme");
    let page = story.approve(links[0]["authorizeUrl"].as_str().unwrap());
    for org in ["acme", "globex"] {
        story.calls(org);
    }
    (story, url_in(&page))
}

/// The value of a parameter of a URL.
fn parameter<'a>(url: &'a str, name: &str) -> &'a str {
    let start = url.find(&format!("{name}=")).unwrap() + name.len() + 1;
    url[start..].split('&').next().unwrap()
}

#[test]
fn an_answer_for_another_place_is_not_sent() {
    let (story, good) = two_orgs();
    let [acme, globex] = [story.url("acme"), story.url("globex")];
    let port = acme.rsplit(':').next().unwrap();
    let path = "/api/v1/apps/google/0oa1/oauth2/callback";
    let leads_away = format!("not to {acme}");
    for (answer, why) in [
        (good.replace(&acme, "https://evil.example"), &leads_away[..]),
        (
            good.replace(&acme, "http://acme.localhost.evil.example"),
            &leads_away,
        ),
        (good.replace("http://", "https://"), &leads_away),
        (good.replace(port, "1"), &leads_away),
        (good.replace(&format!(":{port}"), ""), &leads_away),
        (good.replace(&acme, &globex), &leads_away),
        (good.replace("http://", "http://acme@"), "carries a user"),
        (format!("{good}#fragment"), "a fragment"),
        (good.replace("0oa1", "0oa2"), "not this app's callback"),
        (
            good.replace("/google/", "/slack/"),
            "not this app's callback",
        ),
        (
            good.replace(path, "/api/v1/users/me"),
            "not this app's callback",
        ),
        (
            good.replace(path, &format!("{path}/../callback")),
            "a path with `.` or `..` in it",
        ),
        (
            good.replace(path, &format!("/{path}")),
            "not this app's callback",
        ),
    ] {
        unsent(&story, &answer, why);
    }
    // Nothing of this did any harm: the answer itself is still good.
    story.fed(&["consent", "complete"], &good).exits(0);
}

#[test]
fn an_answer_to_no_question_is_not_sent() {
    let (story, good) = two_orgs();
    let state = parameter(&good, "state").to_owned();
    let code = parameter(&good, "code").to_owned();
    for (answer, why) in [
        (
            good.replace(&state, "another"),
            "no entry waits for this state",
        ),
        (
            good.replace(&format!("&state={state}"), ""),
            "exactly one `state`",
        ),
        (
            good.replace(&format!("code={code}&"), ""),
            "exactly one `code`",
        ),
        (good.replace(&code, ""), "exactly one `code`"),
        (format!("{good}&code=another"), "exactly one `code`"),
        (format!("{good}&state={state}"), "exactly one `state`"),
        (
            "{\"error\":\"access_denied\"}".to_owned(),
            "the consent was not given: access_denied",
        ),
    ] {
        unsent(&story, &answer, why);
    }
    story.fed(&["consent", "complete"], &good).exits(0);
}

#[test]
fn what_is_no_answer_is_reported_once_with_how_much_was_read() {
    let (story, good) = two_orgs();
    for (text, how_much) in [
        ("hello", "5 bytes in 1 line were read"),
        (
            "{\"continue_oauth_flow_url\":\n7}\n",
            "31 bytes in 2 lines were read",
        ),
        ("file:///etc/passwd", "18 bytes in 1 line were read"),
        ("", "standard input is empty"),
    ] {
        let ran = story.fed(&["consent", "complete"], text).exits(2);
        let said = ran.says(how_much).says("hint: paste the JSON").said();
        assert_eq!(said.lines().count(), 2, "{said}");
    }
    for org in story.orgs() {
        assert!(story.calls(&org).is_empty());
    }
    story.fed(&["consent", "complete"], &good).exits(0);
}

#[test]
fn what_was_handed_in_by_mistake_is_reported_as_what_it_is() {
    let (story, good) = two_orgs();
    let links = story.consents();
    let link = links[0]["authorizeUrl"].as_str().unwrap();
    let state = parameter(&good, "state").to_owned();
    let acme = story.url("acme");
    let page = format!("{acme}/admin/app/google/0oa1/oauth2/redirect");
    let error = "{\"errorCode\":\"E0000001\",\"errorSummary\":\"Api validation failed: oauth2\",\
                 \"errorLink\":\"E0000001\",\"errorId\":\"oae1\",\"errorCauses\":\
                 [{\"errorSummary\":\"The authorization failed: access_denied\"}]}";
    for (answer, why) in [
        (
            link.to_owned(),
            "answer in line 1 (acme/google (row 1)): not sent: this is the link to open",
        ),
        (
            format!("> see\n> {link}\n"),
            "answer in line 2 (acme/google (row 1)): not sent: this is the link to open",
        ),
        (
            link.replace(parameter(link, "state"), "x"),
            "answer in line 1: not sent: this is the link to open",
        ),
        (
            format!("{page}?error=access_denied&error_description=No+way&state={state}"),
            "(acme/google (row 1)): not sent: the consent was not given: access_denied: No way",
        ),
        (
            error.to_owned(),
            "this is Okta's error page, no answer: Api validation failed: oauth2: The authorization \
             failed: access_denied (E0000001)",
        ),
        (
            good.replace(
                "/api/v1/apps/google/0oa1/oauth2/callback",
                "/admin/app/google/0oa1/oauth2/redirect",
            ),
            "the address of Okta's page",
        ),
        (
            good.replace(&state, "x").replace("0oa1", "0oa7"),
            ", google 0oa7): not sent: no entry waits for this state",
        ),
    ] {
        unsent(&story, &answer, why);
    }
    // The link is noise beside the answer to it.
    let reply = format!("{good}\n\n> please open\n> {link}\n");
    story.fed(&["consent", "complete"], &reply).exits(0);
    story.run().exits(4);
    story.calls("acme");
    let again = good.replace(&state, "x");
    unsent(
        &story,
        &again,
        "the entry does not wait for an answer: it is done",
    );
}

#[test]
fn no_refusal_repeats_the_code() {
    let (story, good) = two_orgs();
    let code = parameter(&good, "code").to_owned();
    let acme = story.url("acme");
    for answer in [
        good.replace(&acme, "https://evil.example"),
        good.replace("0oa1", "0oa2"),
        format!("{good}#x"),
        format!("{good} trailing {code}"),
    ] {
        let ran = story.fed(&["-vv", "consent", "complete"], &answer);
        assert!(!ran.said().contains(&code), "{}", ran.said());
        assert!(!ran.data().contains(&code), "{}", ran.data());
    }
}

#[test]
fn an_answer_to_a_link_that_was_replaced_is_not_sent() {
    let story = waiting();
    let old = story.approve(&story.link());
    story.okta_rollout(&["consent", "refresh"]).exits(0);
    story.calls("acme");
    unsent(&story, &old, "a fresh link replaced it");
}

#[test]
fn an_answer_that_okta_refused_is_not_sent_again() {
    let story = waiting();
    let wrong = url_in(&story.approve(&story.link())).replace("code=4", "code=5");
    story.fed(&["consent", "complete"], &wrong).exits(3);
    story.calls("acme");
    unsent(&story, &wrong, "Okta refused this answer before");
}

#[test]
fn a_code_that_expired_is_refused_by_okta_and_renewed() {
    for status in ["400", "403", "404"] {
        let settings = format!("limit = 0\nassume.badStateStatus = '{status}'");
        let story = Scenario::with(&settings, [slack("0oa1")]);
        story.run().exits(4);
        let old = story.link();
        let page = story.approve(&old);
        // Somebody opened the consent anew in the Admin Console: Okta forgets the old state.
        let again = serde_json::json!({ "profile": { "authScheme": "OAUTH2" } });
        let path = "/api/v1/apps/0oa1/connections/default";
        story.somebody_else("acme", "POST", path, &again);
        story
            .fed(&["consent", "complete"], &page)
            .exits(3)
            .says("open the fresh link");
        let fresh = story.link();
        assert_ne!(fresh, old, "{status}");
        story
            .fed(&["consent", "complete"], &story.approve(&fresh))
            .exits(0);
        story.run().exits(0);
    }
}
