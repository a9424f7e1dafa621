//! The ledger's tables: made and upgraded by whoever is first, checked by everybody.

use super::connect::{SCHEMA, Target};
use super::session::Connection;
use crate::ledger::{LedgerError, OpenMode, Result};

/// Each is applied once, in order; one that was released is never changed.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
];

/// The format of a ledger that has them all.
#[expect(clippy::cast_possible_wrap, reason = "they are few")]
pub(super) const FORMAT: i64 = MIGRATIONS.len() as i64;

/// The oldest format whose programs may go on beside those of this one, so that workers can be replaced one after the
/// other. It is raised by a migration after which these would do harm; those before 3 do not look at it, and refuse.
const WORKS_WITH: i64 = 3;

/// The advisory lock of whoever makes or upgrades tables: `rollout` in ASCII.
const MIGRATING: i64 = 0x0072_6f6c_6c6f_7574;

/// Makes sure that the ledger is there in this program's format; `true` = it was made.
pub(super) async fn ready(
    target: &Target,
    connection: &Connection,
    mode: OpenMode,
) -> Result<bool> {
    let found = format(connection).await?;
    let missing = || LedgerError::Missing {
        location: target.location.to_string(),
    };
    match (found, mode) {
        (Some(FORMAT), _) => Ok(false),
        (Some(found), _) if found > FORMAT => beside_newer(connection).await,
        (None | Some(0), OpenMode::ReadOnly | OpenMode::Current | OpenMode::Existing) => {
            Err(missing())
        }
        (Some(found), OpenMode::ReadOnly | OpenMode::Current) => Err(LedgerError::OlderFormat {
            location: target.location.to_string(),
            found,
            known: FORMAT,
        }),
        (None | Some(_), OpenMode::ReadWrite | OpenMode::Existing) => {
            if let Some(error) = refuse_maker(connection, found).await? {
                return Err(error);
            }
            connection.batch("BEGIN").await?;
            match migrate(connection).await {
                Ok(is_new) => connection.batch("COMMIT").await.map(|()| is_new),
                Err(error) => {
                    drop(connection.batch("ROLLBACK").await);
                    Err(error)
                }
            }
        }
    }
}

/// The ledger's format; `None` = there is none.
pub(super) async fn format(connection: &Connection) -> Result<Option<i64>> {
    // Looked up in the table itself: by its name a session may remember that it was not there.
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'ledger')";
    let is_there = connection.query_one(sql, &[&SCHEMA]).await?;
    if !is_there.get::<bool>(0)? {
        return Ok(None);
    }
    let row = connection
        .query_opt("SELECT format FROM ledger", &[])
        .await?;
    row.map(|row| row.get(0)).transpose()
}

/// What tells the ledger from others.
pub(super) async fn id(connection: &Connection) -> Result<String> {
    connection
        .query_one("SELECT id FROM ledger", &[])
        .await?
        .get(0)
}

/// Why this user could not make its tables, or upgrade those of this format: only their owner can.
pub(super) async fn refuse_maker(
    connection: &Connection,
    found: Option<i64>,
) -> Result<Option<LedgerError>> {
    let sql = match found {
        Some(_) => {
            "SELECT pg_has_role(tableowner, 'USAGE') FROM pg_catalog.pg_tables
                 WHERE schemaname = $1 AND tablename = 'ledger'"
        }
        None => {
            "SELECT CASE WHEN to_regnamespace($1) IS NULL
                 THEN has_database_privilege(current_database(), 'CREATE')
                 ELSE has_schema_privilege(to_regnamespace($1), 'CREATE') END"
        }
    };
    let may: bool = connection.query_one(sql, &[&SCHEMA]).await?.get(0)?;
    let cause = match found {
        Some(found) => format!(
            "it has ledger format {found}, this version uses {FORMAT}, and only its owner can upgrade it"
        ),
        None => "its tables are not there, and this user may not make them".to_owned(),
    };
    Ok((!may).then(|| LedgerError::Limit {
        location: connection.location().to_string(),
        cause,
        remedy: "have its owner run something on it with this version first, then: okta-rollout ledger grants ROLE",
    }))
}

/// Applies what is missing; the caller's transaction stores all of it or nothing.
async fn migrate(connection: &Connection) -> Result<bool> {
    // Until the end of the transaction; others wait as long as for any lock.
    connection
        .query_one("SELECT pg_advisory_xact_lock($1)::text", &[&MIGRATING])
        .await?;
    // Another process may have been faster.
    let found = format(connection).await?;
    if found.is_some_and(|found| found > FORMAT) {
        return beside_newer(connection).await;
    }
    if found.is_none() {
        connection
            .batch(&format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            .await?;
    }
    let applied = usize::try_from(found.unwrap_or_default()).unwrap_or_default();
    for sql in MIGRATIONS.iter().skip(applied) {
        connection.batch(sql).await?;
    }
    connection
        .execute(
            "UPDATE ledger SET format = $1, works_with = $2",
            &[&FORMAT, &WORKS_WITH],
        )
        .await?;
    Ok(found.is_none())
}

/// Whether this program may use a ledger of a newer format: whoever upgraded it says so. It was not made.
async fn beside_newer(connection: &Connection) -> Result<bool> {
    let sql = "SELECT works_with FROM ledger";
    let oldest = connection.query_one(sql, &[]).await?.get(0)?;
    refuse_beyond(connection, oldest).await.map(|()| false)
}

/// Refuses a ledger that programs older than this format are not to use, if this is one of them.
pub(super) async fn refuse_beyond(connection: &Connection, oldest: i64) -> Result<()> {
    if oldest <= FORMAT {
        return Ok(());
    }
    refuse_newer(connection).await
}

/// Refuses what takes every table and column of a ledger to be known.
pub(super) async fn refuse_newer(connection: &Connection) -> Result<()> {
    match format(connection).await? {
        Some(found) if found > FORMAT => Err(LedgerError::NewerFormat {
            location: connection.location().to_string(),
            found,
            known: FORMAT,
        }),
        _ => Ok(()),
    }
}
