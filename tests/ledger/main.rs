//! The ledger: what any must do, on PostgreSQL as well, and what the one on SQLite answers to a bad file, a full disk, a
//! second process and a crash.

#![expect(clippy::unwrap_used, reason = "a test's helpers are tests, too")]
#![expect(clippy::too_many_lines, reason = "a story is told in one go")]

/// Runs what any ledger must do, once on each backend.
macro_rules! on_each_backend {
    ($($test:ident,)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::support::Backend::Sqlite).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::support::Backend::Postgres).await;
            })*
        }
    };
}

mod conformance;
mod desk;
mod looks;
mod moves;
mod notes;
mod notices;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
#[expect(dead_code, reason = "benches need more of it")]
#[path = "../support/postgres.rs"]
mod postgres_server;
mod prune;
mod queues;
mod removed;
mod sqlite;
mod starts;
mod support;
mod walks;
