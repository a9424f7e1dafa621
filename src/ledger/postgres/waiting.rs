//! Lists of what waits for a person, and when entries came to rest: what a page asks for that is one of hundreds.

use super::Store;
use crate::ledger::{Pending, Result, WaitingEntry};
use crate::model::{EntryNo, RunId, UnixMillis};

impl Store {
    pub async fn waiting(&self) -> Result<Vec<WaitingEntry>> {
        todo_stub!()
    }

    pub async fn still_waiting(&self, places: Vec<(RunId, EntryNo)>) -> Result<Vec<Pending>> {
        let _ = places;
        todo_stub!()
    }

    pub async fn answered(&self) -> Result<Vec<Pending>> {
        todo_stub!()
    }

    pub async fn oldest_consent(&self, run: Option<RunId>) -> Result<Option<UnixMillis>> {
        todo_stub!()
    }

    pub async fn rests(
        &self,
        run: &RunId,
        since: UnixMillis,
        width_ms: i64,
    ) -> Result<Vec<(i64, u64)>> {
        let _ = (run, since, width_ms);
        todo_stub!()
    }
}
