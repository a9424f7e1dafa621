//! What is read of all of a run's entries: page by page, and whatever they have been through.

use okta_rollout::ledger::{Attempt, EntryRow, Ledger, Noted, Standing};
use okta_rollout::model::{EntryNo, EntryState, OrgNo, RunId};
use serde_json::json;

use crate::support::{
    Backend, Fixture, OfRun, Store as _, call, checkpoint, drift, entry, lock_of, waiting_on,
};

on_each_backend! {
    a_walk_hands_out_every_entry_of_its_run_once_and_in_order,
    what_was_found_otherwise_is_counted_and_the_first_of_it_named,
    links_in_doubt_are_those_that_are_still_waited_for,
    many_read_in_one_snapshot_at_once,
}

/// More than two pages of whole entries.
const MANY: i64 = 2_100;

async fn a_walk_hands_out_every_entry_of_its_run_once_and_in_order(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let entries: Vec<_> = (0..MANY)
        .map(|no| entry(["x", "y"][usize::from(no % 3 == 0)], &format!("0oa{no}")))
        .collect();
    // Runs before and after it are others.
    fixture.import("a.csv", &entries[..10]).await;
    let run = fixture.import("b.csv", &entries).await;
    fixture.import("c.csv", &entries[..10]).await;
    for no in [0, 999, 1_000, 2_000, MANY - 1] {
        let mut done = checkpoint(&run, no, 0, EntryState::Done);
        done.attempts = (0..12).map(|at| call(no * 100 + at)).collect();
        ledger.store(done).await.unwrap();
    }
    let calls_of = |no: i64| -> Vec<Attempt> {
        let has = [0, 999, 1_000, 2_000, MANY - 1].contains(&no);
        let calls = (0..12).map(|at| call(no * 100 + at));
        calls.filter(|_| has).collect()
    };
    let all: Vec<_> = (0..MANY).map(EntryNo).collect();
    let mut walked = Vec::new();
    let each = |row: EntryRow| walked.push(row.no);
    ledger.for_each_entry(&run, each).await.unwrap();
    assert_eq!(walked, all);
    let mut walked = Vec::new();
    let each = |standing: Standing| walked.push(standing.no);
    ledger.for_each_standing(&run, each).await.unwrap();
    assert_eq!(walked, all);
    let mut walked = Vec::new();
    let each = |row: EntryRow, calls: Vec<Attempt>| {
        assert_eq!(calls, calls_of(row.no.0), "{}", row.no);
        walked.push(row.no);
    };
    ledger.for_each_entry_with_calls(&run, each).await.unwrap();
    assert_eq!(walked, all);
    // Every third of them from the end.
    let order: Vec<_> = (0..MANY).rev().step_by(3).map(EntryNo).collect();
    let mut walked = Vec::new();
    let each = |row: EntryRow, calls: Vec<Attempt>| {
        assert_eq!(calls, calls_of(row.no.0), "{}", row.no);
        walked.push(row.no);
    };
    ledger
        .for_each_with_calls_of(&run, &order, each)
        .await
        .unwrap();
    assert_eq!(walked, order);
}

async fn noted(
    ledger: &Ledger,
    run: &RunId,
    what: Noted,
    limit: usize,
    wanted: fn(i64) -> bool,
) -> (u64, Vec<i64>) {
    let wanted = move |no: EntryNo| wanted(no.0);
    let (count, first) = ledger.noted(run, what, limit, wanted).await.unwrap();
    (count, first.iter().map(|row| row.no.0).collect())
}

