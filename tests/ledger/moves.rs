//! A ledger that is moved: all that was read of it is read where it is now, and nobody works with what it left.

use std::path::Path;

use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{
    AppClient, AppName, Fingerprint, Forgetting, HubClient, Import, LastAppliedChange,
    LastAppliedUpdate, Ledger, LedgerError, MoveOptions, MovedLedger, NewNotice, Note, Old,
    OpenMode, OrgStats, OtherSpenders, Repeats, Starts, WaveRow, move_ledger,
};
use okta_rollout::model::{
    EntryError, EntryState, ErrorDetails, OrgNo, RunId, Step, Stopped, UnixMillis,
};

use crate::notes::{note, window};
use crate::support::{
    Backend, Fixture, Store as _, call, calls, checkpoint, drift, entry, import, lock_of, new_run,
    waiting_on,
};

const URL: &str = "https://acme.okta.com";

/// Characters that a text of some backend could stumble over.
const ODD: &str = "a\\b\tc\nd\re \\N \\. 'é' \"😀\" {}";

/// Runs a test from each backend to each.
macro_rules! each_way {
    ($($test:ident,)*) => {
        mod file_to_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Backend::Sqlite, super::Backend::Sqlite).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod file_to_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Backend::Sqlite, super::Backend::Postgres).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod postgres_to_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Backend::Postgres, super::Backend::Sqlite).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod postgres_to_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Backend::Postgres, super::Backend::Postgres).await;
            })*
        }
    };
}

each_way! {
    all_that_is_read_here_is_read_there,
    work_goes_on_there_and_not_here,
    whoever_had_it_open_changes_nothing_any_more,
    what_anybody_has_a_part_of_is_not_moved,
    what_is_not_empty_is_not_moved_to,
}

pub async fn moves(from: &LedgerUrl, to: &LedgerUrl) -> Result<MovedLedger, LedgerError> {
    let options = MoveOptions {
        now: UnixMillis(1_790_000_000_000),
        beside: |_: &Path, _: &Path| Ok(()),
        abort_after: None,
    };
    move_ledger(from, to, options).await
}

/// Where nothing is yet; the key belongs into a file that is not there yet.
async fn empty(backend: Backend) -> Fixture {
    let fixture = Fixture::new(backend).await;
    let key = fixture.folder.path().join("ledger.key");
    if key.exists() {
        std::fs::remove_file(key).unwrap();
    }
    fixture
}

/// A ledger with something in every table; its runs.
async fn filled(backend: Backend) -> (Fixture, Vec<RunId>) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let keys = ledger.keys().await.unwrap();
    let old = begin(&fixture, "old.csv", &["0oa1", "0oa2"]).await;
    applied(ledger, &old, keys.current.id()).await;
    let lock = lock_of(ledger, &old).await;
    ledger
        .set_finished(&lock, Some(UnixMillis(2_000)))
        .await
        .unwrap();
    drop(lock);
    let run = begin(&fixture, "m.csv", &["0oa1", "0oa2", "0oa3", "0oa4", "0oa5"]).await;
    // Dropped, it stays for what an app is like.
    let everything = Old {
        beyond: Some(1),
        before: None,
    };
    let now = UnixMillis(9_000_000_000_000);
    let pruned = ledger.prune(everything, now, || false).await.unwrap();
    assert_eq!(pruned.runs, 1);
    let mut failed = checkpoint(&run, 0, 0, EntryState::Failed);
    failed.error = Some(EntryError {
        step: Step::SetConnection,
        details: ErrorDetails::new(ODD.to_owned(), Some(ODD.to_owned())),
    });
    failed.attempts = vec![call(5), call(6)];
    failed.looked_at = Some(UnixMillis(6));
    failed.stats = OrgStats {
        requests: 2,
        ..OrgStats::default()
    };
    ledger.store(failed).await.unwrap();
    ledger.store(waiting_on(&run, 1, 0, "first")).await.unwrap();
    let mut drifted = checkpoint(&run, 2, 0, EntryState::Done);
    drifted.progress.to_mut().drift = vec![drift(ODD)];
    drifted.attempts = vec![call(7)];
    drifted.settled_consent = Some(("settled".to_owned(), true));
    ledger.store(drifted).await.unwrap();
    let mut called = checkpoint(&run, 0, 1, EntryState::Failed);
    called.attempts = vec![call(8)];
    ledger.store(called).await.unwrap();
    around(&fixture, &run).await;
    // Its consent is waited for in the next one.
    let next = begin(&fixture, "m.csv", &["0oa1", "0oa2"]).await;
    let runs = ledger.runs().await.unwrap();
    assert!(runs.len() >= 2);
    (fixture, vec![run, next])
}

