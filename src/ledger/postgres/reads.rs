//! Every question to the ledger about entries that changes nothing.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use tokio_postgres::types::ToSql;

use super::rows::{self, COMPARED, ENTRY, OF_ENTRY, OPEN};
use super::session::{Connection, Row};
use super::{Store, memory};
use crate::apps::App;
use crate::ledger::stored::{self, code};
use crate::ledger::{EntryRow, Known, Result, Standing};
use crate::model::{EntryNo, EntryState, OrgNo, RunId};

/// Entries read at once, whole and only where they stand: some hundred KB.
pub(super) const PAGE_ROWS: i64 = 1_000;
const STANDINGS: i64 = 10_000;

/// A page of entries `e` with their `spec s`: those of a range of keys, which is short whatever PostgreSQL knows of the
/// tables and however it reads them.
pub(super) const PAGE: &str =
    "e.key >= $1 AND e.key < $2 AND s.entry >= $1 AND s.entry < $2 ORDER BY e.key";

impl Store {
    pub async fn load(
        &self,
        run: &RunId,
        org: OrgNo,
        state: EntryState,
        after: Option<EntryNo>,
        limit: usize,
    ) -> Result<Vec<EntryRow>> {
        let as_of = self.inner.others.load(Ordering::Relaxed);
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let (states, open): (&[i64], _) = match state {
            EntryState::Done => (&[code::UNCHANGED, code::CHANGED], "true"),
            EntryState::Pending => (&[code::PENDING], OPEN),
            EntryState::Started => (&[code::STARTED], OPEN),
            EntryState::Waiting => (&[code::WAITING], OPEN),
            EntryState::Failed => (&[code::FAILED], OPEN),
        };
        let (after, end) = (
            stored::key_before(seq, after),
            stored::key_before(seq + 1, None),
        );
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = Vec::new();
        // Each is found in order by an index of its own.
        for of_queue in ["e.org = $2 AND e.queue IS NULL", "e.queue = $2"] {
            let sql = format!(
                "SELECT {ENTRY}, {COMPARED} FROM {OF_ENTRY}
                 WHERE e.run = $1 AND {of_queue} AND e.state = $3 AND {open} AND e.key > $4 AND e.key <= $5
                   AND e.adopted_by IS NULL ORDER BY e.key LIMIT $6"
            );
            for state in states {
                let params: [&(dyn ToSql + Sync); 6] = [&seq, &org, state, &after, &end, &most];
                for row in reader.query(&sql, &params).await? {
                    found.push(rows::to_work_on(&row)?);
                }
            }
        }
        found.sort_unstable_by_key(|row| row.no);
        found.truncate(limit);
        remember(&reader, &mut found, seq, as_of).await?;
        Ok(found)
    }

    pub async fn entry(&self, run: &RunId, no: EntryNo) -> Result<EntryRow> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let missing = || rows::no_run(&reader, Some(format!("{} with an entry {no}", run.0)));
        at(&reader, stored::entry_key(seq, no))
            .await?
            .ok_or_else(missing)
    }

    pub async fn for_each_entry(&self, run: &RunId, mut each: impl FnMut(EntryRow)) -> Result<()> {
        let sql = format!("SELECT {ENTRY} FROM {OF_ENTRY} WHERE {PAGE}");
        let each = |row: &Row| rows::entry_row(row, 0).map(&mut each);
        self.for_each_row(run, &sql, PAGE_ROWS, each).await
    }

    pub async fn for_each_standing(
        &self,
        run: &RunId,
        mut each: impl FnMut(Standing),
    ) -> Result<()> {
        let sql = format!(
            "SELECT e.key, e.org, e.queue, s.app, e.state, e.state = {} AND s.off, e.adopted_by IS NOT NULL
             FROM entry e JOIN spec s ON s.entry = e.key WHERE {PAGE}",
            code::CHANGED
        );
        let each = |row: &Row| standing(row).map(&mut each);
        self.for_each_row(run, &sql, STANDINGS, each).await
    }

    /// Hands out what `sql` reads of a run's entries between two keys, so many at a time: memory is bounded, and whoever
    /// takes long over a page keeps PostgreSQL from nothing meanwhile.
    pub(super) async fn for_each_row(
        &self,
        run: &RunId,
        sql: &str,
        size: i64,
        mut each: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        let mut pages = None;
        loop {
            let page = {
                let reader = self.reader().await?;
                let seq = rows::seq(&reader, run).await?;
                let (begin, end) = match pages {
                    Some(pages) => pages,
                    None => (stored::first_key(seq), end_of(&reader, seq).await?),
                };
                if begin >= end {
                    return Ok(());
                }
                let next = end.min(begin.saturating_add(size));
                pages = Some((next, end));
                reader.query(sql, &[&begin, &next]).await?
            };
            page.iter().try_for_each(&mut each)?;
        }
    }

    /// Those that were changed, in manifest order.
    pub async fn changed(&self, run: &RunId, limit: usize) -> Result<Vec<EntryRow>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = "SELECT key FROM entry WHERE key >= $1 AND key < $2 AND state = $3 ORDER BY key LIMIT $4";
        let (begin, end) = (stored::first_key(seq), stored::first_key(seq + 1));
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let params: [&(dyn ToSql + Sync); 4] = [&begin, &end, &code::CHANGED, &most];
        let keys = reader.query(sql, &params).await?;
        let keys: Vec<i64> = keys.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
        at_keys(&reader, &keys).await
    }

    pub async fn app_id_taken(
        &self,
        run: &RunId,
        org: OrgNo,
        app_id: &str,
        except: EntryNo,
    ) -> Result<Option<u64>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let (hash, except) = (stored::app_hash(app_id), stored::entry_key(seq, except));
        let sql = "SELECT e.line, e.progress, s.json FROM entry e JOIN spec s ON s.entry = e.key
             WHERE e.run = $1 AND e.org = $2 AND e.app_hash = $3 AND e.key <> $4 ORDER BY e.key";
        let params: [&(dyn ToSql + Sync); 4] = [&seq, &org, &hash, &except];
        for row in reader.query(sql, &params).await? {
            if rows::app_id(&row, 1)?.as_deref() == Some(app_id) {
                return row.count(0).map(Some);
            }
        }
        Ok(None)
    }

    pub async fn labels(&self, run: &RunId, org: OrgNo) -> Result<Vec<App>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = format!(
            "SELECT DISTINCT s.app COLLATE \"C\" FROM entry e JOIN spec s ON s.entry = e.key
             WHERE e.run = $1 AND e.org = $2 AND e.state IN (0, 1, 2) AND {OPEN} AND e.app_hash IS NULL
             ORDER BY 1"
        );
        let mut apps = Vec::new();
        for row in reader.query(&sql, &[&seq, &org]).await? {
            apps.extend(App::from_name(row.text(0)?));
        }
        Ok(apps)
    }
}

