//! Two processes on one ledger, and processes that die.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{ImportEntry, Ledger, LedgerError, OpenMode, OpenOptions};
use okta_rollout::model::{EntryNo, EntryState, RunId};

use crate::support::{Backend, Fixture, Store as _, checkpoint, drift, entry, new_run, org};

/// Longer than storing a chunk takes.
const PATIENCE: Duration = Duration::from_mins(1);

const PART: &str = "LEDGER_TEST_PART";
const LEDGER: &str = "LEDGER_TEST_FILE";
const RUN: &str = "LEDGER_TEST_RUN";

/// What a child process does: this test binary again, told by its environment which part to play.
#[tokio::test]
async fn child() {
    let Ok(part) = std::env::var(PART) else {
        return; // the parents below are the tests
    };
    let url = LedgerUrl::file(std::env::var(LEDGER).unwrap());
    let run = RunId(std::env::var(RUN).unwrap());
    match part.as_str() {
        "hold" => {
            let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
            let _lock = ledger.lock_run(&run).await.unwrap();
            println!("\nholding");
            std::io::stdin().lines().for_each(drop);
        }
        "abort" => {
            let options = OpenOptions {
                abort_after: Some(3),
                ..OpenOptions::default()
            };
            let ledger = Ledger::open_with(&url, options).await.unwrap();
            // Not a checkpoint, not counted.
            let lock = ledger.lock_run(&run).await.unwrap();
            ledger.set_finished(&lock, None).await.unwrap();
            let commits = (0..10).map(|no| ledger.store(checkpoint(&run, no, 0, EntryState::Done)));
            futures_util::future::join_all(commits).await;
        }
        "full" => {
            let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
            let mut version = 0;
            let error = loop {
                let mut cp = checkpoint(&run, 0, version, EntryState::Started);
                cp.progress.to_mut().drift = vec![drift(&"x".repeat(20_000))];
                match ledger.store(cp).await {
                    Ok(_) => version += 1,
                    Err(error) => break error,
                }
            };
            let again = ledger
                .store(checkpoint(&run, 0, version, EntryState::Done))
                .await;
            assert_eq!(again, Err(error.clone()));
            println!("\n{version} {error}");
        }
        "import" => {
            let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
            let mut import = ledger.import(new_run("big.csv")).await.unwrap();
            let no = import
                .push_org("x", "https://x.okta.com", &org("x"))
                .unwrap();
            let one = entry("x", "0oa1");
            for row in 0..150_000 {
                import
                    .push_entry(ImportEntry {
                        row,
                        org: no,
                        entry: &one,
                    })
                    .unwrap();
            }
            println!("\nimporting");
            std::io::stdin().lines().for_each(drop);
        }
        other => panic!("no part {other:?}"),
    }
}

