//! What is remembered of apps across runs: as which entry wants it an app last was, and whose secrets it holds.

use std::collections::{HashMap, HashSet};

use super::Store;
use super::rows::{self, OF_ENTRY, OPEN};
use super::session::{Connection, Row};
use crate::apps::App;
use crate::ledger::stored;
use crate::ledger::{AppMemory, EntryKey, FoundBy, HubClient, LastApplied, Result, Target};
use crate::manifest::Entry;
use crate::model::{EntryNo, OrgNo, RunId};

impl Store {
    pub async fn app_memory(&self, org_url: &str, app_id: &str) -> Result<AppMemory> {
        let reader = self.reader().await?;
        let mut known = of_apps(&reader, org_url, &[app_id]).await?;
        Ok(known.remove(app_id).unwrap_or_default())
    }

    pub async fn seen_apps(&self, org_url: &str) -> Result<HashSet<Box<str>>> {
        seen(&*self.reader().await?, org_url).await
    }

    pub async fn wishes(&self, app: &AppMemory) -> Result<Option<Vec<Entry>>> {
        let Some(applied_by) = app.applied_by else {
            return Ok(None);
        };
        let keys: Vec<EntryKey> = [Some(applied_by), app.moving_by]
            .into_iter()
            .flatten()
            .collect();
        let sql = format!("SELECT e.key, s.json, o.name FROM {OF_ENTRY} WHERE e.key = ANY($1)");
        let mut wishes = HashMap::new();
        for row in self.reader().await?.query(&sql, &[&keys]).await? {
            let wish = row.parsed(stored::entry_of(row.text(1)?, row.text(2)?))?;
            wishes.insert(row.get::<i64>(0)?, wish);
        }
        Ok(keys.iter().map(|key| wishes.get(&key.0).cloned()).collect())
    }

    pub async fn wishers(&self, app: &AppMemory) -> Result<[Option<(RunId, EntryNo)>; 2]> {
        let keys = [app.applied_by, app.moving_by];
        if keys == [None, None] {
            return Ok([None, None]);
        }
        let seq = |key: EntryKey| stored::run_seq(key.0);
        let runs: Vec<i64> = keys.into_iter().flatten().map(seq).collect();
        let sql = "SELECT seq, id FROM run WHERE seq = ANY($1)";
        let rows = self.reader().await?.query(sql, &[&runs]).await?;
        let runs: HashMap<i64, String> = rows
            .iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect::<Result<_>>()?;
        Ok(keys.map(|key| {
            let key = key?;
            let run = runs.get(&seq(key))?;
            Some((RunId(run.clone()), stored::entry_no(key.0)))
        }))
    }

    /// The org's entries that no run parked or ended, in order.
    pub async fn targets(&self, run: &RunId, org: OrgNo) -> Result<Vec<Target>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let sql = "SELECT url FROM org WHERE run = $1 AND no = $2";
        let seen = match reader.query_opt(sql, &[&seq, &org]).await? {
            Some(row) => seen(&reader, row.text(0)?).await?,
            None => HashSet::new(),
        };
        let sql = format!(
            "SELECT e.key, e.app_hash IS NULL, s.app, s.json FROM entry e JOIN spec s ON s.entry = e.key
             WHERE e.run = $1 AND e.org = $2 AND e.state IN (0, 1) AND {OPEN} AND e.adopted_by IS NULL
             ORDER BY e.key"
        );
        let rows = reader.query(&sql, &[&seq, &org]).await?;
        rows.iter().map(|row| target(row, &seen)).collect()
    }
}

/// Columns `key`, whether no app is known of it, `app` and JSON.
fn target(row: &Row, seen: &HashSet<Box<str>>) -> Result<Target> {
    let app = row.text(2)?;
    let app = App::from_name(app).ok_or_else(|| row.unreadable(&format!("app {app}")))?;
    let found = match row.parsed(stored::app_id_of(None, row.text(3)?))? {
        Some(id) if seen.contains(&*id) => FoundBy::Seen,
        Some(_) => FoundBy::UnseenId,
        None if row.get(1)? => FoundBy::Label,
        // It is in its progress, and was seen when it was found or made.
        None => FoundBy::Seen,
    };
    let no = stored::entry_no(row.get(0)?);
    Ok(Target { no, app, found })
}

/// The ids of an org's apps of which it was seen what they are.
async fn seen(connection: &Connection, org_url: &str) -> Result<HashSet<Box<str>>> {
    let sql = "SELECT a.id FROM org_url u JOIN app a ON a.org = u.no
         WHERE u.url = $1 AND a.name IS NOT NULL";
    let rows = connection.query(sql, &[&org_url]).await?;
    rows.iter().map(|row| row.text(0).map(Into::into)).collect()
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
