//! What a role may do to which `ledger grants` gave no more than is needed.

use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{self, Ledger, LedgerError, OpenMode};

use crate::postgres_server::{self, USER};
use crate::support::{Backend, Fixture};

/// A role that was granted what the ledger needs, and the ledger's address as that role.
fn granted(fixture: &Fixture, role: &str) -> LedgerUrl {
    fixture.sql(&format!("CREATE ROLE {role} LOGIN"));
    fixture.sql(&ledger::grants(role).unwrap());
    as_role(&fixture.url(), role)
}

fn as_role(url: &LedgerUrl, role: &str) -> LedgerUrl {
    let url = url.to_string();
    let as_role = url.replace(&format!("{USER}@"), &format!("{role}@"));
    as_role.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_of_the_ledger_is_granted_and_none_is_its_own() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let url = granted(&fixture, "granted");
    let all = fixture.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'okta_rollout'");
    assert!(all.lines().count() >= 17, "{all}");
    for table in all.lines() {
        let may = |privilege: &str| {
            let asked = format!("SELECT has_table_privilege('granted', '{table}', '{privilege}')");
            fixture.sql(&asked) == "t"
        };
        assert!(may("SELECT"), "{table}");
        for privilege in ["TRUNCATE", "REFERENCES", "TRIGGER"] {
            assert!(!may(privilege), "{table}: {privilege}");
        }
    }
    let as_granted = |sql: &str| {
        fixture.sql(&format!(
            "SET ROLE granted; DO $$ BEGIN {sql}; RAISE 'it may';
             EXCEPTION WHEN insufficient_privilege THEN NULL; END $$"
        ))
    };
    for sql in [
        "CREATE TABLE okta_rollout.more (n int)",
        "CREATE TABLE public.more (n int)",
        "CREATE SCHEMA more",
        "DROP TABLE okta_rollout.run",
        "ALTER TABLE okta_rollout.run ADD more int",
        "CREATE INDEX ON okta_rollout.run (file)",
        "TRUNCATE okta_rollout.call",
        "UPDATE okta_rollout.ledger SET format = 0",
        "UPDATE okta_rollout.call SET call = ''",
        "UPDATE okta_rollout.spec SET json = ''",
    ] {
        as_granted(sql);
    }
    assert_eq!(Ledger::health(&url).await.unwritable, None);
    for mode in [OpenMode::ReadWrite, OpenMode::Current, OpenMode::ReadOnly] {
        Ledger::open(&url, mode).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_owner_can_do_is_told_before_it_is_tried() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let url = granted(&fixture, "early");
    fixture.sql("UPDATE ledger SET format = 0");
    let open = |url: LedgerUrl| async move { Ledger::open(&url, OpenMode::ReadWrite).await };
    let error = open(url).await.unwrap_err();
    assert!(matches!(error, LedgerError::Limit { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("only its owner can upgrade it"), "{text}");
    let empty = tokio::task::spawn_blocking(|| postgres_server::server().empty());
    let empty: LedgerUrl = empty.await.unwrap().parse().unwrap();
    let error = open(as_role(&empty, "early")).await.unwrap_err();
    assert!(
        error.to_string().contains("tables are not there"),
        "{error}"
    );
    let hint = error.hint();
    assert!(
        hint.contains("have its owner run something on it"),
        "{hint}"
    );
}
