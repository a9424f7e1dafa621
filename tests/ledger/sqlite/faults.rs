//! Files that are no ledger, disks that refuse, and opening without a trace.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::StreamExt as _;
use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{
    AppMemory, Fingerprint, Forgetting, LastApplied, LastAppliedChange, LastAppliedUpdate, Ledger,
    LedgerError, Note, Noted, OpenMode, OpenOptions, Rotation,
};
use okta_rollout::model::{EntryNo, EntryState, OrgNo, RunId, UnixMillis};
use rusqlite::Connection;
use secrecy::ExposeSecret;

use crate::notes::{note, window};
use crate::support::{
    Backend, FORMAT_6, FORMAT_8, FORMAT_15, Fixture, Store as _, call, calls, checkpoint, drift,
    entry, import, lock_of, waiting_on,
};

const BOTH: [OpenMode; 2] = [OpenMode::ReadWrite, OpenMode::ReadOnly];

async fn refused(path: &Path, mode: OpenMode) -> LedgerError {
    let error = Ledger::open(&LedgerUrl::file(path), mode)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains(&path.display().to_string()),
        "{error}"
    );
    assert!(!error.hint().is_empty());
    error
}

/// Every file of a folder with its bytes, save the shared memory that readers keep their marks in.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .filter(|path| path.is_file() && !path.to_string_lossy().ends_with("-shm"))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[tokio::test]
async fn files_of_others_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text"), "org,app\nacme,google\n".repeat(100)).unwrap();
    fs::write(at("short"), "SQLite format 3\0").unwrap();
    fs::write(at("zeros"), [0; 4096]).unwrap();
    let other = Connection::open(at("other.db")).unwrap();
    other
        .execute_batch("CREATE TABLE run (id); PRAGMA user_version = 1")
        .unwrap();
    drop(other);
    let wal = Connection::open(at("wal.db")).unwrap();
    wal.execute_batch("PRAGMA journal_mode = WAL; PRAGMA application_id = 7; CREATE TABLE t (a)")
        .unwrap();
    drop(wal);
    fs::create_dir(at("folder")).unwrap();
    let before = contents(folder.path());
    for mode in BOTH {
        for (name, what) in [
            ("text", "it is no SQLite database"),
            ("short", "it is no SQLite database"),
            ("zeros", "it is no SQLite database"),
            ("other.db", "it is a database of another program"),
            ("wal.db", "it is a database of another program"),
            ("folder", "it is a folder"),
        ] {
            let error = refused(&at(name), mode).await;
            assert!(error.to_string().ends_with(what), "{error}");
            assert!(matches!(error, LedgerError::ForeignFile { .. }), "{error}");
        }
    }
    if cfg!(unix) {
        let error = refused(Path::new("/dev/null"), OpenMode::ReadWrite).await;
        assert!(
            error.to_string().ends_with("it is no regular file"),
            "{error}"
        );
    }
    assert_eq!(contents(folder.path()), before);
}

#[tokio::test]
async fn a_newer_format_is_refused_with_the_way_out() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let (folder, path) = (&fixture.folder, fixture.path());
    drop(fixture.ledger);
    let sql = Connection::open(&path).unwrap();
    sql.pragma_update(None, "user_version", 4_711).unwrap();
    drop(sql);
    let before = contents(folder.path());
    for mode in BOTH {
        let error = refused(&path, mode).await;
        let LedgerError::NewerFormat { found, known, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(found, 4_711);
        assert!(known < found);
        assert!(error.hint().contains("upgrade okta-rollout"));
        assert!(error.hint().contains("--ledger"));
    }
    assert_eq!(contents(folder.path()), before);
}

