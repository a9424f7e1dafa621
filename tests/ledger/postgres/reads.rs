//! What is read of a ledger whose sessions and runs somebody ends.

use std::time::Duration;

use okta_rollout::apps::App;
use okta_rollout::ledger::{ConsentKey, ConsentState, InFlight, LedgerError};
use okta_rollout::model::{EntryNo, EntryState, Step, UnixMillis};

use crate::support::{Backend, Fixture, Store as _, checkpoint, entry, waiting_on};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_whose_session_was_ended_is_read_as_it_is_now() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let ledger = &fixture.ledger;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let snapshot = ledger.snapshot().await.unwrap();
    ledger
        .store(checkpoint(&run, 0, 0, EntryState::Done))
        .await
        .unwrap();
    assert_eq!(snapshot.counts(&run).await.unwrap().pending, 1);
    let ended = fixture.sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND state = 'idle in transaction'",
    );
    assert_eq!(ended, "1");
    // Whoever reads just then is told; those after that read what is there.
    let newer = async {
        loop {
            match snapshot.counts(&run).await {
                Ok(counts) if counts.pending == 0 => return,
                Ok(_) | Err(LedgerError::Unreachable { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), newer)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_run_that_was_dropped_nothing_is_found() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let ledger = &fixture.ledger;
    let entries = ["0oa1", "0oa2"].map(|id| entry("acme", id));
    let run = fixture.import("a.csv", &entries).await;
    let waiting = waiting_on(&run, 0, 0, "s");
    ledger.store(waiting).await.unwrap();
    let mut started = checkpoint(&run, 1, 0, EntryState::Started);
    started.progress.to_mut().in_flight = Some(InFlight {
        step: Step::CreateApp,
        sent_at: UnixMillis(5),
        ended: false,
        link_before: None,
        credentials: None,
    });
    ledger.store(started).await.unwrap();
    let found = async || {
        let key = ConsentKey {
            org_url: "https://acme.okta.com".into(),
            app: App::Google,
            app_id: "0oa1".into(),
            state: "s".into(),
        };
        let newest = ledger.newest_of_app(&key.org_url, App::Google, "0oa1");
        [
            ledger.runs().await.unwrap().len(),
            ledger.pending_consents(None).await.unwrap().len(),
            ledger.waiting().await.unwrap().len(),
            usize::from(ledger.oldest_consent(None).await.unwrap().is_some()),
            usize::from(ledger.waits_for("s").await.unwrap().is_some()),
            usize::from(ledger.consent(&key).await.unwrap() != ConsentState::Unknown),
            usize::from(newest.await.unwrap().is_some()),
            ledger.under_way().await.unwrap().len(),
        ]
    };
    assert_eq!(found().await, [1; 8]);
    fixture.sql("UPDATE okta_rollout.run SET dropped = true");
    assert_eq!(found().await, [0; 8]);
    for error in [
        ledger.for_each_entry(&run, |_| ()).await,
        ledger.pending_consents(Some(&run)).await.map(drop),
        ledger
            .still_waiting(vec![(run.clone(), EntryNo(0))])
            .await
            .map(drop),
    ] {
        assert!(
            matches!(error, Err(LedgerError::NotFound { .. })),
            "{error:?}"
        );
    }
}
