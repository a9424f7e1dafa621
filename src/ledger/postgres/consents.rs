//! Which entry a consent is of: the one that waits for it, the one that waited, or none.

use super::Store;
use crate::apps::App;
use crate::ledger::{ConsentKey, ConsentState, Pending, Result};
use crate::model::RunId;

impl Store {
    pub async fn pending_consents(&self, run: Option<&RunId>) -> Result<Vec<Pending>> {
        let _ = run;
        todo_stub!()
    }

    pub async fn consent(&self, key: &ConsentKey) -> Result<ConsentState> {
        let _ = key;
        todo_stub!()
    }

    pub async fn waits_for(&self, state: &str) -> Result<Option<Pending>> {
        let _ = state;
        todo_stub!()
    }

    pub async fn newest_of_app(
        &self,
        url: &str,
        app: App,
        app_id: &str,
    ) -> Result<Option<Pending>> {
        let _ = (url, app, app_id);
        todo_stub!()
    }
}
