//! Lists of what waits for a person, and when entries came to rest: what a page asks for that is one of hundreds.

use std::collections::HashMap;

use serde::Deserialize;

use super::Store;
use super::consents::{WAITS, pending, pending_of, pending_row};
use super::rows::{self, OF_ENTRY, ORG_COLUMNS, of_orgs};
use crate::apps::App;
use crate::ledger::stored::{self, code};
use crate::ledger::{Pending, Result, WaitingEntry};
use crate::model::{EntryNo, RunId, UnixMillis};

impl Store {
    pub async fn waiting(&self) -> Result<Vec<WaitingEntry>> {
        let reader = self.reader().await?;
        let sql = format!(
            "SELECT r.id, e.key, o.name, o.url, s.app FROM {OF_ENTRY} JOIN run r ON r.seq = e.run
             WHERE {WAITS} AND NOT r.dropped ORDER BY e.key"
        );
        let mut found = Vec::new();
        for row in reader.query(&sql, &[]).await? {
            // Another version may know more of them.
            let Some(app) = App::from_name(row.text(4)?) else {
                continue;
            };
            found.push(WaitingEntry {
                run: RunId(row.get(0)?),
                no: stored::entry_no(row.get(1)?),
                org: row.get(2)?,
                org_url: row.get(3)?,
                app,
            });
        }
        Ok(found)
    }

    pub async fn still_waiting(&self, places: Vec<(RunId, EntryNo)>) -> Result<Vec<Pending>> {
        let reader = self.reader().await?;
        let mut runs: HashMap<&RunId, i64> = HashMap::new();
        let mut keys = Vec::with_capacity(places.len());
        for (run, no) in &places {
            let seq = match runs.get(run) {
                Some(seq) => *seq,
                None => rows::seq(&reader, run).await?,
            };
            runs.insert(run, seq);
            keys.push(stored::entry_key(seq, *no));
        }
        let sql = pending(&format!("{WAITS} AND e.key = ANY($1)"));
        let found = reader.query(&sql, &[&keys]).await?;
        let found = rows::in_order(&keys, &found, ORG_COLUMNS)?;
        found.into_iter().map(pending_row).collect()
    }

    pub async fn answered(&self) -> Result<Vec<Pending>> {
        let reader = self.reader().await?;
        let of_entry = format!(
            "{} JOIN spec s ON s.entry = e.key",
            of_orgs("started > 0", code::STARTED)
        );
        let sql = pending_of(&of_entry, "e.adopted_by IS NULL ORDER BY e.key");
        let mut found = Vec::new();
        for row in reader.query(&sql, &[]).await? {
            let pending = pending_row(&row)?;
            if stored::is_answered(&pending.entry.progress) {
                found.push(pending);
            }
        }
        Ok(found)
    }

    pub async fn oldest_consent(&self, run: Option<RunId>) -> Result<Option<UnixMillis>> {
        #[derive(Deserialize)]
        struct Waits {
            consent: Option<Since>,
        }
        #[derive(Deserialize)]
        struct Since {
            since: UnixMillis,
        }
        let reader = self.reader().await?;
        let sql = format!(
            "SELECT e.progress FROM entry e JOIN run r ON r.seq = e.run
             WHERE {WAITS} AND NOT r.dropped AND e.progress IS NOT NULL AND ($1::bigint IS NULL OR e.run = $1)"
        );
        let seq = match &run {
            Some(run) => Some(rows::seq(&reader, run).await?),
            None => None,
        };
        let mut oldest = None;
        for row in reader.query(&sql, &[&seq]).await? {
            let waits: Waits = row.json(0)?;
            let since = waits.consent.map(|consent| consent.since);
            oldest = oldest.into_iter().chain(since).min();
        }
        Ok(oldest)
    }

    /// How many entries of a run came to rest in each span of so many milliseconds since then; those without are left
    /// out.
    pub async fn rests(
        &self,
        run: &RunId,
        since: UnixMillis,
        width_ms: i64,
    ) -> Result<Vec<(i64, u64)>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = "SELECT (checked_at - $3) / $4, count(*) FROM entry
             WHERE key >= $1 AND key < $2 AND state IN (2, 3, 4, 5) AND checked_at >= $3 GROUP BY 1 ORDER BY 1";
        let (begin, end) = (stored::first_key(seq), stored::first_key(seq + 1));
        let width = width_ms.max(1);
        let rows = reader.query(sql, &[&begin, &end, &since, &width]).await?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.count(1)?)))
            .collect()
    }
}
