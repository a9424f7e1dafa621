//! Jobs that start by their schedules under `serve`, for which a day passes whenever nothing is awake.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::{Live, Scenario, google, user, zscaler};

/// An hour more than most days have: on any day a night is among them, and two are made up for by one.
const DAY_MS: i64 = 25 * 3_600_000;

/// Due in the middle of a night, and made up for when that was slept through.
const NIGHTLY: &str =
    "[schedule]\ncron = '0 2 * * *'\ntimezone = 'America/New_York'\ncatchUp = true\n";

fn json(story: &Scenario, arguments: &[&str]) -> Vec<Value> {
    let ran = story.okta_rollout(arguments).exits(0);
    serde_json::from_value(ran.json()).unwrap()
}

fn runs(story: &Scenario) -> Vec<Value> {
    json(story, &["runs", "--format", "json"])
}

fn jobs(story: &Scenario) -> Vec<Value> {
    json(story, &["status", "--jobs", "--format", "json"])
}

/// What lets a program in.
const BEARER: &str = "Authorization: Bearer tell-tale-serve-token\r\n";

/// The address that a service says it listens on.
pub fn address(live: &mut Live) -> String {
    live.says("listens on http://");
    let said = live.said();
    let (_, address) = said.rsplit_once("listens on http://").unwrap();
    address.trim().to_owned()
}

/// The status line and the body of an answer.
pub fn get(address: &str, path: &str, headers: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// A job that was seen for the first time a day ago.
fn a_day_after(more: &str, entries: Vec<crate::support::Entry>) -> Scenario {
    let story = Scenario::of(entries);
    story.job(&format!("{more}{NIGHTLY}"));
    let mut first = story.begin(&["serve", "job.toml"]);
    first.says("listens on");
    first.says("job.toml: next");
    first.signal("TERM");
    assert_eq!(first.ends(), Some(143));
    // Seen for the first time, it has missed nothing.
    assert_eq!(runs(&story).len(), 0);
    story.time_passes(DAY_MS);
    story
}

fn serve(story: &Scenario) -> Live {
    let mut live = story.begin(&["serve", "job.toml"]);
    live.says("listens on");
    live
}

#[track_caller]
fn ends(mut live: Live) {
    live.signal("TERM");
    assert_eq!(live.ends(), Some(143), "{}", live.said());
}

#[test]
fn a_job_that_is_due_runs_once_and_says_when_it_is_due_again() {
    let story = a_day_after("", vec![zscaler("0oa1").feature(user())]);
    let mut live = serve(&story);
    live.says("job.toml: ended with 0");
    ends(live);
    let [run] = runs(&story).try_into().unwrap();
    assert_eq!(
        (&run["state"], &run["error"]),
        (&"settled".into(), &Value::Null)
    );
    assert_eq!(run["totals"]["changed"], 1);
    // Another process has nothing to do the same day.
    let mut again = serve(&story);
    again.says("job.toml: next");
    ends(again);
    let [run_again] = runs(&story).try_into().unwrap();
    assert_eq!(run_again["run"], run["run"]);
    let [job] = jobs(&story).try_into().unwrap();
    assert_eq!(job["job"], "job.toml");
    assert_eq!(job["cron"], "0 2 * * *");
    assert_eq!(job["timezone"], "America/New_York");
    assert_eq!(job["queued"], false);
    assert_eq!(job["last"]["run"], run["run"]);
    let next: jiff::Timestamp = job["next"].as_str().unwrap().parse().unwrap();
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    assert_eq!(
        next.to_zoned_datetime(zone).strftime("%H:%M").to_string(),
        "02:00"
    );
    let shown = story.okta_rollout(&["status", "--jobs"]).exits(0).data();
    assert!(shown.starts_with("job.toml: next "), "{shown}");
    assert!(shown.contains(run["run"].as_str().unwrap()), "{shown}");
}

#[test]
fn a_night_that_cannot_begin_is_a_failed_run_and_the_next_one_begins() {
    let story = a_day_after("", vec![zscaler("0oa1")]);
    let good = std::fs::read_to_string(story.path("m.json")).unwrap();
    story.write("m.json", &good.replace("zscalerbyz", "zscaller"));
    let mut live = serve(&story);
    live.says("mistake; nothing was sent");
    ends(live);
    let [failed] = runs(&story).try_into().unwrap();
    assert_eq!(failed["state"], "failed");
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("1 mistake") && message.contains("zscaller"),
        "{message}"
    );
    assert_eq!(story.calls("acme").len(), 0);
    let id = failed["run"].as_str().unwrap();
    let listed = story.okta_rollout(&["runs"]).exits(0).data();
    assert!(listed.contains("failed"), "{listed}");
    // Nothing else began.
    for arguments in [&["status", id][..], &["report", id], &["report"]] {
        let shown = story.okta_rollout(arguments).exits(0).data();
        assert!(shown.contains("zscaller"), "{arguments:?}: {shown}");
    }
    story
        .okta_rollout(&["resume", id])
        .exits(2)
        .says("did not begin");
    let [job] = jobs(&story).try_into().unwrap();
    assert_eq!(job["last"]["state"], "failed");

    story.time_passes(DAY_MS);
    story.write("m.json", &good);
    let mut live = serve(&story);
    live.says("job.toml: ended with 0");
    ends(live);
    let [run, failed] = runs(&story).try_into().unwrap();
    assert_eq!(
        (&run["state"], &failed["state"]),
        (&"settled".into(), &"failed".into())
    );
    // The newest run is one that began.
    assert_eq!(story.report()["run"], run["run"]);
}

