//! What happens is heard as it happens, and who was away hears what was missed first.

use super::{field, split};
use crate::support::{Desk, Scenario, google, slack, user, zscaler};

#[test]
fn who_was_away_hears_what_was_missed_and_nothing_secret_is_ever_said() {
    let story = Scenario::of([google("0oa1").feature(user()), zscaler("0oa2")]);
    let mut desk = story.desk(&["run", "job.toml", "--desk"]);
    desk.live.says("acme/google (row 1): waiting");
    desk.enter();
    let mut stream = desk.events(None);
    stream.says("HTTP/1.1 200");
    stream.says("content-type: text/event-stream");
    stream.says("event: hello");
    let heard = stream.last_id();
    drop(stream);
    let link = story.link();
    let state = link
        .split("state=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    let page = desk.get("/consents");
    desk.post("/consents/open", &page.form("/consents/open"))
        .is(303);
    let mut missed = desk.events(Some(&heard));
    let text = missed.says("event: consents").to_owned();
    assert!(!text.contains("event: hello"), "{text}");
    let told = desk.hand_in(&story.approve(&link));
    assert!(told.told("status").contains("accepted"), "{}", told.body);
    let text = missed.says("event: end").to_owned();
    assert!(
        text.contains("\"state\":\"done\"") || text.contains("event: entr"),
        "{text}"
    );
    for secret in [&state, "http://127", "authorize", "code="] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let events = text.matches("event: ").count();
    assert_eq!(
        text.matches("\nid: ").count(),
        events,
        "every event has an id: {text}"
    );
    assert_eq!(desk.live.ends(), Some(0), "{}", desk.live.said());
}

#[test]
fn what_another_process_does_is_heard_and_seen() {
    let story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    let desk = story.desk(&["serve"]);
    desk.enter().is(200).shows("1 entry waits");
    let mut stream = desk.events(None);
    stream.says("event: hello");
    story
        .fed(&["consent", "complete"], &story.approve(&story.link()))
        .exits(0);
    stream.says("event: ledger");
    desk.get("/consents")
        .is(200)
        .shows("Nothing waits for a consent");
}

#[test]
fn numbers_are_for_prometheus() {
    let story = Scenario::of([
        google("0oa1"),
        zscaler("0oa2"),
        zscaler("0oa3").at("globex"),
    ]);
    let mut desk = story.desk(&["run", "job.toml", "--desk"]);
    for _ in 0..3 {
        desk.live.says(" (row ");
    }
    desk.enter();
    let page = desk.get("/metrics").is(200);
    let kind = page.header("content-type").unwrap().to_owned();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    for line in [
        "okta_rollout_entries{state=\"waiting\"} 1",
        "okta_rollout_consents_waiting 1",
        "# TYPE okta_rollout_requests_total counter",
        "okta_rollout_requests_total{org=\"acme\",status=\"200\"} ",
        "okta_rollout_rate_limited_total{kind=\"window\",org=\"acme\"} 0",
        "okta_rollout_attempts_total{step=\"set_connection\"} 3",
        "# TYPE okta_rollout_entries gauge",
        "okta_rollout_build_info{version=\"",
        "okta_rollout_consent_oldest_seconds ",
    ] {
        assert!(
            page.body.contains(line),
            "{line} is missing in:\n{}",
            page.body
        );
    }
    // Nobody shares a file.
    for shared in ["partition", "worker", "session"] {
        assert!(!page.body.contains(shared), "{}", page.body);
    }
    let one = desk
        .get("/metrics?org=globex")
        .is(200)
        .hides("org=\"acme\"");
    one.shows("org=\"globex\"");
}

#[test]
fn numbers_are_of_what_waits_at_this_desk() {
    let story = Scenario::of([google("0oa1"), slack("0oa2").at("globex")]);
    split(&story);
    story.run().exits(4);
    story.time_passes(24 * 3_600_000);
    let oldest = |desk: &Desk| {
        let page = desk.get("/metrics").is(200);
        let mut lines = page.body.lines();
        let line = lines.find_map(|line| line.strip_prefix("okta_rollout_consent_oldest_seconds "));
        line.unwrap().parse::<f64>().unwrap()
    };
    let mut desk = story.desk(&["run", "own.json", "--desk"]);
    desk.live.says("globex/slack (row 1): waiting");
    desk.enter().shows("1 entry waits");
    assert!(oldest(&desk) < 3_600.0);
    drop(desk);
    let desk = story.desk(&["serve"]);
    desk.enter().shows("2 entries wait");
    assert!(oldest(&desk) >= 24.0 * 3_600.0);
}

#[test]
fn people_see_who_is_at_work_on_what() {
    let story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    let desk = story.desk(&["serve"]);
    let page = desk.enter();
    let mut form = page.form("/who");
    form.push(field("who", "Ada <b>Löw"));
    let named = desk.post("/who", &form).is(303);
    assert_eq!(named.header("location"), Some("/consents"));
    let name = named.cookie();
    let entered = desk.ask("GET", &format!("/?token={}", desk.token), &[], "");
    let cookie = entered.cookie();
    let headers = vec![("Cookie", format!("{cookie}; {name}"))];
    desk.post_with("/consents/open", &page.form("/consents/open"), &headers)
        .is(303);
    desk.ask("GET", "/consents", &headers, "")
        .shows("You opened it");
    let others = desk.get("/consents").shows("Ada &lt;b&gt;Löw opened it");
    others.hides("<b>L");
    // Who opens it second does not take the first one's place.
    desk.post("/consents/open", &page.form("/consents/open"))
        .is(303);
    let both = desk.get("/consents").shows("Ada &lt;b&gt;Löw opened it");
    both.shows("Somebody opened it");
    // It leads back to pages of the desk alone.
    for elsewhere in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/runsx\nX: y",
    ] {
        let mut form: Vec<_> = page
            .form("/who")
            .into_iter()
            .filter(|(name, _)| name != "here")
            .collect();
        form.push(field("here", elsewhere));
        form.push(field("who", "x"));
        assert_eq!(
            desk.post("/who", &form).is(303).header("location"),
            Some("/consents")
        );
    }
}
