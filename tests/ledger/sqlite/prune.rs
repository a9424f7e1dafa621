//! What dropping old runs leaves in the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use okta_rollout::ledger::{Kept, OpenOptions, Pruned};
use okta_rollout::model::{EntryNo, EntryState, UnixMillis};

use crate::prune::{NOW, URL, begun, beyond, ended, left, older_than, prune};
use crate::support::{Backend, Fixture, Store as _, checkpoint, waiting_on};

fn count(fixture: &Fixture, table: &str) -> i64 {
    let sql = rusqlite::Connection::open(fixture.path()).unwrap();
    let count = format!("SELECT count(*) FROM {table}");
    sql.query_row(&count, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_is_known_of_apps_outlives_the_runs_that_found_it() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let ledger = &fixture.ledger;
    ended(ledger, "a.csv", 90, 3).await;
    // The next one looks at the first two only.
    ended(ledger, "a.csv", 80, 2).await;
    let apps = ["0oa0", "0oa1", "0oa2"];
    let known = async || {
        let mut known = Vec::new();
        for app in apps {
            let memory = ledger.app_memory(URL, app).await.unwrap();
            let wishes = ledger.wishes(&memory).await.unwrap();
            known.push((memory, wishes));
        }
        known
    };
    let before = known().await;
    assert!(
        before
            .iter()
            .all(|(_, wishes)| wishes.as_ref().is_some_and(|w| w.len() == 1))
    );
    assert_eq!(prune(ledger, beyond(0)).await.runs, 2);
    assert_eq!(known().await, before);
    assert_eq!(left(ledger).await, []);
    // Only what they are known by is left of the runs.
    assert_eq!(count(&fixture, "entry"), 3);
    assert_eq!(count(&fixture, "call"), 0);
    // A later run makes it needless.
    ended(ledger, "b.csv", 1, 3).await;
    assert_eq!(prune(ledger, older_than(50)).await, Pruned::default());
    assert_eq!((count(&fixture, "entry"), count(&fixture, "run")), (3, 1));
    assert_eq!((count(&fixture, "spec"), count(&fixture, "org")), (3, 1));
}

#[tokio::test]
async fn a_run_that_took_a_consent_over_is_still_named_by_the_one_before() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let ledger = &fixture.ledger;
    let first = begun(ledger, "a.csv", 90, 2).await;
    ledger.store(waiting_on(&first, 0, 0, "s")).await.unwrap();
    let second = begun(ledger, "a.csv", 80, 2).await;
    let row = ledger.entry(&second, EntryNo(0)).await.unwrap();
    assert_eq!(row.state, EntryState::Waiting);
    for (no, version) in [(0, row.version), (1, 0)] {
        let cp = checkpoint(&second, no, version, EntryState::Done);
        ledger.store(cp).await.unwrap();
    }
    // Somebody works on the first one, so that it stays.
    ended(ledger, "a.csv", 1, 2).await;
    let lock = ledger.lock_run(&first).await.unwrap();
    let pruned = prune(ledger, older_than(5)).await;
    assert_eq!(
        (pruned.runs, pruned.kept),
        (1, vec![(first.clone(), Kept::Held)])
    );
    let row = ledger.entry(&first, EntryNo(0)).await.unwrap();
    assert_eq!(row.carried_over_by, Some(second));
    // When that is gone, too, both are.
    drop(lock);
    assert_eq!(prune(ledger, older_than(5)).await.runs, 1);
    prune(ledger, older_than(5)).await;
    assert_eq!(count(&fixture, "run"), 1);
}

#[tokio::test]
async fn whoever_is_ended_in_the_middle_leaves_a_whole_ledger() {
    let fixture = Fixture::new(Backend::Sqlite).await;
    let old = ended(&fixture.ledger, "a.csv", 90, 2_500).await;
    let new = ended(&fixture.ledger, "a.csv", 1, 10).await;
    // The run was hidden and its first slice removed.
    let looks = Arc::new(AtomicU32::new(0));
    let stop = move || looks.fetch_add(1, Ordering::Relaxed) >= 2;
    let pruned = fixture
        .ledger
        .prune(older_than(5), UnixMillis(NOW), stop)
        .await
        .unwrap();
    assert_eq!((pruned.runs, pruned.entries), (1, 2_500));
    let fixture = fixture.reopen().await;
    assert_eq!(left(&fixture.ledger).await, std::slice::from_ref(&new));
    assert!(fixture.ledger.find_run(Some(&old.0)).await.is_err());
    // What apps are like is of the first run from the eleventh on.
    let entries = count(&fixture, "entry");
    assert!((10..2_510).contains(&entries) && count(&fixture, "call") < 2 * 2_510);
    let calls = count(&fixture, "call");
    assert!(calls > 20, "{calls}");
    let sql = rusqlite::Connection::open(fixture.path()).unwrap();
    let whole: String = sql
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
    drop(sql);
    // And the next one removes the rest.
    assert_eq!(
        prune(&fixture.ledger, older_than(5)).await,
        Pruned::default()
    );
    assert_eq!(count(&fixture, "call"), 20);
    assert_eq!(fixture.ledger.counts(&new).await.unwrap().unchanged, 10);
}

#[tokio::test]
async fn freed_space_is_used_again_and_vacuum_gives_it_back() {
    let fixture = Fixture::with(OpenOptions::default()).await;
    let mut sizes = Vec::new();
    for night in 0..6 {
        ended(&fixture.ledger, "a.csv", 90 - night, 400).await;
        prune(&fixture.ledger, beyond(2)).await;
        let sql = rusqlite::Connection::open(fixture.path()).unwrap();
        let pages: i64 = sql
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .unwrap();
        sizes.push(pages);
    }
    // Three runs at most were there at once.
    assert!(sizes[5] <= sizes[2] + sizes[2] / 20, "{sizes:?}");
    prune(&fixture.ledger, beyond(1)).await;
    let last = left(&fixture.ledger).await;
    let calls = count(&fixture, "call");
    let freed = fixture.ledger.vacuum().await.unwrap();
    assert!(freed > 0);
    let (page, pages) = (4_096, sizes[5].unsigned_abs());
    let size = std::fs::metadata(fixture.path()).unwrap().len();
    assert_eq!(size, pages * page - freed);
    // It is the same ledger, and can be worked with.
    assert_eq!(left(&fixture.ledger).await, last);
    assert_eq!(count(&fixture, "call"), calls);
    ended(&fixture.ledger, "b.csv", 1, 10).await;
    let fixture = fixture.reopen().await;
    assert_eq!(left(&fixture.ledger).await.len(), 2);
}
