//! Who works on the ledger: sessions, by the locks that they hold.

use std::collections::{BTreeMap, HashMap};

use super::locks::Kind;
use super::{Held, Store, partition_locks};
use crate::ledger::{AtWork, LedgerError, Result};
use crate::manifest::Label;
use crate::model::RunId;

const LOCKS: &str = "SELECT pid, (classid::bigint << 32) | objid::bigint AS key FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
     ORDER BY pid, key";

/// What is said of a worker before its labels.
const WORKER: &str = "worker";

fn about(labels: &[Label]) -> String {
    labels
        .iter()
        .fold(WORKER.to_owned(), |about, label| format!("{about} {label}"))
}

// Of anything else there are none.
fn labels(about: &str) -> impl Iterator<Item = Label> {
    let of_worker = about.strip_prefix(WORKER).unwrap_or_default();
    of_worker
        .split_whitespace()
        .filter_map(|label| label.parse().ok())
}

impl Store {
    pub async fn enroll(&self, labels: &[Label]) -> Result<Held> {
        let key = Kind::Worker.key(&self.inner.target.process.to_string());
        let taken = self.lock(key, Some(about(labels))).await?;
        // Its key is a number of this process alone.
        taken.map_err(|_| LedgerError::lost(self.location()))
    }

    pub async fn at_work(&self, runs: &[RunId]) -> Result<Vec<AtWork>> {
        let reader = self.reader().await?;
        let known = reader
            .query("SELECT lock, name, about FROM holder", &[])
            .await?;
        let known: HashMap<i64, (String, Option<String>)> = known
            .iter()
            .map(|row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))
            .collect::<Result<_>>()?;
        let led: HashMap<i64, &RunId> = runs
            .iter()
            .map(|run| (Kind::Run.key(&run.0), run))
            .collect();
        // To be looked at is no work.
        let desk = Kind::Desk.key("");
        let mut sessions: BTreeMap<i32, AtWork> = BTreeMap::new();
        for row in reader.query(LOCKS, &[]).await? {
            let key = row.get(1)?;
            let session = sessions.entry(row.get(0)?).or_insert_with(|| AtWork {
                name: String::new(),
                labels: Vec::new(),
                leads: Vec::new(),
                partitions: Vec::new(),
                asks: 0,
            });
            if let Some((name, about)) = known.get(&key).filter(|_| key != desk) {
                // That which it had first, whatever it took up since.
                if session.name.is_empty() || *name < session.name {
                    session.name.clone_from(name);
                }
                session
                    .labels
                    .extend(about.iter().flat_map(|about| labels(about)));
            }
            match (led.get(&key), partition_locks::of(key)) {
                (Some(run), _) => session.leads.push((*run).clone()),
                (_, Some((Kind::Partition, partition))) => session.partitions.push(partition),
                (_, Some(_)) => session.asks += 1,
                (None, None) => {}
            }
        }
        let mut all: Vec<AtWork> = sessions.into_values().collect();
        all.retain(|one| !one.name.is_empty() || !one.partitions.is_empty());
        for one in &mut all {
            one.partitions.sort_unstable();
            if one.name.is_empty() {
                "another process".clone_into(&mut one.name);
            }
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }
}
