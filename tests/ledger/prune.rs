//! Old runs are dropped, and nothing that anybody still needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use okta_rollout::ledger::{
    InFlight, Kept, LastAppliedChange, LastAppliedUpdate, Ledger, NewRun, Old, Pruned,
};
use okta_rollout::model::{
    EntryNo, EntryState, ErrorDetails, OrgNo, RunId, Step, Stopped, UnixMillis,
};

use crate::support::{Backend, Fixture, Store as _, call, checkpoint, entry, lock_of, waiting_on};

on_each_backend! {
    what_is_old_is_what_is_said,
    who_worked_on_a_run_lately_made_it_young,
    a_run_that_is_needed_stays,
    others_commit_while_old_runs_are_dropped,
    what_is_known_of_apps_outlives_the_runs_that_found_it,
    a_run_that_took_a_consent_over_is_still_named_by_the_one_before,
    whoever_is_ended_in_the_middle_leaves_a_whole_ledger,
}

const DAY: i64 = 86_400_000;
pub const NOW: i64 = 100 * DAY;
pub const URL: &str = "https://x.okta.com";

pub fn older_than(days: i64) -> Old {
    Old {
        beyond: None,
        before: Some(UnixMillis(NOW - days * DAY)),
    }
}

pub fn beyond(newest: u64) -> Old {
    Old {
        beyond: Some(newest),
        before: None,
    }
}

/// A run of a file with this many entries, so many days ago.
pub async fn begun(ledger: &Ledger, file: &str, days_ago: i64, entries: usize) -> RunId {
    let new = NewRun {
        started_at: UnixMillis(NOW - days_ago * DAY),
        ..crate::support::new_run(file)
    };
    let mut import = ledger.import(new).await.unwrap();
    let no = import
        .push_org("x", URL, &crate::support::org("x"))
        .unwrap();
    for at in 0..entries {
        let entry = entry("x", &format!("0oa{at}"));
        import
            .push_entry(okta_rollout::ledger::ImportEntry {
                row: at as u64,
                org: no,
                entry: &entry,
            })
            .unwrap();
    }
    import.finish().unwrap()
}

/// As [`begun`], with every entry at its end, two calls each.
pub async fn ended(ledger: &Ledger, file: &str, days_ago: i64, entries: usize) -> RunId {
    let run = begun(ledger, file, days_ago, entries).await;
    for no in 0..i64::try_from(entries).unwrap() {
        let mut cp = checkpoint(&run, no, 0, EntryState::Done);
        cp.attempts = vec![call(1), call(2)];
        cp.applied = Some(like(no));
        ledger.store(cp).await.unwrap();
    }
    run
}

pub fn like(no: i64) -> LastAppliedUpdate {
    LastAppliedUpdate {
        org_url: URL.to_owned(),
        app_id: format!("0oa{no}"),
        like: LastAppliedChange::AsWanted {
            digest: [1; 16],
            connected: false,
        },
    }
}

pub async fn left(ledger: &Ledger) -> Vec<RunId> {
    let runs = ledger.runs().await.unwrap().into_iter();
    runs.map(|run| run.id).collect()
}

pub async fn prune(ledger: &Ledger, old: Old) -> Pruned {
    ledger.prune(old, UnixMillis(NOW), || false).await.unwrap()
}

async fn what_is_old_is_what_is_said(backend: Backend) {
    for (old, wanted) in [
        (older_than(50), 3),
        (older_than(25), 2),
        (older_than(1_000), 5),
        (beyond(2), 2),
        (beyond(9), 5),
        // Both: older, and beyond the newest.
        (
            Old {
                beyond: Some(4),
                ..older_than(25)
            },
            4,
        ),
        (
            Old {
                beyond: Some(1),
                ..older_than(25)
            },
            2,
        ),
        (
            Old {
                beyond: Some(1),
                ..older_than(75)
            },
            4,
        ),
        (beyond(0), 0),
        // It begins at the newest, however many are dropped.
        (
            Old {
                beyond: Some(0),
                ..older_than(0)
            },
            0,
        ),
    ] {
        let fixture = Fixture::new(backend).await;
        let mut runs = Vec::new();
        for days_ago in [80, 60, 40, 20, 10] {
            runs.push(ended(&fixture.ledger, "a.csv", days_ago, 2).await);
        }
        runs.reverse();
        let pruned = prune(&fixture.ledger, old).await;
        assert_eq!(left(&fixture.ledger).await, runs[..wanted], "{old:?}");
        let dropped = 5 - wanted as u64;
        assert_eq!(
            (pruned.runs, pruned.entries),
            (dropped, 2 * dropped),
            "{old:?}"
        );
        assert_eq!(pruned.kept, []);
        // And once more there is nothing to do.
        assert_eq!(prune(&fixture.ledger, old).await, Pruned::default());
    }
}

async fn who_worked_on_a_run_lately_made_it_young(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = ended(&fixture.ledger, "a.csv", 80, 1).await;
    let at = NOW - 3 * DAY;
    fixture
        .ledger
        .set_finished(&lock_of(&fixture.ledger, &run).await, Some(UnixMillis(at)))
        .await
        .unwrap();
    assert_eq!(prune(&fixture.ledger, older_than(5)).await.runs, 0);
    assert_eq!(prune(&fixture.ledger, older_than(2)).await.runs, 1);
}