#[tokio::test]
async fn a_damaged_ledger_is_an_error_not_a_panic() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let run = fixture
        .import("a.csv", &[entry("x", "0oa1"), entry("x", "0oa2")])
        .await;
    let sql = Connection::open(fixture.path()).unwrap();
    sql.execute_batch("UPDATE spec SET json = '{' WHERE entry & 1 = 0; UPDATE entry SET state = 99 WHERE key & 1 = 1; UPDATE run SET context = 'x'").unwrap();
    drop(sql);
    for error in [
        fixture.ledger.entry(&run, EntryNo(0)).await.unwrap_err(),
        fixture.ledger.entry(&run, EntryNo(1)).await.unwrap_err(),
        fixture.ledger.run(&run).await.unwrap_err(),
        fixture
            .ledger
            .for_each_entry(&run, |_| ())
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
    }
    let (folder, path) = (fixture.folder, folder_path(&fixture.ledger));
    drop(fixture.ledger);
    let mut bytes = fs::read(&path).unwrap();
    for byte in &mut bytes[4_096..] {
        *byte = 0xa5;
    }
    fs::write(&path, bytes).unwrap();
    for mode in BOTH {
        if let Ok(ledger) = Ledger::open(&LedgerUrl::file(&path), mode).await {
            let error = ledger.runs().await.unwrap_err();
            assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
        }
    }
    drop(folder);
}

fn folder_path(ledger: &Ledger) -> PathBuf {
    ledger.file().unwrap().to_owned()
}

#[tokio::test]
async fn reading_needs_a_ledger_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none").join("ledger.db");
    let error = refused(&path, OpenMode::ReadOnly).await;
    assert!(matches!(error, LedgerError::Missing { .. }), "{error}");
    assert!(error.hint().contains("okta-rollout run"));
    assert!(!folder.path().join("none").exists());
    let empty = folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    let error = refused(&empty, OpenMode::ReadOnly).await;
    assert!(matches!(error, LedgerError::Missing { .. }), "{error}");

    // A name with all that means something in a URI.
    let odd = folder.path().join("a b%41?mode=rw#ü");
    let path = odd.join("ledger.db");
    let url = LedgerUrl::file(&path);
    let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
    let run = import(&ledger, "a.csv", &[entry("x", "0oa1")]).await;
    ledger.store(waiting_on(&run, 0, 0, "s")).await.unwrap();
    drop(ledger);
    assert_eq!(
        fs::read_dir(&odd).unwrap().count(),
        1,
        "a closed ledger is one file"
    );
    let elsewhere = Fixture::with(OpenOptions::default()).await;
    let lock = lock_of(&elsewhere.ledger, &elsewhere.import("a.csv", &[]).await).await;
    let before = contents(&odd);
    let reader = Ledger::open(&url, OpenMode::ReadOnly).await.unwrap();
    assert_eq!(reader.runs().await.unwrap().len(), 1);
    assert_eq!(reader.pending_consents(None).await.unwrap().len(), 1);
    assert!(!reader.is_locked(&run).await.unwrap());
    let mut changes = pin!(reader.changes().await.unwrap());
    tokio::time::pause();
    let none = tokio::time::timeout(Duration::from_secs(5), changes.next()).await;
    assert!(none.is_err(), "reading is no change");
    tokio::time::resume();
    for error in [
        reader.keys().await.err().unwrap(),
        reader
            .store(checkpoint(&run, 0, 1, EntryState::Done))
            .await
            .unwrap_err(),
        reader.set_finished(&lock, None).await.unwrap_err(),
        reader.lock_run(&run).await.unwrap_err(),
        reader
            .import(crate::support::new_run("b"))
            .await
            .err()
            .unwrap(),
    ] {
        assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error}");
    }
    assert_eq!(contents(&odd), before);
    assert_eq!(
        fs::read_dir(&odd).unwrap().count(),
        1,
        "and is one after reading"
    );
}

