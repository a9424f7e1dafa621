//! Which entry a consent is of: the one that waits for it, the one that waited, or none.

use super::Store;
use super::rows::{self, ENTRY, ENTRY_COLUMNS, OF_ENTRY, ORG, ORG_COLUMNS};
use super::session::{Connection, Row};
use crate::apps::App;
use crate::ledger::stored;
use crate::ledger::{ConsentKey, ConsentState, Pending, Result};
use crate::model::RunId;

/// Entries `e` that wait for a consent.
pub(super) const WAITS: &str = "e.consent IS NOT NULL AND e.state = 2";

impl Store {
    pub async fn pending_consents(&self, run: Option<&RunId>) -> Result<Vec<Pending>> {
        let reader = self.reader().await?;
        let seq = match run {
            Some(run) => Some(rows::seq(&reader, run).await?),
            None => None,
        };
        let sql = pending(&format!(
            "{WAITS} AND ($1::bigint IS NULL OR e.run = $1) ORDER BY e.key"
        ));
        let found = reader.query(&sql, &[&seq]).await?;
        found.iter().map(pending_row).collect()
    }

    pub async fn consent(&self, key: &ConsentKey) -> Result<ConsentState> {
        let reader = self.reader().await?;
        let hash = stored::consent_hash(&key.state);
        let app = key.app.name();
        let sql = pending("e.consent = $1 AND o.url = $2 AND s.app = $3 ORDER BY e.key DESC");
        let rows = reader
            .query(&sql, &[&hash.as_slice(), &key.org_url, &app])
            .await?;
        for row in &rows {
            let found = pending_row(row)?;
            if is_of(&found, &key.app_id) {
                return Ok(ConsentState::Waiting(Box::new(found)));
            }
        }
        let hash = stored::settled_hash(&key.org_url, app, &key.app_id, &key.state);
        let sql = "SELECT accepted FROM settled WHERE consent = $1";
        let settled = reader.query_opt(sql, &[&hash.as_slice()]).await?;
        settled.map_or(Ok(ConsentState::Unknown), |row| {
            row.get(0).map(ConsentState::Settled)
        })
    }

    /// The newest entry that waits for this `state`, wherever its answer would belong.
    pub async fn waits_for(&self, state: &str) -> Result<Option<Pending>> {
        let reader = self.reader().await?;
        let sql = pending("e.consent = $1 ORDER BY e.key DESC LIMIT 1");
        let hash = stored::consent_hash(state);
        let found = reader.query_opt(&sql, &[&hash.as_slice()]).await?;
        found.as_ref().map(pending_row).transpose()
    }

    /// The newest entry of an app, whatever became of it.
    pub async fn newest_of_app(
        &self,
        url: &str,
        app: App,
        app_id: &str,
    ) -> Result<Option<Pending>> {
        let reader = self.reader().await?;
        let sql = format!(
            "SELECT e.key, e.progress, s.json FROM {OF_ENTRY} JOIN run r ON r.seq = e.run
             WHERE o.url = $1 AND e.app_hash = $2 AND s.app = $3 AND NOT r.dropped ORDER BY e.key DESC"
        );
        let hash = stored::app_hash(app_id);
        let alike = reader.query(&sql, &[&url, &hash, &app.name()]).await?;
        for row in &alike {
            if rows::app_id(row, 1)?.as_deref() == Some(app_id) {
                return at(&reader, row.get(0)?).await;
            }
        }
        Ok(None)
    }
}

async fn at(connection: &Connection, key: i64) -> Result<Option<Pending>> {
    let row = connection
        .query_opt(&pending("e.key = $1"), &[&key])
        .await?;
    row.as_ref().map(pending_row).transpose()
}

fn is_of(pending: &Pending, app_id: &str) -> bool {
    let found = pending.entry.progress.app_id.as_deref();
    found.or(pending.entry.entry.app_id.as_deref()) == Some(app_id)
}

/// Reads entries for [`pending_row`], but for those of runs that were dropped.
pub(super) fn pending(wanted: &str) -> String {
    pending_of(OF_ENTRY, wanted)
}

/// The same, of these: see [`OF_ENTRY`].
pub(super) fn pending_of(these: &str, wanted: &str) -> String {
    format!(
        "SELECT {ORG}, {ENTRY}, r.id FROM {these} JOIN run r ON r.seq = e.run
         WHERE NOT r.dropped AND {wanted}"
    )
}

/// Columns [`ORG`], [`ENTRY`], `r.id`.
pub(super) fn pending_row(row: &Row) -> Result<Pending> {
    Ok(Pending {
        org: rows::org_row(row)?,
        entry: rows::entry_row(row, ORG_COLUMNS)?,
        run: RunId(row.get(ORG_COLUMNS + ENTRY_COLUMNS)?),
    })
}
