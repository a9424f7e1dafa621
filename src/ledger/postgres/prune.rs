//! Old runs are dropped, and what pruned runs left free is given back.

use super::Store;
use crate::ledger::{Old, Pruned, Result};
use crate::model::UnixMillis;

impl Store {
    pub async fn prune(
        &self,
        old: Old,
        now: UnixMillis,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> Result<Pruned> {
        let _ = (old, now, stop);
        todo_stub!()
    }

    pub async fn vacuum(&self) -> Result<u64> {
        todo_stub!()
    }
}