#[test]
fn a_job_that_is_broken_or_gone_when_it_is_due_is_a_failed_run() {
    for (broken, wanted) in [
        (Some("manifest = 7\n"), "expected a text"),
        (None, "cannot be read"),
    ] {
        let story = Scenario::of([zscaler("0oa1")]);
        story.job(NIGHTLY);
        story.okta_rollout(&["run", "job.toml"]).exits(0);
        match broken {
            Some(text) => story.write("job.toml", text),
            None => std::fs::remove_file(story.path("job.toml")).unwrap(),
        }
        story.okta_rollout(&["run", "job.toml"]).exits(2);
        let [failed, run] = runs(&story).try_into().unwrap();
        assert_eq!(
            (&failed["state"], &run["state"]),
            (&"failed".into(), &"settled".into())
        );
        let message = failed["error"]["message"].as_str().unwrap();
        assert!(message.contains(wanted), "{message}");
    }
}

#[test]
fn a_start_that_fails_makes_no_ledger() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.write("job.toml", "manifest = 7\n");
    story.okta_rollout(&["run", "job.toml"]).exits(2);
    assert!(!story.ledger().exists());
}

#[test]
fn a_run_of_somebody_else_is_not_overlapped() {
    let story = a_day_after("", vec![zscaler("0oa1"), google("0oa2")]);
    story.run().exits(4);
    story.time_passes(DAY_MS);
    let ledger = okta_rollout::job::LedgerUrl::file(story.ledger());
    let run = runs(&story)[0]["run"].as_str().unwrap().to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_open, lock) = runtime.block_on(async {
        let mode = okta_rollout::ledger::OpenMode::ReadWrite;
        let ledger = okta_rollout::ledger::Ledger::open(&ledger, mode)
            .await
            .unwrap();
        let lock = ledger
            .lock_run(&okta_rollout::model::RunId(run))
            .await
            .unwrap();
        (ledger, lock)
    });
    let mut live = serve(&story);
    live.says("left out, the run before has not ended");
    ends(live);
    drop(lock);
    assert_eq!(runs(&story).len(), 1);
}