async fn begin(fixture: &Fixture, file: &str, ids: &[&str]) -> RunId {
    let entries: Vec<_> = ids.iter().map(|id| entry("acme", id)).collect();
    fixture.import(file, &entries).await
}

async fn applied(ledger: &Ledger, run: &RunId, key_id: [u8; 8]) {
    let mut done = checkpoint(run, 0, 0, EntryState::Done);
    done.attempts = vec![call(1)];
    done.fingerprint = Some(Fingerprint {
        org_url: URL.to_owned(),
        app_id: "0oa1".to_owned(),
        hmac: Some([7; 32]),
        key_id,
    });
    done.applied = Some(LastAppliedUpdate {
        org_url: URL.to_owned(),
        app_id: "0oa1".to_owned(),
        like: LastAppliedChange::AsWanted {
            digest: [9; 16],
            connected: true,
        },
    });
    done.name = Some(AppName {
        org_url: URL.to_owned(),
        app_id: "0oa1".to_owned(),
        name: "google".into(),
    });
    done.client = Some(AppClient {
        org_url: URL.to_owned(),
        app_id: "0oa1".to_owned(),
        client: HubClient {
            hub_url: "https://hub.okta.com".into(),
            client_id: "0oc1".into(),
        },
    });
    ledger.store(done).await.unwrap();
    let mut moving = checkpoint(run, 1, 0, EntryState::Done);
    moving.applied = Some(LastAppliedUpdate {
        org_url: URL.to_owned(),
        app_id: "0oa2".to_owned(),
        like: LastAppliedChange::Moving,
    });
    ledger.store(moving).await.unwrap();
}

/// What is in a ledger besides entries.
async fn around(fixture: &Fixture, run: &RunId) {
    let ledger = &fixture.ledger;
    let lock = lock_of(ledger, run).await;
    let waves = vec![(
        1,
        WaveRow {
            started_at: Some(UnixMillis(1)),
            passed_at: Some(UnixMillis(4)),
            ..WaveRow::default()
        },
    )];
    ledger.set_waves(&lock, waves).await.unwrap();
    let stopped = Stopped {
        details: ErrorDetails::new(ODD.to_owned(), None),
        remedy: okta_rollout::failure::Remedy::Outside,
    };
    ledger
        .set_stopped(&lock, OrgNo(0), Some(stopped))
        .await
        .unwrap();
    ledger.set_continued(&lock, UnixMillis(3), 1).await.unwrap();
    drop(lock);
    for (id, again) in [("n1", Some(vec![0, 1, 255])), ("n2", None)] {
        let notice = NewNotice {
            id: id.to_owned(),
            kind: "org.stopped",
            about: Some("acme".to_owned()),
            entries: 3,
            at: UnixMillis(7),
            repeats: Repeats::Always,
        };
        ledger.begin_notice(run, notice).await.unwrap();
        if let Some(again) = again {
            ledger
                .keep_notices(vec![(id.to_owned(), again)])
                .await
                .unwrap();
        }
    }
    let others = OtherSpenders {
        org_url: URL.to_owned(),
        bucket: "/api/v1/apps".to_owned(),
        per_second: 0.1 + 0.2,
        unsure: true,
        until: UnixMillis(80),
        left_ms: 9,
    };
    let notes = vec![
        Note::Spent(window("/api/v1/apps", 70)),
        Note::Others(others),
    ];
    note(fixture, notes).await.unwrap();
    let starts = Starts {
        until: UnixMillis(5),
        queued: Some(UnixMillis(6)),
        started_at: None,
    };
    let moved = ledger.move_schedule("/abs/m.csv", None, starts);
    assert!(moved.await.unwrap());
    ledger.take_back_shares(URL).await.unwrap();
    ledger.take_back_shares(URL).await.unwrap();
}

