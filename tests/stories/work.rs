//! Workers: they take up what was stored, what was left, and what can go on again, and leave what they cannot do to others.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::detach::stored;
use crate::postgres::{at_home, on_postgres};
use crate::postgres_server::{Server, server};
use crate::serve::{address, get};
use crate::support::{APP_TOKEN, Entry, Live, Scenario, google, user, zscaler};

/// Retries are short, and a call may be under way for so long.
const SHORT: &str = "[http]\ntimeout = '2s'\n";

pub fn worker(story: &Scenario) -> Live {
    let mut worker = story.begin(&["work"]);
    worker.says("works on the runs of");
    worker
}

fn drain(story: &Scenario) {
    story.okta_rollout(&["work", "--drain"]).exits(0);
}

pub fn status(story: &Scenario) -> Value {
    let status = story.okta_rollout(&["status", "--format", "json"]);
    status.exits(0).json()
}

/// Ends the session in which everything is held, as an administrator may.
pub fn end_session(ledger: &str) {
    let (_, database) = ledger.rsplit_once('/').unwrap();
    let end = "SELECT count(pg_terminate_backend(pid)) FROM (SELECT DISTINCT pid FROM pg_locks
         WHERE locktype = 'advisory' AND database =
           (SELECT oid FROM pg_database WHERE datname = current_database())) holds";
    assert_eq!(server().sql(database, end), "1");
}

/// How long it took.
#[track_caller]
pub fn until(what: &str, within: Duration, is_so: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < within, "{what} within {within:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    begun.elapsed()
}

fn count(story: &Scenario, org: &str, method: &str) -> usize {
    let calls = story.answered(org);
    let of_method = calls.iter().filter(|(call, _)| call.starts_with(method));
    of_method.count()
}

/// As [`on_postgres`], with these settings of the sandbox and entries.
pub fn with_entries(settings: &str, entries: impl IntoIterator<Item = Entry>) -> Scenario {
    let mut story = Scenario::with(settings, entries);
    story.set("OKTA_ROLLOUT_LEDGER", &server().empty());
    at_home(&mut story, "home");
    story
}

#[test]
fn what_was_stored_is_drained_whatever_becomes_of_it() {
    let (story, _) = on_postgres();
    story.manifest([
        zscaler("0oa1").feature(user()),
        google("0oa2"),
        zscaler("0oa3").at("globex"),
        zscaler("0oa4").at("globex").missing(),
    ]);
    let id = stored(&story, &[]);
    drain(&story);
    let totals = &status(&story)["totals"];
    assert_eq!(totals["changed"], 2, "{totals}");
    assert_eq!(totals["waiting"], 1, "{totals}");
    assert_eq!(totals["failed"], 1, "{totals}");
    // What waits for people is no work.
    let before = story.answered("acme").len();
    drain(&story);
    assert_eq!(story.answered("acme").len(), before);
    // Until they have done theirs.
    let page = story.approve(&story.link());
    story.fed(&["consent", "complete"], &page).exits(0);
    drain(&story);
    let status = status(&story);
    assert_eq!(
        (&status["run"], &status["state"]),
        (&json!(id), &json!("settled"))
    );
    assert_eq!(status["totals"]["changed"], 3);
}

#[test]
fn only_what_was_asked_for_is_done() {
    let (story, _) = on_postgres();
    stored(&story, &["--only", "org=globex"]);
    drain(&story);
    assert_eq!(story.all_calls("acme").len(), 0);
    assert_eq!(status(&story)["totals"]["changed"], 1);
    // So it is of a run that a person began and that ended.
    story
        .okta_rollout(&["run", "job.toml", "--new", "--only", "org=globex"])
        .exits(0);
    drain(&story);
    assert_eq!(story.all_calls("acme").len(), 0);
}

#[test]
fn who_is_idle_begins_at_once() {
    let (story, _) = on_postgres();
    let mut worker = worker(&story);
    stored(&story, &[]);
    let took = until("the first call", Duration::from_secs(20), || {
        !story.answered("acme").is_empty()
    });
    println!("the first call came {took:?} after `run --detach` had ended");
    until("all", Duration::from_secs(30), || {
        status(&story)["state"] == "settled"
    });
    worker.signal("TERM");
    assert_eq!(worker.ends(), Some(0), "{}", worker.said());
}

