//! One checkpoint, applied by the writer.
//!
//! It is applied to an entry that still has the version the checkpoint builds on; to another it changes nothing, so
//! that others in the same transaction stand.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::calls;
use super::compared;
use super::row_keys::RowKeys;
use super::rows::{self, Delta, Result, code};
use super::{carry_over, memory};
use crate::ledger::LedgerError;
use crate::ledger::prepared::Prepared;
use crate::ledger::stored::Compared;
use crate::model::OrgNo;

/// What a transaction adds to orgs' sums, by run and org: written once at its end.
pub(super) type Sums = HashMap<(i64, OrgNo), Delta>;

/// What every checkpoint needs, made ready once for all of a transaction.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    progress: CachedStatement<'c>,
    progress_and_state: CachedStatement<'c>,
    call: CachedStatement<'c>,
    fingerprint: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            progress: connection.prepare_cached(PROGRESS)?,
            progress_and_state: connection.prepare_cached(PROGRESS_AND_STATE)?,
            call: connection.prepare_cached(calls::INSERT)?,
            fingerprint: connection.prepare_cached(FINGERPRINT)?,
        })
    }
}

const PROGRESS: &str =
    "UPDATE entry SET version = version + 1, progress = ?3, due_at = ?4, error = ?5, last_call = ?6,
         checked_at = coalesce(?7, checked_at) WHERE key = ?1 AND version = ?2 AND adopted_by IS NULL";

const PROGRESS_AND_STATE: &str =
    "UPDATE entry SET version = version + 1, progress = ?3, due_at = ?4, error = ?5, last_call = ?6,
         checked_at = coalesce(?7, checked_at), state = ?8 WHERE key = ?1 AND version = ?2 AND adopted_by IS NULL";

const FINGERPRINT: &str =
    "INSERT INTO app (org, id, hmac, key_id, name, connected) VALUES (?1, ?2, ?3, ?4, ?5, 0)
     ON CONFLICT DO UPDATE SET hmac = excluded.hmac, key_id = excluded.key_id,
         name = coalesce(excluded.name, name)";

/// Stores the checkpoint, or nothing and [`LedgerError::Moved`]. Returns what the next one builds on.
pub(super) fn apply(
    statements: &mut Statements<'_>,
    keys: &mut RowKeys,
    checkpoint: &Prepared,
    sums: &mut Sums,
) -> Result<Compared> {
    let seq = keys.run(statements.connection, &checkpoint.run)?;
    let key = rows::entry_key(seq, checkpoint.no);
    let moved = || LedgerError::Moved {
        run: checkpoint.run.clone(),
        no: checkpoint.no,
    };
    let before = match checkpoint.before {
        Some(before) => before,
        None => look(statements.connection, key)?.ok_or_else(moved)?,
    };
    let calls = &checkpoint.calls;
    let last_call = calls::add(&mut statements.call, key, before.last_call, calls)?;
    let after = checkpoint.after(&before, last_call);
    if !write_entry(statements, key, &before, checkpoint, &after)? {
        calls::take_back(statements.connection, last_call, calls.len())?;
        return Err(moved().into());
    }
    write_beside(statements, keys, key, checkpoint)?;
    let delta = sums.entry((seq, before.org)).or_default();
    delta.moved(before.state, checkpoint.state);
    if checkpoint.deactivated && before.state != code::CHANGED {
        delta.deactivated += 1;
    }
    match before.queue {
        None => delta.add(checkpoint.stats),
        // Who was called pays, whoever's the entry is.
        Some(called) => sums.entry((seq, called)).or_default().add(checkpoint.stats),
    }
    Ok(after)
}

// For whoever did not load the entry to work on it.
fn look(connection: &Connection, key: i64) -> Result<Option<Compared>> {
    let sql = format!("SELECT {} FROM entry e WHERE e.key = ?1", compared::COLUMNS);
    Ok(connection
        .prepare_cached(&sql)?
        .query_row([key], |row| compared::read(row, 0))
        .optional()?)
}

