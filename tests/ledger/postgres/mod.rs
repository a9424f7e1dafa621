//! What only a ledger on PostgreSQL has to answer to.

mod changes;
mod fixture;
mod grants;
mod keys;
mod reads;
mod refusals;
mod upgrades;
mod upkeep;

use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{Ledger, LedgerError, OpenMode};

use crate::postgres_server;

async fn empty() -> LedgerUrl {
    let made = tokio::task::spawn_blocking(|| postgres_server::server().empty());
    made.await.unwrap().parse().unwrap()
}

#[tokio::test]
async fn several_that_start_at_once_make_the_tables_once() {
    let url = empty().await;
    let missing = Ledger::open(&url, OpenMode::ReadOnly).await.unwrap_err();
    assert!(
        matches!(missing, LedgerError::Missing { .. }),
        "{missing:?}"
    );
    let opening = (0..4).map(|_| Ledger::open(&url, OpenMode::ReadWrite));
    let opened = futures_util::future::join_all(opening).await;
    let new = opened
        .iter()
        .map(|ledger| ledger.as_ref().unwrap().is_new());
    assert_eq!(new.filter(|is_new| *is_new).count(), 1);
}

#[tokio::test]
async fn a_ledger_that_is_not_there_says_so() {
    let url: LedgerUrl = "postgres://me@127.0.0.1:1/x".parse().unwrap();
    let error = Ledger::open(&url, OpenMode::ReadWrite);
    let error = error.await.unwrap_err().to_string();
    assert!(
        error.starts_with("cannot reach postgres://127.0.0.1:1/x: "),
        "{error}"
    );
}
