//! What others do to a ledger's files while a run works on it, or before.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use okta_rollout::sandbox::Switches;
use serde_json::json;

use crate::support::{Live, Ran, Scenario, google, token_of, user, zscaler};

/// Entries of which a few are done when the story looks.
fn slow() -> Scenario {
    let entries = (0..60).map(|n| zscaler(&format!("0oa{n}")).feature(user()));
    let story = Scenario::with("limit = 0\nlatency = '40ms'", entries);
    story.job("[limits]\nmaxInFlight = 2\n");
    story
}

/// A run in the middle of its work, of a ledger that had a run before.
fn in_the_middle(story: &Scenario) -> (Vec<u8>, Live) {
    story.dies_after(1, &["run", "job.toml"]);
    // What it left is moved into the file, so that it is a whole copy.
    story
        .okta_rollout(&["resume", "--only", "org=acme,app=google"])
        .exits(0);
    let older = fs::read(story.ledger()).unwrap();
    story.calls("acme");
    let mut live = story.begin(&["run", "job.toml", "--new"]);
    live.says("done, ");
    (older, live)
}

fn cut(path: &Path, to: impl Fn(u64) -> u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(to(length)).unwrap();
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_run_stops_when_its_ledger_vanishes() {
    type Act = fn(&Path, &[u8]);
    let beside = |ledger: &Path, suffix: &str| {
        let mut name = ledger.as_os_str().to_owned();
        name.push(suffix);
        std::path::PathBuf::from(name)
    };
    let acts: [(&str, Act, &str); 10] = [
        (
            "renamed",
            |ledger, _| fs::rename(ledger, ledger.with_extension("old")).unwrap(),
            "ledger.db is gone",
        ),
        (
            "deleted with its log",
            |ledger, _| {
                fs::remove_file(ledger).unwrap();
                fs::remove_file(ledger.with_extension("db-wal")).unwrap();
            },
            "ledger.db is gone",
        ),
        (
            "replaced",
            |ledger, older| {
                let copy = ledger.with_extension("copy");
                fs::write(&copy, older).unwrap();
                fs::rename(copy, ledger).unwrap();
            },
            "ledger.db is another file now",
        ),
        (
            "overwritten by an older copy",
            |ledger, older| {
                use std::os::unix::fs::FileExt as _;
                // Never empty in between, which would be told as that.
                let file = fs::OpenOptions::new().write(true).open(ledger).unwrap();
                file.write_all_at(older, 0).unwrap();
                file.set_len(older.len() as u64).unwrap();
            },
            "ledger.db was replaced by one that does not know this run",
        ),
        (
            "emptied",
            |ledger, _| fs::write(ledger, "").unwrap(),
            "ledger.db is empty now",
        ),
        (
            "its log deleted",
            |ledger, _| fs::remove_file(ledger.with_extension("db-wal")).unwrap(),
            "ledger.db-wal is gone",
        ),
        (
            "cut short",
            |ledger, _| cut(ledger, |length| length - 4096),
            "changed it while it was in use",
        ),
        (
            "its log emptied",
            |ledger, _| cut(&ledger.with_extension("db-wal"), |_| 0),
            "ledger.db-wal was cut short",
        ),
        (
            "half of its log cut off",
            |ledger, _| cut(&ledger.with_extension("db-wal"), |length| length / 2),
            "ledger.db-wal was cut short",
        ),
        (
            "its head overwritten",
            |ledger, _| {
                use std::os::unix::fs::FileExt as _;
                let file = fs::OpenOptions::new().write(true).open(ledger).unwrap();
                file.write_all_at(&[0; 100], 0).unwrap();
            },
            "ledger.db does not begin as it did",
        ),
    ];
    for (what, act, says) in acts {
        let story = slow();
        let (older, mut live) = in_the_middle(&story);
        assert!(beside(&story.ledger(), "-wal").exists(), "{what}");
        act(&story.ledger(), &older);
        assert_eq!(live.ends(), Some(3), "{what}");
        live.has_said(says);
        live.has_said("was broken off");
        let calls = story.calls("acme").len();
        // A few were in flight; all would be 120.
        assert!(calls < 60, "{what}: {calls}");
    }
}

#[test]
fn a_run_is_held_although_its_locks_were_deleted() {
    let story = slow();
    let mut live = story.begin(&["run", "job.toml"]);
    live.says("done, ");
    fs::remove_dir_all(story.path(".okta-rollout/ledger.db.locks")).unwrap();
    let held = format!("is held by pid {} on ", live.id());
    for command in [
        &["run", "job.toml"][..],
        &["resume"],
        &["resume", "--failed"],
    ] {
        story.okta_rollout(command).exits(2).says(&held);
    }
    assert_eq!(story.report()["state"], "running");
    assert_eq!(live.ends(), Some(0));
    assert_eq!(story.report()["totals"]["changed"], 60);
    // Every call was made once.
    let calls = story.calls("acme").into_iter();
    assert_eq!(calls.filter(|call| !call.starts_with("GET")).count(), 120);
    story.okta_rollout(&["resume"]).exits(0);
}

#[test]
fn nobody_holds_a_run_whose_process_was_killed() {
    let story = slow();
    let mut live = story.begin(&["run", "job.toml"]);
    live.says("done, ");
    live.signal("KILL");
    assert_eq!(live.ends(), None);
    assert_eq!(story.report()["state"], "interrupted");
    story.switch("acme", Switches::default());
    story.run().exits(0).says("goes on");
    assert_eq!(story.report()["totals"]["changed"], 60);
}

/// The ledger without companions, whoever closed it last.
fn close(story: &Scenario) {
    let closed = rusqlite::Connection::open(story.ledger()).unwrap();
    closed
        .query_row("PRAGMA user_version", [], |_| Ok(()))
        .unwrap();
    closed.close().unwrap();
}

/// Does what its hint says, as it is printed.
fn mend(story: &Scenario, ran: &Ran) {
    let said = ran.said();
    let (_, hint) = said.split_once("hint: ").unwrap();
    let (_, command) = hint.trim().rsplit_once(": ").unwrap();
    let done = std::process::Command::new("sh")
        .args(["-c", command])
        .current_dir(story.path(""))
        .status();
    assert!(done.unwrap().success(), "{command}");
}

/// What somebody does to a ledger's files.
enum Deed {
    Opens(u32),
    LinksAway,
    Plants(&'static str),
}

impl Deed {
    fn to(&self, path: &Path) {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        match self {
            Self::Opens(mode) => {
                if !path.exists() {
                    fs::create_dir_all(path).unwrap();
                }
                fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
            }
            Self::LinksAway => {
                let away = path.with_extension("away");
                fs::rename(path, &away).unwrap();
                symlink(away, path).unwrap();
            }
            Self::Plants(target) => symlink(target, path).unwrap(),
        }
    }
}

#[test]
fn a_ledger_that_others_can_write_to_is_refused_until_it_is_fixed() {
    for (name, deed, what) in [
        (
            "ledger.db",
            Deed::Opens(0o666),
            "ledger.db can be written by others",
        ),
        (
            "",
            Deed::Opens(0o777),
            ".okta-rollout can be written by others",
        ),
        (
            "ledger.db.key",
            Deed::Opens(0o622),
            "ledger.db.key can be written by others",
        ),
        ("ledger.db.key", Deed::LinksAway, "ledger.db.key is a link"),
        (
            "ledger.db-wal",
            Deed::Plants("/nowhere"),
            "ledger.db-wal is a link",
        ),
        (
            "ledger.db-journal",
            Deed::Plants("/etc/passwd"),
            "ledger.db-journal is a link",
        ),
        (
            "ledger.db.locks",
            Deed::Opens(0o777),
            "ledger.db.locks can be written by others",
        ),
    ] {
        let story = Scenario::of([zscaler("0oa1")]);
        story.run().exits(0);
        story.calls("acme");
        close(&story);
        deed.to(&story.path(&format!(".okta-rollout/{name}")));
        let commands = [
            &["run", "job.toml"][..],
            &["resume"],
            &["status"],
            &["plan", "job.toml"],
        ];
        for command in commands {
            story.okta_rollout(command).exits(2).says(what);
            assert!(story.calls("acme").is_empty(), "{what}");
        }
        let refused = story.run().exits(2);
        mend(&story, &refused);
        story.run().exits(0).says("1 unchanged");
        // The token is not posted again: the key is the same.
        let calls = story.calls("acme");
        assert!(
            calls.iter().all(|call| call.starts_with("GET")),
            "{what}: {calls:?}"
        );
    }
}

#[test]
fn a_ledger_is_refused_beside_which_something_else_stands_than_files() {
    type Plant = fn(&Path);
    let pipe: Plant = |path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    let folder: Plant = |path| fs::create_dir(path.join("")).unwrap();
    let socket: Plant = |path| {
        drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    };
    let file: Plant = |path| fs::write(path, "").unwrap();
    for (name, plant, what) in [
        (".key", pipe, "is a pipe, and has to be a file"),
        (".key", folder, "is a folder, and has to be a file"),
        (".key.old", socket, "is a socket, and has to be a file"),
        (".key.lock", pipe, "is a pipe, and has to be a file"),
        ("-wal", pipe, "is a pipe, and has to be a file"),
        ("-shm", folder, "is a folder, and has to be a file"),
        ("-journal", socket, "is a socket, and has to be a file"),
        (".locks", file, "is a file, and has to be a folder"),
        (".locks/abc.lock", pipe, "is a pipe, and has to be a file"),
    ] {
        let story = Scenario::of([zscaler("0oa1")]);
        story.run().exits(0);
        story.calls("acme");
        close(&story);
        let path = story.path(&format!(".okta-rollout/ledger.db{name}"));
        drop(fs::remove_file(&path));
        if name == ".locks" {
            drop(fs::remove_dir_all(&path));
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).unwrap();
        }
        plant(&path);
        let says = format!("ledger.db{name} {what}");
        for command in [
            &["run", "job.toml"][..],
            &["run", "job.toml", "--new"],
            &["plan", "job.toml"],
            &["resume"],
            &["status"],
            &["report"],
            &["consent", "list"],
            &["rotate-key"],
        ] {
            story.okta_rollout(command).exits(2).says(&says);
            assert!(story.calls("acme").is_empty(), "{says}");
        }
        mend(&story, &story.run().exits(2));
        let mended = story.run().exits(0);
        if name != ".key" {
            mended.says("1 unchanged");
        }
    }
}

#[test]
fn a_ledger_that_is_a_link_is_named_by_what_it_leads_to() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    Deed::LinksAway.to(&story.ledger());
    let refused = story.run().exits(2).says("ledger.db is a link");
    let said = refused.said();
    let (_, flag) = said
        .trim()
        .rsplit_once("name the file it leads to: ")
        .unwrap();
    let words: Vec<&str> = flag.split(' ').collect();
    let run = [&["run", "job.toml"], &words[..]].concat();
    story.okta_rollout(&run).exits(0);
}

