//! Gives back to the file system what pruned runs left free.

use std::sync::Arc;

use rusqlite::Connection;

use super::rows::{self, Result};
use super::{Store, blocking};
use crate::ledger::LedgerError;

impl Store {
    pub async fn vacuum(&self) -> std::result::Result<u64, LedgerError> {
        let inner = Arc::clone(&self.inner);
        blocking(self.inner.path.clone(), move |_| {
            inner.writer()?.outside_transaction(|connection| {
                let before = size(connection)?;
                connection.execute_batch("VACUUM")?;
                // What is in the log is moved into the file, which then gets its size.
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
                Ok(before.saturating_sub(size(connection)?))
            })
        })
        .await
    }
}

/// Of all pages, in bytes, wherever they are now.
fn size(connection: &Connection) -> Result<u64> {
    let size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    Ok(connection.query_row(size, [], |row| rows::count(row, 0))?)
}
