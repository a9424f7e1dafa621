//! Old runs are dropped: the ledger otherwise only grows, by some 0.9 KB an entry and night.
//!
//! What is remembered of apps and their secrets stays, and so do the wishes behind it: an entry that an app is like is
//! kept without its story, in a run that nobody sees any more. A run that is dropped is invisible first and then
//! removed a slice at a time, so that others get their turn and a process that is killed leaves a whole ledger; what
//! it did not get to is removed the next time. Freed pages are used again; [`Store::vacuum`] gives them back.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, params};

use super::lock::FileLock;
use super::rows::{self, Result, code};
use super::{Inner, Store, blocking, reads};
use crate::ledger::old_runs::{self, Candidate, LANDED};
use crate::ledger::{Kept, LedgerError, Old, Pruned};
use crate::model::{RunId, UnixMillis};

/// `run.imported` of a run that was dropped.
const DROPPED: i64 = 2;

/// Entries removed in one transaction: some 30 ms.
const SLICE: i64 = 1_000;

/// Shortest pause after a transaction, in which another process that waits gets its turn: SQLite lets it look so often.
const PAUSE: Duration = Duration::from_millis(20);

const CANDIDATE: &str = "SELECT r.seq, r.id,
         max(r.started_at, coalesce(r.continued_at, r.started_at), coalesce(r.finished_at, r.started_at)),
         coalesce(sum(o.pending + o.started + o.waiting + o.unchanged + o.changed + o.failed), 0),
         coalesce(sum(o.waiting - (SELECT count(*) FROM entry e
             WHERE e.run = o.run AND e.org = o.no AND e.adopted_by IS NOT NULL)), 0),
         coalesce(sum(iif(o.stopped IS NULL, o.pending + o.started, 0)), 0),
         coalesce(sum(o.pending + o.started + o.failed), 0),
         NOT EXISTS (SELECT 1 FROM run later WHERE later.file_key = r.file_key AND later.seq > r.seq
             AND later.imported = 1 AND later.failed IS NULL),
         r.failed IS NULL
     FROM run r LEFT JOIN org o ON o.run = r.seq";

fn candidate(row: &rusqlite::Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        seq: row.get(0)?,
        id: RunId(row.get(1)?),
        worked_on_at: row.get(2)?,
        entries: rows::count(row, 3)?,
        waiting: row.get(4)?,
        movable: row.get(5)?,
        not_done: row.get(6)?,
        is_last: row.get(7)?,
        began: row.get(8)?,
    })
}

