//! What other processes change: SQLite tells nobody, so it is asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::stream::{self, Stream};

use super::{Store, blocking};
use crate::ledger::{Known, Result};

/// How often others' commits (`consent complete`) are looked for.
const LOOK: Duration = Duration::from_secs(1);

impl Store {
    pub async fn changes(&self) -> Result<impl Stream<Item = Result<()>> + use<>> {
        let seen = self.data_version().await?;
        let begun = (self.clone(), seen, tokio::time::interval(LOOK));
        Ok(stream::unfold(
            begun,
            |(store, mut seen, mut look)| async move {
                let changed = loop {
                    look.tick().await;
                    match store.data_version().await {
                        Ok(now) if now == seen => {}
                        Ok(now) => {
                            seen = now;
                            break Ok(());
                        }
                        Err(error) => break Err(error),
                    }
                };
                Some((changed, (store, seen, look)))
            },
        ))
    }

    pub fn is_current(&self, known: &Known) -> bool {
        known.as_of == self.others()
    }

    /// Counts others' commits, as far as they were looked for.
    pub(super) fn others(&self) -> i64 {
        self.inner.others.load(Ordering::Relaxed)
    }

    // Another number after another process committed (and, when opened for reading only, after anybody did).
    async fn data_version(&self) -> Result<i64> {
        let version = if let Some(writer) = &self.inner.writer {
            writer.data_version().await
        } else {
            let inner = Arc::clone(&self.inner);
            blocking(self.inner.path.clone(), move |_| {
                inner.readers.data_version()
            })
            .await
        }?;
        self.inner.others.store(version, Ordering::Relaxed);
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use crate::job::LedgerUrl;
    use crate::ledger::store::Store;
    use crate::ledger::{Ledger, Note, OpenMode, SpentWindow};
    use crate::model::UnixMillis;

    #[tokio::test]
    async fn own_commits_do_not_count_as_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = LedgerUrl::file(folder.path().join("ledger.db"));
        let open = async || {
            let ledger = Ledger::open(&url, OpenMode::ReadWrite).await;
            ledger.expect("opened")
        };
        let (ledger, other) = (open().await, open().await);
        let commit = async |ledger: &Ledger, until| {
            let notes = move || {
                vec![Note::Spent(SpentWindow {
                    org_url: "https://acme.okta.com".to_owned(),
                    bucket: "apps".to_owned(),
                    limit: None,
                    until,
                    left_ms: 1,
                })]
            };
            let (end, ended) = tokio::sync::oneshot::channel();
            ledger.note(notes, |stored| drop(end.send(stored)));
            ended.await.expect("told").expect("stored");
        };
        let Store::Sqlite(store) = &ledger.store else {
            panic!("it is in a file");
        };
        let version = async || store.data_version().await.expect("read");
        let before = version().await;
        commit(&ledger, UnixMillis(1)).await;
        assert_eq!(version().await, before);
        commit(&other, UnixMillis(2)).await;
        assert_ne!(version().await, before);
    }
}