#[test]
fn a_ledger_with_two_names_is_refused_under_both() {
    let story = slow();
    let mut live = story.begin(&["run", "job.toml"]);
    live.says("done, ");
    live.signal("KILL");
    assert_eq!(live.ends(), None);
    story.calls("acme");
    let other = story.path(".okta-rollout/other.db");
    fs::hard_link(story.ledger(), &other).unwrap();
    let names = [".okta-rollout/ledger.db", ".okta-rollout/other.db"];
    for name in names {
        for command in [&["run", "job.toml"][..], &["resume"], &["status"]] {
            let refused = story.okta_rollout(&[command, &["--ledger", name]].concat());
            let refused = refused.exits(2).says("has 2 names (hard links)");
            let said = refused.said();
            let (_, find) = said
                .trim()
                .rsplit_once("this lists those in its folder: ")
                .unwrap();
            let found = std::process::Command::new("sh").args(["-c", find]).output();
            let found = String::from_utf8(found.unwrap().stdout).unwrap();
            for name in names {
                let name = Path::new(name).file_name().unwrap().to_str().unwrap();
                assert!(found.contains(name), "{found}");
            }
        }
    }
    assert!(story.calls("acme").is_empty());
    fs::remove_file(other).unwrap();
    story.run().exits(0);
    assert_eq!(story.report()["totals"]["changed"], 60);
}

