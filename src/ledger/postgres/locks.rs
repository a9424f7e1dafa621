//! Who works on a run, starts one of a file, or is the desk: advisory locks of the owner's session, which PostgreSQL
//! frees when that ends, however it ends. What the table `holder` says is only for the message to others.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::session::Connection;
use crate::ledger::Result;

/// What of a ledger is one process's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Run,
    File,
    Desk,
    Partition,
    /// A partition that is asked for: held by many at once.
    Asked,
    /// A process that works with others.
    Worker,
    /// A run that is being stored: what is there of it is not visible yet.
    Import,
}

/// A lock that is asked for.
pub(super) struct Lock {
    pub key: i64,
    /// What others are told besides who has it.
    pub about: Option<String>,
}

impl Kind {
    /// Its number among PostgreSQL's advisory locks.
    pub(super) fn key(self, name: &str) -> i64 {
        let kind = match self {
            Self::Run => "run",
            Self::File => "file",
            Self::Desk => "desk",
            Self::Partition => "partition",
            Self::Asked => "asked",
            Self::Worker => "worker",
            Self::Import => "import",
        };
        let digest = Sha256::digest(format!("okta-rollout {kind} {name}"));
        i64::from_be_bytes(std::array::from_fn(|at| digest[at]))
    }
}

/// Takes a lock in this session, or says who has it.
pub(super) async fn take(session: &Connection, lock: &Lock) -> Result<Result<(), String>> {
    let key = lock.key;
    let taken = session
        .query_one("SELECT pg_try_advisory_lock($1)", &[&key])
        .await?;
    if !taken.get::<bool>(0)? {
        return Ok(Err(name(session, key).await?));
    }
    let sql = "INSERT INTO holder (lock, name, about) VALUES ($1, $2, $3)
         ON CONFLICT (lock) DO UPDATE SET name = excluded.name, about = excluded.about";
    let noted = session.execute(sql, &[&key, &me(), &lock.about]).await;
    if let Err(error) = noted {
        drop(give_back(session, key).await);
        return Err(error);
    }
    Ok(Ok(()))
}

/// Gives a lock of this session back.
pub(super) async fn give_back(session: &Connection, key: i64) -> Result<()> {
    let forgotten = session
        .execute("DELETE FROM holder WHERE lock = $1", &[&key])
        .await;
    session
        .query_one("SELECT pg_advisory_unlock($1)", &[&key])
        .await?;
    forgotten.map(drop)
}

/// This database's advisory locks that anybody has.
const HELD: &str = "SELECT (classid::bigint << 32) | objid::bigint AS key FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Whether any session has it.
pub(super) async fn is_held(connection: &Connection, key: i64) -> Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM ({HELD}) held WHERE key = $1)");
    connection.query_one(&sql, &[&key]).await?.get(0)
}

/// All that any session has.
pub(super) async fn all_held(connection: &Connection) -> Result<HashSet<i64>> {
    let rows = connection.query(HELD, &[]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Who has it, as that process says.
pub(super) async fn name(connection: &Connection, key: i64) -> Result<String> {
    let sql = "SELECT name FROM holder WHERE lock = $1";
    let found = connection.query_opt(sql, &[&key]).await?;
    found.map_or_else(|| Ok("another process".to_owned()), |row| row.get(0))
}

/// This process.
pub(super) fn me() -> String {
    let host = gethostname::gethostname();
    let since = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let (pid, host) = (std::process::id(), host.to_string_lossy());
    format!("pid {pid} on {host} since {since}")
}