#[tokio::test]
async fn a_reader_follows_a_writer_that_comes_and_goes() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let url = fixture.url();
    let reader = Ledger::open(&url, OpenMode::ReadOnly).await.unwrap();
    let mut changes = pin!(reader.changes().await.unwrap());
    fixture
        .ledger
        .store(checkpoint(&run, 0, 0, EntryState::Started))
        .await
        .unwrap();
    changes.next().await.unwrap().unwrap();
    assert_eq!(reader.entry(&run, EntryNo(0)).await.unwrap().version, 1);
    let fixture = fixture.reopen().await;
    fixture
        .ledger
        .store(checkpoint(&run, 0, 1, EntryState::Started))
        .await
        .unwrap();
    changes.next().await.unwrap().unwrap();
    assert_eq!(reader.entry(&run, EntryNo(0)).await.unwrap().version, 2);
    drop(fixture.ledger);
    assert_eq!(reader.entry(&run, EntryNo(0)).await.unwrap().version, 2);
    let writer = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
    writer
        .store(checkpoint(&run, 0, 2, EntryState::Done))
        .await
        .unwrap();
    assert_eq!(
        reader.entry(&run, EntryNo(0)).await.unwrap().state,
        EntryState::Done
    );
    changes.next().await.unwrap().unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_what_is_made() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("deeper").join("ledger.db");
    let ledger = Ledger::open(&LedgerUrl::file(&path), OpenMode::ReadWrite)
        .await
        .unwrap();
    let run = import(&ledger, "a.csv", &[]).await;
    let lock = ledger.lock_run(&run).await.unwrap();
    ledger.keys().await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut seen = 0;
    for folder in [
        path.parent().unwrap(),
        &path.with_file_name("ledger.db.locks"),
    ] {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
        for file in contents(folder).keys() {
            assert_eq!(mode(file), 0o600, "{}", file.display());
            seen += 1;
        }
    }
    assert!(seen >= 4, "ledger, log, key, lock");
    drop(lock);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_place_that_cannot_be_written_is_read_only() {
    // sysfs refuses new files even to root.
    let error = refused(Path::new("/sys/kernel/ledger.db"), OpenMode::ReadWrite).await;
    assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_write_protected_file_is_read_only_to_whom_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new(Backend::Sqlite).await;
    let path = fixture.path();
    drop(fixture.ledger);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let opened = Ledger::open(&LedgerUrl::file(&path), OpenMode::ReadWrite).await;
    // Root may write it all the same.
    match fs::OpenOptions::new().append(true).open(&path) {
        Ok(_) => drop(opened.unwrap()),
        Err(_) => assert!(matches!(opened, Err(LedgerError::ReadOnly { .. }))),
    }
    let reader = Ledger::open(&LedgerUrl::file(&path), OpenMode::ReadOnly)
        .await
        .unwrap();
    assert_eq!(reader.runs().await.unwrap(), []);
}

#[tokio::test]
async fn a_full_disk_stops_every_later_commit_and_loses_none_before() {
    let options = OpenOptions {
        max_pages: Some(60),
        ..OpenOptions::default()
    };
    let fixture = Fixture::with(options).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let mut version = 0;
    let big = |version| {
        let mut cp = checkpoint(&run, 0, version, EntryState::Started);
        cp.progress.to_mut().drift = vec![drift(
            &"x".repeat(usize::try_from(version).unwrap() * 5_000),
        )];
        cp.stats.requests = 1;
        cp
    };
    let lock = lock_of(&fixture.ledger, &run).await;
    let error = loop {
        match fixture.ledger.store(big(version)).await {
            Ok(_) => version += 1,
            Err(error) => break error,
        }
    };
    assert!(version > 3, "{version}");
    assert!(matches!(error, LedgerError::DiskFull { .. }), "{error}");
    assert!(error.hint().contains("make room"));
    // A small one would fit, but who knows: nothing more is to be sent.
    let small = checkpoint(&run, 0, version, EntryState::Done);
    assert_eq!(
        fixture.ledger.store(small.clone()).await,
        Err(error.clone())
    );
    assert_eq!(
        fixture
            .ledger
            .set_finished(&lock, Some(UnixMillis(1)))
            .await,
        Err(error)
    );
    drop(lock);
    let fixture = fixture.reopen().await;
    let row = fixture.ledger.entry(&run, EntryNo(0)).await.unwrap();
    assert_eq!(row.version, version);
    assert_eq!(
        fixture.ledger.orgs(&run).await.unwrap()[0].stats.requests,
        version.unsigned_abs()
    );
    fixture.ledger.store(small).await.unwrap();
}