/// Whether an address has heard anything that nobody but the ledger names.
struct Elsewhere {
    url: String,
    heard: Arc<AtomicUsize>,
}

impl Elsewhere {
    fn heard(&self) -> usize {
        self.heard.load(Ordering::Relaxed)
    }
}

/// A run of which a consent waits at acme, whose address in the ledger was replaced; globex is done.
fn moved_in_the_ledger(story: &Scenario) -> Elsewhere {
    story.run().exits(4);
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let url = story.serve(axum::Router::new().fallback(async move || {
        count.fetch_add(1, Ordering::Relaxed);
        "{}"
    }));
    let sql = rusqlite::Connection::open(story.ledger()).unwrap();
    sql.execute_batch(&format!(
        "UPDATE org SET url = '{url}', stopped = NULL WHERE name = 'acme';"
    ))
    .unwrap();
    drop(sql);
    for org in story.orgs() {
        story.calls(&org);
    }
    Elsewhere { url, heard }
}

#[test]
fn credentials_do_not_go_where_only_the_ledger_says() {
    let story = Scenario::of([zscaler("0oa1").at("globex"), google("0oa2")]);
    let elsewhere = moved_in_the_ledger(&story);
    let says = format!(
        "the run has it at {}, and its URL is {} now",
        elsewhere.url,
        story.url("acme")
    );
    story.okta_rollout(&["resume"]).exits(4).says(&says);
    story
        .okta_rollout(&["consent", "refresh"])
        .exits(2)
        .says(&says)
        .says("hint: give the org the URL that the run has, or start a new run, then: ");
    assert_eq!(elsewhere.heard(), 0);
    assert!(story.orgs().iter().all(|org| story.calls(org).is_empty()));
    // A new run takes the address from the manifest.
    story.okta_rollout(&["run", "job.toml", "--new"]).exits(4);
    assert_eq!(elsewhere.heard(), 0);
}

