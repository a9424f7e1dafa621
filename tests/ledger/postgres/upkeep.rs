//! How a ledger is, and what is done so that it stays so.

use std::time::Duration;

use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{Forgetting, ImportEntry, Ledger, LedgerError, OpenMode, Pruned};
use okta_rollout::manifest::Entry;

use crate::postgres_server;
use crate::prune::{beyond, ended, left, prune};
use crate::support::{Backend, Fixture, entry, import, lock_of, new_run, org};

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

/// Has whoever makes a run visible stand still just before, as long as `held` has a row.
fn linger(fixture: &Fixture) {
    fixture.sql(
        "CREATE TABLE held (); INSERT INTO held DEFAULT VALUES;
         CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN WHILE EXISTS (SELECT 1 FROM held) LOOP PERFORM pg_sleep(0.02); END LOOP; RETURN NEW; END $$;
         CREATE TRIGGER linger BEFORE UPDATE ON run FOR EACH ROW WHEN (OLD.dropped AND NOT NEW.dropped)
             EXECUTE FUNCTION linger()",
    );
}

/// Returns once everything of a run that is being stored is there.
async fn stored_whole(fixture: &Fixture) {
    while fixture.count("run WHERE dropped") == 0 || fixture.count("entry") == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn entries() -> Vec<Entry> {
    let one = |no: u32| {
        entry(
            if no.is_multiple_of(2) { "a" } else { "b" },
            &format!("0oa{no}"),
        )
    };
    (0..100).map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_just_being_stored_is_seen_by_nobody_and_pruned_by_nobody() {
    let fixture = Fixture::new(Backend::Postgres).await;
    linger(&fixture);
    let ledger = fixture.ledger.clone();
    let import = tokio::spawn(async move { import(&ledger, "a.csv", &entries()).await });
    stored_whole(&fixture).await;
    let other = fixture.another().await;
    assert_eq!(other.runs().await.unwrap(), []);
    assert_eq!(prune(&other, beyond(0)).await, Pruned::default());
    assert_eq!(fixture.count("run WHERE dropped"), 1);
    fixture.sql("DELETE FROM held");
    let run = import.await.unwrap();
    let mut seen = 0;
    let each = |_| seen += 1;
    other.for_each_entry(&run, each).await.unwrap();
    assert_eq!((seen, fixture.count("spec")), (100, 100));
    assert_eq!(other.counts(&run).await.unwrap().pending, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_by_halves_goes_with_old_runs() {
    let fixture = Fixture::new(Backend::Postgres).await;
    linger(&fixture);
    let ledger = fixture.ledger.clone();
    let import = tokio::task::spawn(async move {
        let mut import = ledger.import(new_run("a.csv")).await.unwrap();
        let org = import
            .push_org("a", "https://a.okta.com", &org("a"))
            .unwrap();
        for (row, entry) in (2..).zip(&entries()) {
            import.push_entry(ImportEntry { row, org, entry }).unwrap();
        }
        tokio::task::spawn_blocking(|| import.finish())
            .await
            .unwrap()
    });
    stored_whole(&fixture).await;
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'UPDATE run SET dropped = $2%' AND state = 'active'";
    while fixture.sql(end) == "0" {}
    assert!(import.await.unwrap().is_err());
    let other = fixture.another().await;
    assert_eq!(other.runs().await.unwrap(), []);
    assert_eq!(fixture.count("entry"), 100);
    assert_eq!(prune(&other, beyond(0)).await, Pruned::default());
    for table in ["run", "org", "entry", "spec"] {
        assert_eq!(fixture.count(table), 0, "{table}");
    }
}
