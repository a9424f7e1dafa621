//! Checkpoints, many in one transaction. Each is applied to an entry that still has the version it builds on; to another
//! it changes nothing, so that the others stand.
//!
//! Entries are locked first, in order, and compared here; what is written is then sent in one go, up to the commit.

use std::collections::HashMap;

use tokio_postgres::types::ToSql;

use super::changes::{self, Wakes};
use super::error::first_cause;
use super::row_keys::RowKeys;
use super::session::{Connection, Row, column};
use super::sums::{self, SUMS, Sums};
use super::{apps, carry_over, rows};
use crate::ledger::prepared::Prepared;
use crate::ledger::stored::{self, Compared, code};
use crate::ledger::{AsStored, LedgerError, Result};
use crate::model::UnixMillis;

const LOCK: &str = "SELECT e.key, e.version, e.adopted_by IS NULL, e.org, e.state, e.app_hash, e.consent, e.drifted, e.queue
     FROM entry e WHERE e.key = ANY($1) ORDER BY e.key FOR NO KEY UPDATE";

const UPDATE: &str = "UPDATE entry e SET version = e.version + 1, progress = c.progress, due_at = c.due_at, error = c.error,
         checked_at = coalesce(c.checked_at, e.checked_at), state = c.state, queue = c.queue, drifted = c.drifted,
         app_hash = c.app_hash, consent = c.consent
     FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
                 $8::boolean[], $9::integer[], $10::bytea[])
         AS c (key, progress, due_at, error, checked_at, state, queue, drifted, app_hash, consent)
     WHERE e.key = c.key";

const CALLS: &str = "INSERT INTO call (entry, at, step, call, http_status, okta_error_code, request_id, duration_ms, next_at)
     SELECT entry, at, step, call, http_status, okta_error_code, request_id, duration_ms, next_at
     FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[],
                 $8::bigint[], $9::bigint[]) WITH ORDINALITY
         AS c (entry, at, step, call, http_status, okta_error_code, request_id, duration_ms, next_at, place)
     ORDER BY place";

/// Makes ready what every transaction needs: what is sent in one go must not stop to be prepared.
pub(super) async fn prepare(session: &Connection) -> Result<()> {
    let own = [LOCK, UPDATE, CALLS, SUMS];
    let all = own.iter().chain(&apps::STATEMENTS);
    for sql in all.chain(&changes::STATEMENTS) {
        session.prepared(sql).await?;
    }
    Ok(())
}

/// Stores the checkpoints, all of different entries; those whose entry moved come to [`LedgerError::Moved`].
pub(super) async fn store(
    session: &Connection,
    keys: &mut RowKeys,
    group: &[Prepared],
    wakes: Wakes,
) -> Result<Vec<Result<AsStored>>> {
    keys.look_up(session, group).await?;
    let key_of = |checkpoint: &Prepared| {
        let seq = keys.run(&checkpoint.run)?;
        Some(stored::entry_key(seq, checkpoint.no))
    };
    let wanted: Vec<i64> = group.iter().filter_map(key_of).collect();
    let params: [&(dyn ToSql + Sync); 1] = [&wanted];
    let ((), found) = tokio::try_join!(session.batch("BEGIN"), session.query(LOCK, &params))?;
    let found: HashMap<i64, Found> = found
        .iter()
        .map(|row| Ok((row.get(0)?, Found::read(row)?)))
        .collect::<Result<_>>()?;
    let mut outcomes = Vec::with_capacity(group.len());
    let mut applied = Vec::new();
    for checkpoint in group {
        let key = key_of(checkpoint);
        let is_there = |key| Some((key, found.get(&key)?));
        let before = key.and_then(is_there);
        outcomes.push(match before {
            Some((key, found)) if found.version == checkpoint.version && found.is_ours => {
                let change = Change::new(key, found.compared, checkpoint);
                let after = AsStored(change.after);
                applied.push(change);
                Ok(after)
            }
            _ => Err(moved(session, checkpoint, key)),
        });
    }
    // Whoever has the other org may be another process.
    let moves = applied.iter().any(Change::changes_queue);
    let wakes = if moves { Wakes::Yes } else { wakes };
    write(session, keys, &applied, wakes).await?;
    Ok(outcomes)
}

fn moved(session: &Connection, checkpoint: &Prepared, key: Option<i64>) -> LedgerError {
    let run = checkpoint.run.clone();
    match key {
        Some(_) => LedgerError::Moved {
            run,
            no: checkpoint.no,
        },
        None => rows::no_run(session, Some(run.0)),
    }
}

/// An entry as it is, while this transaction has it.
struct Found {
    version: i64,
    is_ours: bool,
    compared: Compared,
}

impl Found {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            version: row.get(1)?,
            is_ours: row.get(2)?,
            compared: rows::compared(row, 3)?,
        })
    }
}

/// A checkpoint that is applied.
struct Change<'c> {
    key: i64,
    checkpoint: &'c Prepared,
    before: Compared,
    after: Compared,
}

impl<'c> Change<'c> {
    fn new(key: i64, before: Compared, checkpoint: &'c Prepared) -> Self {
        let after = checkpoint.after(&before, None);
        Self {
            key,
            checkpoint,
            before,
            after,
        }
    }

