//! What can be asked across runs, or of all of one, beside its entries.

use std::collections::{HashMap, HashSet};

use super::Store;
use super::reads::PAGE;
use super::rows::{self, of_orgs};
use crate::ledger::stored::{self, code};
use crate::ledger::{Progress, Result, UnderWay};
use crate::manifest::{Connection, SecretRef};
use crate::model::{EntryNo, OrgNo, RunId};

/// Entries whose secrets are looked at, whatever became of them: ten milliseconds.
const ENTRIES: i64 = 2_000;

impl Store {
    /// Once-only calls that no process saw end, of all runs.
    pub async fn under_way(&self) -> Result<Vec<UnderWay>> {
        // Few have one: the others' progress need not be sent.
        let sql = format!(
            "SELECT r.id, called.url, e.progress FROM {} JOIN run r ON r.seq = o.run
             JOIN org called ON called.run = e.run AND called.no = coalesce(e.queue, e.org)
             WHERE NOT r.dropped AND strpos(e.progress, '\"inFlight\":') > 0 ORDER BY e.key",
            of_orgs("started > 0", code::STARTED)
        );
        let mut calls = Vec::new();
        for row in self.reader().await?.query(&sql, &[]).await? {
            let progress: Progress = row.json(2)?;
            let Some(call) = progress.in_flight.filter(|call| !call.ended) else {
                continue;
            };
            calls.push(UnderWay {
                run: RunId(row.get(0)?),
                org_url: row.get(1)?,
                sent_at: call.sent_at,
            });
        }
        Ok(calls)
    }

    /// Entries of a run that wait with a link that another one may have replaced.
    pub async fn links_in_doubt(&self, run: &RunId) -> Result<Vec<(OrgNo, EntryNo)>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = format!(
            "SELECT e.org, e.key, e.progress FROM {}
             WHERE e.adopted_by IS NULL AND strpos(e.progress, '\"linkInDoubt\":') > 0 ORDER BY e.org, e.key",
            of_orgs("run = $1 AND waiting > 0", code::WAITING)
        );
        let mut found = Vec::new();
        for row in reader.query(&sql, &[&seq]).await? {
            let progress: Progress = row.json(2)?;
            if progress.link_in_doubt {
                found.push((row.get(0)?, stored::entry_no(row.get(1)?)));
            }
        }
        Ok(found)
    }

    /// What the entries of a run refer to, of one org or by org; of many entries those of the first.
    pub async fn secrets(
        &self,
        run: &RunId,
        org: Option<OrgNo>,
    ) -> Result<HashMap<OrgNo, HashSet<SecretRef>>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let rows = match org {
            None => {
                let begin = stored::first_key(seq);
                let end = stored::first_key(seq + 1).min(begin + ENTRIES);
                let sql = format!(
                    "SELECT e.org, s.json FROM entry e JOIN spec s ON s.entry = e.key WHERE {PAGE}"
                );
                reader.query(&sql, &[&begin, &end]).await?
            }
            // By the index of apps: what was ever sent went to one.
            Some(org) => {
                let sql = "SELECT e.org, s.json FROM
                     (SELECT key, org FROM entry WHERE run = $1 AND org = $2 AND app_hash IS NOT NULL
                      ORDER BY app_hash LIMIT $3) e
                     JOIN spec s ON s.entry = e.key";
                reader.query(sql, &[&seq, &org, &ENTRIES]).await?
            }
        };
        let mut found: HashMap<OrgNo, HashSet<SecretRef>> = HashMap::new();
        for row in rows {
            let entry = row.parsed(stored::entry_of(row.text(1)?, ""))?;
            for secret in entry.connection.iter().flat_map(Connection::secrets) {
                found.entry(row.get(0)?).or_default().insert(secret);
            }
        }
        Ok(found)
    }
}
