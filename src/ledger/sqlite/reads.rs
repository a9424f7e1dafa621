//! Every question to the ledger about entries that changes nothing.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{self, ENTRY, Fault, OPEN, Result, code};
use super::{compared, memory, readers, row_keys};
use crate::apps::App;
use crate::ledger::{AppMemory, AsStored, EntryRow, Known, Standing, UnderWay};
use crate::manifest::SecretRef;
use crate::model::{EntryNo, EntryState, OrgNo, RunId};

/// What a window holds: entries in one org's queue that are in one state, in order.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub run: RunId,
    pub org: OrgNo,
    pub state: EntryState,
    pub after: Option<EntryNo>,
    pub limit: usize,
    /// See [`Known`].
    pub as_of: i64,
}

pub(super) fn load(connection: &Connection, window: &Window) -> Result<Vec<EntryRow>> {
    // One look at the file for all that is read here, entries and what is known of their apps.
    let _as_of_now = readers::one_look(connection)?;
    let seq = rows::seq(connection, &window.run)?;
    // Each code is found in order, and so are the org's own entries and those of others, so that short lists are
    // merged here. Of what is done there is no index, and nothing in a hurry.
    let codes: &[i64] = match window.state {
        EntryState::Done => &[code::UNCHANGED, code::CHANGED],
        EntryState::Pending => &[code::PENDING],
        EntryState::Started => &[code::STARTED],
        EntryState::Waiting => &[code::WAITING],
        EntryState::Failed => &[code::FAILED],
    };
    let (after, end) = (
        rows::key_before(seq, window.after),
        rows::key_before(seq + 1, None),
    );
    let open = if window.state == EntryState::Done {
        "1"
    } else {
        OPEN
    };
    let mut found: Vec<EntryRow> = Vec::new();
    for of_queue in ["e.org = ?2 AND e.queue IS NULL", "e.queue = ?2"] {
        let sql = format!(
            "SELECT {ENTRY}, {} FROM entry e CROSS JOIN org o ON o.run = e.run AND o.no = e.org
             WHERE e.run = ?1 AND {of_queue} AND e.state = ?3 AND {open} AND e.key > ?4 AND e.key <= ?5
               AND e.adopted_by IS NULL ORDER BY e.key",
            compared::COLUMNS
        );
        let mut statement = connection.prepare_cached(&sql)?;
        for code in codes {
            let rows =
                statement.query_map(params![seq, window.org, code, after, end], to_work_on)?;
            // They come in order, one by one; with a bound LIMIT, SQLite would compile the statement each time.
            for row in rows.take(window.limit) {
                found.push(row?);
            }
        }
    }
    if !found.is_sorted_by_key(|row| row.no) {
        found.sort_unstable_by_key(|row| row.no);
    }
    found.truncate(window.limit);
    remember(connection, &mut found, seq, window.as_of)?;
    Ok(found)
}

/// Columns `ENTRY` and [`compared::COLUMNS`].
fn to_work_on(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    Ok(EntryRow {
        stored: Some(AsStored(compared::read(row, rows::ENTRY_COLUMNS)?)),
        ..rows::entry_row(row)?
    })
}

/// Adds what is known of the entries' apps, so that each need not ask by itself.
fn remember(connection: &Connection, found: &mut [EntryRow], seq: i64, as_of: i64) -> Result<()> {
    // Most are of one org.
    let mut last = None;
    for row in found {
        let org = match last {
            Some((no, org)) if no == row.org => org,
            _ => {
                let url: String = connection
                    .prepare_cached("SELECT url FROM org WHERE run = ?1 AND no = ?2")?
                    .query_row(params![seq, row.org], |row| row.get(0))?;
                let org = row_keys::org_no(connection, &url)?;
                last = Some((row.org, org));
                org
            }
        };
        let app_id = row.progress.app_id.as_ref();
        if let Some(app_id) = app_id.or(row.entry.app_id.as_ref()) {
            row.known = Some(Known {
                app: match org {
                    Some(org) => memory::of_app_in(connection, org, app_id)?,
                    None => AppMemory::default(),
                },
                as_of,
            });
        }
    }
    Ok(())
}

