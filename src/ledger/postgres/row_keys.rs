//! Keys of rows that never change, so that checkpoints need not look them up again and again.

use std::collections::HashMap;

use super::rows;
use super::session::Connection;
use crate::ledger::prepared::Prepared;
use crate::ledger::{LedgerError, Result};
use crate::model::RunId;

/// What a session knows.
#[derive(Default)]
pub(super) struct RowKeys {
    runs: HashMap<RunId, i64>,
    orgs: HashMap<String, i64>,
}

impl RowKeys {
    /// `run.seq` of a run that [`Self::look_up`] has looked up and found.
    pub(super) fn run(&self, run: &RunId) -> Option<i64> {
        self.runs.get(run).copied()
    }

    /// `org_url.no` of an org that [`Self::look_up`] has looked up.
    pub(super) fn org(&self, url: &str) -> i64 {
        // No row has it.
        self.orgs.get(url).copied().unwrap_or_default()
    }

    /// Before the transaction: what it finds or makes stays, whatever becomes of that.
    pub(super) async fn look_up(&mut self, session: &Connection, group: &[Prepared]) -> Result<()> {
        for checkpoint in group {
            if !self.runs.contains_key(&checkpoint.run) {
                match rows::seq(session, &checkpoint.run).await {
                    Ok(seq) => {
                        self.runs.insert(checkpoint.run.clone(), seq);
                    }
                    Err(LedgerError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let named = group.iter().flat_map(orgs_of);
        let mut missing: Vec<&str> = named.filter(|url| !self.orgs.contains_key(*url)).collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let add = "INSERT INTO org_url (url) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
        session.execute(add, &[&missing]).await?;
        let sql = "SELECT url, no FROM org_url WHERE url = ANY($1)";
        for row in session.query(sql, &[&missing]).await? {
            self.orgs.insert(row.get(0)?, row.get(1)?);
        }
        Ok(())
    }
}

/// The URLs of orgs whose apps a checkpoint remembers something of.
fn orgs_of(checkpoint: &Prepared) -> impl Iterator<Item = &str> {
    let fingerprint = checkpoint.fingerprint.iter().map(|one| &*one.org_url);
    let name = checkpoint.name.iter().map(|one| &*one.org_url);
    let applied = checkpoint.applied.iter().map(|one| &*one.org_url);
    let client = checkpoint.client.iter();
    let client = client.flat_map(|one| [&*one.org_url, &*one.client.hub_url]);
    fingerprint.chain(name).chain(applied).chain(client)
}
