//! What can be asked across runs, or of all of one, beside its entries.

use std::collections::{HashMap, HashSet};

use super::Store;
use crate::ledger::{Result, UnderWay};
use crate::manifest::SecretRef;
use crate::model::{EntryNo, OrgNo, RunId};

impl Store {
    pub async fn under_way(&self) -> Result<Vec<UnderWay>> {
        todo_stub!()
    }

    pub async fn links_in_doubt(&self, run: &RunId) -> Result<Vec<(OrgNo, EntryNo)>> {
        let _ = run;
        todo_stub!()
    }

    pub async fn secrets(
        &self,
        run: &RunId,
        org: Option<OrgNo>,
    ) -> Result<HashMap<OrgNo, HashSet<SecretRef>>> {
        let _ = (run, org);
        todo_stub!()
    }

    /// For reading as of now: one session's transaction (REPEATABLE READ, READ ONLY), which [`Store::reader`] then gives
    /// to one reader at a time, until the last clone is dropped or ten minutes are over.
    pub async fn snapshot(&self) -> Result<Self> {
        todo_stub!()
    }
}