#[test]
fn who_is_killed_is_followed_and_nothing_is_asked_for_twice() {
    const ENTRIES: usize = 12;
    let entries = (0..ENTRIES).map(|no| google(&format!("0oag{no}")));
    let story = with_entries("limit = 0\nlatency = '100ms'", entries);
    story.job(&format!("{SHORT}[limits]\nmaxInFlight = 1\n"));
    let mut first = worker(&story);
    stored(&story, &[]);
    until("calls", Duration::from_secs(20), || {
        count(&story, "acme", "POST") >= 2
    });
    let second = worker(&story);
    first.signal("KILL");
    assert_eq!(first.ends(), None);
    // What it had sent has landed by then.
    std::thread::sleep(Duration::from_millis(150));
    let before = story.answered("acme").len();
    let took = until("a call of the other", Duration::from_secs(20), || {
        story.answered("acme").len() > before
    });
    println!(
        "the next call came {:?} after the kill",
        took + Duration::from_millis(150)
    );
    until("all", Duration::from_mins(1), || {
        status(&story)["totals"]["waiting"] == ENTRIES
    });
    // Of a call that ended with its caller the orgs' own journal may know nothing.
    let asked = count(&story, "acme", "POST");
    assert!((ENTRIES - 1..=ENTRIES).contains(&asked), "{asked}");
    drop(second);
}

#[test]
fn who_is_told_to_stop_keeps_everything_and_ends_well() {
    let entries = (0..10).map(|no| zscaler(&format!("0oaz{no}")).feature(user()));
    let story = with_entries("limit = 0\nlatency = '100ms'", entries);
    story.job("[limits]\nmaxInFlight = 1\n");
    let mut first = worker(&story);
    stored(&story, &[]);
    until("calls", Duration::from_secs(20), || {
        count(&story, "acme", "POST") >= 2
    });
    first.signal("TERM");
    assert_eq!(first.ends(), Some(0), "{}", first.said());
    assert_eq!(status(&story)["state"], "interrupted");
    drain(&story);
    assert_eq!(status(&story)["totals"]["changed"], 10);
    // Each was set once: nothing that was answered was forgotten.
    assert_eq!(
        count(&story, "acme", "POST"),
        10,
        "{:?}",
        story.answered("acme")
    );
}

#[test]
fn an_entry_whose_secret_is_elsewhere_waits_for_who_has_it() {
    let (story, _) = on_postgres();
    std::fs::remove_file(story.path("secrets/app-token")).unwrap();
    stored(&story, &[]);
    drain(&story);
    let now = status(&story);
    assert_eq!(now["totals"]["pending"], 2, "{now}");
    assert_eq!(now["totals"]["waiting"], 1, "{now}");
    let shown = story.okta_rollout(&["status"]).exits(0).data();
    assert!(
        shown.contains("file:secrets/app-token") && shown.contains("where a worker runs"),
        "{shown}"
    );
    story.write("secrets/app-token", &format!("{APP_TOKEN}\n"));
    drain(&story);
    assert_eq!(status(&story)["totals"]["changed"], 2);
}

#[test]
fn an_org_whose_token_is_elsewhere_is_left_to_who_has_it() {
    let (mut story, _) = on_postgres();
    story.unset("GLOBEX_TOKEN");
    stored(&story, &[]);
    let mut without = worker(&story);
    without.says("org globex");
    let left = "it is left to workers that have them";
    without.has_said(left);
    until("its own", Duration::from_secs(30), || {
        status(&story)["totals"]["changed"] == 1
    });
    let now = status(&story);
    assert_eq!(now["orgs"][1]["stopped"], Value::Null, "{now}");
    assert_eq!(story.all_calls("globex").len(), 0);
    let token = story.api_token("globex");
    story.set("GLOBEX_TOKEN", &token);
    let with = worker(&story);
    until("all", Duration::from_secs(30), || {
        status(&story)["totals"]["changed"] == 2
    });
    without.signal("TERM");
    assert_eq!(without.ends(), Some(0));
    assert_eq!(
        without.said().matches(left).count(),
        1,
        "{}",
        without.said()
    );
    drop(with);
}

#[test]
fn secrets_and_files_may_be_elsewhere_on_a_worker() {
    let (story, _) = on_postgres();
    stored(&story, &[]);
    for gone in ["m.json", "job.toml"] {
        std::fs::remove_file(story.path(gone)).unwrap();
    }
    std::fs::remove_dir_all(story.path("secrets")).unwrap();
    story.write("mounted/secrets/app-token", &format!("{APP_TOKEN}\n"));
    for (arguments, why) in [
        (["--secrets", "nowhere"], "no such folder"),
        (["--orgs", "nowhere.csv"], "no such file"),
    ] {
        let arguments = [&["work", "--drain"], &arguments[..]].concat();
        story.okta_rollout(&arguments).exits(2).says(why);
    }
    story
        .elsewhere(
            "other",
            &[],
            &["work", "--drain", "--secrets", "../mounted"],
        )
        .exits(0);
    assert_eq!(status(&story)["totals"]["changed"], 2);
}

