//! What is remembered of apps across runs: as which entry wants it an app last was, and whose secrets it holds.

use std::collections::{HashMap, HashSet};

use super::Store;
use super::session::{Connection, Row};
use crate::ledger::{AppMemory, EntryKey, HubClient, LastApplied, Result, Target};
use crate::manifest::Entry;
use crate::model::{EntryNo, OrgNo, RunId};

impl Store {
    pub async fn app_memory(&self, org_url: &str, app_id: &str) -> Result<AppMemory> {
        let reader = self.reader().await?;
        let mut known = of_apps(&reader, org_url, &[app_id]).await?;
        Ok(known.remove(app_id).unwrap_or_default())
    }

    pub async fn seen_apps(&self, org_url: &str) -> Result<HashSet<Box<str>>> {
        let _ = org_url;
        todo_stub!()
    }

    pub async fn wishes(&self, app: &AppMemory) -> Result<Option<Vec<Entry>>> {
        let _ = app;
        todo_stub!()
    }

    pub async fn wishers(&self, app: &AppMemory) -> Result<[Option<(RunId, EntryNo)>; 2]> {
        let _ = app;
        todo_stub!()
    }

    pub async fn targets(&self, run: &RunId, org: OrgNo) -> Result<Vec<Target>> {
        let _ = (run, org);
        todo_stub!()
    }
}

/// What is known of apps of an org; nothing of one that no run has touched.
pub(super) async fn of_apps(
    connection: &Connection,
    org_url: &str,
    ids: &[&str],
) -> Result<HashMap<String, AppMemory>> {
    let sql = "SELECT a.id, a.hmac, a.key_id, a.applied, a.connected, a.applied_by, a.moving_by, a.name, a.client, h.url
         FROM org_url u JOIN app a ON a.org = u.no LEFT JOIN org_url h ON h.no = a.hub
         WHERE u.url = $1 AND a.id = ANY($2)";
    let rows = connection.query(sql, &[&org_url, &ids]).await?;
    let rows = rows.iter().map(|row| Ok((row.get(0)?, memory(row)?)));
    rows.collect()
}

fn memory(row: &Row) -> Result<AppMemory> {
    let applied: Option<Vec<u8>> = row.get(3)?;
    let name: Option<String> = row.get(7)?;
    let client: Option<String> = row.get(8)?;
    let hub: Option<String> = row.get(9)?;
    let client = client.zip(hub).map(|(client_id, hub_url)| {
        Box::new(HubClient {
            hub_url: hub_url.into(),
            client_id: client_id.into(),
        })
    });
    let digest = |bytes: Vec<u8>| {
        let applied = LastApplied::of_bytes(&bytes);
        applied.ok_or_else(|| row.unreadable(&"a digest of another length"))
    };
    Ok(AppMemory {
        hmac: row.bytes(1)?,
        key_id: row.bytes(2)?,
        applied: applied.map(digest).transpose()?,
        connected: row.get(4)?,
        applied_by: row.get::<Option<EntryKey>>(5)?,
        moving_by: row.get::<Option<EntryKey>>(6)?,
        name: name.map(Into::into),
        client,
    })
}
