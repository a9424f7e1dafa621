//! Old runs are dropped, and what pruned runs left free is given back.
//!
//! As in the other backend a run that is dropped is invisible first and then removed a slice at a time, but for the
//! entries that apps are like. Slices leave room that is used again once PostgreSQL has vacuumed the tables, which their
//! settings have it do soon (`migrations/`).

use std::collections::HashSet;

use parking_lot::Mutex;

use super::Store;
use super::locks::Kind;
use super::session::{Connection, Row};
use crate::ledger::old_runs::{self, Candidate, LANDED};
use crate::ledger::stored::{self, code, first_key};
use crate::ledger::{Kept, Old, Pruned, Result};
use crate::model::{RunId, UnixMillis};

/// Entries removed in one transaction: some 20 ms.
const SLICE: usize = 1_000;

const CANDIDATE: &str = "SELECT r.seq, r.id, greatest(r.started_at, r.continued_at, r.finished_at),
         coalesce(sum(o.pending + o.started + o.waiting + o.unchanged + o.changed + o.failed), 0)::bigint,
         coalesce(sum(o.waiting - (SELECT count(*) FROM entry e
             WHERE e.run = o.run AND e.org = o.no AND e.adopted_by IS NOT NULL)), 0)::bigint,
         coalesce(sum(o.pending + o.started) FILTER (WHERE o.stopped IS NULL), 0)::bigint,
         coalesce(sum(o.pending + o.started + o.failed), 0)::bigint,
         NOT EXISTS (SELECT 1 FROM run later WHERE later.file_key = r.file_key AND later.seq > r.seq
             AND NOT later.dropped AND later.failed IS NULL),
         r.failed IS NULL
     FROM run r LEFT JOIN org o ON o.run = r.seq WHERE NOT r.dropped";

/// Whether anybody may go on: asked before each slice.
type Stop<'s> = &'s (dyn Fn() -> bool + Send + Sync);

