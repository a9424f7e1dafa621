//! What is remembered of apps across runs: as which entry wants it an app last was, and whose secrets it holds. That
//! tells a change made by hand from one of the manifest.

use std::borrow::Cow;
use std::collections::HashSet;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;

use super::row_keys;
use super::rows::{self, ENTRY, OPEN, Result};
use crate::apps::App;
use crate::ledger::{
    AppMemory, EntryKey, FoundBy, HubClient, LastApplied, LastAppliedChange, LastAppliedUpdate,
    Target, WishDigest,
};
use crate::manifest::Entry;
use crate::model::{EntryNo, OrgNo, RunId};

impl ToSql for LastApplied {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::Digest(digest) => digest.as_slice(),
            Self::Unclear => &[],
        }))
    }
}

impl FromSql for LastApplied {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_blob()? {
            [] => Ok(Self::Unclear),
            _ => WishDigest::column_result(value).map(Self::Digest),
        }
    }
}

/// Nothing of an app that no run has touched.
pub(super) fn of_app(connection: &Connection, org_url: &str, app_id: &str) -> Result<AppMemory> {
    match row_keys::org_no(connection, org_url)? {
        Some(org) => of_app_in(connection, org, app_id),
        None => Ok(AppMemory::default()),
    }
}

/// As [`of_app`], in the org of this `org_url.no`.
pub(super) fn of_app_in(connection: &Connection, org: i64, app_id: &str) -> Result<AppMemory> {
    let found = connection
        .prepare_cached(
            "SELECT hmac, key_id, applied, connected, applied_by, moving_by, name, client,
                 (SELECT url FROM org_url WHERE no = hub) FROM app
             WHERE org = ?1 AND id = ?2",
        )?
        .query_row(params![org, app_id], |row| {
            Ok(AppMemory {
                hmac: row.get(0)?,
                key_id: row.get(1)?,
                applied: row.get(2)?,
                connected: row.get(3)?,
                applied_by: row.get::<_, Option<i64>>(4)?.map(EntryKey),
                moving_by: row.get::<_, Option<i64>>(5)?.map(EntryKey),
                name: row.get(6)?,
                client: client(row.get(7)?, row.get(8)?),
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn client(client_id: Option<Box<str>>, hub_url: Option<Box<str>>) -> Option<Box<HubClient>> {
    let (client_id, hub_url) = client_id.zip(hub_url)?;
    Some(Box::new(HubClient { hub_url, client_id }))
}

/// The org's entries that no run parked or ended, in order.
pub(super) fn targets(connection: &Connection, run: &RunId, org: OrgNo) -> Result<Vec<Target>> {
    let seq = rows::seq(connection, run)?;
    let seen = seen_of(connection, seq, org)?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT e.key, e.app_hash IS NULL, s.json
         FROM entry e CROSS JOIN spec s ON s.entry = e.key
         WHERE e.run = ?1 AND e.org = ?2 AND e.state IN (0, 1) AND {OPEN} AND e.adopted_by IS NULL
         ORDER BY e.key"
    ))?;
    let rows = statement.query_map(params![seq, org], |row| {
        let wanted: WantedApp = rows::from_json(2, rows::text(row, 2)?)?;
        let found = match wanted.app_id {
            Some(id) if seen.contains(&*id) => FoundBy::Seen,
            Some(_) => FoundBy::UnseenId,
            None if row.get(1)? => FoundBy::Label,
            // It is in its progress, and was seen when it was found or made.
            None => FoundBy::Seen,
        };
        Ok(Target {
            no: rows::entry_no(row.get(0)?),
            app: wanted.app,
            found,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What of an entry says which app it is of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WantedApp<'a> {
    app: App,
    #[serde(borrow)]
    app_id: Option<Cow<'a, str>>,
}

// The apps of a run's org of which it was seen what they are.
fn seen_of(connection: &Connection, seq: i64, org: OrgNo) -> Result<HashSet<Box<str>>> {
    let url: Option<String> = connection
        .prepare_cached("SELECT url FROM org WHERE run = ?1 AND no = ?2")?
        .query_row(params![seq, org], |row| row.get(0))
        .optional()?;
    url.map_or_else(|| Ok(HashSet::new()), |url| seen_apps(connection, &url))
}

/// The ids of an org's apps of which it was seen what they are.
pub(super) fn seen_apps(connection: &Connection, org_url: &str) -> Result<HashSet<Box<str>>> {
    let Some(org) = row_keys::org_no(connection, org_url)? else {
        return Ok(HashSet::new());
    };
    let mut statement =
        connection.prepare_cached("SELECT id FROM app WHERE org = ?1 AND name IS NOT NULL")?;
    let ids = statement.query_map([org], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

/// What the entry wants, whichever run it is of.
pub(super) fn wish(connection: &Connection, key: EntryKey) -> Result<Option<Entry>> {
    let sql = format!(
        "SELECT {ENTRY} FROM entry e CROSS JOIN org o ON o.run = e.run AND o.no = e.org
         WHERE e.key = ?1"
    );
    let found = connection
        .prepare_cached(&sql)?
        .query_row([key.0], rows::entry_row)
        .optional()?;
    Ok(found.map(|row| row.entry))
}

/// Which entry that is, whichever run it is of.
pub(super) fn name(connection: &Connection, key: EntryKey) -> Result<Option<(RunId, EntryNo)>> {
    let run: Option<String> = connection
        .prepare_cached("SELECT id FROM run WHERE seq = ?1")?
        .query_row([rows::run_seq(key.0)], |row| row.get(0))
        .optional()?;
    Ok(run.map(|run| (RunId(run), rows::entry_no(key.0))))
}

/// Stores what entry `key` makes of an app in the org of this `org_url.no`.
pub(super) fn remember(
    connection: &Connection,
    key: i64,
    org: i64,
    applied: &LastAppliedUpdate,
) -> Result<()> {
    let app_id = &applied.app_id;
    match &applied.like {
        LastAppliedChange::AsWanted { digest, connected } => connection
            .prepare_cached(
                "INSERT INTO app (org, id, applied, applied_by, connected) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET applied = excluded.applied,
                     applied_by = excluded.applied_by, moving_by = NULL,
                     connected = max(connected, excluded.connected)",
            )?
            .execute(params![org, app_id, LastApplied::Digest(*digest), key, connected])?,
        LastAppliedChange::Consented => connection
            .prepare_cached(
                "INSERT INTO app (org, id, connected) VALUES (?1, ?2, 1)
                 ON CONFLICT DO UPDATE SET connected = 1",
            )?
            .execute(params![org, app_id])?,
        LastAppliedChange::Reconnecting => connection
            .prepare_cached("UPDATE app SET connected = 0 WHERE org = ?1 AND id = ?2")?
            .execute(params![org, app_id])?,
        LastAppliedChange::Moving => connection
            .prepare_cached("UPDATE app SET moving_by = ?3 WHERE org = ?1 AND id = ?2")?
            .execute(params![org, app_id, key])?,
        LastAppliedChange::Unclear => connection
            .prepare_cached(
                "UPDATE app SET applied = ?3, applied_by = NULL, moving_by = NULL
                 WHERE org = ?1 AND id = ?2",
            )?
            .execute(params![org, app_id, LastApplied::Unclear])?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_plans_find_a_wish_as_earlier_versions_spelled_it() {
        for (wish, spelled) in [
            (
                Some(LastApplied::Digest([0xab; 16])),
                r#""abababababababababababababababab""#,
            ),
            (Some(LastApplied::Unclear), r#""""#),
            (None, "null"),
        ] {
            assert_eq!(serde_json::to_string(&wish).expect("JSON"), spelled);
        }
    }
}
