//! A call for a consent's link whose process was killed, and that arrives when nobody expects it any more: it takes the
//! place of the link that was got since.

use crate::support::{Entry, Scenario, google, office365, user, zscaler};

/// How long a call may take, and a little more (ms).
const MORE_THAN_A_CALL: i64 = 61_000;

/// A run that died as it asked for a link, and one since that got another.
fn asked_twice() -> Scenario {
    asked_twice_for(google("0oa1").feature(user()))
}

fn asked_twice_for(entry: Entry) -> Scenario {
    let story = Scenario::of([entry, zscaler("0oa2").at("globex")]);
    // Of the checkpoints the one before the call is among the first.
    story.dies_after(1, &["run", "job.toml", "--only", "org=acme"]);
    let announced = rusqlite::Connection::open(story.ledger())
        .unwrap()
        .query_row(
            "SELECT count(*) FROM entry WHERE progress ->> '$.inFlight.step' = 'set_connection'",
            [],
            |row| row.get::<_, i64>(0),
        );
    assert_eq!(announced.unwrap(), 1);
    // It was not sent: the power went.
    assert!(
        story
            .calls("acme")
            .iter()
            .all(|call| !call.starts_with("POST"))
    );
    story.time_passes(MORE_THAN_A_CALL);
    story.run().exits(4);
    assert_eq!(posts(&story), 1);
    story
}

fn posts(story: &Scenario) -> usize {
    let calls = story.calls("acme").into_iter();
    calls.filter(|call| call.starts_with("POST")).count()
}

#[test]
fn a_link_that_a_late_call_replaced_is_looked_at_before_it_is_shown() {
    for start in [
        &["run", "job.toml"][..],
        &["run", "job.toml", "--new"],
        &["resume"],
        &["resume", "--only", "state=waiting"],
    ] {
        let story = asked_twice();
        let before = story.link();
        story.lands("acme", "0oa1");
        story.calls("acme");
        // It sends nothing, and so cannot know.
        let list = story.okta_rollout(&["consent", "list"]).exits(0);
        list.says("its link may not be the newest")
            .says("hint: look at it before it is opened: okta-rollout resume ");
        story.okta_rollout(start).exits(4);
        assert_eq!(posts(&story), 0, "{start:?}");
        let after = story.link();
        assert_ne!(before, after, "{start:?}");
        let said = story.okta_rollout(&["consent", "list"]).exits(0).said();
        assert!(!said.contains("may not be the newest"), "{said}");
        let shown = story.approve(&after);
        story.fed(&["consent", "complete"], &shown).exits(0);
        story.run().exits(0);
        assert_eq!(story.report()["totals"]["waiting"], 0, "{start:?}");
    }
}

#[test]
fn a_link_that_no_late_call_replaced_is_waited_for_as_before_and_looked_at_once() {
    let story = asked_twice();
    let (before, since) = (story.link(), story.consents()[0]["since"].clone());
    story.okta_rollout(&["resume"]).exits(4);
    assert_eq!(story.calls("acme"), ["GET …/connections/default"]);
    assert_eq!(story.link(), before);
    assert_eq!(story.consents()[0]["since"], since);
    story.okta_rollout(&["resume"]).exits(4);
    assert!(story.calls("acme").is_empty());
    let shown = story.approve(&before);
    story.fed(&["consent", "complete"], &shown).exits(0);
}

#[test]
fn a_fresh_link_is_good_whatever_arrived_before_it() {
    let story = asked_twice();
    story.lands("acme", "0oa1");
    story.okta_rollout(&["consent", "refresh"]).exits(0);
    let shown = story.approve(&story.link());
    story.fed(&["consent", "complete"], &shown).exits(0);
    // And after it.
    let story = asked_twice();
    story.okta_rollout(&["consent", "refresh"]).exits(0);
    story.lands("acme", "0oa1");
    story.okta_rollout(&["resume"]).exits(4);
    let shown = story.approve(&story.link());
    story.fed(&["consent", "complete"], &shown).exits(0);
}

#[test]
fn a_fresh_link_in_doubt_is_looked_at_once_and_kept() {
    let story = asked_twice();
    story.okta_rollout(&["consent", "refresh"]).exits(0);
    story.calls("acme");
    let before = story.link();
    story.okta_rollout(&["resume"]).exits(4);
    assert_eq!(story.calls("acme"), ["GET …/connections/default"]);
    assert_eq!(story.link(), before);
    story.okta_rollout(&["resume"]).exits(4);
    assert!(story.calls("acme").is_empty());
    let shown = story.approve(&before);
    story.fed(&["consent", "complete"], &shown).exits(0);
}

#[test]
fn a_link_in_doubt_is_for_the_credentials_that_it_was_asked_for_with() {
    let story = asked_twice_for(office365("0oa1"));
    let before = story.link();
    story.write("secrets/admin-password", "tell-tale-second");
    for calls in [&["GET …/connections/default"][..], &[]] {
        story
            .okta_rollout(&["resume"])
            .exits(4)
            .says("acme/office365 (row 1) waits with the link of before: adminPassword changed");
        assert_eq!(story.calls("acme"), calls);
        assert_eq!(story.link(), before);
    }
    story
        .okta_rollout(&["run", "job.toml", "--reconnect"])
        .exits(4);
    assert_eq!(posts(&story), 1);
    assert_ne!(story.link(), before);
}

#[test]
fn an_answer_to_a_link_that_was_replaced_leads_to_a_fresh_one() {
    let story = asked_twice();
    let shown = story.approve(&story.link());
    story.lands("acme", "0oa1");
    story.fed(&["consent", "complete"], &shown).exits(3);
    let shown = story.approve(&story.link());
    story.fed(&["consent", "complete"], &shown).exits(0);
    story.run().exits(0);
}

#[test]
fn a_plan_lists_the_look_at_a_link_in_doubt() {
    let story = asked_twice();
    let announced = || {
        let plan = story.okta_rollout(&["plan", "job.toml", "--format", "json"]);
        let plan = plan.json();
        // Of acme's only entry.
        plan["entries"][0]["calls"].clone()
    };
    assert_eq!(announced(), 1);
    story.calls("acme");
    story.okta_rollout(&["run", "job.toml", "--new"]).exits(4);
    assert_eq!(story.calls("acme"), ["GET …/connections/default"]);
    // It is what was expected: nobody looks again.
    assert_eq!(announced(), 0);
}
