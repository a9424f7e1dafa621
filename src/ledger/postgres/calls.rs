//! The calls of entries, and entries with them: of one moment, so that the calls are those that led to the entry's state.

use serde::Deserialize;

use super::Store;
use super::reads::{PAGE, PAGE_ROWS};
use super::rows::{self, ENTRY, ENTRY_COLUMNS, OF_ENTRY};
use super::session::Row;
use crate::ledger::stored;
use crate::ledger::{Attempt, EntryRow, Result};
use crate::model::{EntryNo, RunId, UnixMillis};

/// Entries that are read at once by their numbers.
const SOME: usize = 1_000;

/// The calls of an entry `e`, in order; null = none.
const CALLS: &str =
    "(SELECT json_agg(json_build_array(at, step, call, http_status, okta_error_code, request_id, duration_ms, next_at)
         ORDER BY id)::text FROM call WHERE entry = e.key)";

impl Store {
    pub async fn for_each_entry_with_calls(
        &self,
        run: &RunId,
        mut each: impl FnMut(EntryRow, Vec<Attempt>),
    ) -> Result<()> {
        let sql = format!("SELECT {ENTRY}, {CALLS} FROM {OF_ENTRY} WHERE {PAGE}");
        self.for_each_row(run, &sql, PAGE_ROWS, |row| {
            each(rows::entry_row(row, 0)?, calls(row, ENTRY_COLUMNS)?);
            Ok(())
        })
        .await
    }

    pub async fn for_each_with_calls_of(
        &self,
        run: &RunId,
        order: &[EntryNo],
        mut each: impl FnMut(EntryRow, Vec<Attempt>),
    ) -> Result<()> {
        let sql = format!("SELECT {ENTRY}, {CALLS} FROM {OF_ENTRY} WHERE e.key = ANY($1)");
        for some in order.chunks(SOME) {
            let (keys, found) = {
                let reader = self.reader().await?;
                let seq = rows::seq(&reader, run).await?;
                let keys: Vec<i64> = some.iter().map(|no| stored::entry_key(seq, *no)).collect();
                let found = reader.query(&sql, &[&keys]).await?;
                (keys, found)
            };
            for row in rows::in_order(&keys, &found, 0)? {
                each(rows::entry_row(row, 0)?, calls(row, ENTRY_COLUMNS)?);
            }
        }
        Ok(())
    }
}

/// From the column [`CALLS`] at `at`.
fn calls(row: &Row, at: usize) -> Result<Vec<Attempt>> {
    /// In the order of the columns; the step is JSON in its turn.
    #[derive(Deserialize)]
    struct Call(
        UnixMillis,
        String,
        String,
        Option<u16>,
        Option<String>,
        Option<String>,
        u64,
        Option<UnixMillis>,
    );
    let calls: Option<Vec<Call>> = row.optional_json(at)?;
    let calls = calls.unwrap_or_default().into_iter();
    calls
        .map(|call| {
            let Call(at, step, call, http_status, okta_error_code, request_id, duration, next_at) =
                call;
            Ok(Attempt {
                at,
                step: row.parsed(serde_json::from_str(&step))?,
                call,
                http_status,
                okta_error_code,
                request_id,
                duration_ms: duration,
                next_at,
            })
        })
        .collect()
}
