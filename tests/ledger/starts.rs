//! The starts of jobs by their schedules, and starts that failed.

use std::time::Duration;

use okta_rollout::ledger::{FailedStart, NewRun, Old, Scheduled, Starts};
use okta_rollout::model::UnixMillis;

use crate::support::{Backend, Fixture, entry};

on_each_backend! {
    whoever_is_second_starts_nothing,
    a_failed_start_is_a_run_that_nothing_goes_by,
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
    let why = FailedStart {
        message: "a.csv: 1 mistake".to_owned(),
        hint: Some("fix it".to_owned()),
    };
    let failed = NewRun {
        file: began.file.clone(),
        file_key: began.file_key.clone(),
        digest: String::new(),
        context: serde_json::Value::Null,
        started_at: UnixMillis(began.started_at.0 + 1),
    };
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
