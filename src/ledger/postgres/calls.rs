//! The calls of entries, and entries with them.

use super::Store;
use crate::ledger::{Attempt, EntryRow, Result};
use crate::model::{EntryNo, RunId};

impl Store {
    pub async fn for_each_entry_with_calls(
        &self,
        run: &RunId,
        each: impl FnMut(EntryRow, Vec<Attempt>),
    ) -> Result<()> {
        let _ = (run, each);
        todo_stub!()
    }

    pub async fn for_each_with_calls_of(
        &self,
        run: &RunId,
        order: &[EntryNo],
        each: impl FnMut(EntryRow, Vec<Attempt>),
    ) -> Result<()> {
        let _ = (run, order, each);
        todo_stub!()
    }
}
