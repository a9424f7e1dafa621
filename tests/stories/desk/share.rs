//! A link for one org shows that org and nothing else, until it ends or is taken back.

use super::field;
use crate::support::{Desk, Page, Scenario, google, slack};

/// Two orgs that wait, a desk, and the path of a link for acme.
fn shared() -> (Scenario, Desk, String) {
    let story = Scenario::of([google("0oa1"), slack("0oa2").at("globex")]);
    story.run().exits(4);
    let desk = story.desk(&["serve"]);
    desk.enter().is(200);
    let path = path(&story, &desk, &["--expires", "7d"]);
    (story, desk, path)
}

fn path(story: &Scenario, desk: &Desk, more: &[&str]) -> String {
    let arguments = [&["consent", "share", "acme"][..], more].concat();
    let link = story.okta_rollout(&arguments).exits(0).data();
    let path = link.trim().strip_prefix(&desk.base).unwrap();
    assert!(path.starts_with("/share/"), "{link}");
    path.to_owned()
}

/// As somebody who has nothing but the link.
fn stranger(desk: &Desk, path: &str) -> Page {
    desk.ask("GET", path, &[], "")
}

fn link_of(story: &Scenario, org: &str) -> String {
    let consents = story.consents();
    let of_org = consents
        .iter()
        .find(|consent| consent["org"] == org)
        .unwrap();
    of_org["authorizeUrl"].as_str().unwrap().to_owned()
}

#[test]
fn whoever_has_a_link_works_off_one_org_and_sees_no_other() {
    let (story, mut desk, path) = shared();
    let page = stranger(&desk, &path).is(200);
    let page = page
        .shows("acme")
        .shows(">Open<")
        .hides("globex")
        .hides("/runs")
        .hides("/jobs")
        .hides(", run ")
        .hides("data-events");
    for other in ["/consents", "/runs", "/events", "/metrics"] {
        desk.ask("GET", other, &[], "").is(401);
    }
    // What is of another org is not opened, renewed or handed in by this.
    let theirs = desk
        .get("/consents?org=globex")
        .is(200)
        .form("/consents/open");
    let place = |name: &str| {
        theirs
            .iter()
            .find(|(field, _)| field == name)
            .unwrap()
            .1
            .clone()
    };
    let open = format!("{path}/consents/open");
    let mut form: Vec<_> = page
        .form(&open)
        .into_iter()
        .filter(|(name, _)| name == "csrf")
        .collect();
    form.extend([field("run", &place("run")), field("entry", &place("entry"))]);
    desk.post_with(&open, &form, &[]).is(409).hides("globex");
    desk.post_with(&format!("{path}/consents/fresh"), &form, &[])
        .is(409)
        .hides("globex");
    let answers = format!("{path}/consents/answers");
    let hand_in = |text: &str| {
        let mut form = page.form(&answers);
        form.push(field("answers", text));
        desk.post_with(&answers, &form, &[]).is(200)
    };
    story.calls("globex");
    let told = hand_in(&story.approve(&link_of(&story, "globex"))).hides("globex");
    assert!(
        told.told("alert").contains("no entry waits"),
        "{}",
        told.body
    );
    assert_eq!(story.calls("globex"), [""; 0]);
    // What is of acme is, and moves its entry.
    let opened = desk.post_with(&open, &page.form(&open), &[]).is(303);
    assert_eq!(
        opened.header("location"),
        Some(link_of(&story, "acme").as_str())
    );
    let told = hand_in(&story.approve(&link_of(&story, "acme")));
    assert!(
        told.told("status")
            .contains("acme/google (row 1): accepted"),
        "{}",
        told.body
    );
    desk.live.says("acme/google (row 1): done");
    stranger(&desk, &path)
        .is(200)
        .shows("Nothing waits for a consent");
}