async fn a_run_that_is_needed_stays(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let waits = fixture.import("waits.csv", &[entry("y", "0oaW")]).await;
    ledger.store(waiting_on(&waits, 0, 0, "s")).await.unwrap();
    let interrupted = begun(ledger, "interrupted.csv", 90, 2).await;
    let failed = begun(ledger, "failed.csv", 90, 1).await;
    ledger
        .store(checkpoint(&failed, 0, 0, EntryState::Failed))
        .await
        .unwrap();
    let stopped = begun(ledger, "stopped.csv", 90, 1).await;
    let why = Stopped {
        remedy: okta_rollout::failure::Remedy::Outside,
        details: ErrorDetails {
            message: "no".to_owned(),
            ..ErrorDetails::default()
        },
    };
    ledger
        .set_stopped(
            &lock_of(ledger, &stopped).await,
            OrgNo(0),
            Some(why.clone()),
        )
        .await
        .unwrap();
    let held = ended(ledger, "held.csv", 90, 1).await;
    let other = fixture.another().await;
    let lock = other.lock_run(&held).await.unwrap();
    // What may still land is waited for by whoever comes next.
    let lands = begun(ledger, "lands.csv", 90, 1).await;
    let mut cp = checkpoint(&lands, 0, 0, EntryState::Started);
    cp.progress.to_mut().in_flight = Some(InFlight {
        step: Step::CreateApp,
        sent_at: UnixMillis(NOW - 1_000),
        ended: false,
        link_before: None,
        credentials: None,
    });
    ledger.store(cp).await.unwrap();
    ledger
        .set_stopped(&lock_of(ledger, &lands).await, OrgNo(0), Some(why))
        .await
        .unwrap();
    ended(ledger, "lands.csv", 90, 1).await;
    let done = ended(ledger, "done.csv", 90, 1).await;
    // Nobody continues what a later run of the file has replaced.
    let replaced = begun(ledger, "replaced.csv", 90, 2).await;
    ended(ledger, "replaced.csv", 1, 2).await;

    let pruned = prune(ledger, older_than(5)).await;
    assert_eq!(pruned.runs, 3, "{pruned:?}");
    let mut kept = pruned.kept;
    kept.sort();
    let mut wanted = [
        (waits, Kept::Waits),
        (interrupted, Kept::Interrupted),
        (failed.clone(), Kept::Last),
        (stopped.clone(), Kept::Last),
        (held.clone(), Kept::Held),
        (lands, Kept::Interrupted),
    ];
    wanted.sort();
    assert_eq!(kept, wanted);
    let still = left(ledger).await;
    assert!([done, replaced].iter().all(|run| !still.contains(run)));

    // Not the last of their files any more, and free.
    drop(lock);
    for file in ["failed.csv", "stopped.csv"] {
        ended(ledger, file, 1, 1).await;
    }
    let pruned = prune(ledger, older_than(5)).await;
    assert_eq!(pruned.runs, 3, "{pruned:?}");
    let left = left(ledger).await;
    assert!(
        [failed, stopped, held]
            .iter()
            .all(|run| !left.contains(run))
    );
}

async fn others_commit_while_old_runs_are_dropped(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    ended(&fixture.ledger, "a.csv", 90, 5_000).await;
    let new = begun(&fixture.ledger, "b.csv", 1, 300).await;
    let other = fixture.another().await;
    let pruning = fixture.ledger.clone();
    let pruning = tokio::spawn(async move { prune(&pruning, older_than(5)).await });
    for no in 0..300 {
        let done = checkpoint(&new, no, 0, EntryState::Done);
        other.store(done).await.unwrap();
    }
    assert_eq!(pruning.await.unwrap().entries, 5_000);
    assert_eq!(other.counts(&new).await.unwrap().unchanged, 300);
}

async fn what_is_known_of_apps_outlives_the_runs_that_found_it(backend: Backend) {
    let fixture = Fixture::new(backend).await;
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
    assert_eq!(fixture.count("entry"), 3);
    assert_eq!(fixture.count("call"), 0);
    // A later run makes it needless.
    ended(ledger, "b.csv", 1, 3).await;
    assert_eq!(prune(ledger, older_than(50)).await, Pruned::default());
    assert_eq!((fixture.count("entry"), fixture.count("run")), (3, 1));
    assert_eq!((fixture.count("spec"), fixture.count("org")), (3, 1));
}

async fn a_run_that_took_a_consent_over_is_still_named_by_the_one_before(backend: Backend) {
    let fixture = Fixture::new(backend).await;
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
    assert_eq!(fixture.count("run"), 1);
}

async fn whoever_is_ended_in_the_middle_leaves_a_whole_ledger(backend: Backend) {
    let fixture = Fixture::new(backend).await;
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
    let entries = fixture.count("entry");
    assert!((10..2_510).contains(&entries) && fixture.count("call") < 2 * 2_510);
    let calls = fixture.count("call");
    assert!(calls > 20, "{calls}");
    if matches!(backend, Backend::Sqlite) {
        let sql = rusqlite::Connection::open(fixture.path()).unwrap();
        let whole: String = sql
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok");
    }
    // And the next one removes the rest.
    assert_eq!(
        prune(&fixture.ledger, older_than(5)).await,
        Pruned::default()
    );
    assert_eq!(fixture.count("call"), 20);
    assert_eq!(fixture.ledger.counts(&new).await.unwrap().unchanged, 10);
}