/// All that is read of a ledger.
async fn all(ledger: &Ledger) -> Vec<String> {
    let mut all = Vec::new();
    let mut say = |what: &dyn std::fmt::Debug| all.push(format!("{what:?}"));
    let runs = ledger.runs().await.unwrap();
    for run in runs.iter().map(|run| &run.id) {
        say(&ledger.run(run).await.unwrap());
        say(&ledger.orgs(run).await.unwrap());
        say(&ledger.counts_by_org(run).await.unwrap());
        say(&ledger.waves(run, 3).await.unwrap());
        say(&ledger.hubs(run).await.unwrap());
        say(&ledger.stopped(run).await.unwrap());
        say(&ledger.removed(run).await.unwrap());
        say(&ledger.undelivered(run).await.unwrap());
        say(&ledger.notified(run, "org.stopped").await.unwrap());
        say(&ledger.links_in_doubt(run).await.unwrap());
        say(&ledger.secrets(run, None).await.unwrap());
        say(&ledger.targets(run, OrgNo(0)).await.unwrap());
        let mut rows = Vec::new();
        ledger
            .for_each_entry(run, |row| rows.push(row))
            .await
            .unwrap();
        say(&rows);
        let mut standings = Vec::new();
        let each = |standing| standings.push(standing);
        ledger.for_each_standing(run, each).await.unwrap();
        say(&standings);
        say(&calls(ledger, run).await);
    }
    for id in ["0oa1", "0oa2", "0oa3"] {
        let memory = ledger.app_memory(URL, id).await.unwrap();
        say(&ledger.wishes(&memory).await.unwrap());
        say(&ledger.wishers(&memory).await.unwrap());
        say(&memory);
    }
    say(&ledger.seen_apps(URL).await.unwrap());
    say(&ledger.pending_consents(None).await.unwrap());
    say(&ledger.waiting().await.unwrap());
    say(&ledger.answered().await.unwrap());
    say(&ledger.under_way().await.unwrap());
    say(&ledger.waits_for("first").await.unwrap());
    for state in ["first", "settled", "unknown"] {
        let key = okta_rollout::ledger::ConsentKey {
            org_url: URL.to_owned(),
            app: okta_rollout::apps::App::Google,
            app_id: "0oa3".to_owned(),
            state: state.to_owned(),
        };
        say(&ledger.consent(&key).await.unwrap());
    }
    say(&ledger.spent_windows(UnixMillis(0)).await.unwrap());
    say(&ledger.other_spenders(UnixMillis(0)).await.unwrap());
    say(&ledger.schedules().await.unwrap());
    say(&ledger.share_generation(URL).await.unwrap());
    let keys = ledger.keys().await.unwrap();
    say(&(keys.current.id(), keys.old.map(|old| old.id())));
    all
}

async fn readable(url: &LedgerUrl) -> Ledger {
    Ledger::open(url, OpenMode::ReadOnly).await.unwrap()
}

async fn all_that_is_read_here_is_read_there(here: Backend, there: Backend) {
    let (from, _) = filled(here).await;
    let to = empty(there).await;
    let before = all(&from.ledger).await;
    let moved = moves(&from.url, &to.url).await.unwrap();
    assert_eq!((moved.runs, moved.entries), (2, 7));
    let ledger = readable(&to.url).await;
    assert_eq!(all(&ledger).await, before);
    assert_eq!(ledger.gone().await.unwrap(), None);
    // And here it can still be read.
    let left = readable(&from.url).await;
    assert_eq!(all(&left).await, before);
    let gone = left.gone().await.unwrap().unwrap();
    assert_eq!(gone.to, to.url.to_string());
}