#[test]
fn a_start_that_somebody_else_is_faster_with_is_left_out_and_no_failure() {
    let mut story = a_day_after("", vec![zscaler("0oa1")]);
    story.set("SERVE_TOKEN", "tell-tale-serve-token");
    let url = okta_rollout::job::LedgerUrl::file(story.ledger());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mode = okta_rollout::ledger::OpenMode::ReadWrite;
    let ledger = runtime.block_on(okta_rollout::ledger::Ledger::open(&url, mode));
    let ledger = ledger.unwrap();
    let job = std::fs::canonicalize(story.path("job.toml")).unwrap();
    let starting = runtime.block_on(ledger.lock_file(job.to_str().unwrap()));
    let starting = starting.unwrap();
    let mut live = story.begin(&["serve", "job.toml", "--token", "env:SERVE_TOKEN"]);
    let address = address(&mut live);
    live.says("job.toml: left out, ");
    let (_, page) = get(&address, "/metrics", BEARER);
    let shown = |name: &str| {
        let name = format!("okta_rollout_job_{name}{{job=\"job.toml\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&name))
    };
    assert_eq!(shown("skipped_starts_total"), Some("1"), "{page}");
    assert_eq!(shown("failed_starts_total"), Some("0"), "{page}");
    assert_eq!(shown("last_exit_code"), None, "{page}");
    ends(live);
    drop(starting);
    assert_eq!(runs(&story).len(), 0);
}

#[test]
fn a_job_that_has_a_schedule_again_has_missed_nothing() {
    let story = a_day_after("", vec![zscaler("0oa1")]);
    story.job("");
    let mut without = story.begin(&["serve", "job.toml"]);
    without.says("has no [schedule]");
    without.says("listens on");
    without.signal("HUP");
    without.says("read again: 1 job");
    ends(without);
    story.job(NIGHTLY);
    let mut again = serve(&story);
    again.says("job.toml: next");
    assert!(!again.said().contains("starts"), "{}", again.said());
    ends(again);
    assert_eq!(runs(&story).len(), 0);
}

#[test]
fn an_interrupted_run_continues_at_the_next_start() {
    let story = a_day_after("", vec![zscaler("0oa1"), zscaler("0oa2"), zscaler("0oa3")]);
    story.dies_after(2, &["serve", "job.toml"]);
    let [interrupted] = runs(&story).try_into().unwrap();
    assert_eq!(interrupted["state"], "interrupted");
    story.time_passes(DAY_MS);
    let mut live = serve(&story);
    live.says("job.toml: ended with 0");
    ends(live);
    let [run] = runs(&story).try_into().unwrap();
    assert_eq!(
        (&run["run"], &run["state"]),
        (&interrupted["run"], &"settled".into())
    );
}

#[test]
fn a_service_answers_reads_its_jobs_again_and_stops() {
    let mut story = Scenario::of([zscaler("0oa1")]);
    story.job(NIGHTLY);
    std::fs::create_dir(story.path("jobs")).unwrap();
    story.write("jobs/a.toml", &format!("manifest = '../m.json'\n{NIGHTLY}"));
    story.set("SERVE_TOKEN", "tell-tale-serve-token");
    let log = ["--log-file", "log"];
    let mut live =
        story.begin(&[&["serve", "jobs", "--token", "env:SERVE_TOKEN"][..], &log].concat());
    let address = address(&mut live);
    live.says("jobs/a.toml: next");
    let (status, body) = get(&address, "/healthz", "");
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 200 OK", "ok\n")
    );
    for (path, headers, wanted) in [
        ("/metrics", "", 401),
        ("/metrics", "Authorization: Bearer tell-tale\r\n", 401),
        ("/metrics?token=tell-tale-serve-token", "", 401),
        ("/metrics", BEARER, 200),
    ] {
        let (status, body) = get(&address, path, headers);
        assert!(
            status.contains(&wanted.to_string()),
            "{path} {headers}: {status}"
        );
        assert_eq!(body.contains("jobs/a.toml"), wanted == 200, "{body}");
    }
    // Another job comes, one goes, the log is moved away.
    std::fs::rename(story.path("log"), story.path("log.1")).unwrap();
    std::fs::remove_file(story.path("jobs/a.toml")).unwrap();
    story.write("jobs/b.toml", &format!("manifest = '../m.json'\n{NIGHTLY}"));
    live.signal("HUP");
    live.says("read again: 1 job");
    assert!(story.path("log").exists());
    let (_, body) = get(&address, "/metrics", BEARER);
    assert!(!body.contains("jobs/a.toml"), "{body}");
    // A list that cannot be read changes nothing.
    story.write("jobs/b.toml", "manifest = 7\n");
    live.signal("HUP");
    live.says("read again: 1 job");
    live.has_said("jobs/b.toml:1:");
    std::fs::rename(story.path("jobs"), story.path("away")).unwrap();
    live.signal("HUP");
    live.says("the list of jobs stays as it was: 1 job");
    live.has_said("jobs cannot be read");
    std::fs::rename(story.path("away"), story.path("jobs")).unwrap();
    live.signal("HUP");
    live.says("the list of jobs was read again: 1 job");
    ends(live);
}