async fn what_was_found_otherwise_is_counted_and_the_first_of_it_named(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let entries: Vec<_> = (0..6).map(|no| entry("x", &format!("0oa{no}"))).collect();
    let other = fixture.import("a.csv", &entries).await;
    let run = fixture.import("b.csv", &entries).await;
    let store = async |run, no, edit: fn(&mut OfRun)| {
        let mut done = checkpoint(run, no, 0, EntryState::Done);
        edit(&mut done);
        ledger.store(done).await.unwrap();
    };
    // As Okta may show it: text that some databases cannot hold, and names that the ledger uses as well.
    let odd = |done: &mut OfRun| {
        let mut found = drift("name");
        found.live = Some(json!({ "leftSecrets": ["\0"], "inFlight": { "sentAt": 1 } }));
        done.progress.to_mut().drift = vec![found];
        done.progress.to_mut().changed = true;
    };
    let left = |done: &mut OfRun| done.progress.to_mut().left_secrets = vec!["token".to_owned()];
    store(&other, 0, odd).await;
    store(&run, 4, odd).await;
    store(&run, 1, odd).await;
    store(&run, 3, left).await;
    store(&run, 5, odd).await;
    store(&run, 2, |_| ()).await;
    let drifted = async |limit, wanted| noted(ledger, &run, Noted::Drift, limit, wanted).await;
    assert_eq!(drifted(2, |_| true).await, (3, vec![1, 4]));
    assert_eq!(drifted(0, |_| true).await, (3, vec![]));
    assert_eq!(drifted(9, |no| no > 3).await, (2, vec![4, 5]));
    assert_eq!(
        noted(ledger, &run, Noted::LeftSecrets, 9, |_| true).await,
        (1, vec![3])
    );
    let (_, first) = ledger.noted(&run, Noted::Drift, 1, |_| true).await.unwrap();
    let live = first[0].progress.drift[0].live.clone();
    assert_eq!(live.unwrap()["leftSecrets"], json!(["\0"]));
    let changed = async |limit| -> Vec<i64> {
        let changed = ledger.changed(&run, limit).await.unwrap();
        changed.iter().map(|row| row.no.0).collect()
    };
    assert_eq!(changed(2).await, [1, 4]);
    assert_eq!(changed(9).await, [1, 4, 5]);
    assert_eq!(ledger.under_way().await.unwrap(), []);
}

async fn links_in_doubt_are_those_that_are_still_waited_for(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let ids = ["y/0oa0", "x/0oa1", "y/0oa2", "x/0oa3"].map(|id| {
        let (org, id) = id.split_once('/').unwrap();
        entry(org, id)
    });
    let run = fixture.import("a.csv", &ids).await;
    for no in 0..4 {
        let mut waiting = waiting_on(&run, no, 0, &format!("s{no}"));
        waiting.progress.to_mut().link_in_doubt = no != 2;
        ledger.store(waiting).await.unwrap();
    }
    let in_doubt = async |run| -> Vec<(i64, i64)> {
        let found = ledger.links_in_doubt(run).await.unwrap();
        found.iter().map(|(org, no)| (org.0, no.0)).collect()
    };
    assert_eq!(in_doubt(&run).await, [(0, 0), (1, 1), (1, 3)]);
    let mut started = checkpoint(&run, 3, 1, EntryState::Started);
    started.progress.to_mut().link_in_doubt = true;
    ledger.store(started).await.unwrap();
    assert_eq!(in_doubt(&run).await, [(0, 0), (1, 1)]);
    // Who took it over waits for it instead.
    let later = fixture.import("a.csv", &ids[1..2]).await;
    assert_eq!(in_doubt(&run).await, [(0, 0)]);
    assert_eq!(in_doubt(&later).await, [(0, 0)]);
}

async fn many_read_in_one_snapshot_at_once(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let snapshot = ledger.snapshot().await.unwrap();
    // More than anybody has sessions for, of which some are given up halfway.
    let reads = (0..32).map(async |no| {
        let counts = snapshot.counts(&run);
        let cut = std::time::Duration::from_micros(if no % 4 == 0 { 1 } else { 60_000_000 });
        tokio::time::timeout(cut, counts).await
    });
    ledger
        .store(checkpoint(&run, 0, 0, EntryState::Done))
        .await
        .unwrap();
    for counts in futures_util::future::join_all(reads).await {
        let Ok(counts) = counts else { continue };
        assert_eq!(counts.unwrap().pending, 1);
    }
    // Who works on a run is told as it is, and what is written through it is the ledger's.
    assert!(!snapshot.is_locked(&run).await.unwrap());
    let lock = lock_of(ledger, &run).await;
    assert!(snapshot.is_locked(&run).await.unwrap());
    snapshot.set_finished(&lock, None).await.unwrap();
    assert_eq!(snapshot.counts(&run).await.unwrap().pending, 1);
    let newer = snapshot.snapshot().await.unwrap();
    assert_eq!(newer.counts(&run).await.unwrap().pending, 0);
    drop(snapshot);
    assert_eq!(newer.counts(&run).await.unwrap().pending, 0);
    let loaded = newer.load(&run, OrgNo(0), EntryState::Done, None, 9).await;
    assert_eq!(loaded.unwrap().len(), 1);
}
