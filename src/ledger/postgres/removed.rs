//! Entries of a file's last run that are no longer in the file.

use super::Store;
use crate::ledger::{Removed, Result};
use crate::model::RunId;

impl Store {
    pub async fn note_whole(&self, run: &RunId) -> Result<()> {
        let _ = run;
        todo_stub!()
    }

    pub async fn removed(&self, run: &RunId) -> Result<Vec<Removed>> {
        let _ = run;
        todo_stub!()
    }
}
