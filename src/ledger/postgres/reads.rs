//! Every question to the ledger about entries that changes nothing.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use tokio_postgres::types::ToSql;

use super::rows::{self, COMPARED, ENTRY, OF_ENTRY};
use super::session::Connection;
use super::{Store, memory};
use crate::apps::App;
use crate::ledger::stored::{self, code};
use crate::ledger::{EntryRow, Known, Result, Standing};
use crate::model::{EntryNo, EntryState, OrgNo, RunId};

/// What makes PostgreSQL use the index of entries by state, which leaves out those that are done.
pub(super) const OPEN: &str = "e.state NOT IN (3, 4)";

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

    pub async fn for_each_entry(&self, run: &RunId, each: impl FnMut(EntryRow)) -> Result<()> {
        let _ = (run, each);
        todo_stub!()
    }

    pub async fn for_each_standing(&self, run: &RunId, each: impl FnMut(Standing)) -> Result<()> {
        let _ = (run, each);
        todo_stub!()
    }

    pub async fn changed(&self, run: &RunId, limit: usize) -> Result<Vec<EntryRow>> {
        let _ = (run, limit);
        todo_stub!()
    }

    pub async fn app_id_taken(
        &self,
        run: &RunId,
        org: OrgNo,
        app_id: &str,
        except: EntryNo,
    ) -> Result<Option<u64>> {
        let _ = (run, org, app_id, except);
        todo_stub!()
    }

    pub async fn labels(&self, run: &RunId, org: OrgNo) -> Result<Vec<App>> {
        let _ = (run, org);
        todo_stub!()
    }
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