#[tokio::test]
async fn an_import_that_fills_the_disk_leaves_no_run() {
    let options = OpenOptions {
        max_pages: Some(60),
        ..OpenOptions::default()
    };
    let fixture = Fixture::with(options).await;
    let mut import = fixture
        .ledger
        .import(crate::support::new_run("a.csv"))
        .await
        .unwrap();
    let org = import
        .push_org("x", "https://x.okta.com", &crate::support::org("x"))
        .unwrap();
    for row in 0..2_000 {
        let entry = &entry("x", "0oa1");
        import
            .push_entry(okta_rollout::ledger::ImportEntry { row, org, entry })
            .unwrap();
    }
    let error = import.finish().unwrap_err();
    assert!(matches!(error, LedgerError::DiskFull { .. }), "{error}");
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.ledger.runs().await.unwrap(), []);
}

#[tokio::test]
async fn a_busy_ledger_is_waited_for_then_locked_then_good_again() {
    let options = OpenOptions {
        busy_timeout: Duration::from_millis(20),
        ..OpenOptions::default()
    };
    let fixture = Fixture::with(options).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let sql = Connection::open(fixture.path()).unwrap();
    sql.execute_batch("BEGIN IMMEDIATE").unwrap();
    let cp = checkpoint(&run, 0, 0, EntryState::Done);
    let error = fixture.ledger.store(cp.clone()).await.unwrap_err();
    assert!(matches!(error, LedgerError::Locked { .. }), "{error}");
    assert_eq!(
        fixture
            .ledger
            .entry(&run, EntryNo(0))
            .await
            .unwrap()
            .version,
        0,
        "reading goes on"
    );
    sql.execute_batch("COMMIT").unwrap();
    fixture.ledger.store(cp).await.unwrap();
}

#[tokio::test]
async fn everybody_gets_the_same_key() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let url = fixture.url();
    let handles = futures_util::future::join_all((0..8).map(|_| {
        let url = url.clone();
        async move { Ledger::open(&url, OpenMode::ReadWrite).await.unwrap() }
    }))
    .await;
    let keys = handles
        .into_iter()
        .map(|ledger| tokio::spawn(async move { ledger.keys().await.unwrap().current }));
    let keys: Vec<_> = futures_util::future::join_all(keys)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let first = *keys[0].secret().expose_secret();
    assert_ne!(first, [0; 32]);
    assert!(
        keys.iter()
            .all(|key| *key.secret().expose_secret() == first)
    );
    let key_file = fixture.folder.path().join("ledger.db.key");
    assert_eq!(fs::read(&key_file).unwrap(), first);
    let reader = Ledger::open(&url, OpenMode::ReadOnly).await.unwrap();
    assert_eq!(
        *reader
            .keys()
            .await
            .unwrap()
            .current
            .secret()
            .expose_secret(),
        first
    );
    fs::write(&key_file, "short").unwrap();
    let error = fixture.ledger.keys().await.err().unwrap();
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("a key has 32 bytes, this file 5"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_make_the_ledger_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = LedgerUrl::file(folder.path().join("ledger.db"));
    let opened = (0..8).map(|n| {
        let url = url.clone();
        tokio::spawn(async move {
            let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
            import(&ledger, &n.to_string(), &[entry("x", "0oa1")]).await
        })
    });
    let mut ids: Vec<RunId> = Vec::new();
    for task in opened.collect::<Vec<_>>() {
        ids.push(task.await.unwrap());
    }
    let ledger = Ledger::open(&url, OpenMode::ReadOnly).await.unwrap();
    let mut stored: Vec<RunId> = ledger
        .runs()
        .await
        .unwrap()
        .into_iter()
        .map(|run| run.id)
        .collect();
    stored.sort();
    ids.sort();
    assert_eq!(stored, ids);
}