#[test]
fn whoever_has_a_link_hears_nothing_of_what_is_wrong_on_our_side() {
    let (story, desk, path) = shared();
    let page = stranger(&desk, &path).is(200);
    let sql = rusqlite::Connection::open(story.ledger()).unwrap();
    let set = "UPDATE entry SET progress = json_set(progress, '$.consent.authorizeUrl', ?1)
        WHERE progress ->> '$.consent' IS NOT NULL";
    sql.execute(set, ["http://internal.example/?state=s1"])
        .unwrap();
    let shown = stranger(&desk, &path).is(200).hides("internal.example");
    shown.shows("get a fresh one").hides(">Open<");
    let open = format!("{path}/consents/open");
    let told = desk.post_with(&open, &page.form(&open), &[]).is(409);
    let told = told.told("alert");
    assert!(told.contains("not possible just now"), "{told}");
    assert!(!told.contains("https"), "{told}");
    // Who has the token is told why.
    desk.get("/consents").is(200).shows("internal.example");
}

#[test]
fn a_link_that_was_altered_expired_or_revoked_opens_nothing() {
    let (story, desk, path) = shared();
    let page = stranger(&desk, &path).is(200);
    let answers = format!("{path}/consents/answers");
    let mut form = page.form(&answers);
    form.push(field("answers", "x"));
    for altered in [
        format!("{path}x"),
        path.replace('.', ".A"),
        "/share/".to_owned(),
        "/share/a.b".to_owned(),
    ] {
        let page = stranger(&desk, &altered);
        assert!(
            (400..500).contains(&page.status),
            "{altered}: {}",
            page.status
        );
        page.hides("acme");
        let page = desk.post_with(&format!("{altered}/consents/answers"), &form, &[]);
        assert!(
            (400..500).contains(&page.status),
            "{altered}: {}",
            page.status
        );
    }
    let short = self::path(&story, &desk, &["--expires", "1ms"]);
    stranger(&desk, &short)
        .is(410)
        .hides("acme")
        .shows("expired");
    story
        .okta_rollout(&["consent", "share", "acme", "--revoke"])
        .exits(0)
        .says("revoked");
    stranger(&desk, &path)
        .is(410)
        .hides("acme")
        .shows("revoked");
    desk.post_with(&answers, &form, &[]).is(410);
    // One that is made after that is good, and a form of the other is none of its page.
    let newer = self::path(&story, &desk, &[]);
    stranger(&desk, &newer).is(200).shows("acme");
    desk.post_with(&format!("{newer}/consents/answers"), &form, &[])
        .is(403);
}

#[test]
fn a_link_outlives_the_desk_and_one_is_made_at_the_desk_too() {
    let (story, desk, path) = shared();
    drop(desk);
    story
        .okta_rollout(&["consent", "share", "acme"])
        .exits(2)
        .says("no desk works on this ledger")
        .says("okta-rollout serve");
    let made = [
        "consent",
        "share",
        "acme",
        "--url",
        "https://desk.example.com",
    ];
    let link = story.okta_rollout(&made).exits(0).data();
    assert!(
        link.starts_with("https://desk.example.com/share/"),
        "{link}"
    );
    story
        .okta_rollout(&["consent", "share", "acne"])
        .exits(2)
        .says("acme");
    story
        .okta_rollout(&["consent", "share", "acme", "--url", "x"])
        .exits(2);
    story
        .okta_rollout(&["consent", "share", "acme", "--expires", "0s"])
        .exits(2);
    let desk = story.desk(&["serve"]);
    desk.enter();
    stranger(&desk, &path).is(200).shows("acme");
    let page = desk.get("/consents?org=acme").is(200);
    let mut form = page.form("/share");
    form.push(field("expires", "1d"));
    let told = desk.post("/share", &form).is(200);
    let link = told
        .body
        .split("readonly value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    stranger(&desk, link.strip_prefix(&desk.base).unwrap())
        .is(200)
        .shows("acme")
        .hides("globex");
    form.push(field("do", "revoke"));
    desk.post("/share", &form).is(200).shows("revoked");
    stranger(&desk, &path).is(410);
}
