//! What checkpoints make of what is remembered of apps.

use tokio_postgres::types::ToSql;

use super::row_keys::RowKeys;
use super::session::Connection;
use crate::ledger::prepared::Prepared;
use crate::ledger::{LastAppliedChange, Result};

/// A checkpoint that is applied, and its entry's key.
pub(super) type Applied<'c> = (i64, &'c Prepared);

/// What [`remember`] says, all of an app each.
pub(super) const STATEMENTS: [&str; 5] = [FINGERPRINTS, NAMES, CLIENTS, APPLIED, CHANGED];

const FINGERPRINTS: &str = "INSERT INTO app (org, id, hmac, key_id)
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bytea[])
     ON CONFLICT (org, id) DO UPDATE SET hmac = excluded.hmac, key_id = excluded.key_id";

const NAMES: &str =
    "INSERT INTO app (org, id, name) SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])
     ON CONFLICT (org, id) DO UPDATE SET name = excluded.name";

const CLIENTS: &str = "INSERT INTO app (org, id, hub, client)
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[])
     ON CONFLICT (org, id) DO UPDATE SET hub = excluded.hub, client = excluded.client";

const APPLIED: &str = "INSERT INTO app (org, id, applied, applied_by, connected)
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bigint[], $5::boolean[])
     ON CONFLICT (org, id) DO UPDATE SET applied = coalesce(excluded.applied, app.applied),
         applied_by = CASE WHEN excluded.applied IS NULL THEN app.applied_by ELSE excluded.applied_by END,
         moving_by = CASE WHEN excluded.applied IS NULL THEN app.moving_by END,
         connected = app.connected OR excluded.connected";

/// 0 = its consent is renewed, 1 = it is on its way, 2 = it is unclear what it is like. Of an app that is not known
/// nothing is.
const CHANGED: &str = "UPDATE app a SET connected = a.connected AND c.what <> 0,
         moving_by = CASE c.what WHEN 1 THEN c.key WHEN 2 THEN NULL ELSE a.moving_by END,
         applied_by = CASE c.what WHEN 2 THEN NULL ELSE a.applied_by END,
         applied = CASE c.what WHEN 2 THEN ''::bytea ELSE a.applied END
     FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS c (org, id, key, what)
     WHERE a.org = c.org AND a.id = c.id";

/// Stores what checkpoints make of apps; no two of them are of the same one.
pub(super) async fn remember(
    session: &Connection,
    keys: &RowKeys,
    applied: &[Applied<'_>],
) -> Result<()> {
    tokio::try_join!(
        fingerprints(session, keys, applied),
        names(session, keys, applied),
        clients(session, keys, applied),
        like(session, keys, applied),
    )?;
    Ok(())
}

async fn fingerprints(session: &Connection, keys: &RowKeys, applied: &[Applied<'_>]) -> Result<()> {
    let (mut orgs, mut ids, mut hmacs, mut key_ids) = (vec![], vec![], vec![], vec![]);
    for one in applied
        .iter()
        .filter_map(|(_, checkpoint)| checkpoint.fingerprint.as_ref())
    {
        orgs.push(keys.org(&one.org_url));
        ids.push(one.app_id.as_str());
        hmacs.push(one.hmac.as_ref().map(<[u8; 32]>::as_slice));
        key_ids.push(one.key_id.as_slice());
    }
    if orgs.is_empty() {
        return Ok(());
    }
    let params: [&(dyn ToSql + Sync); 4] = [&orgs, &ids, &hmacs, &key_ids];
    session.execute(FINGERPRINTS, &params).await.map(drop)
}

async fn names(session: &Connection, keys: &RowKeys, applied: &[Applied<'_>]) -> Result<()> {
    let (mut orgs, mut ids, mut names) = (vec![], vec![], vec![]);
    for one in applied
        .iter()
        .filter_map(|(_, checkpoint)| checkpoint.name.as_ref())
    {
        orgs.push(keys.org(&one.org_url));
        ids.push(one.app_id.as_str());
        names.push(&*one.name);
    }
    if orgs.is_empty() {
        return Ok(());
    }
    session
        .execute(NAMES, &[&orgs, &ids, &names])
        .await
        .map(drop)
}

async fn clients(session: &Connection, keys: &RowKeys, applied: &[Applied<'_>]) -> Result<()> {
    let (mut orgs, mut ids, mut hubs, mut names) = (vec![], vec![], vec![], vec![]);
    for one in applied
        .iter()
        .filter_map(|(_, checkpoint)| checkpoint.client.as_ref())
    {
        orgs.push(keys.org(&one.org_url));
        ids.push(one.app_id.as_str());
        hubs.push(keys.org(&one.client.hub_url));
        names.push(&*one.client.client_id);
    }
    if orgs.is_empty() {
        return Ok(());
    }
    session
        .execute(CLIENTS, &[&orgs, &ids, &hubs, &names])
        .await
        .map(drop)
}

async fn like(session: &Connection, keys: &RowKeys, applied: &[Applied<'_>]) -> Result<()> {
    let (mut orgs, mut ids, mut digests, mut by, mut connected) =
        (vec![], vec![], vec![], vec![], vec![]);
    let (mut changed_orgs, mut changed_ids, mut changed_by, mut what) =
        (vec![], vec![], vec![], vec![]);
    for (key, checkpoint) in applied {
        let Some(one) = &checkpoint.applied else {
            continue;
        };
        let code: i64 = match &one.like {
            LastAppliedChange::AsWanted {
                digest,
                connected: is,
            } => {
                orgs.push(keys.org(&one.org_url));
                ids.push(one.app_id.as_str());
                digests.push(Some(digest.as_slice()));
                by.push(Some(*key));
                connected.push(*is);
                continue;
            }
            LastAppliedChange::Consented => {
                orgs.push(keys.org(&one.org_url));
                ids.push(one.app_id.as_str());
                digests.push(None);
                by.push(None);
                connected.push(true);
                continue;
            }
            LastAppliedChange::Reconnecting => 0,
            LastAppliedChange::Moving => 1,
            LastAppliedChange::Unclear => 2,
        };
        changed_orgs.push(keys.org(&one.org_url));
        changed_ids.push(one.app_id.as_str());
        changed_by.push(*key);
        what.push(code);
    }
    let applied = async {
        if orgs.is_empty() {
            return Ok(0);
        }
        let params: [&(dyn ToSql + Sync); 5] = [&orgs, &ids, &digests, &by, &connected];
        session.execute(APPLIED, &params).await
    };
    let changed = async {
        if changed_orgs.is_empty() {
            return Ok(0);
        }
        let params: [&(dyn ToSql + Sync); 4] = [&changed_orgs, &changed_ids, &changed_by, &what];
        session.execute(CHANGED, &params).await
    };
    tokio::try_join!(applied, changed).map(drop)
}