#[tokio::test]
async fn a_key_is_replaced_by_one_process_at_a_time_and_what_it_made_is_counted() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let ledger = &fixture.ledger;
    assert_eq!(ledger.rotate_key(Forgetting::Refused).await.unwrap(), None);
    let first = ledger.keys().await.unwrap().current;
    let run = fixture
        .import("a.csv", &[entry("x", "0oa1"), entry("x", "0oa2")])
        .await;
    for no in 0..2 {
        let mut cp = checkpoint(&run, no, 0, EntryState::Done);
        cp.fingerprint = Some(Fingerprint {
            org_url: "https://x.okta.com".into(),
            app_id: format!("0oa{no}"),
            // The second is of a connection whose answer was lost: nothing to recognize.
            hmac: (no == 0).then_some([7; 32]),
            key_id: first.id(),
        });
        ledger.store(cp).await.unwrap();
    }
    // As an earlier version left it.
    let sql = rusqlite::Connection::open(fixture.path()).unwrap();
    sql.execute_batch("UPDATE app SET key_id = NULL").unwrap();
    let held = ledger.lock_run(&run).await.unwrap();
    let error = ledger.rotate_key(Forgetting::Allowed).await.unwrap_err();
    assert!(matches!(error, LedgerError::Held { .. }), "{error}");
    drop(held);
    let rotated = |to_renew, forgotten| Rotation {
        to_renew,
        forgotten,
    };
    let rotation = ledger.rotate_key(Forgetting::Refused).await.unwrap();
    assert_eq!(rotation, Some(rotated(1, 0)));
    let keys = ledger.keys().await.unwrap();
    assert_eq!(keys.old.unwrap().id(), first.id());
    assert_ne!(keys.current.id(), first.id());
    let error = ledger.rotate_key(Forgetting::Refused).await.unwrap_err();
    assert!(
        matches!(
            error,
            LedgerError::KeyInUse {
                fingerprints: 1,
                ..
            }
        ),
        "{error}"
    );
    let rotation = ledger.rotate_key(Forgetting::Allowed).await.unwrap();
    assert_eq!(rotation, Some(rotated(0, 1)));
    let rotation = ledger.rotate_key(Forgetting::Refused).await.unwrap();
    assert_eq!(rotation, Some(rotated(0, 0)));
}

