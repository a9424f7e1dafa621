//! How a ledger is, and what is done so that it stays so.

use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{Forgetting, Ledger, LedgerError, OpenMode};

use crate::postgres_server;
use crate::prune::{beyond, ended, left, prune};
use crate::support::{Backend, Fixture, lock_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_tells_what_is_there_and_who_has_it() {
    let empty = super::empty().await;
    let health = Ledger::health(&empty).await;
    assert!(matches!(health.error, Some(LedgerError::Missing { .. })));
    assert!(health.unwritable.is_none() && health.format.is_none());
    // It is not made by looking.
    let missing = Ledger::open(&empty, OpenMode::ReadOnly).await;
    assert!(matches!(missing, Err(LedgerError::Missing { .. })));

    let fixture = Fixture::new(Backend::Postgres).await;
    let run = ended(&fixture.ledger, "a.csv", 1, 3).await;
    ended(&fixture.ledger, "b.csv", 1, 3).await;
    let _lock = lock_of(&fixture.ledger, &run).await;
    let health = Ledger::health(&fixture.url()).await;
    assert_eq!(health.error, None);
    assert_eq!((health.runs, health.unwritable), (2, None));
    assert!(health.bytes > 100_000 && health.format.is_some());
    let [(held, by)] = &health.held[..] else {
        panic!("{:?}", health.held);
    };
    assert_eq!(*held, run);
    assert!(
        by.starts_with(&format!("pid {} ", std::process::id())),
        "{by}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_write_is_told_so() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let role = format!("reader_{}", std::process::id());
    fixture.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA okta_rollout TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA okta_rollout TO {role}"
    ));
    let url = fixture.url.to_string();
    let as_role = url.replace(&format!("{}@", postgres_server::USER), &format!("{role}@"));
    let url: LedgerUrl = as_role.parse().unwrap();
    let health = Ledger::health(&url).await;
    assert_eq!(health.error, None);
    let error = health.unwritable.unwrap();
    assert!(error.to_string().contains("may not write"), "{error}");
    assert!(error.hint().contains("ledger grants"), "{}", error.hint());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_that_was_killed_is_not_there() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let mark = fixture.ledger.announce_desk("http://127.0.0.1:1").await;
    let mark = mark.unwrap().unwrap();
    fixture.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    let other = fixture.another().await;
    while other.desk().await.unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.count("holder"), 1, "it could not say good-bye");
    let next = other.announce_desk("http://127.0.0.1:2").await.unwrap();
    assert!(next.is_some());
    let found = other.desk().await.unwrap();
    assert_eq!(found.as_deref(), Some("http://127.0.0.1:2"));
    drop(mark);
    // What the first one gives back is not the second one's.
    assert_eq!(other.desk().await.unwrap(), found);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_half_way_keeps_nobody_waiting() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let other = fixture.another().await;
    // It has looked at the row in which the key is noted, for itself alone.
    let none = fixture.ledger.rotate_key(Forgetting::Refused).await;
    assert_eq!(none.unwrap(), None);
    assert!(other.keys().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_of_pruned_runs_is_given_back() {
    let fixture = Fixture::new(Backend::Postgres).await;
    for night in 0..3 {
        ended(&fixture.ledger, "a.csv", 90 - night, 2_000).await;
    }
    assert_eq!(prune(&fixture.ledger, beyond(1)).await.entries, 4_000);
    let last = left(&fixture.ledger).await;
    fixture.ledger.vacuum().await.unwrap();
    let dead = "SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables WHERE relname IN ('entry', 'spec', 'call')";
    assert_eq!(
        fixture
            .sql(&format!("SELECT pg_stat_clear_snapshot(); {dead}"))
            .lines()
            .last(),
        Some("0")
    );
    assert_eq!(left(&fixture.ledger).await, last);
    assert_eq!(fixture.count("call"), 4_000);
}