async fn work_goes_on_there_and_not_here(here: Backend, there: Backend) {
    let (from, runs) = filled(here).await;
    let to = empty(there).await;
    moves(&from.url, &to.url).await.unwrap();
    for mode in [OpenMode::ReadWrite, OpenMode::Existing, OpenMode::Current] {
        let error = Ledger::open(&from.url, mode).await.unwrap_err();
        assert!(matches!(error, LedgerError::Closed { .. }), "{error}");
        assert!(error.to_string().contains("was moved to"), "{error}");
        assert!(error.hint().contains("--ledger "), "{error}");
    }
    let error = moves(&from.url, &to.url).await.unwrap_err();
    assert!(matches!(error, LedgerError::Closed { .. }), "{error}");
    let ledger = Ledger::open(&to.url, OpenMode::ReadWrite).await.unwrap();
    let lock = lock_of(&ledger, &runs[0]).await;
    let mut done = checkpoint(&runs[0], 3, 0, EntryState::Done);
    done.attempts = vec![call(20), call(21)];
    ledger.store(done).await.unwrap();
    let mut again = checkpoint(&runs[0], 0, 2, EntryState::Done);
    again.attempts = vec![call(22)];
    ledger.store(again).await.unwrap();
    drop(lock);
    let made = calls(&ledger, &runs[0]).await;
    assert_eq!(made[3], [call(20), call(21)]);
    assert_eq!(made[0], [call(5), call(6), call(8), call(22)]);
    // Numbers go on after those that moved.
    let next = import(&ledger, "next.csv", &[entry("other", "0oa9")]).await;
    assert_eq!(ledger.runs().await.unwrap()[0].id, next);
    assert_eq!(ledger.counts(&next).await.unwrap().pending, 1);
    // Back again only to what is new.
    let error = moves(&to.url, &from.url).await.unwrap_err();
    assert!(matches!(error, LedgerError::NotEmpty { .. }), "{error}");
    let third = empty(here).await;
    let before = all(&ledger).await;
    drop(ledger);
    moves(&to.url, &third.url).await.unwrap();
    assert_eq!(all(&readable(&third.url).await).await, before);
}

async fn whoever_had_it_open_changes_nothing_any_more(here: Backend, there: Backend) {
    let (from, runs) = filled(here).await;
    let to = empty(there).await;
    let late = from.another().await;
    moves(&from.url, &to.url).await.unwrap();
    let before = all(&readable(&to.url).await).await;
    let closed = |ended: Result<(), LedgerError>| {
        let error = ended.unwrap_err();
        assert!(matches!(error, LedgerError::Closed { .. }), "{error}");
        assert!(error.to_string().contains(&to.url.to_string()), "{error}");
    };
    let stored = late.store(checkpoint(&runs[0], 3, 0, EntryState::Done));
    closed(stored.await.map(drop));
    let imported = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Handle::current();
        let import = runtime.block_on(late.import(new_run("late.csv")));
        import.and_then(Import::finish).map(drop)
    });
    closed(imported.await.unwrap());
    assert_eq!(all(&readable(&from.url).await).await, before);
}

async fn what_anybody_has_a_part_of_is_not_moved(here: Backend, there: Backend) {
    let (from, runs) = filled(here).await;
    let to = empty(there).await;
    let before = all(&from.ledger).await;
    let refused = async |what: &str| {
        let error = moves(&from.url, &to.url).await.unwrap_err();
        assert!(matches!(error, LedgerError::InUse { .. }), "{error}");
        let said = error.to_string();
        let me = format!("pid {} on ", std::process::id());
        assert!(said.contains(what) && said.contains(&me), "{said}");
    };
    let lock = lock_of(&from.ledger, &runs[0]).await;
    refused(&format!("run {} is held", runs[0].0)).await;
    drop(lock);
    let lock = from.ledger.lock_file("/abs/other.csv").await.unwrap();
    refused("a run is just being started").await;
    drop(lock);
    let desk = from.ledger.announce_desk("http://127.0.0.1:1").await;
    refused("a desk is open").await;
    drop(desk);
    // Nothing came of it, at either of them.
    let empty = Ledger::open(&to.url, OpenMode::ReadWrite).await.unwrap();
    assert_eq!(empty.runs().await.unwrap(), []);
    drop(empty);
    let lock = lock_of(&from.ledger, &runs[0]).await;
    drop(lock);
    assert_eq!(all(&from.ledger).await, before);
    moves(&from.url, &to.url).await.unwrap();
}

async fn what_is_not_empty_is_not_moved_to(here: Backend, there: Backend) {
    let (from, _) = filled(here).await;
    let to = empty(there).await;
    let error = moves(&from.url, &from.url).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is the ledger that is to be moved"),
        "{error}"
    );
    let failed = to.ledger.add_failed_start(
        new_run("x.csv"),
        okta_rollout::ledger::FailedStart::new("no".to_owned(), None),
    );
    failed.await.unwrap();
    let error = moves(&from.url, &to.url).await.unwrap_err();
    assert!(matches!(error, LedgerError::NotEmpty { .. }), "{error}");
    from.import("new.csv", &[entry("acme", "0oa9")]).await;
    assert_eq!(from.ledger.gone().await.unwrap(), None);
}