fn part(command: &mut Command, part: &str, ledger: &Path, run: &RunId) -> Child {
    command
        .args([
            "sqlite::processes::child",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(PART, part)
        .env(LEDGER, ledger)
        .env(RUN, &run.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn this() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

fn wait_for(child: &mut Child, line: &str) {
    let out = BufReader::new(child.stdout.as_mut().unwrap());
    assert!(out.lines().any(|read| read.unwrap() == line), "no {line:?}");
}

#[tokio::test]
async fn a_run_belongs_to_one_process_until_it_dies() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let run = fixture.import("a.csv", &[]).await;
    let other = fixture.import("b.csv", &[]).await;
    let mut child = part(&mut this(), "hold", &fixture.path(), &run);
    wait_for(&mut child, "holding");
    assert!(fixture.ledger.is_locked(&run).await.unwrap());
    let error = fixture.ledger.lock_run(&run).await.unwrap_err();
    assert!(
        matches!(&error, LedgerError::Held { run: held, .. } if *held == run),
        "{error}"
    );
    if cfg!(unix) {
        let pid = format!("is held by pid {} on ", child.id());
        assert!(error.to_string().contains(&pid), "{error}");
    }
    drop(fixture.ledger.lock_run(&other).await.unwrap());
    let starting = fixture.ledger.lock_file("/x/a.csv").await.unwrap();
    let error = fixture.ledger.lock_file("/x/a.csv").await.unwrap_err();
    assert!(matches!(error, LedgerError::Starting { .. }), "{error}");
    drop(fixture.ledger.lock_file("/x/b.csv").await.unwrap());
    drop(starting);
    drop(fixture.ledger.lock_file("/x/a.csv").await.unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!fixture.ledger.is_locked(&run).await.unwrap());
    let lock = fixture.ledger.lock_run(&run).await.unwrap();
    // In one process, too.
    let second = Ledger::open(&fixture.url(), OpenMode::ReadWrite)
        .await
        .unwrap();
    assert!(matches!(
        second.lock_run(&run).await,
        Err(LedgerError::Held { .. })
    ));
    drop(lock);
    assert!(!second.is_locked(&run).await.unwrap());
    drop(second.lock_run(&run).await.unwrap());
    if cfg!(unix) {
        let locks = fixture.folder.path().join("ledger.db.locks");
        assert_eq!(
            std::fs::read_dir(locks).unwrap().count(),
            0,
            "nothing piles up"
        );
    }
}

#[tokio::test]
async fn what_was_stored_before_an_abort_is_there_and_nothing_else() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let entries: Vec<_> = (0..10).map(|n| entry("x", &format!("0oa{n}"))).collect();
    let run = fixture.import("a.csv", &entries).await;
    let path = fixture.path();
    let folder = fixture.folder;
    drop(fixture.ledger);
    let status = part(&mut this(), "abort", &path, &run).wait().unwrap();
    assert!(!status.success());
    let log = path.with_file_name("ledger.db-wal");
    let (file_before, log_before) = (std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap());
    let reader = Ledger::open(&LedgerUrl::file(&path), OpenMode::ReadOnly)
        .await
        .unwrap();
    let counts = reader.counts(&run).await.unwrap();
    assert_eq!((counts.unchanged, counts.pending), (3, 7));
    drop(reader);
    assert_eq!(
        std::fs::read(&path).unwrap(),
        file_before,
        "reading changes nothing"
    );
    assert_eq!(std::fs::read(&log).unwrap(), log_before);
    let ledger = Ledger::open(&LedgerUrl::file(&path), OpenMode::ReadWrite)
        .await
        .unwrap();
    let counts = ledger.counts(&run).await.unwrap();
    assert_eq!((counts.unchanged, counts.pending), (3, 7));
    for no in 0..10 {
        let row = ledger.entry(&run, EntryNo(no)).await.unwrap();
        assert_eq!(row.version, i64::from(no < 3));
    }
    ledger
        .store(checkpoint(&run, 3, 0, EntryState::Done))
        .await
        .unwrap();
    drop(folder);
}

#[cfg(unix)]
#[tokio::test]
async fn a_failing_disk_stops_every_later_commit() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    // No file may grow beyond 512 blocks; the signal would end the process, ignored it is an error.
    let exe = std::env::current_exe().unwrap();
    let mut sh = Command::new("sh");
    sh.args(["-c", "trap '' XFSZ; ulimit -f 512; exec \"$0\" \"$@\""])
        .arg(exe);
    let output = part(&mut sh, "full", &fixture.path(), &run)
        .wait_with_output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains("cannot ")).unwrap();
    let (version, error) = line.split_once(' ').unwrap();
    assert!(error.contains("ledger.db"), "{error}");
    let version: i64 = version.parse().unwrap();
    assert!(version > 0);
    assert_eq!(
        fixture
            .ledger
            .entry(&run, EntryNo(0))
            .await
            .unwrap()
            .version,
        version
    );
}

#[tokio::test]
async fn a_killed_import_is_never_seen_and_swept_by_the_next() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let mut child = part(
        &mut this(),
        "import",
        &fixture.path(),
        &RunId(String::new()),
    );
    wait_for(&mut child, "importing");
    let sql = rusqlite::Connection::open(fixture.path()).unwrap();
    let count = |table: &str| -> i64 {
        let sql_text = format!("SELECT count(*) FROM {table}");
        sql.query_row(&sql_text, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(fixture.ledger.runs().await.unwrap(), []);
    // A chunk is stored while the next is gathered.
    let begun = Instant::now();
    while count("entry") == 0 && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(count("entry"), 100_000, "a chunk is there");
    // It is alive: nobody sweeps it.
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    assert_eq!(count("entry"), 100_001);
    child.kill().unwrap();
    child.wait().unwrap();
    let second = fixture.import("a.csv", &[]).await;
    assert_eq!((count("entry"), count("spec"), count("run")), (1, 1, 2));
    let runs = fixture.ledger.runs().await.unwrap();
    assert_eq!(
        runs.into_iter().map(|run| run.id).collect::<Vec<_>>(),
        [second, run]
    );
}

/// A file that nobody had open is read as one that nobody changes, until somebody does.
#[tokio::test]
async fn a_snapshot_ends_when_the_file_below_it_is_written() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let (path, url) = (fixture.path(), fixture.url());
    let Fixture {
        folder: _folder,
        ledger,
        ..
    } = fixture;
    drop(ledger);
    let reading = Ledger::open(&url, OpenMode::ReadOnly).await.unwrap();
    let snapshot = reading.snapshot().await.unwrap();
    let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
    let done = checkpoint(&run, 0, 0, EntryState::Done);
    ledger.store(done).await.unwrap();
    assert_eq!(snapshot.counts(&run).await.unwrap().pending, 1);
    let sql = rusqlite::Connection::open(path).unwrap();
    sql.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .unwrap();
    assert_eq!(snapshot.counts(&run).await.unwrap().unchanged, 1);
}

/// Somebody leaves a report half read: the log must not grow for ever.
#[tokio::test(start_paused = true)]
async fn a_snapshot_ends_after_a_while() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let snapshot = fixture.ledger.snapshot().await.unwrap();
    let done = checkpoint(&run, 0, 0, EntryState::Done);
    fixture.ledger.store(done).await.unwrap();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(snapshot.counts(&run).await.unwrap().unchanged, 1);
    let sql = rusqlite::Connection::open(fixture.path()).unwrap();
    let emptied = sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, i64>(0)
    });
    assert_eq!(emptied, Ok(0), "nothing holds the log");
}
