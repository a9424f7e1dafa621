//! Reads that are all of one moment.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
use tokio::task::AbortHandle;

use super::Store;
use super::session::Connection;
use crate::ledger::{LONGEST_LOOK, Result};

/// The session of a snapshot, which one reads with at a time.
pub(super) type Session = OwnedMappedMutexGuard<Option<Connection>, Connection>;

/// A moment that reads are of: one transaction, until the last clone of the store that has it is dropped or it has lasted
/// long enough.
pub(super) struct AsOf {
    session: Arc<Mutex<Option<Connection>>>,
    ends: AbortHandle,
}

impl Drop for AsOf {
    fn drop(&mut self) {
        self.ends.abort();
    }
}

impl AsOf {
    /// `None` = it is over: what is read from here on is newer.
    pub(super) async fn session(&self) -> Option<Session> {
        let mut session = Arc::clone(&self.session).lock_owned().await;
        session.take_if(|session| session.is_closed());
        OwnedMutexGuard::try_map(session, Option::as_mut).ok()
    }
}

impl Store {
    /// For reading as of now; after [`LONGEST_LOOK`] reads are newer.
    pub async fn snapshot(&self) -> Result<Self> {
        // None of those that everybody reads with: it is in use until the end.
        let session = self.inner.target.connect().await?;
        // PostgreSQL ends it as well, should this process stand still. The moment is that of the first query.
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
             SET LOCAL idle_in_transaction_session_timeout = {};
             SELECT format FROM ledger",
            LONGEST_LOOK.as_millis()
        );
        session.batch(&begin).await?;
        let session = Arc::new(Mutex::new(Some(session)));
        let ended = Arc::clone(&session);
        let ends = self.inner.target.runtime.spawn(async move {
            tokio::time::sleep(LONGEST_LOOK).await;
            *ended.lock().await = None;
        });
        let ends = ends.abort_handle();
        Ok(Self {
            as_of: Some(Arc::new(AsOf { session, ends })),
            inner: Arc::clone(&self.inner),
        })
    }
}