#[test]
fn credentials_do_not_go_where_the_ledger_says_when_the_files_are_gone() {
    let story = Scenario::of([zscaler("0oa1").at("globex"), google("0oa2")]);
    let elsewhere = moved_in_the_ledger(&story);
    let link = story.link();
    let (_, state) = link.split_once("state=").unwrap();
    let state = state.split('&').next().unwrap();
    let answer = format!(
        "{}/api/v1/apps/google/0oa2/oauth2/callback?code=C0DE1&state={state}",
        elsewhere.url
    );
    let orgs = |acme: &str| {
        let mut csv = "org,url,auth.apiToken\n".to_owned();
        for (org, url) in [("globex", story.url("globex")), ("acme", acme.to_owned())] {
            let row = format!("{org},{url},env:{}\n", token_of(org));
            csv.push_str(&row);
        }
        story.write("orgs.csv", &csv);
    };
    orgs(&story.url("acme"));
    fs::rename(story.path("m.json"), story.path("away.json")).unwrap();
    // Nothing says where the orgs are: the manifest is gone, and so is the file that is named.
    for (named, says) in [
        (&[][..], "m.json is gone, and credentials do not go where"),
        (
            &["--orgs", "nowhere.csv"],
            "nowhere.csv is gone, and credentials do not go where",
        ),
    ] {
        for (command, hint) in [
            (&["resume"][..], "a file with the orgs: --orgs FILE"),
            (
                &["consent", "refresh"],
                "a file with the orgs: --orgs FILE, then: okta-rollout consent refresh",
            ),
            (
                &["consent", "complete", &answer],
                "a file with the orgs: --orgs FILE, then hand the same answer in again",
            ),
        ] {
            let ran = story.okta_rollout(&[command, named].concat()).exits(2);
            ran.says(says).says("nothing was sent").says(hint);
        }
    }
    // A file that says so has the org elsewhere, or not at all.
    let given = |command: &[&str]| story.okta_rollout(&[command, &["--orgs", "orgs.csv"]].concat());
    let is_elsewhere = format!("its URL is {} now", story.url("acme"));
    given(&["consent", "refresh"]).exits(2).says(&is_elsewhere);
    given(&["consent", "complete", &answer])
        .exits(2)
        .says(&is_elsewhere);
    given(&["resume"]).exits(4).says(&is_elsewhere);
    let text = fs::read_to_string(story.path("orgs.csv")).unwrap();
    let (without, _) = text.split_once("acme").unwrap();
    story.write("orgs.csv", without);
    given(&["consent", "refresh"])
        .exits(2)
        .says("it is not among the orgs any more")
        .says("give a file that has it: --orgs FILE, then: ");
    assert_eq!(elsewhere.heard(), 0);
    assert!(story.orgs().iter().all(|org| story.calls(org).is_empty()));
}

#[test]
fn an_orgs_file_is_enough_to_continue_without_the_manifest() {
    let story = Scenario::of([zscaler("0oa1"), google("0oa2")]);
    story.run().exits(4);
    fs::remove_file(story.path("m.json")).unwrap();
    let acme = format!(
        "org,url,auth.apiToken\nacme,{},env:{}\n",
        story.url("acme"),
        token_of("acme")
    );
    story.write("orgs.csv", &acme);
    let given = |command: &[&str]| story.okta_rollout(&[command, &["--orgs", "orgs.csv"]].concat());
    given(&["consent", "refresh"]).exits(0);
    let shown = story.approve(&story.link());
    story.write("shown.html", &shown);
    given(&["consent", "complete", "--file", "shown.html"]).exits(0);
    given(&["resume"]).exits(0);
}

#[test]
fn a_run_in_the_sandbox_continues_without_its_manifest() {
    let story = Scenario::of([zscaler("0oa1")]);
    let apps: Vec<_> = (0..3).map(|n| zscaler(&format!("0oa{n}")).json()).collect();
    let manifest = json!({ "orgs": { "acme": { "url": "sandbox" } }, "apps": apps });
    story.write("m.json", &manifest.to_string());
    story.dies_after(2, &["run", "m.json"]);
    fs::remove_file(story.path("m.json")).unwrap();
    story
        .okta_rollout(&["resume"])
        .exits(0)
        .says("orgs are used as they were when the run began");
}