#[tokio::test]
async fn a_ledger_of_the_format_before_is_upgraded_with_what_is_in_it() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let run = fixture
        .import("a.csv", &["0oa1", "0oa2", "0oa3"].map(|id| entry("x", id)))
        .await;
    let mut cp = checkpoint(&run, 0, 0, EntryState::Started);
    cp.progress.to_mut().drift = vec![drift("baseUrl")];
    cp.attempts = vec![call(1), call(2)];
    fixture.ledger.store(cp).await.unwrap();
    let mut cp = checkpoint(&run, 1, 0, EntryState::Done);
    cp.attempts = vec![call(3)];
    fixture.ledger.store(cp).await.unwrap();
    let mut cp = checkpoint(&run, 0, 1, EntryState::Done);
    cp.progress.to_mut().drift = vec![drift("baseUrl")];
    cp.attempts = vec![call(4)];
    fixture.ledger.store(cp).await.unwrap();
    let before = calls(&fixture.ledger, &run).await;
    assert_eq!(before[0], [call(1), call(2), call(4)]);
    assert_eq!(before[1..], [vec![call(3)], vec![]]);
    let Fixture { folder, ledger, .. } = fixture;
    drop(ledger);
    let sql = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    sql.execute_batch(FORMAT_15).unwrap();
    sql.execute_batch(FORMAT_8).unwrap();
    sql.execute_batch(FORMAT_6).unwrap();
    sql.execute_batch(
        r#"DROP INDEX entry_drifted; ALTER TABLE entry DROP COLUMN drifted;
           ALTER TABLE fingerprint DROP COLUMN applied_by; ALTER TABLE fingerprint DROP COLUMN moving_by;
           DROP TABLE budget; ALTER TABLE org DROP COLUMN wait;
           DROP INDEX entry_adopted; ALTER TABLE fingerprint DROP COLUMN key_id;
           ALTER TABLE fingerprint DROP COLUMN applied; ALTER TABLE fingerprint DROP COLUMN connected;
           INSERT INTO fingerprint VALUES ('https://x.okta.com', '0oa1', 'abababababababababababababababababababababababababababababababab');
           UPDATE entry SET progress = json_set(progress, '$.drift[0]', 'baseUrl: "a" → "b"');
           PRAGMA user_version = 2"#,
    )
    .unwrap();
    drop(sql);
    let url = LedgerUrl::file(folder.path().join("ledger.db"));
    let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
    let known = ledger.app_memory("https://x.okta.com", "0oa1").await;
    assert_eq!(known.unwrap().hmac, Some([0xab; 32]));
    let (count, first) = ledger
        .noted(&run, Noted::Drift, 10, |_| true)
        .await
        .unwrap();
    assert_eq!(count, 1);
    assert_eq!(first[0].progress.drift[0].field, "baseUrl");
    assert_eq!(first[0].progress.drift[0].live, Some("a".into()));
    assert_eq!(calls(&ledger, &run).await, before);
    let mut cp = checkpoint(&run, 2, 0, EntryState::Done);
    cp.attempts = vec![call(5)];
    ledger.store(cp).await.unwrap();
    assert_eq!(calls(&ledger, &run).await[2], [call(5)]);
}

#[tokio::test]
async fn what_is_remembered_of_apps_outlives_an_upgrade() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let ids = ["0oa1", "0oa2", "0oa3", "0oa4"];
    let run = fixture.import("a.csv", &ids.map(|id| entry("x", id))).await;
    let org_url = "https://x.okta.com".to_owned();
    let wanted = |byte| LastAppliedChange::AsWanted {
        digest: [byte; 16],
        connected: byte == 1,
    };
    let left = [
        (Some([3; 32]), vec![wanted(1), LastAppliedChange::Moving]),
        (None, vec![wanted(2), LastAppliedChange::Unclear]),
        (None, vec![LastAppliedChange::Consented]),
    ];
    for (no, (hmac, likes)) in (0..).zip(left) {
        let app_id = ids[usize::try_from(no).unwrap()].to_owned();
        for (version, like) in (0..).zip(likes) {
            let mut cp = checkpoint(&run, no, version, EntryState::Started);
            cp.fingerprint = Some(Fingerprint {
                org_url: org_url.clone(),
                app_id: app_id.clone(),
                hmac,
                key_id: [5; 8],
            });
            cp.applied = Some(LastAppliedUpdate {
                org_url: org_url.clone(),
                app_id: app_id.clone(),
                like,
            });
            fixture.ledger.store(cp).await.unwrap();
        }
    }
    let before = memories(&fixture.ledger, &org_url, &ids).await;
    assert_eq!(before[0].hmac, Some([3; 32]));
    assert_eq!(before[0].key_id, Some([5; 8]));
    assert_eq!(before[0].applied, Some(LastApplied::Digest([1; 16])));
    assert!(before[0].applied_by.is_some() && before[0].moving_by.is_some());
    assert_eq!(before[1].applied, Some(LastApplied::Unclear));
    assert_eq!((before[1].hmac, before[2].connected), (None, true));
    assert_eq!(before[3], AppMemory::default());
    let Fixture { folder, ledger, .. } = fixture;
    drop(ledger);
    let sql = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    sql.execute_batch(FORMAT_15).unwrap();
    sql.execute_batch(FORMAT_8).unwrap();
    sql.execute_batch("PRAGMA user_version = 8").unwrap();
    drop(sql);
    let url = LedgerUrl::file(folder.path().join("ledger.db"));
    let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
    assert_eq!(memories(&ledger, &org_url, &ids).await, before);
}

