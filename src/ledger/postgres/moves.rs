//! A ledger that is moved into this database, or away from it: one transaction of a session of its own, in which nobody
//! else changes anything.

use super::changes::{self, Wakes};
use super::connect::SCHEMA;
use super::locks::{self, Kind};
use super::moved_key::MovedIn;
use super::session::Connection;
use super::{Store, moved_rows, partition_locks, schema};
use crate::ledger::tables::TABLES;
use crate::ledger::transit::{
    self, Arriving, Inbound, Leaving, Load, MovedKeys, Outbound, Whereabouts,
};
use crate::ledger::{Gone, KeyId, LedgerError, Result};
use crate::model::UnixMillis;

impl Store {
    pub async fn whereabouts(&self) -> Result<Whereabouts> {
        let sql = "SELECT id, arrived, moved_to, moved_at FROM ledger";
        let row = self.inner.pool.take().await?.query_one(sql, &[]).await?;
        let (to, at): (Option<String>, Option<UnixMillis>) = (row.get(2)?, row.get(3)?);
        Ok(Whereabouts {
            id: row.get(0)?,
            arrival: row.bytes(1)?,
            gone: to.zip(at).map(|(to, at)| Gone { to, at }),
        })
    }

    /// Keys that move along, if they were made.
    pub async fn moved_keys(&self) -> Result<MovedKeys> {
        let fingerprints = self.made_keys().await?;
        let shares = fingerprints.as_ref().map(|keys| keys.current.of_shares());
        Ok(MovedKeys {
            fingerprints,
            shares,
        })
    }

    /// Begins to leave it.
    pub async fn leave(&self, _: Option<KeyId>) -> Result<Leaving> {
        self.writer()?;
        let connection = self.inner.target.connect().await?;
        let (out, leaving) = transit::outbound();
        let task = async move { Box::pin(leave(&connection, out)).await };
        Ok(leaving(self.inner.target.runtime.spawn(task)))
    }

    /// Begins to fill it with the ledger of this id; refused unless it is empty, and given the same keys.
    pub async fn arrive(&self, id: String, keys: MovedKeys) -> Result<Arriving> {
        self.writer()?;
        let keys = self.moved_in(&id, keys.fingerprints).await?;
        let connection = self.inner.target.connect().await?;
        let (loads, arriving) = transit::inbound();
        let task = async move { Box::pin(arrive(&connection, &id, &keys, loads)).await };
        Ok(arriving(self.inner.target.runtime.spawn(task)))
    }
}

async fn leave(connection: &Connection, out: Outbound) -> Result<()> {
    begin(connection, "EXCLUSIVE").await?;
    refuse_in_use(connection).await?;
    for table in TABLES {
        moved_rows::send(connection, table, &out).await?;
    }
    let gone = out.end().await?;
    let sql = "UPDATE ledger SET moved_to = $1, moved_at = $2";
    connection.execute(sql, &[&gone.to, &gone.at]).await?;
    for table in TABLES {
        let sql = format!(
            "CREATE TRIGGER closed BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {}
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
            table.name
        );
        connection.batch(&sql).await?;
    }
    changes::note(connection, Wakes::Yes).await?;
    connection.batch("COMMIT").await
}

async fn arrive(
    connection: &Connection,
    id: &str,
    keys: &MovedIn,
    mut loads: Inbound,
) -> Result<()> {
    begin(connection, "SHARE ROW EXCLUSIVE").await?;
    for table in TABLES {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", table.name);
        if connection.query_one(&sql, &[]).await?.get(0)? {
            let what = "it has runs, or remembers some".to_owned();
            let location = connection.location().to_string();
            return Err(LedgerError::NotEmpty { location, what });
        }
    }
    let arrival = loop {
        match loads.next().await? {
            Load::Rows(chunk) => moved_rows::insert(connection, &chunk).await?,
            Load::End(arrival) => break arrival,
        }
    };
    moved_rows::number_on(connection).await?;
    // Cut off after this, it lies where it is put again.
    keys.put()?;
    let sql = "UPDATE ledger SET id = $1, arrived = $2, key_check = $3";
    let check = keys.check().map(Vec::from);
    connection
        .execute(sql, &[&id, &arrival.as_slice(), &check])
        .await?;
    let tables: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    connection
        .batch(&format!("ANALYZE {}", tables.join(", ")))
        .await?;
    changes::note(connection, Wakes::Yes).await?;
    connection.batch("COMMIT").await
}

/// Begins a transaction in which nobody else changes the ledger; only its owner may.
async fn begin(connection: &Connection, lock: &str) -> Result<()> {
    let sql = "SELECT pg_has_role(tableowner, 'USAGE') FROM pg_catalog.pg_tables
         WHERE schemaname = $1 AND tablename = 'ledger'";
    if !connection.query_one(sql, &[&SCHEMA]).await?.get(0)? {
        return Err(LedgerError::Limit {
            location: connection.location().to_string(),
            cause: "only its owner can move it, whose command made its tables".to_owned(),
            remedy: "name the owner in the address: okta-rollout ledger move FROM TO",
        });
    }
    // What it has besides would be lost.
    schema::refuse_newer(connection).await?;
    let tables: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    let sql = format!("BEGIN; LOCK TABLE {} IN {lock} MODE", tables.join(", "));
    connection.batch(&sql).await
}

/// Refuses a ledger of which anybody has a part.
async fn refuse_in_use(connection: &Connection) -> Result<()> {
    let held: Vec<i64> = locks::all_held(connection).await?.into_iter().collect();
    let sql = "SELECT lock, name FROM holder WHERE lock = ANY($1) ORDER BY lock LIMIT 1";
    let location = connection.location().to_string();
    let Some(row) = connection.query_opt(sql, &[&held]).await? else {
        // Whoever joined a run that nobody leads any more.
        let others = partition_locks::look(connection).await?.others;
        let what = "the work on orgs is held".to_owned();
        return others.into_values().next().map_or(Ok(()), |pid| {
            let by = format!("session {pid} of PostgreSQL's");
            Err(LedgerError::InUse { location, what, by })
        });
    };
    let (key, by): (i64, String) = (row.get(0)?, row.get(1)?);
    let runs = connection.query("SELECT id FROM run", &[]).await?;
    let mut ids = runs.iter().map(|row| row.get::<String>(0));
    let run = ids.find(|id| matches!(id, Ok(id) if Kind::Run.key(id) == key));
    let what = match run.transpose()? {
        Some(run) => format!("run {run} is held"),
        None if key == Kind::Desk.key("") => "a desk is open".to_owned(),
        None => "a run is just being started".to_owned(),
    };
    Err(LedgerError::InUse { location, what, by })
}
