//! Which entry a consent is of: the one that waits for it, the one that waited, or none.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{self, ENTRY, ORG, Result, seq};
use crate::apps::App;
use crate::ledger::{ConsentKey, ConsentState, Pending};
use crate::model::RunId;

pub(super) fn pending_consents(
    connection: &Connection,
    run: Option<&RunId>,
) -> Result<Vec<Pending>> {
    let seq = run.map(|run| seq(connection, run)).transpose()?;
    let sql = format!(
        "SELECT {ORG}, {ENTRY}, r.id FROM entry e
         CROSS JOIN org o ON o.run = e.run AND o.no = e.org JOIN run r ON r.seq = e.run
         WHERE e.consent IS NOT NULL AND e.state = 2 AND (?1 IS NULL OR e.run = ?1) ORDER BY e.key"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([seq], pending_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest entry that waits for this `state`, wherever its answer would belong.
pub(super) fn waits_for(connection: &Connection, state: &str) -> Result<Option<Pending>> {
    let sql = format!(
        "SELECT {ORG}, {ENTRY}, r.id FROM entry e
         CROSS JOIN org o ON o.run = e.run AND o.no = e.org JOIN run r ON r.seq = e.run
         WHERE e.consent = ?1 ORDER BY e.key DESC LIMIT 1"
    );
    let found = connection
        .prepare_cached(&sql)?
        .query_row([rows::consent_hash(state)], pending_row)
        .optional()?;
    Ok(found)
}

pub(super) fn consent(connection: &Connection, key: &ConsentKey) -> Result<ConsentState> {
    let sql = format!(
        "SELECT {ORG}, {ENTRY}, r.id FROM entry e
         CROSS JOIN org o ON o.run = e.run AND o.no = e.org JOIN run r ON r.seq = e.run
         WHERE e.consent = ?1 AND o.url = ?2
           AND (SELECT json_extract(json, '$.app') FROM spec WHERE spec.entry = e.key) = ?3
           AND coalesce(json_extract(e.progress, '$.appId'),
                        (SELECT json_extract(json, '$.appId') FROM spec WHERE spec.entry = e.key)) = ?4
         ORDER BY e.key DESC LIMIT 1"
    );
    let hash = rows::consent_hash(&key.state);
    let waiting = connection
        .prepare_cached(&sql)?
        .query_row(
            params![hash, key.org_url, key.app.name(), key.app_id],
            pending_row,
        )
        .optional()?;
    if let Some(pending) = waiting {
        return Ok(ConsentState::Waiting(Box::new(pending)));
    }
    let hash = rows::settled_hash(&key.org_url, key.app.name(), &key.app_id, &key.state);
    let settled = connection
        .prepare_cached("SELECT accepted FROM settled WHERE consent = ?1")?
        .query_row([hash], |row| row.get(0))
        .optional()?;
    Ok(settled.map_or(ConsentState::Unknown, ConsentState::Settled))
}

/// The newest entry of an app, whatever became of it.
pub(super) fn newest_of_app(
    connection: &Connection,
    url: &str,
    app: App,
    app_id: &str,
) -> Result<Option<Pending>> {
    let sql = format!(
        "SELECT {ORG}, {ENTRY}, r.id FROM org o
         CROSS JOIN run r ON r.seq = o.run
         CROSS JOIN entry e ON e.run = o.run AND e.org = o.no AND e.app_hash = ?2
         WHERE o.url = ?1 AND r.imported = 1
           AND coalesce(json_extract(e.progress, '$.appId'),
                        (SELECT json_extract(json, '$.appId') FROM spec WHERE spec.entry = e.key)) = ?3
           AND (SELECT json_extract(json, '$.app') FROM spec WHERE spec.entry = e.key) = ?4
         ORDER BY e.key DESC LIMIT 1"
    );
    let found = connection
        .prepare_cached(&sql)?
        .query_row(
            params![url, rows::app_hash(app_id), app_id, app.name()],
            pending_row,
        )
        .optional()?;
    Ok(found)
}

/// Columns `ORG`, `ENTRY`, `r.id`.
pub(super) fn pending_row(row: &Row<'_>) -> rusqlite::Result<Pending> {
    Ok(Pending {
        org: rows::org_row(row)?,
        entry: rows::entry_row_from(row, rows::ORG_COLUMNS)?,
        run: RunId(row.get(rows::ORG_COLUMNS + rows::ENTRY_COLUMNS)?),
    })
}
