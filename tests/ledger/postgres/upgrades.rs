//! Programs of different formats beside each other, as workers are replaced one after the other.

use std::pin::pin;

use futures_util::StreamExt as _;
use okta_rollout::ledger::{Ledger, LedgerError, OpenMode};
use okta_rollout::model::{EntryNo, EntryState};

use crate::moves::moves;
use crate::support::{Backend, Fixture, Store as _, checkpoint, entry};

const MODES: [OpenMode; 4] = [
    OpenMode::ReadWrite,
    OpenMode::Existing,
    OpenMode::Current,
    OpenMode::ReadOnly,
];

/// As a later version would upgrade it.
const LATER: &str = "BEGIN; ALTER TABLE entry ADD COLUMN later int; CREATE TABLE later (n int);
     UPDATE ledger SET format = format + 1; COMMIT";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_older_goes_on_beside_a_newer_one_that_lets_it() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let begun = checkpoint(&run, 0, 0, EntryState::Started);
    fixture.ledger.store(begun).await.unwrap();
    fixture.sql(LATER);
    // It has it open, and opens it again when its session was lost.
    let waits = checkpoint(&run, 0, 1, EntryState::Waiting);
    fixture.ledger.store(waits).await.unwrap();
    for mode in MODES {
        let opened = Ledger::open(&fixture.url(), mode).await.unwrap();
        let row = opened.entry(&run, EntryNo(0)).await.unwrap();
        assert_eq!(row.state, EntryState::Waiting);
    }
    let health = Ledger::health(&fixture.url()).await;
    assert_eq!((health.error, health.runs), (None, 1));
    let other = fixture.another().await;
    let goes_on = checkpoint(&run, 0, 2, EntryState::Started);
    other.store(goes_on).await.unwrap();
    // It is not upgraded again, nor down.
    assert_eq!(fixture.sql("SELECT count(*) FROM later"), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_older_one_does_not_know_it_does_not_move_away() {
    let fixture = Fixture::new(Backend::Postgres).await;
    fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    fixture.sql(LATER);
    let to = Fixture::new(Backend::Sqlite).await;
    let moved = moves(&fixture.url(), &to.url()).await;
    let error = moved.unwrap_err();
    assert!(
        matches!(error, LedgerError::NewerFormat { .. }),
        "{error:?}"
    );
    let still = fixture.sql("SELECT moved_to IS NULL FROM ledger");
    assert_eq!(still, "t");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_too_old_stops_and_begins_no_more() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let mut changes = pin!(fixture.ledger.changes().await.unwrap());
    fixture.sql("UPDATE ledger SET format = format + 2, works_with = format + 1");
    let told = changes.next().await.unwrap().unwrap_err();
    assert!(matches!(told, LedgerError::NewerFormat { .. }), "{told:?}");
    for mode in MODES {
        let error = Ledger::open(&fixture.url(), mode).await.unwrap_err();
        assert!(
            matches!(error, LedgerError::NewerFormat { .. }),
            "{mode:?}: {error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_waits_for_nobody_who_works() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    // What it was in the format before.
    fixture.sql("ALTER TABLE ledger DROP COLUMN works_with; UPDATE ledger SET format = 2");
    let config: tokio_postgres::Config = fixture.server_address().parse().unwrap();
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    let driven = tokio::spawn(connection);
    // Somebody is in the middle of a checkpoint.
    let locks = "BEGIN; SELECT 1 FROM okta_rollout.entry FOR UPDATE";
    client.batch_execute(locks).await.unwrap();
    let opened = Ledger::open(&fixture.url(), OpenMode::ReadWrite).await;
    let row = opened.unwrap().entry(&run, EntryNo(0)).await.unwrap();
    assert_eq!(row.state, EntryState::Pending);
    assert_eq!(fixture.sql("SELECT format FROM ledger"), "3");
    drop(client);
    driven.await.unwrap().unwrap();
}