fn candidates(connection: &Connection) -> Result<Vec<Candidate>> {
    let sql = format!("{CANDIDATE} WHERE r.imported = 1 GROUP BY r.seq ORDER BY r.seq DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], candidate)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn candidate_again(connection: &Connection, seq: i64) -> Result<Option<Candidate>> {
    let sql = format!("{CANDIDATE} WHERE r.imported = 1 AND r.seq = ?1 GROUP BY r.seq");
    Ok(connection
        .prepare_cached(&sql)?
        .query_row([seq], candidate)
        .optional()?)
}

impl Store {
    pub async fn prune(
        &self,
        old: Old,
        now: UnixMillis,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> std::result::Result<Pruned, LedgerError> {
        let inner = Arc::clone(&self.inner);
        blocking(self.inner.path.clone(), move |_| {
            prune(&inner, old, now, &stop)
        })
        .await
    }
}

fn prune(
    ledger: &Inner,
    old: Old,
    now: UnixMillis,
    stop: &impl Fn() -> bool,
) -> std::result::Result<Pruned, LedgerError> {
    let writer = ledger.writer()?;
    let mut pruned = Pruned::default();
    let mut dropped = Vec::new();
    let (all, in_flight) = ledger.read(|connection| {
        let calls = reads::under_way(connection)?.into_iter();
        let may_land = calls.filter(|call| call.sent_at.after(LANDED) > now);
        let runs: HashSet<RunId> = may_land.map(|call| call.run).collect();
        Ok((candidates(connection)?, runs))
    })?;
    let candidates = old_runs::beyond(all, old.beyond.unwrap_or(0)).into_iter();
    for candidate in candidates.filter(|candidate| candidate.is_older_than(old.before)) {
        if stop() {
            break;
        }
        let in_use = candidate.use_of();
        let in_use = in_use.or_else(|| {
            in_flight
                .contains(&candidate.id)
                .then_some(Kept::Interrupted)
        });
        if let Some(kept) = in_use {
            pruned.kept.push((candidate.id, kept));
            continue;
        }
        let lock = match FileLock::acquire(&ledger.locks(), &candidate.id) {
            Ok(lock) => lock,
            Err(LedgerError::Held { run, .. }) => {
                pruned.kept.push((run, Kept::Held));
                continue;
            }
            Err(error) => return Err(error),
        };
        let (seq, entries) = (candidate.seq, candidate.entries);
        if writer.write_blocking(move |transaction| hide(transaction, &candidate, old.before))? {
            pruned.runs += 1;
            pruned.entries += entries;
            dropped.push((seq, lock));
        }
    }
    remove(ledger, stop)?;
    drop(dropped);
    Ok(pruned)
}

/// Makes a run invisible, unless somebody worked on it since it was looked at.
fn hide(
    transaction: &Connection,
    candidate: &Candidate,
    before: Option<UnixMillis>,
) -> Result<bool> {
    let again = candidate_again(transaction, candidate.seq)?;
    if again.is_none_or(|again| again.use_of().is_some() || !again.is_older_than(before)) {
        return Ok(false);
    }
    transaction
        .prepare_cached("UPDATE run SET imported = ?2 WHERE seq = ?1")?
        .execute([candidate.seq, DROPPED])?;
    Ok(true)
}

/// Removes what dropped runs left, a slice at a time.
fn remove(ledger: &Inner, stop: &impl Fn() -> bool) -> std::result::Result<(), LedgerError> {
    let runs: Vec<i64> = ledger.read(|connection| {
        let mut statement =
            connection.prepare_cached("SELECT seq FROM run WHERE imported = ?1 ORDER BY seq")?;
        let rows = statement.query_map([DROPPED], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    })?;
    if runs.is_empty() {
        return Ok(());
    }
    // Nobody finds these runs any more, so that no other of their entries is ever added to these.
    let liked = Arc::new(
        ledger.read(move |connection| liked(connection, &runs.iter().copied().collect()))?,
    );
    for seq in liked.runs.clone() {
        if ledger.read(|connection| is_down_to_use(connection, seq, &liked.entries))? {
            continue;
        }
        let mut after = Some(rows::first_key(seq) - 1);
        while let Some(last) = after {
            if stop() {
                return Ok(());
            }
            let begun = Instant::now();
            let liked = Arc::clone(&liked);
            let slice = move |transaction: &Connection| {
                remove_slice(transaction, seq, last, &liked.entries)
            };
            after = ledger.writer()?.write_blocking(slice)?;
            std::thread::sleep(begun.elapsed().max(PAUSE));
        }
    }
    Ok(())
}

/// Dropped runs, and their entries that apps are like.
struct Liked {
    runs: Vec<i64>,
    entries: HashSet<i64>,
}

fn liked(connection: &Connection, runs: &HashSet<i64>) -> Result<Liked> {
    let mut statement = connection.prepare_cached(
        "SELECT applied_by FROM app WHERE applied_by IS NOT NULL
         UNION ALL SELECT moving_by FROM app WHERE moving_by IS NOT NULL",
    )?;
    let mut entries = HashSet::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key: i64 = row.get(0)?;
        if runs.contains(&rows::run_seq(key)) {
            entries.insert(key);
        }
    }
    let mut runs: Vec<i64> = runs.iter().copied().collect();
    runs.sort_unstable();
    Ok(Liked { runs, entries })
}

/// Whether nothing of a dropped run is left but what has to stay.
fn is_down_to_use(connection: &Connection, seq: i64, liked: &HashSet<i64>) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT key, last_call IS NULL AND progress IS NULL FROM entry WHERE key >= ?1 AND key < ?2",
    )?;
    let mut rows = statement.query([rows::first_key(seq), rows::first_key(seq + 1)])?;
    let mut is_any_left = false;
    while let Some(row) = rows.next()? {
        is_any_left = true;
        if !liked.contains(&row.get(0)?) || !row.get::<_, bool>(1)? {
            return Ok(false);
        }
    }
    if is_any_left {
        return Ok(true);
    }
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM entry WHERE adopted_by = ?1 AND adopted_by IS NOT NULL LIMIT 1",
        )?
        .exists([seq])?)
}