#[test]
fn a_broken_job_keeps_no_other_from_being_served() {
    let mut story = Scenario::of([zscaler("0oa1")]);
    story.set("SERVE_TOKEN", "tell-tale-serve-token");
    let good = format!("manifest = '../m.json'\n{NIGHTLY}");
    story.write("jobs/a.toml", &good);
    story.write("jobs/b.toml", &good.replace("manifest", "manifesto"));
    std::os::unix::fs::symlink(story.path("jobs/a.toml"), story.path("link.toml")).unwrap();
    // The ledger is there, so that the start that failed is seen.
    story.okta_rollout(&["run", "jobs/a.toml"]).exits(0);
    let spellings = ["jobs", "./jobs/a.toml", "link.toml", "jobs/../jobs/a.toml"];
    let arguments = [&["serve"][..], &spellings, &["--token", "env:SERVE_TOKEN"]].concat();
    let mut live = story.begin(&arguments);
    let address = address(&mut live);
    live.has_said("jobs/b.toml:1:1: ");
    live.says("jobs/a.toml: next");
    // It says when it would start: that is seen, too.
    live.says("jobs/b.toml: next");
    let broken = || {
        let (_, page) = get(&address, "/metrics", BEARER);
        let lines = page
            .lines()
            .filter_map(|line| line.strip_prefix("okta_rollout_job_broken"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let shown = |b| {
        [
            r#"{job="jobs/a.toml"} 0"#.to_owned(),
            format!(r#"{{job="jobs/b.toml"}} {b}"#),
        ]
    };
    assert_eq!(broken(), shown(1));
    let failed = runs(&story);
    assert_eq!(
        (&failed[0]["state"], &failed[0]["file"]),
        (&"failed".into(), &"jobs/b.toml".into())
    );
    // Another one comes and is broken, and so is what was served: nothing changes but for that.
    story.write("jobs/c.toml", "manifest = \n");
    story.write("jobs/a.toml", &good.replace("0 2 *", "0 25 *"));
    live.signal("HUP");
    live.says("read again: 3 jobs");
    live.has_said("jobs/c.toml:1:");
    live.has_said("jobs/a.toml:");
    live.says("jobs/a.toml: next");
    for job in ["a", "b", "c"] {
        story.write(&format!("jobs/{job}.toml"), &good);
    }
    live.signal("HUP");
    live.says("jobs/c.toml: next");
    assert!(
        broken().iter().all(|line| line.ends_with(" 0")),
        "{:?}",
        broken()
    );
    ends(live);
    // Where none is without mistakes there is nothing to serve.
    story.write("jobs/a.toml", "manifest = \n");
    let broken = ["serve", "jobs/a.toml", "gone.toml"];
    story
        .okta_rollout(&broken)
        .exits(2)
        .says("jobs/a.toml:1:")
        .says("gone.toml: ");
}

#[test]
fn what_is_said_of_a_job_finds_its_ledger() {
    let story = Scenario::of([zscaler("0oa1"), google("0oa2")]);
    let names = ["a", "b", "c"];
    for name in names {
        let own = format!("[ledger]\npath = 'state/{name}.db'\n");
        let own = if name == "c" { "" } else { &own };
        story.write(
            &format!("{name}.toml"),
            &format!("manifest = 'm.json'\n{own}{NIGHTLY}"),
        );
    }
    let arguments = ["serve", "a.toml", "b.toml", "c.toml"];
    let mut first = story.begin(&arguments);
    first.says("c.toml: next");
    ends(first);
    for ledger in ["state/a.db", "state/b.db", ".okta-rollout/ledger.db"] {
        let sql = rusqlite::Connection::open(story.path(ledger)).unwrap();
        let past = format!("UPDATE schedule SET until = until - {DAY_MS}");
        assert_eq!(sql.execute(&past, []).unwrap(), 1);
    }
    let mut live = story.begin(&arguments);
    for _ in names {
        live.says(".toml: ended with 4");
    }
    live.signal("TERM");
    assert_eq!(live.ends(), Some(143));
    let said = live.said().to_owned();
    let commands = said
        .lines()
        .filter_map(|line| Some(line.split_once("okta-rollout consent ")?.1));
    let mut ledgers = std::collections::BTreeSet::new();
    for command in commands {
        let words: Vec<_> = command.split(' ').collect();
        let at = words.iter().position(|word| *word == "--ledger");
        let ledger = at.map(|at| words[at + 1]);
        let mut list = vec!["consent", "list", "--format", "json"];
        list.extend(ledger.into_iter().flat_map(|ledger| ["--ledger", ledger]));
        assert_eq!(json(&story, &list).len(), 1, "{command}");
        ledgers.insert(ledger);
    }
    let wanted = [None, Some("state/a.db"), Some("state/b.db")];
    assert_eq!(ledgers, wanted.into_iter().collect(), "{said}");
}

#[test]
fn a_job_that_cannot_be_read_when_it_is_due_fails_in_its_own_ledger() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.job(&format!("[ledger]\npath = 'own.db'\n{NIGHTLY}"));
    let mut first = serve(&story);
    first.says("job.toml: next");
    ends(first);
    let sql = rusqlite::Connection::open(story.path("own.db")).unwrap();
    sql.execute(&format!("UPDATE schedule SET until = until - {DAY_MS}"), [])
        .unwrap();
    // It is served, and then somebody takes it away in the middle of a night: as far as it can be known before.
    let job = std::fs::read_to_string(story.path("job.toml")).unwrap();
    story.write("other.toml", &format!("manifest = 'm.json'\n{NIGHTLY}"));
    story.write(
        "job.toml",
        &job.replace("manifest = 'm.json'", "manifest = 'm.json"),
    );
    let mut live = story.begin(&["serve", "job.toml", "other.toml"]);
    live.says("job.toml, due ");
    live.says("; nothing was sent");
    ends(live);
    let own = json(&story, &["runs", "--format", "json", "--ledger", "own.db"]);
    assert_eq!(own.len(), 1);
    let [job] = json(
        &story,
        &["status", "--jobs", "--format", "json", "--ledger", "own.db"],
    )
    .try_into()
    .unwrap();
    let message = job["error"]["message"].as_str().unwrap();
    assert!(message.contains("job.toml:1:"), "{message}");
    assert!(
        job["next"].is_string() && job["cron"] == "0 2 * * *",
        "{job}"
    );
    // As it was served, and as it was due.
    assert_eq!(
        (&own[0]["state"], &own[0]["error"]["times"]),
        (&"failed".into(), &2.into())
    );
}

#[test]
fn what_cannot_be_served_is_refused() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.write("broken.toml", "manifest = 7\n");
    for (arguments, wanted) in [
        (&["serve", "m.json"][..], "m.json is no job"),
        (&["serve", "broken.toml"], "1 mistake"),
        (&["serve", "gone.toml"], "1 mistake"),
        (&["serve", "gone"], "gone cannot be read"),
        (
            &["serve", "--listen", "0.0.0.0:0"],
            "not an address of this machine alone",
        ),
        (&["serve", "--token", "open"], "--token cannot be used"),
        (
            &["serve", "--token", "env:NOT_SET_ANYWHERE"],
            "--token cannot be read",
        ),
    ] {
        story.okta_rollout(arguments).exits(2).says(wanted);
    }
    assert!(!story.ledger().exists());
}

/// A folder of the repository, as it is shipped.
fn shipped(story: &Scenario, folder: &str) {
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            shipped(story, &name);
        } else {
            story.write_bytes(&name, &std::fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn the_nightly_job_works_as_it_is_shipped() {
    let story = Scenario::of([]);
    shipped(&story, "jobs");
    shipped(&story, "samples");
    let ledger = story.ledger();
    let arguments = [
        "serve",
        "jobs/nightly.toml",
        "--ledger",
        ledger.to_str().unwrap(),
    ];
    let mut first = story.begin(&arguments);
    first.says("jobs/nightly.toml: next");
    ends(first);
    // A night that is due right now would wait for its jitter.
    story.time_passes(2 * DAY_MS);
    let mut live = story.begin(&arguments);
    live.says("jobs/nightly.toml: ended with 0");
    ends(live);
    let [run] = runs(&story).try_into().unwrap();
    assert_eq!(run["state"], "settled");
    let reports = std::fs::read_dir(story.path("jobs/reports")).unwrap();
    let names: Vec<_> = reports
        .map(|report| report.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names[0].starts_with("nightly-") && names.len() == 1,
        "{names:?}"
    );
    story.okta_rollout(&["check", "jobs/nightly.toml"]).exits(0);
}
