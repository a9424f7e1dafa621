//! What machines are told of processes that share a ledger: what each holds and lost, and what nobody holds.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::detach::stored;
use crate::postgres::on_postgres;
use crate::postgres_server::server;
use crate::serve::{address, get};
use crate::support::{Live, Scenario, zscaler};
use crate::work::{end_session, status, until, with_entries};

const SOON: Duration = Duration::from_secs(20);

/// A worker that can be asked, and where.
fn asked(story: &mut Scenario) -> (Live, String) {
    story.set("METRICS_TOKEN", "tell-tale-metrics-token");
    let listens = ["--listen", "127.0.0.1:0", "--token", "env:METRICS_TOKEN"];
    let mut worker = story.begin(&[&["work"], &listens[..]].concat());
    let address = address(&mut worker);
    (worker, address)
}

fn page(address: &str, query: &str) -> String {
    let bearer = "Authorization: Bearer tell-tale-metrics-token\r\n";
    let (head, body) = get(address, &format!("/metrics{query}"), bearer);
    assert!(head.contains("200"), "{head} {body}");
    body
}

/// What stands after a name and its labels.
fn value<N: FromStr>(page: &str, name: &str) -> Option<N> {
    let mut lines = page.lines();
    let line = lines.find_map(|line| line.strip_prefix(&format!("okta_rollout_{name} ")))?;
    line.parse().ok()
}

/// Waits until a number is so.
fn comes_to(address: &str, name: &str, is_so: impl Fn(u64) -> bool) {
    until(name, SOON, || {
        value(&page(address, ""), name).is_some_and(&is_so)
    });
}

fn ends(worker: &mut Live) {
    worker.signal("TERM");
    assert_eq!(worker.ends(), Some(0), "{}", worker.said());
}

#[test]
fn what_a_worker_holds_is_shown_and_so_is_what_it_lost_with_its_session() {
    const ORGS: usize = 6;
    const EACH: usize = 8;
    let entry = |no| zscaler(&format!("0oz{no}")).at(&format!("org{}", no % ORGS));
    let entries = (0..ORGS * EACH).map(entry);
    let mut story = with_entries("limit = 0\nlatency = '400ms'", entries);
    story.job("[limits]\nmaxInFlight = 1\n");
    let url = server().empty();
    story.set("OKTA_ROLLOUT_LEDGER", &url);
    let (mut worker, address) = asked(&mut story);
    comes_to(&address, "workers", |all| all == 1);
    stored(&story, &[]);
    comes_to(&address, r#"partitions{state="held"}"#, |held| held >= 2);
    let now = page(&address, "");
    let of = |name| value::<u64>(&now, name).unwrap();
    assert_eq!(of("ledger_sessions_begun_total"), 1, "{now}");
    assert_eq!(of("ledger_sessions_lost_total"), 0, "{now}");
    let answered = "ledger_session_last_answer_timestamp_seconds";
    let answered: f64 = value(&now, answered).unwrap();
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let ago = time.as_secs_f64() - answered;
    assert!((-1.0..60.0).contains(&ago), "{ago}");
    assert!(
        now.contains("okta_rollout_worker_partitions{worker=\"pid ")
            && now.contains("okta_rollout_worker_orgs{worker=\"pid "),
        "{now}"
    );
    assert!(!now.contains("okta_rollout_partition_entries"), "{now}");
    let each = page(&address, "?partition=*");
    let entries = each.lines().filter(|line| {
        line.starts_with("okta_rollout_partition_entries{") && line.contains("worker=\"pid ")
    });
    assert!(entries.count() >= 2, "{each}");
    end_session(&url);
    comes_to(&address, "ledger_sessions_lost_total", |lost| lost == 1);
    comes_to(&address, "partitions_lost_total", |lost| lost >= 2);
    comes_to(&address, "ledger_sessions_begun_total", |begun| begun == 2);
    until("all", Duration::from_mins(2), || {
        status(&story)["state"] == "settled"
    });
    comes_to(&address, r#"partitions{state="held"}"#, |held| held == 0);
    let now = page(&address, "");
    let of = |name| value::<u64>(&now, name).unwrap();
    assert_eq!(
        of("partitions_taken_total"),
        of("partitions_given_up_total") + of("partitions_lost_total"),
        "{now}"
    );
    assert_eq!(of(r#"partitions{state="wanted"}"#), 0, "{now}");
    comes_to(&address, "partitions_unowned", |all| all == 0);
    ends(&mut worker);
}

#[test]
fn what_nobody_has_the_credentials_for_is_unowned_until_somebody_comes() {
    let (mut story, _) = on_postgres();
    let token = story.api_token("globex");
    story.unset("GLOBEX_TOKEN");
    stored(&story, &[]);
    let (mut without, one) = asked(&mut story);
    until("its own", Duration::from_secs(30), || {
        status(&story)["totals"]["changed"] == 1
    });
    comes_to(&one, "partitions_unowned", |all| all == 1);
    let each = page(&one, "?partition=*");
    let unowned = each.lines().filter(|line| {
        line.starts_with("okta_rollout_partition_entries{") && line.ends_with(",worker=\"\"} 1")
    });
    assert_eq!(unowned.count(), 1, "{each}");
    story.set("GLOBEX_TOKEN", &token);
    let (mut with, other) = asked(&mut story);
    until("all", Duration::from_secs(30), || {
        status(&story)["totals"]["changed"] == 2
    });
    for address in [&one, &other] {
        comes_to(address, "partitions_unowned", |all| all == 0);
        comes_to(address, "workers", |all| all == 2);
    }
    ends(&mut without);
    comes_to(&other, "workers", |all| all == 1);
    ends(&mut with);
}

#[test]
fn a_wave_that_has_not_begun_is_nobodys_and_nothing_is_amiss() {
    let mut story = with_entries("limit = 0", [zscaler("0oa1"), zscaler("0oa2").at("globex")]);
    story.job("[[waves]]\nname = \"first\"\norgs = [\"acme\"]\n[[waves]]\nname = \"second\"\norgs = [\"globex\"]\napprove = true\n");
    stored(&story, &[]);
    let (mut worker, address) = asked(&mut story);
    until("the first wave", Duration::from_secs(30), || {
        status(&story)["waves"][1]["state"] == "awaitingApproval"
    });
    comes_to(&address, "entries{state=\"pending\"}", |left| left == 1);
    comes_to(&address, "partitions_unowned", |all| all == 0);
    ends(&mut worker);
}

#[test]
fn a_desk_shows_who_works_and_is_none_of_them() {
    let (story, _) = on_postgres();
    story.run().exits(4);
    let desk = story.desk(&["serve"]);
    desk.enter();
    let page = desk.get("/metrics").is(200);
    page.shows("okta_rollout_workers 0")
        .shows("okta_rollout_partitions_unowned 0")
        .hides("okta_rollout_worker_partitions");
}
