//! Lists of what waits for a person, and when entries came to rest: what a page asks for that is one of hundreds.

use rusqlite::{Connection, params};

use super::consents::pending_row;
use super::rows::{self, ENTRY, OPEN, ORG, Result};
use crate::apps::App;
use crate::ledger::stored::is_answered;
use crate::ledger::{Pending, WaitingEntry};
use crate::model::{EntryNo, RunId, UnixMillis};

/// Entries that wait for a consent, oldest run first; not those that a later run carried over.
pub(super) fn waiting(connection: &Connection) -> Result<Vec<WaitingEntry>> {
    let mut statement = connection.prepare_cached(
        "SELECT r.id, e.key, o.name, o.url, s.json ->> '$.app' FROM entry e
         CROSS JOIN org o ON o.run = e.run AND o.no = e.org
         CROSS JOIN spec s ON s.entry = e.key JOIN run r ON r.seq = e.run
         WHERE e.consent IS NOT NULL AND e.state = 2 ORDER BY e.key",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        // Another version may know more of them.
        let Some(app) = App::from_name(rows::text(row, 4)?) else {
            continue;
        };
        found.push(WaitingEntry {
            run: RunId(row.get(0)?),
            no: rows::entry_no(row.get(1)?),
            org: row.get(2)?,
            org_url: row.get(3)?,
            app,
        });
    }
    Ok(found)
}

/// These entries, as far as they still wait for a consent, in this order.
pub(super) fn still_waiting(
    connection: &Connection,
    places: &[(RunId, EntryNo)],
) -> Result<Vec<Pending>> {
    let sql = format!(
        "SELECT {ORG}, {ENTRY}, r.id FROM entry e
         CROSS JOIN org o ON o.run = e.run AND o.no = e.org JOIN run r ON r.seq = e.run
         WHERE e.key = ?1 AND e.consent IS NOT NULL AND e.state = 2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = Vec::with_capacity(places.len());
    for (run, no) in places {
        let key = rows::entry_key(rows::seq(connection, run)?, *no);
        let pending = statement.query_map([key], pending_row)?;
        for pending in pending {
            found.push(pending?);
        }
    }
    Ok(found)
}

/// Entries whose consent's answer was handed in and that have not come to rest since, oldest run first; not those that a
/// later run carried over.
pub(super) fn answered(connection: &Connection) -> Result<Vec<Pending>> {
    let sql = format!(
        "SELECT {ORG}, {ENTRY}, r.id FROM org o
         CROSS JOIN entry e ON e.run = o.run AND e.org = o.no AND e.state = 1 AND {OPEN}
         JOIN run r ON r.seq = e.run
         WHERE o.started > 0 AND e.adopted_by IS NULL AND r.imported = 1 ORDER BY e.key"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for pending in statement.query_map([], pending_row)? {
        let pending = pending?;
        if is_answered(&pending.entry.progress) {
            found.push(pending);
        }
    }
    Ok(found)
}

/// Since when the consent is waited for that is waited for longest, of this run or of any.
pub(super) fn oldest_consent(
    connection: &Connection,
    run: Option<&RunId>,
) -> Result<Option<UnixMillis>> {
    let (begin, end) = match run {
        Some(run) => {
            let seq = rows::seq(connection, run)?;
            (rows::key_before(seq, None), rows::first_key(seq + 1))
        }
        None => (i64::MIN, i64::MAX),
    };
    // `+`: those that wait are few, and have an index.
    let mut statement = connection.prepare_cached(
        "SELECT min(progress ->> '$.consent.since') FROM entry
         WHERE consent IS NOT NULL AND state = 2 AND +key > ?1 AND +key < ?2",
    )?;
    Ok(statement.query_row([begin, end], |row| row.get(0))?)
}

/// How many entries of a run came to rest in each span of so many milliseconds since then; those without are left out.
pub(super) fn rests(
    connection: &Connection,
    run: &RunId,
    since: UnixMillis,
    width_ms: i64,
) -> Result<Vec<(i64, u64)>> {
    let seq = rows::seq(connection, run)?;
    let mut statement = connection.prepare_cached(
        "SELECT (checked_at - ?3) / ?4, count(*) FROM entry
         WHERE key > ?1 AND key < ?2 AND state IN (2, 3, 4, 5) AND checked_at >= ?3 GROUP BY 1 ORDER BY 1",
    )?;
    let (begin, end) = (rows::key_before(seq, None), rows::first_key(seq + 1));
    let rows = statement.query_map(params![begin, end, since, width_ms.max(1)], |row| {
        Ok((row.get(0)?, rows::count(row, 1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
