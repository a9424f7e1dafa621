//! The starts of jobs by their schedules, and starts that failed.

use std::time::Duration;

use okta_rollout::ledger::{FailedStart, NewRun, Old, RunRow, Scheduled, Starts};
use okta_rollout::model::UnixMillis;

use crate::prune::{NOW, beyond, ended};
use crate::support::{Backend, Fixture, entry};

on_each_backend! {
    whoever_is_second_starts_nothing,
    a_failed_start_is_a_run_that_nothing_goes_by,
    what_fails_in_the_same_way_again_is_kept_once,
    starts_that_failed_take_no_runs_place,
}

fn starts(until: i64, queued: Option<i64>) -> Starts {
    Starts {
        until: UnixMillis(until),
        queued: queued.map(UnixMillis),
        started_at: None,
    }
}

async fn whoever_is_second_starts_nothing(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let moves = async |was: Option<Starts>, to| ledger.move_schedule("/a", was, to).await.unwrap();
    assert_eq!(ledger.schedule("/a").await.unwrap(), None);
    let (first, second) = (starts(1, None), starts(2, Some(2)));
    assert!(moves(None, first).await);
    assert!(!moves(None, second).await, "it was seen before");
    assert!(moves(Some(first), second).await);
    assert!(!moves(Some(first), starts(3, None)).await);
    // What was queued has begun meanwhile.
    assert!(moves(Some(second), starts(2, None)).await);
    assert!(!moves(Some(second), starts(2, None)).await);
    let last = Starts {
        started_at: Some(UnixMillis(3)),
        ..starts(3, None)
    };
    assert!(moves(Some(starts(2, None)), last).await);
    let fixture = fixture.reopen().await;
    let of_a = Scheduled {
        job: "/a".to_owned(),
        starts: last,
    };
    assert_eq!(fixture.ledger.schedules().await.unwrap(), [of_a]);
    fixture.ledger.forget_schedule("/a").await.unwrap();
    assert_eq!(fixture.ledger.schedule("/a").await.unwrap(), None);
}

async fn a_failed_start_is_a_run_that_nothing_goes_by(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("a.csv", &[entry("acme", "1")]).await;
    let ledger = &fixture.ledger;
    let began = ledger.run(&run).await.unwrap();
    let why = why("a.csv: 1 mistake");
    let failed = start_of(&began, 1);
    let failed = ledger.add_failed_start(failed, why.clone()).await.unwrap();
    let runs = ledger.runs().await.unwrap();
    let runs: Vec<_> = runs.iter().map(|run| (&run.id, &run.failed)).collect();
    assert_eq!(runs, [(&failed, &Some(why.clone())), (&run, &None)]);
    assert_eq!(ledger.find_run(None).await.unwrap().id, run);
    let found = ledger.find_run(Some(&failed.0)).await.unwrap();
    assert_eq!(found.failed, Some(why));
    let last = ledger.last_run_of(&began.file_key).await.unwrap();
    assert_eq!(last.unwrap().id, run);
    assert_eq!(ledger.counts(&failed).await.unwrap().entries(), 0);
    // It is dropped as others are; the one that began has something left to do.
    let old = Old {
        beyond: None,
        before: Some(UnixMillis(began.started_at.0 + 2)),
    };
    let now = began.started_at.after(Duration::from_hours(24));
    let pruned = ledger.prune(old, now, || false).await.unwrap();
    assert_eq!((pruned.runs, pruned.entries), (1, 0));
    assert_eq!(ledger.runs().await.unwrap().len(), 1);
}

fn why(message: &str) -> FailedStart {
    FailedStart::new(message.to_owned(), Some("fix it".to_owned()))
}

/// A start of the same file, so many milliseconds later.
fn start_of(run: &RunRow, later: i64) -> NewRun {
    NewRun {
        file: run.file.clone(),
        file_key: run.file_key.clone(),
        digest: String::new(),
        context: serde_json::Value::Null,
        started_at: UnixMillis(run.started_at.0 + later),
    }
}

async fn what_fails_in_the_same_way_again_is_kept_once(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("a.csv", &[entry("acme", "1")]).await;
    let ledger = &fixture.ledger;
    let of_a = ledger.run(&run).await.unwrap();
    let of_b = RunRow {
        file_key: "/b".to_owned(),
        ..of_a.clone()
    };
    let fails = async |of: &RunRow, later, message: &str| {
        let failed = ledger.add_failed_start(start_of(of, later), why(message));
        failed.await.unwrap()
    };
    let first = fails(&of_a, 1, "one").await;
    let other_file = fails(&of_b, 2, "one").await;
    // That of another file in between is none of this one's.
    assert_eq!(fails(&of_a, 3, "one").await, first);
    assert_eq!(fails(&of_a, 4, "one").await, first);
    let second = fails(&of_a, 5, "two").await;
    let third = fails(&of_a, 6, "one").await;
    let runs = ledger.runs().await.unwrap();
    let seen = runs.iter().map(|run| {
        let times = run.failed.as_ref().map(|failed| failed.times);
        (&run.id, run.started_at.0 - of_a.started_at.0, times)
    });
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [
            (&third, 6, Some(1)),
            (&second, 5, Some(1)),
            (&first, 4, Some(3)),
            (&other_file, 2, Some(1)),
            (&run, 0, None),
        ]
    );
    // A run that began makes the next one another.
    let again = fixture.import("a.csv", &[entry("acme", "1")]).await;
    let of_a = ledger.run(&again).await.unwrap();
    let fourth = fails(&of_a, 7, "one").await;
    assert_ne!(fourth, third);
}

async fn starts_that_failed_take_no_runs_place(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let mut runs = Vec::new();
    for at in 0..4 {
        let run = ended(ledger, &format!("{at}.csv"), 9 - at, 1).await;
        let row = ledger.run(&run).await.unwrap();
        let failed = ledger.add_failed_start(start_of(&row, 1), why(&format!("{at}")));
        runs.extend([run, failed.await.unwrap()]);
    }
    runs.reverse();
    let prune = async |keep| {
        let pruned = ledger.prune(beyond(keep), UnixMillis(NOW), || false);
        let pruned = pruned.await.unwrap();
        let left = ledger.runs().await.unwrap().into_iter();
        (pruned.runs, left.map(|run| run.id).collect::<Vec<_>>())
    };
    // The starts that failed since the oldest run that is kept stay with it.
    for (keep, gone, left) in [(9, 0, 8), (4, 0, 8), (3, 2, 6), (1, 4, 2), (0, 2, 0)] {
        assert_eq!(prune(keep).await, (gone, runs[..left].to_vec()), "{keep}");
    }
}
