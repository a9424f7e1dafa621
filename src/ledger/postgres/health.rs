//! Looks how a ledger is, and leaves no trace of it.

use super::connect::SCHEMA;
use super::locks::{self, Kind};
use super::session::{Connection, column};
use super::{Store, grants, prune, schema};
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
            if let Some(gone) = store.whereabouts().await?.gone {
                let location = url.location();
                health.unwritable = Some(LedgerError::Closed { location, gone });
            }
            // Without its key, or with another one, no run begins.
            store.check_key().await
        };
        health.error = looked.await.err();
        health
    }
}

/// What is to be seen of the database whether a ledger is in it or not.
async fn look(connection: &Connection, health: &mut Health) -> Result<()> {
    health.format = schema::format(connection).await?;
    health.unwritable = refuse_unwritable(connection, health.format.is_some()).await?;
    if health.format.is_none_or(|format| format < schema::FORMAT) {
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
    if !is_there {
        return schema::refuse_maker(connection, None).await;
    }
    let mut needed = Vec::new();
    for (table, privileges) in grants::PRIVILEGES {
        // Those of columns have brackets.
        let whole = privileges.iter().filter(|name| !name.contains('('));
        needed.extend(whole.map(|name| (format!("{SCHEMA}.{table}"), *name)));
    }
    let tables = column(&needed, |(table, _)| table.as_str());
    let privileges = column(&needed, |(_, privilege)| *privilege);
    let sql =
        "SELECT coalesce(bool_and(coalesce(has_table_privilege(to_regclass(t), p), false)), false)
         FROM unnest($1::text[], $2::text[]) AS needed (t, p)";
    let row = connection.query_one(sql, &[&tables, &privileges]).await?;
    let may: bool = row.get(0)?;
    Ok((!may).then(|| LedgerError::Limit {
        location: connection.location().to_string(),
        cause: "this user may not write to its tables".to_owned(),
        remedy: "have the ledger's owner allow it: okta-rollout ledger grants ROLE",
    }))
}
