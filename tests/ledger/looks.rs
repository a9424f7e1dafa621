//! When an entry was last looked at, and what a later run takes over of one whose answer was being handed in.

use okta_rollout::ledger::{Counts, EntryRow, InFlight, Ledger, OpenMode, Progress};
use okta_rollout::model::{
    EntryNo, EntryState, ErrorDetails, OrgNo, RunId, Step, Stopped, UnixMillis,
};

use crate::support::{Backend, Fixture, Store as _, call, checkpoint, consent, entry, lock_of};

on_each_backend! {
    an_entry_is_looked_at_when_an_answer_shows_something_of_it,
    looks_of_a_time_that_has_not_come_yet_count_as_made_before,
    what_a_stopped_org_holds_back_cannot_move_by_itself,
    a_new_run_continues_with_an_answer_that_nobody_is_handing_in_any_more,
    an_answer_that_a_process_is_handing_in_stays_its_runs,
    what_is_read_of_a_snapshot_is_of_one_moment,
}

async fn checked_at(ledger: &Ledger, run: &RunId) -> Vec<Option<i64>> {
    let mut all = Vec::new();
    ledger
        .for_each_entry(run, |row| all.push(row.checked_at.map(|at| at.0)))
        .await
        .unwrap();
    all
}

async fn an_entry_is_looked_at_when_an_answer_shows_something_of_it(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ids = ["0oa1", "0oa2", "0oa3"].map(|id| entry("x", id));
    let run = fixture.import("a.csv", &ids).await;
    // Which calls were made says nothing: their answers may have been about the credentials.
    let steps = [
        (None, None),
        (Some(20), Some(20)),
        (None, Some(20)),
        (Some(60), Some(60)),
    ];
    for (version, (looked_at, wanted)) in (0..).zip(steps) {
        let mut cp = checkpoint(&run, 1, version, EntryState::Started);
        cp.attempts = vec![call(10)];
        cp.looked_at = looked_at.map(UnixMillis);
        fixture.ledger.store(cp).await.unwrap();
        assert_eq!(
            checked_at(&fixture.ledger, &run).await,
            [None, wanted, None]
        );
    }
}

async fn looks_of_a_time_that_has_not_come_yet_count_as_made_before(backend: Backend) {
    const NOW: i64 = 10_000_000;
    let fixture = Fixture::new(backend).await;
    let ids = ["0oa1", "0oa2"].map(|id| entry("x", id));
    let run = fixture.import("a.csv", &ids).await;
    for (no, at) in [(0, 5_000), (1, NOW - 5_000)] {
        let mut cp = checkpoint(&run, no, 0, EntryState::Done);
        cp.attempts = vec![call(at)];
        cp.looked_at = Some(UnixMillis(at + 1_200));
        fixture.ledger.store(cp).await.unwrap();
    }
    let before = checked_at(&fixture.ledger, &run).await;
    // The clock is right: nothing is touched.
    fixture
        .ledger
        .set_continued(&lock_of(&fixture.ledger, &run).await, UnixMillis(NOW), 2)
        .await
        .unwrap();
    assert_eq!(checked_at(&fixture.ledger, &run).await, before);
    let row = fixture.ledger.run(&run).await.unwrap();
    assert_eq!(
        (row.continued_at, row.ended_before),
        (Some(UnixMillis(NOW)), 2)
    );
    // It was set back by more than the last call is ago.
    let back = NOW - 1_000_000;
    fixture
        .ledger
        .set_continued(&lock_of(&fixture.ledger, &run).await, UnixMillis(back), 2)
        .await
        .unwrap();
    let after = checked_at(&fixture.ledger, &run).await;
    assert_eq!(after[0], before[0]);
    assert!(after[1].unwrap() < back, "{after:?}");
}

async fn what_a_stopped_org_holds_back_cannot_move_by_itself(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries = [("x", "0oa1"), ("y", "0oa2"), ("y", "0oa3")].map(|(org, id)| entry(org, id));
    let run = fixture.import("a.csv", &entries).await;
    let counts = async || -> Counts { fixture.ledger.counts(&run).await.unwrap() };
    assert_eq!(
        (counts().await.unfinished(), counts().await.movable()),
        (3, 3)
    );
    let stopped = Stopped {
        remedy: okta_rollout::failure::Remedy::Outside,
        details: ErrorDetails {
            message: "no".to_owned(),
            http_status: Some(401),
            ..ErrorDetails::default()
        },
    };
    fixture
        .ledger
        .set_stopped(
            &lock_of(&fixture.ledger, &run).await,
            OrgNo(1),
            Some(stopped.clone()),
        )
        .await
        .unwrap();
    assert_eq!(
        (counts().await.unfinished(), counts().await.movable()),
        (3, 1)
    );
    let done = checkpoint(&run, 0, 0, EntryState::Done);
    fixture.ledger.store(done).await.unwrap();
    assert_eq!(
        (counts().await.unfinished(), counts().await.movable()),
        (2, 0)
    );
    fixture
        .ledger
        .set_stopped(&lock_of(&fixture.ledger, &run).await, OrgNo(1), None)
        .await
        .unwrap();
    assert_eq!(counts().await.movable(), 2);
}

