//! What other processes change is heard of, over lost connections as well.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use okta_rollout::ledger::{Ledger, Note, OpenMode, SpentWindow};
use okta_rollout::model::{EntryState, OrgNo, UnixMillis};
use tokio::time::timeout;

use crate::support::{Backend, Fixture, Store as _, checkpoint, entry, lock_of};

/// Notes something that nobody waits for.
async fn notes(ledger: &Ledger) {
    let notes = || {
        vec![Note::Spent(SpentWindow {
            org_url: "https://acme.okta.com".to_owned(),
            bucket: "apps".to_owned(),
            limit: None,
            until: UnixMillis(1),
            left_ms: 1,
        })]
    };
    let (end, ended) = tokio::sync::oneshot::channel();
    ledger.note(notes, |stored| drop(end.send(stored)));
    ended.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_commits_do_not_count_as_changes() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let mut changes = pin!(fixture.ledger.changes().await.unwrap());
    let lock = lock_of(&fixture.ledger, &run).await;
    fixture
        .ledger
        .set_finished(&lock, Some(UnixMillis(1)))
        .await
        .unwrap();
    notes(&fixture.ledger).await;
    fixture.import("b.csv", &[entry("x", "0oa2")]).await;
    // Several looks go by.
    let heard = timeout(Duration::from_millis(2_500), changes.next()).await;
    assert!(heard.is_err(), "{heard:?}");
    notes(&fixture.another().await).await;
    changes.next().await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_reads_hears_of_everything() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let opened = Ledger::open(&fixture.url(), OpenMode::ReadOnly).await;
    let mut changes = pin!(opened.unwrap().changes().await.unwrap());
    notes(&fixture.ledger).await;
    changes.next().await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_lost_its_session_listens_again() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let other = fixture.another().await;
    let mut changes = pin!(fixture.ledger.changes().await.unwrap());
    // The session of reads, and the one that listens.
    let of_both =
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
         AND query LIKE '%FROM change%'";
    while fixture.sql(&format!("SELECT count(*) {of_both}")) != "2" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fixture.sql(&format!("SELECT pg_terminate_backend(pid) {of_both}"));
    other
        .store(checkpoint(&run, 0, 0, EntryState::Started))
        .await
        .unwrap();
    changes.next().await.unwrap().unwrap();
    // There is another session for reads as well.
    let counts = fixture.ledger.counts_of_org(&run, OrgNo(0)).await;
    assert_eq!(counts.unwrap().started, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_waits_for_wakes_and_the_rest_does_not() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let url: tokio_postgres::Config = fixture.server_address().parse().unwrap();
    let (client, mut connection) = url.connect(tokio_postgres::NoTls).await.unwrap();
    let (heard, mut news) = tokio::sync::mpsc::unbounded_channel();
    let driven = tokio::spawn(async move {
        let next = |context: &mut std::task::Context<'_>| connection.poll_message(context);
        let mut messages = pin!(futures_util::stream::poll_fn(next));
        while let Some(Ok(message)) = messages.next().await {
            if let tokio_postgres::AsyncMessage::Notification(news) = message {
                drop(heard.send(news.channel().to_owned()));
            }
        }
    });
    client.batch_execute("LISTEN okta_rollout").await.unwrap();
    let lock = lock_of(&fixture.ledger, &run).await;
    let owner = okta_rollout::ledger::Owner::Run(&lock);
    let mine = checkpoint(&run, 0, 0, EntryState::Waiting).1;
    fixture.ledger.commit(owner, mine).await.unwrap();
    notes(&fixture.ledger).await;
    // Handed in by another process; it is heard after what went before.
    let other = fixture.another().await;
    other
        .store(checkpoint(&run, 0, 1, EntryState::Started))
        .await
        .unwrap();
    assert_eq!(news.recv().await.as_deref(), Some("okta_rollout"));
    client.batch_execute("SELECT 1").await.unwrap();
    assert!(news.try_recv().is_err(), "it is said once");
    driven.abort();
}
