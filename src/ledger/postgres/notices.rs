//! Notices of a run: which were sent, and which did not arrive.

use std::collections::HashMap;

use super::Store;
use crate::ledger::{CutNotice, NewNotice, Result, Undelivered};
use crate::model::{RunId, UnixMillis};

impl Store {
    pub async fn begin_notice(&self, run: &RunId, notice: NewNotice) -> Result<Option<String>> {
        let _ = (run, notice);
        todo_stub!()
    }

    pub async fn end_notice(
        &self,
        id: String,
        at: UnixMillis,
        outcome: std::result::Result<(), String>,
    ) -> Result<()> {
        let _ = (id, at, outcome);
        todo_stub!()
    }

    pub async fn keep_notices(&self, cut: Vec<(String, Vec<u8>)>) -> Result<()> {
        let _ = cut;
        todo_stub!()
    }

    pub async fn take_notices(&self, file_key: &str) -> Result<Vec<CutNotice>> {
        let _ = file_key;
        todo_stub!()
    }

    pub async fn undelivered(&self, run: &RunId) -> Result<Vec<Undelivered>> {
        let _ = run;
        todo_stub!()
    }

    pub async fn notified(&self, run: &RunId, kind: &'static str) -> Result<HashMap<String, u64>> {
        let _ = (run, kind);
        todo_stub!()
    }
}