/// An entry whose answer is being handed in.
async fn handing_in(fixture: &Fixture) -> RunId {
    let run = fixture.import("a.csv", &[entry("acme", "0oa1")]).await;
    let mut cp = checkpoint(&run, 0, 0, EntryState::Started);
    *cp.progress.to_mut() = Progress {
        consent: Some(consent("s")),
        in_flight: Some(InFlight {
            step: Step::CompleteConsent,
            sent_at: UnixMillis(77),
            ended: false,
            link_before: None,
            credentials: None,
        }),
        ..Progress::default()
    };
    cp.due_at = Some(UnixMillis(99));
    cp.attempts = vec![call(20)];
    cp.looked_at = Some(UnixMillis(1_220));
    fixture.ledger.store(cp).await.unwrap();
    run
}

async fn a_new_run_continues_with_an_answer_that_nobody_is_handing_in_any_more(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let before = handing_in(&fixture).await;
    let was = fixture.ledger.entry(&before, EntryNo(0)).await.unwrap();
    let new = fixture.import("a.csv", &[entry("acme", "0oa1")]).await;
    let is = fixture.ledger.entry(&new, EntryNo(0)).await.unwrap();
    assert_eq!(is.state, EntryState::Started);
    assert_eq!(is.progress, was.progress);
    assert_eq!(
        (is.due_at, is.checked_at),
        (Some(UnixMillis(99)), was.checked_at)
    );
    let left = fixture.ledger.entry(&before, EntryNo(0)).await.unwrap();
    assert_eq!(left.carried_over_by, Some(new.clone()));
    let started = |counts: Counts| (counts.started, counts.waiting, counts.carried_over);
    let counts = async |run| started(fixture.ledger.counts(run).await.unwrap());
    assert_eq!(counts(&before).await, (0, 0, 1));
    assert_eq!(counts(&new).await, (1, 0, 0));
    // Whoever had it in hand after all comes too late.
    let late = checkpoint(&before, 0, 1, EntryState::Done);
    assert!(fixture.ledger.store(late).await.is_err());
}

async fn an_answer_that_a_process_is_handing_in_stays_its_runs(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let before = handing_in(&fixture).await;
    let other = fixture.another().await;
    let _held = other.lock_run(&before).await.unwrap();
    let new = fixture.import("a.csv", &[entry("acme", "0oa1")]).await;
    let is = fixture.ledger.entry(&new, EntryNo(0)).await.unwrap();
    assert_eq!(
        (is.state, is.progress),
        (EntryState::Pending, Progress::default())
    );
    let left = fixture.ledger.entry(&before, EntryNo(0)).await.unwrap();
    assert_eq!(
        (left.state, left.carried_over_by),
        (EntryState::Started, None)
    );
}

/// What a report is made from: counts, and entries in whatever order.
async fn states(ledger: &Ledger, run: &RunId) -> (Counts, Vec<EntryState>, usize) {
    let counts = ledger.counts(run).await.unwrap();
    let mut states = Vec::new();
    let each = |row: EntryRow| states.push(row.state);
    ledger.for_each_entry(run, each).await.unwrap();
    let (mut ended, order) = (0, [EntryNo(1), EntryNo(0)]);
    let each = |row: EntryRow, calls: Vec<_>| {
        assert_eq!(calls.is_empty(), row.state == EntryState::Pending);
        ended += usize::from(row.state == EntryState::Done);
    };
    ledger
        .for_each_with_calls_of(run, &order, each)
        .await
        .unwrap();
    let loaded = ledger.load(run, OrgNo(0), EntryState::Done, None, 10).await;
    assert_eq!(loaded.unwrap().len(), ended);
    (counts, states, ended)
}

async fn what_is_read_of_a_snapshot_is_of_one_moment(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ids = ["0oa1", "0oa2"].map(|id| entry("x", id));
    let run = fixture.import("a.csv", &ids).await;
    let url = fixture.url();
    let Fixture {
        folder: _folder,
        ledger,
        ..
    } = fixture;
    drop(ledger);
    // Nobody has it open when the first one is taken.
    let reading = Ledger::open(&url, OpenMode::ReadOnly).await.unwrap();
    let before = states(&reading, &run).await;
    assert_eq!(before.1, [EntryState::Pending; 2]);
    let first = reading.snapshot().await.unwrap();
    let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
    let done = |no| {
        let mut done = checkpoint(&run, no, 0, EntryState::Done);
        done.attempts = vec![call(1)];
        done
    };
    ledger.store(done(0)).await.unwrap();
    let between = states(&ledger, &run).await;
    assert_eq!((between.0.pending, between.2), (1, 1));
    let others = [ledger.snapshot().await, reading.snapshot().await];
    ledger.store(done(1)).await.unwrap();
    assert_eq!(states(&first, &run).await, before);
    for other in others {
        assert_eq!(states(&other.unwrap(), &run).await, between);
    }
    // Those who look anew see what is there.
    for ledger in [&ledger, &reading, &reading.snapshot().await.unwrap()] {
        assert_eq!(states(ledger, &run).await.2, 2);
    }
}