/// Where an entry stands: columns `key`, `org`, `queue`, `app`, `state`, whether it switched its app off, whether it was
/// carried over.
fn standing(row: &Row) -> Result<Standing> {
    let app = row.text(3)?;
    let code: i64 = row.get(4)?;
    Ok(Standing {
        no: stored::entry_no(row.get(0)?),
        org: row.get(1)?,
        queue: row.get(2)?,
        app: App::from_name(app).ok_or_else(|| row.unreadable(&format!("app {app}")))?,
        state: rows::state(row, 4)?,
        changed: code == code::CHANGED,
        deactivated: row.get(5)?,
        carried_over: row.get(6)?,
    })
}

/// The key after a run's last entry: keys are consecutive.
async fn end_of(connection: &Connection, seq: i64) -> Result<i64> {
    let sql = "SELECT max(key) FROM entry WHERE key >= $1 AND key < $2";
    let (begin, end) = (stored::first_key(seq), stored::first_key(seq + 1));
    let row = connection.query_one(sql, &[&begin, &end]).await?;
    let last: Option<i64> = row.get(0)?;
    Ok(last.map_or(begin, |last| last + 1))
}

/// Entries with these keys, in manifest order.
pub(super) async fn at_keys(connection: &Connection, keys: &[i64]) -> Result<Vec<EntryRow>> {
    let sql = format!("SELECT {ENTRY} FROM {OF_ENTRY} WHERE e.key = ANY($1) ORDER BY e.key");
    let rows = connection.query(&sql, &[&keys]).await?;
    rows.iter().map(|row| rows::entry_row(row, 0)).collect()
}

/// The entry with this key.
pub(super) async fn at(connection: &Connection, key: i64) -> Result<Option<EntryRow>> {
    let sql = format!("SELECT {ENTRY} FROM {OF_ENTRY} WHERE e.key = $1");
    let row = connection.query_opt(&sql, &[&key]).await?;
    row.map(|row| rows::entry_row(&row, 0)).transpose()
}

/// Adds what is known of the entries' apps, so that each need not ask by itself.
async fn remember(
    connection: &Connection,
    found: &mut [EntryRow],
    seq: i64,
    as_of: i64,
) -> Result<()> {
    // Most are of one org.
    let orgs: HashSet<OrgNo> = found.iter().map(|row| row.org).collect();
    for org in orgs {
        let sql = "SELECT url FROM org WHERE run = $1 AND no = $2";
        let row = connection.query_one(sql, &[&seq, &org]).await?;
        let of_org = || found.iter().filter(|row| row.org == org);
        let ids: Vec<&str> = of_org().filter_map(app_id).collect();
        let known = memory::of_apps(connection, row.text(0)?, &ids).await?;
        for row in found.iter_mut().filter(|row| row.org == org) {
            let app = app_id(row).map(|id| known.get(id).cloned().unwrap_or_default());
            row.known = app.map(|app| Known { app, as_of });
        }
    }
    Ok(())
}

fn app_id(row: &EntryRow) -> Option<&str> {
    let found = row.progress.app_id.as_deref();
    found.or(row.entry.app_id.as_deref())
}
