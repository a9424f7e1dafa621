//! The keys of the fingerprints, and replacing the current one without setting every TOKEN connection anew.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::key::KeyFiles;
use super::rows::Result;
use super::{Inner, Store, blocking, files};
use crate::ledger::{Forgetting, HmacKeys, KeyId, LedgerError, Rotation};

impl Store {
    pub fn keys(&self) -> std::result::Result<HmacKeys, LedgerError> {
        let files = KeyFiles::of(&self.inner.path);
        if self.inner.writer.is_some() {
            return files.read_or_make();
        }
        files.read()?.ok_or_else(|| LedgerError::ReadOnly {
            location: files::location(files.current()),
            cause: "the ledger has no key yet and was opened for reading only".into(),
        })
    }

    pub async fn rotate_key(
        &self,
        forgetting: Forgetting,
    ) -> Result<Option<Rotation>, LedgerError> {
        for run in self.runs().await? {
            if self.is_locked(&run.id)? {
                // The lock's own error says who holds it.
                drop(self.lock_run(&run.id)?);
            }
        }
        let inner = Arc::clone(&self.inner);
        blocking(self.inner.path.clone(), move |_| rotate(&inner, forgetting)).await
    }
}

fn rotate(ledger: &Inner, forgetting: Forgetting) -> Result<Option<Rotation>, LedgerError> {
    let files = KeyFiles::of(&ledger.path);
    let _lock = files.lock()?;
    let Some(keys) = files.read()? else {
        return Ok(None);
    };
    let (current, old) = (keys.current.id(), keys.old);
    // After a rotation that was stopped half-way both are the same key.
    let old = old.map(|key| key.id());
    let old = old.filter(|old| *old != current);
    let count = move |connection: &Connection| -> Result<Rotation> {
        // Without an id it was made before keys were ever replaced.
        connection.execute(
            "UPDATE app SET key_id = ?1 WHERE key_id IS NULL",
            [&current],
        )?;
        Ok(Rotation {
            to_renew: made_with(connection, current)?,
            forgotten: match old {
                Some(old) => made_with(connection, old)?,
                None => 0,
            },
        })
    };
    let rotation = ledger.writer()?.write_blocking(count)?;
    if rotation.forgotten > 0 && forgetting == Forgetting::Refused {
        return Err(LedgerError::KeyInUse {
            location: files::location(files.old()),
            fingerprints: rotation.forgotten,
        });
    }
    files.replace(&keys.current)?;
    Ok(Some(rotation))
}

fn made_with(connection: &Connection, key_id: KeyId) -> Result<u64> {
    let count: i64 = connection.query_row(
        "SELECT count(*) FROM app WHERE key_id = ?1 AND hmac IS NOT NULL",
        params![key_id],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(count).unwrap_or_default())
}
