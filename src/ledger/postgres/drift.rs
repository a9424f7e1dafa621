//! Entries that were found otherwise than wanted, and left so or fixed.

use super::Store;
use crate::ledger::{EntryRow, Noted, Result};
use crate::model::{EntryNo, RunId};

impl Store {
    pub async fn noted(
        &self,
        run: &RunId,
        what: Noted,
        limit: usize,
        wanted: impl Fn(EntryNo) -> bool + Send + 'static,
    ) -> Result<(u64, Vec<EntryRow>)> {
        let _ = (run, what, limit, wanted);
        todo_stub!()
    }
}