/// Removes the entries after that key; returns the last one, or `None` once there are no more.
fn remove_slice(
    transaction: &Connection,
    seq: i64,
    after: i64,
    liked: &HashSet<i64>,
) -> Result<Option<i64>> {
    let entries: Vec<(i64, Option<i64>)> = transaction
        .prepare_cached(
            "SELECT key, last_call FROM entry WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT ?3",
        )?
        .query_map([after, rows::first_key(seq + 1), SLICE], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let Some((last, _)) = entries.last().copied() else {
        remove_run(transaction, seq)?;
        return Ok(None);
    };
    for (key, last_call) in entries {
        remove_calls(transaction, last_call)?;
        if liked.contains(&key) {
            transaction
                .prepare_cached(
                    "UPDATE entry SET state = ?2, progress = NULL, due_at = NULL, error = NULL, consent = NULL,
                         queue = NULL, adopted_by = NULL, drifted = 0, last_call = NULL
                     WHERE key = ?1 AND (last_call IS NOT NULL OR progress IS NOT NULL)",
                )?
                .execute([key, code::UNCHANGED])?;
        } else {
            for sql in [
                "DELETE FROM spec WHERE entry = ?1",
                "DELETE FROM entry WHERE key = ?1",
            ] {
                transaction.prepare_cached(sql)?.execute([key])?;
            }
        }
    }
    Ok(Some(last))
}

/// The calls of an entry are a chain.
fn remove_calls(transaction: &Connection, last: Option<i64>) -> Result<()> {
    let mut next = last;
    let mut statement =
        transaction.prepare_cached("DELETE FROM call WHERE id = ?1 RETURNING previous")?;
    while let Some(id) = next {
        let previous: Option<i64> = statement
            .query_row([id], |row| row.get(0))
            .optional()?
            .flatten();
        // In a file that somebody changed, too, the chain ends.
        next = previous.filter(|previous| *previous < id);
    }
    Ok(())
}

/// Removes what is left of a run whose entries are gone; the orgs of those that stay, and a run that earlier ones name
/// as where their consents went, stay.
fn remove_run(transaction: &Connection, seq: i64) -> Result<()> {
    let range = params![seq, rows::first_key(seq), rows::first_key(seq + 1)];
    transaction
        .prepare_cached("DELETE FROM wave WHERE run = ?1")?
        .execute([seq])?;
    transaction
        .prepare_cached(
            "DELETE FROM org WHERE run = ?1
               AND no NOT IN (SELECT org FROM entry WHERE key >= ?2 AND key < ?3)",
        )?
        .execute(range)?;
    transaction
        .prepare_cached("DELETE FROM notice WHERE run = ?1")?
        .execute([seq])?;
    transaction
        .prepare_cached(
            "DELETE FROM run WHERE seq = ?1
               AND NOT EXISTS (SELECT 1 FROM entry WHERE key >= ?2 AND key < ?3)
               AND NOT EXISTS (SELECT 1 FROM entry WHERE adopted_by = ?1 AND adopted_by IS NOT NULL)",
        )?
        .execute(range)?;
    Ok(())
}
