//! The processes that work on a ledger that several share.

use super::store::{Enrolled, Store};
use super::{AtWork, Ledger, Result};
use crate::manifest::Label;
use crate::model::RunId;

impl Ledger {
    /// Lets [`Self::at_work`] tell of this process, and what its machine is, also while it has nothing to do, until what is
    /// returned is dropped.
    pub async fn enroll(&self, labels: &[Label]) -> Result<Option<Enrolled>> {
        match &self.store {
            Store::Postgres(store) => Box::pin(store.enroll(labels)).await.map(Some),
            Store::Sqlite(_) => Ok(None),
        }
    }

    /// Makes sure that this process is still listed, and has whatever else it holds.
    ///
    /// # Errors
    /// As [`Self::still_holds`].
    pub async fn still_enrolled(&self, _: &Enrolled) -> Result<()> {
        match &self.store {
            Store::Postgres(store) => Box::pin(store.still_holds()).await,
            Store::Sqlite(_) => Ok(()),
        }
    }

    /// The processes that work on a ledger that [is shared](Self::is_shared), by name; of these runs it is told who leads
    /// them.
    pub async fn at_work(&self, runs: &[RunId]) -> Result<Vec<AtWork>> {
        match &self.store {
            Store::Postgres(store) => Box::pin(store.at_work(runs)).await,
            Store::Sqlite(_) => Ok(Vec::new()),
        }
    }
}