#[test]
fn who_is_given_orgs_sends_credentials_nowhere_else() {
    let (story, _) = on_postgres();
    stored(&story, &[]);
    std::fs::remove_file(story.path("m.json")).unwrap();
    let acme = story.url("acme");
    story.write(
        "pinned.csv",
        &format!("org,url,auth.apiToken\nacme,{acme},env:ACME_TOKEN\nglobex,https://globex.okta.com,env:GLOBEX_TOKEN\n"),
    );
    let ran = story
        .okta_rollout(&["work", "--drain", "--orgs", "pinned.csv"])
        .exits(0);
    ran.says("org globex: the run has it at");
    assert_eq!(story.all_calls("globex").len(), 0);
    assert!(!story.all_calls("acme").is_empty());
}

#[test]
fn machines_are_told_how_it_is() {
    let (mut story, _) = on_postgres();
    for (arguments, why) in [
        (
            &["--listen", "0.0.0.0:0"][..],
            "is not an address of this machine alone",
        ),
        (&["--token", "env:METRICS_TOKEN"], "--listen"),
    ] {
        let arguments = [&["work", "--drain"], arguments].concat();
        story.okta_rollout(&arguments).exits(2).says(why);
    }
    story.set("METRICS_TOKEN", "tell-tale-metrics-token");
    let mut worker = story.begin(&[
        "work",
        "--listen",
        "127.0.0.1:0",
        "--token",
        "env:METRICS_TOKEN",
    ]);
    let address = address(&mut worker);
    stored(&story, &[]);
    until("all", Duration::from_secs(30), || {
        status(&story)["state"] == "settled"
    });
    assert_eq!(get(&address, "/healthz", "").1, "ok\n");
    let (head, body) = get(&address, "/metrics", "");
    assert!(head.contains("401"), "{head} {body}");
    let bearer = "Authorization: Bearer tell-tale-metrics-token\r\n";
    let (head, body) = get(&address, "/metrics", bearer);
    assert!(head.contains("200"), "{head}");
    assert!(
        body.contains("okta_rollout_entries{state=\"changed\"} 2"),
        "{body}"
    );
    // There is no desk.
    assert!(get(&address, "/runs", bearer).0.contains("404"));
    worker.signal("TERM");
    assert_eq!(worker.ends(), Some(0));
}

#[test]
fn a_ledger_that_no_worker_can_share_is_refused() {
    let (mut story, _) = on_postgres();
    story.set("OKTA_ROLLOUT_LEDGER", "here.db");
    story
        .okta_rollout(&["work", "--drain"])
        .exits(2)
        .says("workers share a ledger on PostgreSQL")
        .says("postgres://");
    story.set("OKTA_ROLLOUT_LEDGER", "postgres://okta@127.0.0.1:1/x");
    story.okta_rollout(&["work"]).exits(2).says("127.0.0.1:1");
}

#[test]
fn a_run_that_cannot_be_read_is_told_once_and_holds_no_other_up() {
    let (story, url) = on_postgres();
    stored(&story, &[]);
    let (_, database) = url.rsplit_once('/').unwrap();
    let other_version = "UPDATE okta_rollout.run SET context = '{}'";
    server().sql(database, other_version);
    story.write(
        "other.json",
        &std::fs::read_to_string(story.path("m.json")).unwrap(),
    );
    let mut worker = worker(&story);
    worker.says("is of another version");
    story
        .okta_rollout(&["run", "other.json", "--detach"])
        .exits(0);
    worker.says("2 changed");
    worker.signal("TERM");
    assert_eq!(worker.ends(), Some(0));
    let said = worker.said().matches("is of another version").count();
    assert_eq!(said, 1, "{}", worker.said());
}

#[test]
fn a_ledger_that_is_lost_is_waited_for() {
    let alone = Server::start();
    let entries = (0..12).map(|no| zscaler(&format!("0oaz{no}")).feature(user()));
    let mut story = with_entries("limit = 0\nlatency = '100ms'", entries);
    story.set("OKTA_ROLLOUT_LEDGER", &alone.empty());
    story.job(&format!("{SHORT}[limits]\nmaxInFlight = 1\n"));
    let mut worker = worker(&story);
    stored(&story, &[]);
    until("calls", Duration::from_secs(20), || {
        count(&story, "acme", "POST") >= 2
    });
    alone.run("pg_ctl", &["stop", "-m", "immediate", "-D"]);
    worker.says("everything stops here until it can be used again");
    let at_rest = story.answered("acme").len();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(
        story.answered("acme").len(),
        at_rest,
        "without a ledger nothing is sent"
    );
    alone.go();
    alone.wait();
    worker.says("can be used again");
    until("all", Duration::from_mins(1), || {
        status(&story)["totals"]["changed"] == 12
    });
    worker.signal("TERM");
    assert_eq!(worker.ends(), Some(0));
}