impl Store {
    pub async fn prune(
        &self,
        old: Old,
        now: UnixMillis,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> Result<Pruned> {
        let stop = Mutex::new(stop);
        let stop = || (stop.lock())();
        self.writer()?;
        let calls = self.under_way().await?.into_iter();
        let may_land = calls.filter(|call| call.sent_at.after(LANDED) > now);
        let in_flight: HashSet<RunId> = may_land.map(|call| call.run).collect();
        let all = candidates(&*self.reader().await?).await?;
        let mut pruned = Pruned::default();
        let candidates = old_runs::beyond(all, old.beyond.unwrap_or(0)).into_iter();
        for candidate in candidates.filter(|candidate| candidate.is_older_than(old.before)) {
            if stop() {
                break;
            }
            let may_land = in_flight.contains(&candidate.id);
            let in_use = candidate.use_of();
            if let Some(kept) = in_use.or_else(|| may_land.then_some(Kept::Interrupted)) {
                pruned.kept.push((candidate.id, kept));
                continue;
            }
            let Ok(held) = self.lock(Kind::Run.key(&candidate.id.0), None).await? else {
                pruned.kept.push((candidate.id, Kept::Held));
                continue;
            };
            if self.hide(&candidate, old.before).await? {
                pruned.runs += 1;
                pruned.entries += candidate.entries;
            }
            drop(held);
        }
        self.remove_dropped(&stop).await?;
        Ok(pruned)
    }

    /// Makes a run invisible, unless somebody worked on it since it was looked at.
    async fn hide(&self, candidate: &Candidate, before: Option<UnixMillis>) -> Result<bool> {
        let transaction = self.begin().await?;
        let sql = format!("{CANDIDATE} AND r.seq = $1 GROUP BY r.seq");
        let again = transaction.query_opt(&sql, &[&candidate.seq]).await?;
        let again = again.as_ref().map(read).transpose()?;
        if again.is_none_or(|again| again.use_of().is_some() || !again.is_older_than(before)) {
            return Ok(false);
        }
        let sql = "UPDATE run SET dropped = true WHERE seq = $1";
        transaction.execute(sql, &[&candidate.seq]).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Removes what dropped runs left, a slice at a time.
    async fn remove_dropped(&self, stop: Stop<'_>) -> Result<()> {
        let reader = self.reader().await?;
        let sql = "SELECT seq, id FROM run WHERE dropped ORDER BY seq";
        let rows = reader.query(sql, &[]).await?;
        let runs: Vec<i64> = rows.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
        if runs.is_empty() {
            return Ok(());
        }
        // Nobody finds these runs any more, so that no other of their entries is ever added to these.
        let liked = liked(&reader, &runs).await?;
        for (seq, row) in runs.into_iter().zip(&rows) {
            if is_down_to_use(&reader, seq).await? || !self.is_dropped(seq, row.text(1)?).await? {
                continue;
            }
            let mut after = Some(first_key(seq) - 1);
            while let Some(last) = after {
                if stop() {
                    return Ok(());
                }
                let transaction = self.begin().await?;
                after = remove_slice(&transaction, (seq, last), &liked).await?;
                transaction.commit().await?;
            }
        }
        let transaction = self.begin().await?;
        // Of processes that are long gone.
        let sql = "DELETE FROM change WHERE at < now() - interval '30 days'";
        transaction.execute(sql, &[]).await?;
        transaction.commit().await
    }

    /// Whether it is not one that is just being stored.
    async fn is_dropped(&self, seq: i64, id: &str) -> Result<bool> {
        let transaction = self.begin().await?;
        let import = Kind::Import.key(id);
        let is_ours = transaction
            .query_one("SELECT pg_try_advisory_xact_lock($1)", &[&import])
            .await?;
        // Looked at anew: what was stored meanwhile is visible.
        let sql = "SELECT EXISTS (SELECT 1 FROM run WHERE seq = $1 AND dropped)";
        let is_still = transaction.query_one(sql, &[&seq]).await?;
        Ok(is_ours.get(0)? && is_still.get(0)?)
    }

    /// What is free at the end of a table goes back to the file system; other room is used again. Nobody waits for it.
    pub async fn vacuum(&self) -> Result<u64> {
        self.writer()?;
        // It takes its time, and a session that owns has none.
        let connection = self.inner.target.connect().await?;
        let before = size(&connection).await?;
        for table in [
            "entry", "spec", "call", "app", "org", "run", "notice", "wave",
        ] {
            connection
                .batch(&format!("VACUUM (ANALYZE) {table}"))
                .await?;
        }
        Ok(before.saturating_sub(size(&connection).await?))
    }
}

/// What all tables take with their indexes, in bytes.
pub(super) async fn size(connection: &Connection) -> Result<u64> {
    let sql = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
         WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace($1)";
    let row = connection.query_one(sql, &[&super::connect::SCHEMA]);
    row.await?.count(0)
}

async fn candidates(connection: &Connection) -> Result<Vec<Candidate>> {
    let sql = format!("{CANDIDATE} GROUP BY r.seq ORDER BY r.seq DESC");
    let rows = connection.query(&sql, &[]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Candidate> {
    Ok(Candidate {
        seq: row.get(0)?,
        id: RunId(row.get(1)?),
        worked_on_at: row.get(2)?,
        entries: row.count(3)?,
        waiting: row.get(4)?,
        movable: row.get(5)?,
        not_done: row.get(6)?,
        is_last: row.get(7)?,
        began: row.get(8)?,
    })
}

/// The entries of dropped runs that apps are like.
async fn liked(connection: &Connection, runs: &[i64]) -> Result<HashSet<i64>> {
    let sql = "SELECT applied_by FROM app WHERE (applied_by >> 32) = ANY($1)
         UNION SELECT moving_by FROM app WHERE (moving_by >> 32) = ANY($1)";
    let rows = connection.query(sql, &[&runs]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Whether nothing of a dropped run is left but what has to stay.
async fn is_down_to_use(connection: &Connection, seq: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM entry WHERE key >= $1 AND key < $2),
         EXISTS (SELECT 1 FROM entry WHERE key >= $1 AND key < $2 AND progress IS NOT NULL),
         EXISTS (SELECT 1 FROM call WHERE entry >= $1 AND entry < $2),
         EXISTS (SELECT 1 FROM entry e WHERE key >= $1 AND key < $2
             AND NOT EXISTS (SELECT 1 FROM app WHERE applied_by = e.key)
             AND NOT EXISTS (SELECT 1 FROM app WHERE moving_by = e.key)),
         EXISTS (SELECT 1 FROM entry WHERE adopted_by = $3)";
    let params = [first_key(seq), first_key(seq + 1), seq];
    let [first, end, seq] = &params;
    let row = connection.query_one(sql, &[first, end, seq]).await?;
    let [is_any_left, has_story, has_calls, has_unliked, is_named] = [
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
    ];
    Ok(if is_any_left {
        !(has_story || has_calls || has_unliked)
    } else {
        is_named
    })
}

/// Removes the entries after that key; returns the last one, or `None` once there are no more.
async fn remove_slice(
    transaction: &Connection,
    (seq, after): (i64, i64),
    liked: &HashSet<i64>,
) -> Result<Option<i64>> {
    let sql = "SELECT key FROM entry WHERE key > $1 AND key < $2 ORDER BY key LIMIT $3 FOR UPDATE";
    let (end, most) = (first_key(seq + 1), stored::integer(SLICE as u64));
    let rows = transaction.query(sql, &[&after, &end, &most]).await?;
    let keys: Vec<i64> = rows.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
    let Some(last) = keys.last().copied() else {
        remove_run(transaction, seq).await?;
        return Ok(None);
    };
    // Of all of the slice, by the range: nothing else is in it.
    let range = |column: &str| format!("{column} > $1 AND {column} <= $2");
    let sql = format!("DELETE FROM call WHERE {}", range("entry"));
    transaction.execute(&sql, &[&after, &last]).await?;
    let (stay, go): (Vec<i64>, Vec<i64>) = keys.into_iter().partition(|key| liked.contains(key));
    let sql =
        "UPDATE entry SET state = $2, progress = NULL, due_at = NULL, error = NULL, consent = NULL,
             queue = NULL, adopted_by = NULL, drifted = false
         WHERE key = ANY($1) AND (progress IS NOT NULL OR state <> $2)";
    transaction.execute(sql, &[&stay, &code::UNCHANGED]).await?;
    for sql in [
        "DELETE FROM spec WHERE entry = ANY($1)",
        "DELETE FROM entry WHERE key = ANY($1)",
    ] {
        transaction.execute(sql, &[&go]).await?;
    }
    Ok(Some(last))
}

/// Removes what is left of a run whose entries are gone; the orgs of those that stay, and a run that earlier ones name
/// as where their consents went, stay.
async fn remove_run(transaction: &Connection, seq: i64) -> Result<()> {
    for sql in [
        "DELETE FROM wave WHERE run = $1",
        "DELETE FROM notice WHERE run = $1",
    ] {
        transaction.execute(sql, &[&seq]).await?;
    }
    let (first, end) = (first_key(seq), first_key(seq + 1));
    for sql in [
        "DELETE FROM org WHERE run = $1
           AND no NOT IN (SELECT org FROM entry WHERE key >= $2 AND key < $3)",
        "DELETE FROM run WHERE seq = $1
           AND NOT EXISTS (SELECT 1 FROM entry WHERE key >= $2 AND key < $3)
           AND NOT EXISTS (SELECT 1 FROM entry WHERE adopted_by = $1)",
    ] {
        transaction.execute(sql, &[&seq, &first, &end]).await?;
    }
    Ok(())
}