// `false` = the entry moved, or there is none: nothing was written.
fn write_entry(
    statements: &mut Statements<'_>,
    key: i64,
    before: &Compared,
    checkpoint: &Prepared,
    after: &Compared,
) -> Result<bool> {
    let values = params![
        key,
        checkpoint.version,
        checkpoint.columns.progress,
        checkpoint.due_at,
        checkpoint.error,
        after.last_call,
        checkpoint.checked_at,
        after.state
    ];
    // SQLite rewrites an index whenever its column is named, changed or not.
    let found = if before.state == after.state {
        statements.progress.execute(&values[..7])?
    } else {
        statements.progress_and_state.execute(values)?
    };
    if found == 0 {
        return Ok(false);
    }
    let connection = statements.connection;
    if before.drifted != after.drifted {
        connection
            .prepare_cached("UPDATE entry SET drifted = ?2 WHERE key = ?1")?
            .execute(params![key, after.drifted])?;
    }
    if before.app_hash != after.app_hash {
        connection
            .prepare_cached("UPDATE entry SET app_hash = ?2 WHERE key = ?1")?
            .execute(params![key, after.app_hash])?;
    }
    if before.queue != after.queue {
        connection
            .prepare_cached("UPDATE entry SET queue = ?2 WHERE key = ?1")?
            .execute(params![key, after.queue])?;
    }
    if before.consent != after.consent {
        connection
            .prepare_cached("UPDATE entry SET consent = ?2 WHERE key = ?1")?
            .execute(params![key, after.consent])?;
        if after.consent.is_some() {
            carry_over::replace(connection, key)?;
        }
    }
    Ok(true)
}

fn write_beside(
    statements: &mut Statements<'_>,
    keys: &mut RowKeys,
    key: i64,
    checkpoint: &Prepared,
) -> Result<()> {
    let connection = statements.connection;
    let mut seen = checkpoint.name.as_ref();
    if let Some(fingerprint) = &checkpoint.fingerprint {
        let org = keys.org(connection, &fingerprint.org_url)?;
        // Both are of the entry's app; written together, the row is looked up once.
        let named = seen.take_if(|seen| seen.app_id == fingerprint.app_id);
        statements.fingerprint.execute(params![
            org,
            fingerprint.app_id,
            fingerprint.hmac,
            fingerprint.key_id,
            named.map(|seen| &*seen.name)
        ])?;
    }
    if let Some(seen) = seen {
        let org = keys.org(connection, &seen.org_url)?;
        connection
            .prepare_cached(
                "INSERT INTO app (org, id, name, connected) VALUES (?1, ?2, ?3, 0)
                 ON CONFLICT DO UPDATE SET name = excluded.name",
            )?
            .execute(params![org, seen.app_id, seen.name])?;
    }
    if let Some(found) = &checkpoint.client {
        let org = keys.org(connection, &found.org_url)?;
        let hub = keys.org(connection, &found.client.hub_url)?;
        connection
            .prepare_cached(
                "INSERT INTO app (org, id, connected, hub, client) VALUES (?1, ?2, 0, ?3, ?4)
                 ON CONFLICT DO UPDATE SET hub = excluded.hub, client = excluded.client",
            )?
            .execute(params![org, found.app_id, hub, found.client.client_id])?;
    }
    if let Some(applied) = &checkpoint.applied {
        let org = keys.org(connection, &applied.org_url)?;
        memory::remember(connection, key, org, applied)?;
    }
    if let Some((state, accepted)) = &checkpoint.settled {
        settle(connection, key, state, *accepted)?;
    }
    Ok(())
}

// The same `state` in another org's link is another consent.
fn settle(connection: &Connection, key: i64, state: &str, accepted: bool) -> Result<()> {
    let (org_url, app, app_id): (String, String, Option<String>) = connection
        .prepare_cached(
            "SELECT o.url, json_extract(s.json, '$.app'),
                    coalesce(json_extract(e.progress, '$.appId'), json_extract(s.json, '$.appId'))
             FROM entry e CROSS JOIN org o ON o.run = e.run AND o.no = e.org
             CROSS JOIN spec s ON s.entry = e.key
             WHERE e.key = ?1",
        )?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let consent = rows::settled_hash(&org_url, &app, &app_id.unwrap_or_default(), state);
    connection
        .prepare_cached("INSERT OR REPLACE INTO settled (consent, accepted) VALUES (?1, ?2)")?
        .execute(params![consent, accepted])?;
    Ok(())
}

/// Writes the sums of a transaction.
pub(super) fn apply_sums(connection: &Connection, sums: &Sums) -> Result<()> {
    for ((seq, org), delta) in sums {
        rows::add_sums(connection, *seq, *org, delta)?;
    }
    Ok(())
}
