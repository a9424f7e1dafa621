//! Links and answers from an org that lies: what no person should open is shown to none, and nobody's answer
//! goes to another's entry.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use crate::consent::url_in;
use crate::support::{Scenario, google};

const CALLBACK: &str = "POST …/oauth2/callback";

/// An org that has google apps and gives this link to consent to any of them.
#[derive(Clone, Default)]
struct Liar {
    link: Arc<Mutex<String>>,
    posts: Arc<Mutex<Vec<String>>>,
}

impl Liar {
    /// Serves it as this org, from the next manifest on.
    fn serve(&self, story: &mut Scenario, org: &str) -> String {
        let router = Router::new().fallback(answer).with_state(self.clone());
        let url = story.serve(router);
        story.org_at(org, &url);
        url
    }

    fn gives(&self, link: &str) {
        link.clone_into(&mut self.link.lock().unwrap());
    }
}

async fn answer(State(liar): State<Liar>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let app = json!({ "id": "0oa9", "name": "google", "label": "G", "status": "ACTIVE" });
    if path == "/api/v1/apps" {
        return Json(json!([app])).into_response();
    }
    if !path.contains("/connections/") && !path.contains("/oauth2/") {
        return Json(app).into_response();
    }
    let mut shown = json!({ "status": "DISABLED", "authScheme": "OAUTH2",
        "profile": { "authScheme": "OAUTH2" } });
    if request.method() == "POST" {
        liar.posts.lock().unwrap().push(path);
        shown["_links"] = json!({ "authorize": { "href": *liar.link.lock().unwrap() } });
    }
    Json(shown).into_response()
}

#[test]
fn a_link_that_nobody_should_open_is_shown_to_nobody() {
    let mut story = Scenario::of([]);
    let liar = Liar::default();
    liar.serve(&mut story, "acme");
    let long = format!(
        "https://accounts.google.com/?state=s3cr3t&x={}",
        "y".repeat(8192)
    );
    for (link, why) in [
        (
            "javascript:alert('s3cr3t')//?state=s3cr3t",
            "it must be https",
        ),
        ("file:///etc/passwd?state=s3cr3t", "it must be https"),
        ("data:text/html,s3cr3t?state=s3cr3t", "it must be https"),
        (
            "http://accounts.google.com/?state=s3cr3t",
            "it must be https",
        ),
        (
            "https://accounts.google.com@evil.example/?state=s3cr3t",
            "user name or password",
        ),
        (
            "https://accounts.google.com/?state=s3cr3t\u{1b}[2J\u{7}",
            "characters that no link has",
        ),
        (
            "https://accounts.google.com/?state=s3cr3t\nno mistakes",
            "characters that no link has",
        ),
        (
            "https://accounts.google.com/\u{202e}?state=s3cr3t",
            "characters that no link has",
        ),
        (&long, "longer than 8 KiB"),
        (
            "https://accounts.google.com/?x=s3cr3t",
            "exactly one `state`",
        ),
        (
            "https://accounts.google.com/?state=s3cr3t&state=s3cr3t2",
            "exactly one `state`",
        ),
        (
            "https://accounts.google.com/?state=&x=s3cr3t",
            "exactly one `state`",
        ),
    ] {
        liar.gives(link);
        story.manifest([google("0oa9")]);
        let ran = story
            .okta_rollout(&["-vv", "run", "job.toml", "--new"])
            .exits(3);
        let said = ran.says("nobody should open it").says(why).said();
        assert!(story.consents().is_empty(), "{link}");
        let list = story.okta_rollout(&["consent", "list"]).exits(0);
        let report = story.okta_rollout(&["report"]).exits(0);
        for text in [
            said,
            list.said(),
            list.data(),
            report.data(),
            story.report().to_string(),
        ] {
            assert!(!text.contains("s3cr3t"), "{text}");
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text}");
        }
    }
}

#[test]
fn where_a_link_leads_is_distinguished() {
    let mut story = Scenario::of([]);
    let liar = Liar::default();
    liar.serve(&mut story, "acme");
    for (link, host, known) in [
        (
            "https://accounts.google.com/o/oauth2/auth?state=s1",
            "accounts.google.com",
            true,
        ),
        (
            "https://accounts.google.com.evil.example/?state=s2",
            "accounts.google.com.evil.example",
            false,
        ),
        (
            "https://xn--80ak6aa92e.com/?state=s3",
            "xn--80ak6aa92e.com",
            false,
        ),
    ] {
        liar.gives(link);
        story.manifest([google("0oa9")]);
        story.okta_rollout(&["run", "job.toml", "--new"]).exits(4);
        story.okta_rollout(&["consent", "refresh"]).exits(0);
        let consents = story.consents();
        assert_eq!(consents.len(), 1, "{consents:?}");
        assert_eq!(consents[0]["authorizeUrl"], link);
        assert_eq!(
            (&consents[0]["host"], &consents[0]["hostKnown"]),
            (&json!(host), &json!(known))
        );
        let list = story.okta_rollout(&["consent", "list"]).exits(0).data();
        assert_eq!(list.contains(&format!("leads to {host}")), !known, "{list}");
    }
}

#[test]
fn another_orgs_link_with_the_same_state_takes_nobodys_answer() {
    let mut story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    let link = story.link();
    let good = url_in(&story.approve(&link));
    let state = good.split("state=").nth(1).unwrap().to_owned();
    let liar = Liar::default();
    let globex = liar.serve(&mut story, "globex");
    liar.gives(&format!("https://accounts.google.com/?state={state}"));
    // Later in the manifest, so that it is the newer one of the two.
    story.manifest([google("0oa1"), google("0oa9").at("globex")]);
    story.run().exits(4);
    assert_eq!(story.consents().len(), 2);
    story.calls("acme");
    liar.posts.lock().unwrap().clear();
    let acme = story.url("acme");
    let path = "/api/v1/apps/google/0oa1/oauth2/callback";
    for (answer, why) in [
        (
            good.replace(&acme, "https://evil.example"),
            "leads to evil.example",
        ),
        (
            good.replace(&acme, &globex),
            "(globex/google (row 2)): not sent",
        ),
        (good.replace("0oa1", "0oa9"), "not sent"),
        (good.replace("/google/", "/slack/"), "not sent"),
    ] {
        story
            .fed(&["consent", "complete"], &answer)
            .exits(2)
            .says(why);
    }
    assert!(story.calls("acme").is_empty());
    story
        .fed(&["consent", "complete"], &good)
        .exits(0)
        .says("acme/google (row 1): accepted");
    assert_eq!(story.calls("acme"), [CALLBACK]);
    assert!(liar.posts.lock().unwrap().is_empty());
    // Only the whole of it was accepted before.
    story.run().exits(4);
    story.calls("acme");
    story
        .fed(&["consent", "complete"], &good)
        .exits(0)
        .says("accepted before");
    for answer in [
        good.replace(&acme, "https://evil.example"),
        good.replace("http://", "https://"),
        good.replace("0oa1", "0oa2"),
        good.replace("/google/", "/slack/"),
        good.replace(path, "/api/v1/apps/google/0oa1/oauth2/callback/"),
    ] {
        let ran = story.fed(&["consent", "complete"], &answer).exits(2);
        assert!(
            !ran.said().contains("accepted before"),
            "{answer}: {}",
            ran.said()
        );
    }
    assert!(story.calls("acme").is_empty());
    assert!(liar.posts.lock().unwrap().is_empty());
}
