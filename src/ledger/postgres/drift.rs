//! Entries that were found otherwise than wanted, and left so or fixed.

use super::Store;
use super::reads;
use crate::ledger::stored;
use crate::ledger::{EntryRow, Noted, Progress, Result};
use crate::model::{EntryNo, RunId};

/// Entries that are looked at at once: of most nothing is noted.
const ENTRIES: i64 = 20_000;

impl Store {
    /// How many of the wanted entries were found otherwise than wanted, and the first of them.
    pub async fn noted(
        &self,
        run: &RunId,
        what: Noted,
        limit: usize,
        wanted: impl Fn(EntryNo) -> bool + Send + 'static,
    ) -> Result<(u64, Vec<EntryRow>)> {
        let (mut count, mut first) = (0, Vec::new());
        let sql =
            "SELECT key, progress FROM entry WHERE drifted AND key >= $1 AND key < $2 ORDER BY key";
        self.for_each_row(run, sql, ENTRIES, |row| {
            let key = row.get(0)?;
            let progress: Progress = row.optional_json(1)?.unwrap_or_default();
            let is_noted = match what {
                Noted::Drift => !progress.drift.is_empty(),
                Noted::LeftSecrets => !progress.left_secrets.is_empty(),
            };
            if is_noted && wanted(stored::entry_no(key)) {
                count += 1;
                if first.len() < limit {
                    first.push(key);
                }
            }
            Ok(())
        })
        .await?;
        let first = reads::at_keys(&*self.reader().await?, &first).await?;
        Ok((count, first))
    }
}