    fn add_to(&self, sums: &mut Sums) {
        let seq = stored::run_seq(self.key);
        let delta = sums.entry((seq, self.before.org)).or_default();
        delta.moved(self.before.state, self.after.state);
        if self.checkpoint.deactivated && self.before.state != code::CHANGED {
            delta.deactivated += 1;
        }
        match self.before.queue {
            None => delta.add(self.checkpoint.stats),
            // Who was called pays, whoever's the entry is.
            Some(called) => {
                let paid = sums.entry((seq, called)).or_default();
                paid.add(self.checkpoint.stats);
            }
        }
    }

    fn changes_queue(&self) -> bool {
        self.before.queue != self.after.queue
    }

    fn has_fresh_link(&self) -> bool {
        self.after.consent.is_some() && self.after.consent != self.before.consent
    }
}

async fn write(
    session: &Connection,
    keys: &RowKeys,
    applied: &[Change<'_>],
    wakes: Wakes,
) -> Result<()> {
    if applied.is_empty() {
        return session.batch("COMMIT").await;
    }
    let mut sums = Sums::new();
    for change in applied {
        change.add_to(&mut sums);
    }
    let of_apps = column(applied, |change| (change.key, change.checkpoint));
    // What is rare takes its time.
    for change in applied {
        if let Some((state, accepted)) = &change.checkpoint.settled {
            settle(session, change, state, *accepted).await?;
        }
    }
    let fresh: Vec<&Change<'_>> = applied
        .iter()
        .filter(|change| change.has_fresh_link())
        .collect();
    // What a fresh link replaces is looked up among the others', once it is there.
    let mut left = applied;
    if !fresh.is_empty() {
        update(session, applied).await?;
        for change in fresh {
            carry_over::replace(session, change.key).await?;
        }
        left = &[];
    }
    // Sent in this order, and answered together.
    let ended = tokio::join!(
        update(session, left),
        calls(session, applied),
        apps::remember(session, keys, &of_apps),
        sums::add(session, &sums),
        changes::note(session, wakes),
        session.batch("COMMIT"),
    );
    first_cause(ended.into())
}

async fn update(session: &Connection, applied: &[Change<'_>]) -> Result<()> {
    if applied.is_empty() {
        return Ok(());
    }
    let keys = column(applied, |change| change.key);
    let progress = column(applied, |change| {
        change.checkpoint.columns.progress.as_deref()
    });
    let due_at = column(applied, |change| change.checkpoint.due_at);
    let error = column(applied, |change| change.checkpoint.error.as_deref());
    let checked_at = column(applied, |change| change.checkpoint.checked_at);
    let state = column(applied, |change| change.after.state);
    let queue = column(applied, |change| change.after.queue);
    let drifted = column(applied, |change| change.after.drifted);
    let app_hash = column(applied, |change| change.after.app_hash);
    let consent = column(applied, |change| {
        change.after.consent.as_ref().map(<[u8; 32]>::as_slice)
    });
    session
        .execute(
            UPDATE,
            &[
                &keys,
                &progress,
                &due_at,
                &error,
                &checked_at,
                &state,
                &queue,
                &drifted,
                &app_hash,
                &consent,
            ],
        )
        .await
        .map(drop)
}

async fn calls(session: &Connection, applied: &[Change<'_>]) -> Result<()> {
    let mut made = Vec::new();
    for change in applied {
        made.extend(
            change
                .checkpoint
                .calls
                .iter()
                .map(|call| (change.key, call)),
        );
    }
    if made.is_empty() {
        return Ok(());
    }
    let entry = column(&made, |(key, _)| *key);
    let at = column(&made, |(_, (call, _))| call.at);
    let step = column(&made, |(_, (_, step))| step.as_str());
    let name = column(&made, |(_, (call, _))| call.call.as_str());
    let status = column(&made, |(_, (call, _))| call.http_status.map(i32::from));
    let code = column(&made, |(_, (call, _))| call.okta_error_code.as_deref());
    let request = column(&made, |(_, (call, _))| call.request_id.as_deref());
    let duration = column(&made, |(_, (call, _))| stored::integer(call.duration_ms));
    let next_at: Vec<Option<UnixMillis>> = column(&made, |(_, (call, _))| call.next_at);
    session
        .execute(
            CALLS,
            &[
                &entry, &at, &step, &name, &status, &code, &request, &duration, &next_at,
            ],
        )
        .await
        .map(drop)
}

// The same `state` in another org's link is another consent.
async fn settle(
    session: &Connection,
    change: &Change<'_>,
    state: &str,
    accepted: bool,
) -> Result<()> {
    let sql = "SELECT o.url, s.app, e.progress, s.json FROM entry e
         JOIN org o ON o.run = e.run AND o.no = e.org JOIN spec s ON s.entry = e.key WHERE e.key = $1";
    let row = session.query_one(sql, &[&change.key]).await?;
    let now = change.checkpoint.columns.progress.as_deref();
    let app_id = stored::app_id_of(now, row.text(3)?);
    let app_id = row.parsed(app_id)?.unwrap_or_default();
    let consent = stored::settled_hash(row.text(0)?, row.text(1)?, &app_id, state);
    session
        .execute(
            "INSERT INTO settled (consent, accepted) VALUES ($1, $2)
             ON CONFLICT (consent) DO UPDATE SET accepted = excluded.accepted",
            &[&consent.as_slice(), &accepted],
        )
        .await
        .map(drop)
}