async fn memories(ledger: &Ledger, org_url: &str, ids: &[&str]) -> Vec<AppMemory> {
    let mut memories = Vec::new();
    for id in ids {
        memories.push(ledger.app_memory(org_url, id).await.unwrap());
    }
    memories
}

#[tokio::test]
async fn a_ledger_of_the_format_before_is_upgraded_with_all_it_holds() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let run = fixture.import("m.json", &[entry("x", "0oa1")]).await;
    let Fixture { folder, ledger, .. } = fixture;
    drop(ledger);
    let sql = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    sql.execute_batch(FORMAT_15).unwrap();
    sql.execute_batch(FORMAT_8).unwrap();
    sql.execute_batch(FORMAT_6).unwrap();
    sql.execute_batch(
        "DROP INDEX entry_drifted; ALTER TABLE entry DROP COLUMN drifted;
         ALTER TABLE fingerprint DROP COLUMN applied_by; ALTER TABLE fingerprint DROP COLUMN moving_by;
         DROP TABLE budget; ALTER TABLE org DROP COLUMN wait; PRAGMA user_version = 4",
    )
    .unwrap();
    drop(sql);
    let url = LedgerUrl::file(folder.path().join("ledger.db"));
    let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
    let fixture = Fixture {
        folder,
        ledger,
        url,
    };
    assert_eq!(fixture.ledger.orgs(&run).await.unwrap()[0].wait, None);
    note(&fixture, vec![Note::Spent(window("/api/v1/apps", 60))])
        .await
        .unwrap();
}

#[tokio::test]
async fn entries_of_the_format_before_stand_where_they_stood() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let ids = ["0oa1", "0oa2", "0oa3"];
    let run = fixture.import("a.csv", &ids.map(|id| entry("x", id))).await;
    for (no, state) in [(0, EntryState::Started), (1, EntryState::Failed)] {
        fixture
            .ledger
            .store(checkpoint(&run, no, 0, state))
            .await
            .unwrap();
    }
    let counts = fixture.ledger.counts(&run).await.unwrap();
    let Fixture { folder, ledger, .. } = fixture;
    drop(ledger);
    let sql = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    sql.execute_batch(FORMAT_15).unwrap();
    sql.execute_batch("PRAGMA user_version = 15").unwrap();
    drop(sql);
    let url = LedgerUrl::file(folder.path().join("ledger.db"));
    // Who only passes by upgrades nothing.
    for _ in 0..2 {
        let error = refused(url.path().unwrap(), OpenMode::Current).await;
        let is_older = matches!(error, LedgerError::OlderFormat { found: 15, .. });
        assert!(is_older, "{error}");
    }
    let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
    assert_eq!(ledger.counts(&run).await.unwrap(), counts);
    assert_eq!(ledger.hubs(&run).await.unwrap(), []);
    for (no, state) in [
        (0, EntryState::Started),
        (1, EntryState::Failed),
        (2, EntryState::Pending),
    ] {
        let rows = ledger.load(&run, OrgNo(0), state, None, 9).await.unwrap();
        let places: Vec<_> = rows.iter().map(|row| (row.no, row.stands_at())).collect();
        assert_eq!(places, [(EntryNo(no), OrgNo(0))]);
    }
    let mut moved = checkpoint(&run, 0, 1, EntryState::Started);
    moved.queue = Some(OrgNo(1));
    ledger.store(moved).await.unwrap();
    let away = ledger.entry(&run, EntryNo(0)).await.unwrap();
    assert_eq!(away.stands_at(), OrgNo(1));
}
