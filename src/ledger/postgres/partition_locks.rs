//! The locks of partitions, and of those that are asked for: what a session sees, takes and gives back at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use super::asks::Looked;
use super::locks::Kind;
use super::session::Connection;
use crate::ledger::Result;
use crate::ledger::partitions::{PARTITIONS, Partition};

static PARTITION_OF: LazyLock<HashMap<i64, (Kind, Partition)>> = LazyLock::new(|| {
    let all = (0..PARTITIONS).flat_map(|one| [(Kind::Partition, one), (Kind::Asked, one)]);
    all.map(|(kind, one)| (key(kind, one), (kind, one)))
        .collect()
});

/// What a lock is of, if it is one of these.
pub(super) fn of(key: i64) -> Option<(Kind, Partition)> {
    PARTITION_OF.get(&key).copied()
}

/// The number of its lock.
pub(super) fn key(kind: Kind, partition: Partition) -> i64 {
    kind.key(&partition.to_string())
}

const OTHERS: &str = "SELECT (classid::bigint << 32) | objid::bigint, pid FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid <> pg_backend_pid()
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// What other sessions hold and ask for.
pub(super) async fn look(session: &Connection) -> Result<Looked> {
    let mut looked = Looked::default();
    for row in session.query(OTHERS, &[]).await? {
        let pid = row.get(1)?;
        match PARTITION_OF.get(&row.get(0)?) {
            Some((Kind::Partition, held)) => drop(looked.others.insert(*held, pid)),
            Some((_, asked)) => looked.asked.push((*asked, pid)),
            None => {}
        }
    }
    Ok(looked)
}

/// Takes those that nobody has.
pub(super) async fn take(session: &Connection, partitions: &[Partition]) -> Result<Vec<Partition>> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<i64> = partitions
        .iter()
        .map(|one| key(Kind::Partition, *one))
        .collect();
    let sql = "SELECT key, pg_try_advisory_lock(key) FROM unnest($1::bigint[]) AS of (key)";
    let mut taken = Vec::new();
    for row in session.query(sql, &[&keys]).await? {
        if row.get(1)?
            && let Some((_, partition)) = PARTITION_OF.get(&row.get(0)?)
        {
            taken.push(*partition);
        }
    }
    Ok(taken)
}

/// Gives these back.
pub(super) async fn give_back(session: &Connection, keys: &[i64]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let sql = "SELECT pg_advisory_unlock(key) FROM unnest($1::bigint[]) AS of (key)";
    session.query(sql, &[&keys]).await.map(drop)
}

/// Asks for these in place of those.
pub(super) async fn ask(
    session: &Connection,
    before: &BTreeSet<Partition>,
    now: &BTreeSet<Partition>,
) -> Result<()> {
    let keys = |all: &mut dyn Iterator<Item = &Partition>| -> Vec<i64> {
        all.map(|one| key(Kind::Asked, *one)).collect()
    };
    let asks = keys(&mut now.difference(before));
    if !asks.is_empty() {
        let sql = "SELECT pg_try_advisory_lock_shared(key) FROM unnest($1::bigint[]) AS of (key)";
        session.query(sql, &[&asks]).await?;
    }
    let over = keys(&mut before.difference(now));
    if !over.is_empty() {
        let sql = "SELECT pg_advisory_unlock_shared(key) FROM unnest($1::bigint[]) AS of (key)";
        session.query(sql, &[&over]).await?;
    }
    Ok(())
}

/// Ends those of these sessions that have been waiting for their client in the middle of a statement for 3 s, which no
/// time-out of a session ends.
pub(super) async fn end_stuck(session: &Connection, sessions: &[i32]) -> Result<()> {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE pid = ANY($1) AND state = 'active' AND wait_event = 'ClientRead'
           AND state_change < now() - interval '3 s'";
    session.query(sql, &[&sessions]).await.map(drop)
}
