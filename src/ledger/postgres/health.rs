//! Looks how a ledger is, and leaves no trace of it.

use super::connect::SCHEMA;
use super::locks::{self, Kind};
use super::session::Connection;
use super::{Store, prune, schema};
use crate::job::PostgresUrl;
use crate::ledger::{Health, LedgerError, OpenMode, OpenOptions, Result};
use crate::model::RunId;

impl Store {
    /// How the ledger is, which need not be there.
    pub async fn health(url: &PostgresUrl) -> Health {
        let mut health = Health {
            location: url.location(),
            ..Health::default()
        };
        let options = OpenOptions {
            mode: OpenMode::ReadOnly,
            ..OpenOptions::default()
        };
        let looked = async {
            let reached = Self::reach(url, options)?;
            look(&*reached.pool.take().await?, &mut health).await?;
            let store = Self::open(url, options).await?;
            // Without its key, or with another one, no run begins.
            store.made_keys().await.map(drop)
        };
        health.error = looked.await.err();
        health
    }
}

/// What is to be seen of the database whether a ledger is in it or not.
async fn look(connection: &Connection, health: &mut Health) -> Result<()> {
    health.format = schema::format(connection).await?;
    health.unwritable = refuse_unwritable(connection, health.format.is_some()).await?;
    if health.format != Some(schema::FORMAT) {
        return Ok(());
    }
    health.bytes = prune::size(connection).await?;
    let sql = "SELECT id FROM run WHERE NOT dropped ORDER BY seq DESC";
    let rows = connection.query(sql, &[]).await?;
    health.runs = rows.len() as u64;
    let held = locks::all_held(connection).await?;
    for row in rows {
        let run = RunId(row.get(0)?);
        let key = Kind::Run.key(&run.0);
        if held.contains(&key) {
            health.held.push((run, locks::name(connection, key).await?));
        }
    }
    Ok(())
}

/// Why this user could not write to its tables, or make them.
async fn refuse_unwritable(connection: &Connection, is_there: bool) -> Result<Option<LedgerError>> {
    let sql = if is_there {
        "SELECT coalesce(bool_and(has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
             AND has_table_privilege(c.oid, 'DELETE')), false)
         FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace($1) AND c.relname <> 'ledger'"
    } else {
        "SELECT CASE WHEN to_regnamespace($1) IS NULL
             THEN has_database_privilege(current_database(), 'CREATE')
             ELSE has_schema_privilege(to_regnamespace($1), 'CREATE') END"
    };
    let row = connection.query_one(sql, &[&SCHEMA]).await?;
    let may: bool = row.get(0)?;
    Ok((!may).then(|| LedgerError::Limit {
        location: connection.location().to_string(),
        cause: if is_there {
            "this user may not write to its tables".to_owned()
        } else {
            "this user may not make its tables".to_owned()
        },
        remedy: "have the ledger's owner allow it: okta-rollout ledger grants ROLE",
    }))
}
