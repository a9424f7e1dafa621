//! Consents that outlive their run: what an earlier run still waits for is taken over
//! by the same entry of the new run, so that the link somebody may be about to click stays good. And
//! links that do not: a fresh one replaces those that other runs wait for.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{self, Result, code};
use crate::ledger::carriable::{Carriable, CarryOver, Waiting};
use crate::model::{OrgNo, RunId, UnixMillis};

/// What any run waits for; the newest run's where several do. The file does not matter: a run by hand may
/// be followed by a job over the same manifest. An answer that is being handed in is its run's, unless `is_free`
/// says that no process works on that.
pub(super) fn of_all_runs(
    connection: &Connection,
    is_free: impl Fn(&RunId) -> bool,
) -> Result<Carriable> {
    let mut statement = connection.prepare_cached(
        "SELECT o.url, s.json, e.key, e.version, e.state, r.id FROM entry e
             CROSS JOIN org o ON o.run = e.run AND o.no = e.org JOIN run r ON r.seq = e.run
             JOIN spec s ON s.entry = e.key
             WHERE e.consent IS NOT NULL AND e.state IN (1, 2) AND r.imported = 1
             ORDER BY e.key",
    )?;
    let mut found = Carriable::default();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let is_handed_in = row.get::<_, i64>(4)? == code::STARTED;
        if is_handed_in && !is_free(&RunId(row.get(5)?)) {
            continue;
        }
        let waiting = Waiting {
            key: row.get(2)?,
            version: row.get(3)?,
        };
        // The newest run's comes last and wins.
        found.add(rows::text(row, 0)?, rows::text(row, 1)?, waiting);
    }
    Ok(found)
}

/// Takes the consent over, unless it moved on while the manifest was read: then the entry simply
/// begins like any other.
pub(super) fn apply(carried: &CarryOver, transaction: &Connection, seq: i64) -> Result<()> {
    let Waiting { key, version } = carried.from;
    let taken = transaction
            .prepare_cached(
                "SELECT run, org, state, progress, app_hash, consent, drifted, due_at, checked_at FROM entry
                 WHERE key = ?1 AND version = ?2 AND state IN (1, 2) AND consent IS NOT NULL
                   AND adopted_by IS NULL",
            )?
            .query_row([key, version], Taken::read)
            .optional()?;
    let Some(taken) = taken else {
        return Ok(());
    };
    // Where it was, it is counted among those that wait.
    transaction
        .prepare_cached(
            "UPDATE entry SET state = 2, consent = NULL, adopted_by = ?2, version = version + 1
                 WHERE key = ?1",
        )?
        .execute([key, seq])?;
    move_one(
        transaction,
        (taken.run, taken.org),
        (taken.state, code::WAITING),
    )?;
    let new = rows::entry_key(seq, carried.no);
    transaction
        .prepare_cached(
            "UPDATE entry SET state = ?2, progress = ?3, app_hash = ?4, consent = ?5, drifted = ?6,
                     due_at = ?7, checked_at = ?8
                 WHERE key = ?1",
        )?
        .execute(params![
            new,
            taken.state,
            taken.progress,
            taken.app_hash,
            taken.consent,
            taken.drifted,
            taken.due_at,
            taken.checked_at
        ])?;
    let org: OrgNo = transaction
        .prepare_cached("SELECT org FROM entry WHERE key = ?1")?
        .query_row([new], |row| row.get(0))?;
    move_one(transaction, (seq, org), (code::PENDING, taken.state))
}

fn move_one(
    transaction: &Connection,
    (seq, org): (i64, OrgNo),
    (from, to): (i64, i64),
) -> Result<()> {
    let mut delta = rows::Delta::default();
    delta.moved(from, to);
    Ok(rows::add_sums(transaction, seq, org, &delta)?)
}

/// What goes with a consent.
struct Taken {
    run: i64,
    org: OrgNo,
    state: i64,
    progress: String,
    app_hash: Option<i32>,
    consent: [u8; 32],
    drifted: bool,
    due_at: Option<UnixMillis>,
    checked_at: Option<UnixMillis>,
}

impl Taken {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            run: row.get(0)?,
            org: row.get(1)?,
            state: row.get(2)?,
            progress: row.get(3)?,
            app_hash: row.get(4)?,
            consent: row.get(5)?,
            drifted: row.get(6)?,
            due_at: row.get(7)?,
            checked_at: row.get(8)?,
        })
    }
}

/// Takes the older links for the app of entry `key`, which has just got a fresh one, from the entries
/// of other runs that wait for them: Okta takes an answer to the newest link only (API.md §4).
pub(super) fn replace(connection: &Connection, key: i64) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE entry SET consent = NULL, adopted_by = fresh.run, version = entry.version + 1
             FROM (SELECT e.run, e.app_hash, o.url,
                          coalesce(json_extract(e.progress, '$.appId'),
                                   json_extract(s.json, '$.appId')) AS app_id
                   FROM entry e JOIN org o ON o.run = e.run AND o.no = e.org
                   JOIN spec s ON s.entry = e.key
                   WHERE e.key = ?1) AS fresh
             WHERE entry.app_hash = fresh.app_hash AND entry.consent IS NOT NULL
               AND entry.state = 2 AND entry.run <> fresh.run
               AND coalesce(json_extract(entry.progress, '$.appId'),
                            (SELECT json_extract(json, '$.appId') FROM spec WHERE spec.entry = entry.key))
                   = fresh.app_id
               AND (SELECT url FROM org WHERE org.run = entry.run AND org.no = entry.org) = fresh.url",
        )?
        .execute([key])?;
    Ok(())
}
