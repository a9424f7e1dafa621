//! A ledger that is moved into this file, or away from it: one transaction of the writer's, in which nobody else changes
//! anything.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::error::CLOSED;
use super::holder::{self, Holder};
use super::key::KeyFiles;
use super::rows::{Fault, Result};
use super::{Inner, Store, blocking, database, files, lock, moved_rows, sweep};
use crate::ledger::tables::{SHARE, TABLES, Table, Value};
use crate::ledger::transit::{
    self, Arriving, Chunk, Inbound, Leaving, Load, MovedKeys, Outbound, Whereabouts,
};
use crate::ledger::{Gone, KeyId, LedgerError};
use crate::model::{RunId, UnixMillis};

/// By org, how often links for it were taken back.
type TakenBack = BTreeMap<String, u64>;

type Ended<T> = std::result::Result<T, LedgerError>;

impl Store {
    pub async fn whereabouts(&self) -> Ended<Whereabouts> {
        self.read(whereabouts).await
    }

    /// Keys that move along, if they were made.
    pub fn moved_keys(&self) -> Ended<MovedKeys> {
        Ok(MovedKeys {
            fingerprints: KeyFiles::of(&self.inner.path).read()?,
            shares: self.made_share_key()?,
        })
    }

    /// Begins to leave it, of which fingerprints are made with this key.
    pub async fn leave(&self, key: Option<KeyId>) -> Ended<Leaving> {
        let inner = Arc::clone(&self.inner);
        blocking(self.inner.path.clone(), move |_| sweep::sweep(&inner)).await?;
        let taken_back = self.share_generations()?;
        let (out, leaving) = transit::outbound();
        let inner = Arc::clone(&self.inner);
        Ok(leaving(tokio::spawn(async move {
            let of = Arc::clone(&inner);
            let write =
                move |connection: &Connection| leave(connection, &of, key, &taken_back, out);
            inner.writer()?.write(write).await
        })))
    }

    /// Begins to fill it with the ledger of this id; refused unless it is empty.
    pub fn arrive(&self, id: String, keys: MovedKeys) -> Ended<Arriving> {
        self.inner.writer()?;
        let (loads, arriving) = transit::inbound();
        let inner = Arc::clone(&self.inner);
        Ok(arriving(tokio::spawn(async move {
            let path = inner.path.clone();
            let write = move |connection: &Connection| arrive(connection, &path, &id, &keys, loads);
            let arrived = inner.writer()?.write(write).await;
            let shrink =
                |connection: &Connection| Ok(database::cache_for_import(connection, false)?);
            inner.writer()?.write(shrink).await?;
            arrived
        })))
    }
}

/// Where it is and where it came from.
pub(super) fn whereabouts(connection: &Connection) -> Result<Whereabouts> {
    let sql = "SELECT id, arrived, moved_to, moved_at FROM ledger";
    Ok(connection.query_row(sql, [], |row| {
        let (to, at): (Option<String>, Option<UnixMillis>) = (row.get(2)?, row.get(3)?);
        Ok(Whereabouts {
            id: row.get(0)?,
            arrival: row.get(1)?,
            gone: to.zip(at).map(|(to, at)| Gone { to, at }),
        })
    })?)
}

fn leave(
    connection: &Connection,
    inner: &Inner,
    key: Option<KeyId>,
    taken_back: &TakenBack,
    out: Outbound,
) -> Result<()> {
    refuse_in_use(connection, inner)?;
    // Without an id it was made before keys were ever replaced.
    let sql = "UPDATE app SET key_id = ?1 WHERE key_id IS NULL AND hmac IS NOT NULL";
    connection.execute(sql, [key])?;
    for table in in_file() {
        moved_rows::send(connection, table, &out)?;
    }
    let mut chunk = Chunk::of(&SHARE);
    for (org_url, generation) in taken_back {
        let generation = super::rows::integer(*generation);
        chunk.push(vec![Value::Text(org_url.clone()), Value::Whole(generation)]);
    }
    out.send_blocking(chunk)?;
    let gone = out.end_blocking()?;
    close(connection, &gone)
}

/// Refuses a ledger of which anybody has a part.
fn refuse_in_use(connection: &Connection, inner: &Inner) -> Result<()> {
    let refused = |what: String, by: String| {
        let location = files::location(&inner.path);
        Err(LedgerError::InUse { location, what, by }.into())
    };
    if let Some((what, by)) = lock::any_held(&inner.locks())? {
        return refused(what, by);
    }
    let mut statement =
        connection.prepare("SELECT id FROM run WHERE holder IS NOT NULL OR imported = 0")?;
    let ids = statement.query_map([], |row| row.get::<_, String>(0))?;
    for id in ids.collect::<rusqlite::Result<Vec<_>>>()? {
        let run = RunId(id);
        if let Some(other) = holder::of(connection, &run.0)?.filter(Holder::is_another_alive) {
            return refused(format!("run {} is held", run.0), other.name());
        }
    }
    Ok(())
}

/// Has nobody change it any more, whoever has it open.
fn close(connection: &Connection, gone: &Gone) -> Result<()> {
    let sql = "UPDATE ledger SET moved_to = ?1, moved_at = ?2";
    connection.execute(sql, params![gone.to, gone.at])?;
    let said = format!("{CLOSED}{} {}", gone.at.0, gone.to).replace('\'', "''");
    for Table { name, .. } in in_file() {
        for change in ["INSERT", "UPDATE", "DELETE"] {
            let sql = format!(
                "CREATE TRIGGER {name}_closed_{change} BEFORE {change} ON {name}
                 BEGIN SELECT RAISE(ABORT, '{said}'); END"
            );
            connection.execute_batch(&sql)?;
        }
    }
    Ok(())
}

fn arrive(
    connection: &Connection,
    path: &Path,
    id: &str,
    keys: &MovedKeys,
    mut loads: Inbound,
) -> Result<()> {
    for table in in_file() {
        moved_rows::refuse_used(connection, table, &files::location(path))?;
    }
    database::cache_for_import(connection, true)?;
    let mut taken_back = TakenBack::new();
    let arrival = loop {
        match loads.next_blocking()? {
            Load::Rows(chunk) if chunk.table.name == SHARE.name => {
                taken_back.extend(chunk.rows.into_iter().filter_map(share));
            }
            Load::Rows(chunk) => moved_rows::insert(connection, &chunk)?,
            Load::End(arrival) => break arrival,
        }
    };
    // Cut off after these, they lie beside an empty ledger and are put there again.
    put_beside(path, keys, &taken_back)?;
    let sql = "UPDATE ledger SET id = ?1, arrived = ?2";
    connection.execute(sql, params![id, arrival])?;
    Ok(())
}

fn share(row: Vec<Value>) -> Option<(String, u64)> {
    match <[Value; 2]>::try_from(row) {
        Ok([Value::Text(org_url), Value::Whole(generation)]) => {
            Some((org_url, u64::try_from(generation).ok()?))
        }
        _ => None,
    }
}

fn put_beside(path: &Path, keys: &MovedKeys, taken_back: &TakenBack) -> Result<(), Fault> {
    if let Some(keys) = &keys.fingerprints {
        KeyFiles::of(path).put(keys)?;
    }
    if let Some(key) = &keys.shares {
        KeyFiles::of_shares(path).put_current(key)?;
    }
    if !taken_back.is_empty() {
        super::shares::put_generations(path, taken_back)?;
    }
    Ok(())
}

/// Tables that are in the file, not beside it.
fn in_file() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().filter(|table| table.name != SHARE.name)
}