/// Reads so many rows of a run, one an entry, after that one.
pub(super) type Page<T> = fn(&Connection, &RunId, Option<EntryNo>, usize) -> Result<Vec<T>>;

/// Entries of all orgs and states, in manifest order.
pub(super) fn page(
    connection: &Connection,
    run: &RunId,
    after: Option<EntryNo>,
    limit: usize,
) -> Result<Vec<EntryRow>> {
    let seq = rows::seq(connection, run)?;
    let sql = format!(
        "SELECT {ENTRY} FROM entry e CROSS JOIN org o ON o.run = e.run AND o.no = e.org
         WHERE e.key > ?1 AND e.key < ?2 ORDER BY e.key LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        params![
            rows::key_before(seq, after),
            rows::first_key(seq + 1),
            i64::try_from(limit).unwrap_or(i64::MAX)
        ],
        rows::entry_row,
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The entry with this key.
pub(super) fn at(connection: &Connection, key: i64) -> Result<Option<EntryRow>> {
    let sql = format!(
        "SELECT {ENTRY} FROM entry e CROSS JOIN org o ON o.run = e.run AND o.no = e.org WHERE e.key = ?1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([key], rows::entry_row).optional()?)
}

/// Those that were changed, in manifest order.
pub(super) fn changed(connection: &Connection, run: &RunId, limit: usize) -> Result<Vec<EntryRow>> {
    let seq = rows::seq(connection, run)?;
    let sql = format!(
        "SELECT {ENTRY} FROM entry e CROSS JOIN org o ON o.run = e.run AND o.no = e.org
         WHERE e.key >= ?1 AND e.key < ?2 AND e.state = {} ORDER BY e.key LIMIT ?3",
        code::CHANGED
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        params![
            rows::first_key(seq),
            rows::first_key(seq + 1),
            i64::try_from(limit).unwrap_or(i64::MAX)
        ],
        rows::entry_row,
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Where entries of all orgs stand, in manifest order.
pub(super) fn standings(
    connection: &Connection,
    run: &RunId,
    after: Option<EntryNo>,
    limit: usize,
) -> Result<Vec<Standing>> {
    let seq = rows::seq(connection, run)?;
    let mut statement = connection.prepare_cached(
        "SELECT key, org, s.json -> '$.app', state, adopted_by IS NOT NULL,
             CASE WHEN state = 4 THEN s.json ->> '$.status' = 'DISABLED' END, queue
         FROM entry e CROSS JOIN spec s ON s.entry = e.key
         WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT ?3",
    )?;
    let rows = statement.query_map(
        params![
            rows::key_before(seq, after),
            rows::first_key(seq + 1),
            i64::try_from(limit).unwrap_or(i64::MAX)
        ],
        rows::standing,
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn entry(connection: &Connection, run: &RunId, no: EntryNo) -> Result<EntryRow> {
    let before = EntryNo(no.0.saturating_sub(1));
    let mut rows = page(connection, run, Some(before), 1)?;
    rows.pop()
        .filter(|row| row.no == no)
        .ok_or_else(|| Fault::NoRun(Some(format!("{} with an entry {no}", run.0))))
}

/// Once-only calls that no process saw end, of all runs.
pub(super) fn under_way(connection: &Connection) -> Result<Vec<UnderWay>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT r.id, called.url, json_extract(e.progress, '$.inFlight.sentAt') FROM org o
         CROSS JOIN entry e ON e.run = o.run AND e.org = o.no AND e.state = 1 AND {OPEN}
         JOIN org called ON called.run = o.run AND called.no = coalesce(e.queue, e.org)
         JOIN run r ON r.seq = o.run
         WHERE o.started > 0 AND r.imported = 1
           AND json_extract(e.progress, '$.inFlight.sentAt') IS NOT NULL
           AND NOT coalesce(json_extract(e.progress, '$.inFlight.ended'), 0)",
    ))?;
    let rows = statement.query_map([], |row| {
        Ok(UnderWay {
            run: RunId(row.get(0)?),
            org_url: row.get(1)?,
            sent_at: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Entries of a run that wait with a link that another one may have replaced.
pub(super) fn links_in_doubt(
    connection: &Connection,
    run: &RunId,
) -> Result<Vec<(OrgNo, EntryNo)>> {
    let seq = rows::seq(connection, run)?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT e.org, e.key - ?2 FROM org o
         CROSS JOIN entry e ON e.run = o.run AND e.org = o.no AND e.state = 2 AND {OPEN}
         WHERE o.run = ?1 AND o.waiting > 0 AND e.adopted_by IS NULL
           AND json_extract(e.progress, '$.linkInDoubt')",
    ))?;
    let rows = statement.query_map(params![seq, rows::first_key(seq)], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What the entries of a run refer to, of one org or by org; of many entries those of the first.
pub(super) fn secrets(
    connection: &Connection,
    run: &RunId,
    org: Option<OrgNo>,
) -> Result<HashMap<OrgNo, HashSet<SecretRef>>> {
    /// Looked at, whatever became of them: ten milliseconds.
    const ENTRIES: u32 = 2_000;
    let seq = rows::seq(connection, run)?;
    let among = match org {
        None => "?4 IS NULL ORDER BY key",
        // By the index of apps: what was ever sent went to one.
        Some(_) => "org = ?4 AND app_hash IS NOT NULL ORDER BY app_hash",
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT e.org, s.json ->> '$.connection.profile.token',
             s.json ->> '$.connection.profile.settings.adminPassword',
             s.json ->> '$.connection.profile.settings.adminUsername'
         FROM (SELECT key, org FROM entry WHERE run = ?5 AND key > ?1 AND key <= ?2 AND {among} LIMIT ?3) e
         CROSS JOIN spec s ON s.entry = e.key"
    ))?;
    let (begin, end) = (rows::key_before(seq, None), rows::key_before(seq + 1, None));
    let mut found: HashMap<OrgNo, HashSet<SecretRef>> = HashMap::new();
    let mut rows = statement.query(params![begin, end, ENTRIES, org, seq])?;
    while let Some(row) = rows.next()? {
        for column in 1..4 {
            // A plain name of an administrator is none.
            let reference = row.get::<_, Option<String>>(column)?;
            if let Some(Ok(reference)) = reference.as_deref().map(SecretRef::parse) {
                found.entry(row.get(0)?).or_default().insert(reference);
            }
        }
    }
    Ok(found)
}

pub(super) fn app_id_taken(
    connection: &Connection,
    run: &RunId,
    org: OrgNo,
    app_id: &str,
    except: EntryNo,
) -> Result<Option<u64>> {
    let seq = rows::seq(connection, run)?;
    let line: Option<i64> = connection
        .prepare_cached(
            "SELECT line FROM entry e CROSS JOIN spec s ON s.entry = e.key
             WHERE run = ?1 AND org = ?2 AND app_hash = ?3 AND key <> ?4
               AND coalesce(json_extract(progress, '$.appId'), json_extract(s.json, '$.appId')) = ?5
             ORDER BY key LIMIT 1",
        )?
        .query_row(
            params![
                seq,
                org,
                rows::app_hash(app_id),
                rows::entry_key(seq, except),
                app_id
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(line.and_then(|line| u64::try_from(line).ok()))
}

pub(super) fn labels(connection: &Connection, run: &RunId, org: OrgNo) -> Result<Vec<App>> {
    let seq = rows::seq(connection, run)?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT DISTINCT json_extract(s.json, '$.app') FROM entry e CROSS JOIN spec s ON s.entry = e.key
         WHERE run = ?1 AND org = ?2 AND state IN (0, 1, 2) AND {OPEN} AND app_hash IS NULL
         ORDER BY 1",
    ))?;
    let rows = statement.query_map(params![seq, org], |row| row.get::<_, String>(0))?;
    let mut apps = Vec::new();
    for name in rows {
        apps.extend(App::from_name(&name?));
    }
    Ok(apps)
}
