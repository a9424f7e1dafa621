//! Looks how a ledger is, and leaves no trace of it.

use super::Store;
use crate::job::PostgresUrl;
use crate::ledger::{Health, OpenMode, OpenOptions};

impl Store {
    /// How the ledger is, which need not be there.
    pub async fn health(url: &PostgresUrl) -> Health {
        let options = OpenOptions {
            mode: OpenMode::ReadOnly,
            ..OpenOptions::default()
        };
        // todo_stub: bytes, format, runs, who holds them, whether tables can be written
        Health {
            location: url.location(),
            error: Self::open(url, options).await.err(),
            ..Health::default()
        }
    }
}