#[tokio::test]
async fn a_file_that_a_refused_move_made_is_gone_again() {
    let (from, runs) = filled(Backend::Sqlite).await;
    let to = LedgerUrl::file(from.folder.path().join("new/other.db"));
    let lock = lock_of(&from.ledger, &runs[0]).await;
    moves(&from.url, &to).await.unwrap_err();
    drop(lock);
    assert!(!from.folder.path().join("new").exists());
    let missing = LedgerUrl::file(from.folder.path().join("missing.db"));
    let error = moves(&missing, &to).await.unwrap_err();
    assert!(matches!(error, LedgerError::Missing { .. }), "{error}");
    assert!(!from.folder.path().join("new").exists());
}

#[tokio::test]
async fn keys_that_were_replaced_move_along() {
    let (from, _) = filled(Backend::Sqlite).await;
    from.ledger.rotate_key(Forgetting::Refused).await.unwrap();
    let to = empty(Backend::Sqlite).await;
    let before = all(&from.ledger).await;
    moves(&from.url, &to.url).await.unwrap();
    assert_eq!(all(&readable(&to.url).await).await, before);
    assert!(from.ledger.keys().await.unwrap().old.is_some());
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_another_key_is_nothing_is_moved() {
    let (from, _) = filled(Backend::Sqlite).await;
    let to = Fixture::new(Backend::Postgres).await;
    let error = moves(&from.url, &to.url).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("is not that of the ledger that is moved"),
        "{said}"
    );
    assert!(error.hint().contains("?key=file:PATH"), "{}", error.hint());
    assert_eq!(from.ledger.gone().await.unwrap(), None);
    assert_eq!(to.ledger.runs().await.unwrap(), []);
    lock_of(&from.ledger, &from.ledger.runs().await.unwrap()[0].id).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_were_replaced_move_to_postgresql_and_back() {
    use std::os::unix::fs::PermissionsExt as _;
    let (from, _) = filled(Backend::Sqlite).await;
    from.ledger.rotate_key(Forgetting::Refused).await.unwrap();
    let to = empty(Backend::Postgres).await;
    let before = all(&from.ledger).await;
    moves(&from.url, &to.url).await.unwrap();
    assert_eq!(all(&readable(&to.url).await).await, before);
    let key = to.folder.path().join("ledger.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&key).unwrap().lines().count(), 2);
    let back = empty(Backend::Sqlite).await;
    moves(&to.url, &back.url).await.unwrap();
    assert_eq!(all(&readable(&back.url).await).await, before);
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_of_tables_moves_them() {
    let (from, _) = filled(Backend::Postgres).await;
    from.sql(
        "DO $$ BEGIN CREATE ROLE mover LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    );
    from.sql(&okta_rollout::ledger::grants("mover").unwrap());
    let to = empty(Backend::Sqlite).await;
    let url = from.url.to_string();
    let user = format!("{}@", crate::postgres_server::USER);
    let url: LedgerUrl = url.replacen(&user, "mover@", 1).parse().unwrap();
    let error = moves(&url, &to.url).await.unwrap_err();
    assert!(
        error.to_string().contains("only its owner can move it"),
        "{error}"
    );
    assert_eq!(from.ledger.gone().await.unwrap(), None);
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orgs_that_somebody_works_on_do_not_move() {
    let (from, _) = filled(Backend::Postgres).await;
    let to = empty(Backend::Sqlite).await;
    let hold = from.ledger.hold_org(URL).await.unwrap();
    let error = moves(&from.url, &to.url).await.unwrap_err();
    assert!(matches!(error, LedgerError::InUse { .. }), "{error}");
    assert!(
        error.to_string().contains("the work on orgs is held"),
        "{error}"
    );
    drop(hold);
    let Fixture {
        ledger,
        folder,
        url,
    } = from;
    drop(ledger);
    moves(&url, &to.url).await.unwrap();
    drop(folder);
}
