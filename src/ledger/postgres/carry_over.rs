//! Consents that outlive their run: what an earlier run still waits for is taken over by the same entry of the new run, so
//! that the link somebody may be about to click stays good. And links that do not: a fresh one replaces those that other
//! runs wait for.

use super::locks::{self, Kind};
use super::session::Connection;
use super::{rows, sums};
use crate::ledger::Result;
use crate::ledger::carriable::{Carriable, CarryOver, Waiting};
use crate::ledger::stored::{self, Delta, code};
use crate::model::{OrgNo, RunId};

/// What any run waits for; the newest run's where several do. The file does not matter: a run by hand may be followed
/// by a job over the same manifest. An answer that is being handed in is its run's, unless no session has that.
pub(super) async fn of_all_runs(connection: &Connection) -> Result<Carriable> {
    let sql = "SELECT o.url, s.json, e.key, e.version, e.state, r.id FROM entry e
             JOIN org o ON o.run = e.run AND o.no = e.org JOIN run r ON r.seq = e.run
             JOIN spec s ON s.entry = e.key
             WHERE e.consent IS NOT NULL AND e.state IN (1, 2) AND NOT r.dropped
             ORDER BY e.key";
    let mut found = Carriable::default();
    for row in connection.query(sql, &[]).await? {
        let run = RunId(row.get(5)?);
        let is_handed_in = row.get::<i64>(4)? == code::STARTED;
        if is_handed_in && locks::is_held(connection, Kind::Run.key(&run.0)).await? {
            continue;
        }
        let waiting = Waiting {
            key: row.get(2)?,
            version: row.get(3)?,
        };
        // The newest run's comes last and wins.
        found.add(row.text(0)?, row.text(1)?, waiting);
    }
    Ok(found)
}

/// Takes the consent over, unless it moved on while the manifest was read: then the entry simply begins like any
/// other.
pub(super) async fn apply(carried: &CarryOver, transaction: &Connection, seq: i64) -> Result<()> {
    let Waiting { key, version } = carried.from;
    let sql = "SELECT run, org, state FROM entry
             WHERE key = $1 AND version = $2 AND state IN (1, 2) AND consent IS NOT NULL AND adopted_by IS NULL
             FOR NO KEY UPDATE";
    let Some(taken) = transaction.query_opt(sql, &[&key, &version]).await? else {
        return Ok(());
    };
    let of: (i64, OrgNo) = (taken.get(0)?, taken.get(1)?);
    let state: i64 = taken.get(2)?;
    let new = stored::entry_key(seq, carried.no);
    let sql = "UPDATE entry n SET state = e.state, progress = e.progress, app_hash = e.app_hash,
                 consent = e.consent, drifted = e.drifted, due_at = e.due_at, checked_at = e.checked_at
             FROM entry e WHERE n.key = $1 AND e.key = $2 RETURNING n.org";
    let org = transaction.query_one(sql, &[&new, &key]).await?.get(0)?;
    // Where it was, it is counted among those that wait.
    let sql = "UPDATE entry SET state = 2, consent = NULL, adopted_by = $2, version = version + 1
             WHERE key = $1";
    transaction.execute(sql, &[&key, &seq]).await?;
    move_one(transaction, of, (state, code::WAITING)).await?;
    move_one(transaction, (seq, org), (code::PENDING, state)).await
}

async fn move_one(
    transaction: &Connection,
    of: (i64, OrgNo),
    (from, to): (i64, i64),
) -> Result<()> {
    let mut delta = Delta::default();
    delta.moved(from, to);
    sums::add_to_org(transaction, of, delta).await
}

/// Takes the older links for the app of entry `key`, which has just got a fresh one, from the entries of other runs that
/// wait for them: Okta takes an answer to the newest link only (API.md §4).
pub(super) async fn replace(session: &Connection, key: i64) -> Result<()> {
    let of = rows::OF_ENTRY;
    let sql = format!(
        "SELECT e.key, e.progress, s.json, o.url, e.app_hash, e.run FROM {of} WHERE e.key = $1"
    );
    let fresh = session.query_one(&sql, &[&key]).await?;
    let app_id = rows::app_id(&fresh, 1)?;
    let (hash, run): (Option<i32>, i64) = (fresh.get(4)?, fresh.get(5)?);
    let sql = format!(
        "SELECT e.key, e.progress, s.json FROM {of}
         WHERE e.app_hash = $1 AND e.consent IS NOT NULL AND e.state = 2 AND e.run <> $2 AND o.url = $3
         ORDER BY e.key FOR NO KEY UPDATE OF e"
    );
    let mut replaced: Vec<i64> = Vec::new();
    for row in session.query(&sql, &[&hash, &run, &fresh.text(3)?]).await? {
        if rows::app_id(&row, 1)? == app_id {
            replaced.push(row.get(0)?);
        }
    }
    if replaced.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE entry SET consent = NULL, adopted_by = $2, version = version + 1 WHERE key = ANY($1)";
    session.execute(sql, &[&replaced, &run]).await.map(drop)
}
