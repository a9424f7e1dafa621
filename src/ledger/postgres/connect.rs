//! Connects to PostgreSQL, and refuses one that a ledger cannot be kept on.
//!
//! All connections live on the ledger's own thread: whoever asks may do so in simulated time, or be on the way out.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_fn;
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Config, NoTls};
use tokio_util::sync::CancellationToken;

use super::password;
use super::session::Connection;
use super::tls::Tls;
use crate::job::{PostgresHost, PostgresUrl};
use crate::ledger::{LedgerError, Result};

/// The oldest that is good enough: `client_connection_check_interval` and `idle_session_timeout` came with it.
const OLDEST: i32 = 14;

/// How long a host may take to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

/// Our end of what the owner's session asks of PostgreSQL's: see [`OWNER`].
const SILENCE: Duration = Duration::from_secs(3);

/// How often a host is then asked whether it is still there.
const PROBE: Duration = Duration::from_secs(1);

/// What PostgreSQL is to do when the process that owns runs is gone, or stands still: it ends the session, which frees
/// what that holds. Of sockets the first four mean nothing. Numbers are in PostgreSQL's own units.
const OWNER: [(&str, &str); 7] = [
    ("tcp_keepalives_idle", "1"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "2"),
    ("tcp_user_timeout", "3000"),
    // Several times what the owner lets pass between two pings.
    ("idle_session_timeout", "3000"),
    ("idle_in_transaction_session_timeout", "3000"),
    ("client_connection_check_interval", "1000"),
];

/// The schema that has the ledger's tables.
pub(super) const SCHEMA: &str = "okta_rollout";

/// Where a ledger is, and how it is reached.
pub(super) struct Target {
    pub url: PostgresUrl,
    pub location: Arc<str>,
    /// Of the ledger's own thread.
    pub runtime: Handle,
    /// How long anybody waits for a lock that another process has.
    pub busy_timeout: Duration,
    /// By which those who change the ledger are told apart; see `changes.rs`.
    pub process: i64,
    /// Until when connections are good that are made now.
    pub good: Mutex<CancellationToken>,
}

/// What a connection hears from others.
pub(super) type Heard = UnboundedSender<tokio_postgres::Notification>;

impl Target {
    /// A session for reading and for what is written beside checkpoints.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<Connection> {
        self.connect_to_hear(None).await
    }

    /// As [`Self::connect`]; what is heard goes there.
    pub(super) async fn connect_to_hear(
        self: &Arc<Self>,
        heard: Option<Heard>,
    ) -> Result<Connection> {
        let target = Arc::clone(self);
        let connecting = async move { target.any_host(heard.as_ref()).await };
        match self.runtime.spawn(connecting).await {
            Ok(connected) => connected,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(LedgerError::lost(&self.location)),
        }
    }

    /// The session that commits and holds locks: nothing is copied on it, and it is never one of a pool.
    pub(super) async fn connect_owner(self: &Arc<Self>) -> Result<Connection> {
        let connection = self.connect().await?;
        let wanted = OWNER.map(|(name, value)| format!("SET {name} = {value};"));
        connection.batch(&wanted.concat()).await?;
        let has_network = connection
            .query_one("SELECT inet_client_addr() IS NOT NULL", &[])
            .await?
            .get(0)?;
        for (name, value) in OWNER {
            let sql = "SELECT setting FROM pg_settings WHERE name = $1";
            let row = connection.query_one(sql, &[&name]).await?;
            let set = row.text(0)?;
            if set != value && (has_network || !name.starts_with("tcp_")) {
                return Err(self.unfit(
                    format!("its {name} is {set} where {value} was asked for"),
                    "use PostgreSQL on Linux, reached without a pooler",
                ));
            }
        }
        Ok(connection)
    }

    /// It is there, and no ledger can be kept on it.
    pub(super) fn unfit(&self, cause: String, remedy: &'static str) -> LedgerError {
        LedgerError::Limit {
            location: self.location.to_string(),
            cause,
            remedy,
        }
    }

    /// Ends all connections that there are: where one is lost, an answer that another waits for may never come.
    pub(super) fn hang_up(&self) {
        std::mem::take(&mut *self.good.lock()).cancel();
    }

    // The first that lets us in and takes writes.
    async fn any_host(&self, heard: Option<&Heard>) -> Result<Connection> {
        let mut failed = None;
        for host in &self.url.hosts {
            let reached = async {
                let connection = self.host(host, heard).await?;
                self.check(&connection).await.map(|()| connection)
            };
            // The client's own bound ends with the handshake of TCP.
            let reached = tokio::time::timeout(PATIENCE, reached).await;
            let error = match reached {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => error,
                Err(_) => LedgerError::Unreachable {
                    location: self.location.to_string(),
                    cause: format!("no answer within {} s", PATIENCE.as_secs()),
                },
            };
            failed = failed.or(Some(error));
        }
        Err(failed.unwrap_or_else(|| LedgerError::lost(&self.location)))
    }

    async fn host(&self, host: &PostgresHost, heard: Option<&Heard>) -> Result<Connection> {
        const REMEDY: &str = "check the address of the ledger and what it names";
        let mut config = Config::new();
        let name = self.url.application_name.as_deref();
        config
            .user(&self.url.user)
            .dbname(&self.url.database)
            .application_name(name.unwrap_or("okta-rollout"))
            .connect_timeout(PATIENCE)
            .tcp_user_timeout(SILENCE)
            .keepalives_idle(SILENCE)
            .keepalives_interval(PROBE);
        match host {
            PostgresHost::Tcp { name, port } => config.host(name).port(*port),
            PostgresHost::Socket { folder, port } => config.host_path(folder).port(*port),
        };
        let password = password::find(&self.url, host).await;
        if let Some(password) = password.map_err(|cause| self.unfit(cause, REMEDY))? {
            config.password(password.expose_secret());
        }
        let failed = |error: tokio_postgres::Error| LedgerError::postgres(&self.location, &error);
        let client = if self.url.has_tls(host) {
            let tls = Tls::new(self.url.root_certificate.as_deref());
            let tls = tls.map_err(|cause| self.unfit(cause, REMEDY))?;
            // Never without: a server that has no TLS is refused.
            config.ssl_mode(SslMode::Require);
            let (client, connection) = config.connect(tls).await.map_err(failed)?;
            self.keep(drive(connection, heard.cloned()));
            client
        } else {
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
            self.keep(drive(connection, heard.cloned()));
            client
        };
        Ok(Connection::new(client, Arc::clone(&self.location)))
    }

    /// Keeps a connection going until it is hung up.
    fn keep(&self, driven: impl Future<Output = ()> + Send + 'static) {
        let good = self.good.lock().clone();
        let kept = async move { good.run_until_cancelled(driven).await };
        self.runtime.spawn(kept);
    }

    async fn check(&self, connection: &Connection) -> Result<()> {
        let row = connection
            .query_one(
                "SELECT current_setting('server_version_num')::int, pg_is_in_recovery(),
                     current_setting('default_transaction_read_only') = 'on',
                     current_setting('synchronous_commit') = 'off'",
                &[],
            )
            .await?;
        let version: i32 = row.get(0)?;
        if version / 10_000 < OLDEST {
            let cause = format!("it is PostgreSQL {}, too old", version / 10_000);
            return Err(self.unfit(cause, "use PostgreSQL 14 or newer"));
        }
        if row.get(1)? || row.get(2)? {
            return Err(self.unfit(
                "it takes no writes: it is a replica, or read-only".to_owned(),
                "name the server that takes writes, or several: postgres://USER@HOST1,HOST2/DB",
            ));
        }
        // Not as options of the connection: poolers do not let them through.
        let mut wanted = format!(
            "SET search_path = {SCHEMA}; SET okta_rollout.process = {}; SET lock_timeout = {};",
            self.process,
            self.busy_timeout.as_millis()
        );
        if row.get(3)? {
            // What was acknowledged must be there after a power cut.
            wanted.push_str("SET synchronous_commit = on;");
        }
        connection.batch(&wanted).await
    }
}

/// Keeps a connection going; it ends with its client.
async fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>, heard: Option<Heard>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let (AsyncMessage::Notification(news), Some(heard)) = (message, &heard) {
            // Whoever listened is gone.
            drop(heard.send(news));
        }
    }
}

/// Refuses a pooler that gives sessions to others between transactions: a lock is looked for in a transaction of a second
/// connection. One that gets it is in the same session; and if its session is another one, the first must still be where
/// it was.
pub(super) async fn refuse_pooler(
    target: &Target,
    owner: &Connection,
    other: &Connection,
) -> Result<()> {
    let key: i64 = rand::random();
    owner
        .query_one("SELECT pg_try_advisory_lock($1)", &[&key])
        .await?;
    other.batch("BEGIN").await?;
    let looked = async {
        let again = "SELECT pg_try_advisory_xact_lock($1)";
        let is_shared: bool = other.query_one(again, &[&key]).await?.get(0)?;
        let mine = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory'
             AND pid = pg_backend_pid() AND (classid::bigint << 32) | objid::bigint = $1)";
        let is_mine: bool = owner.query_one(mine, &[&key]).await?.get(0)?;
        Ok(is_shared || !is_mine)
    };
    let looked: Result<bool> = looked.await;
    other.batch("ROLLBACK").await?;
    if looked? {
        return Err(target.unfit(
            "a pooler between here and PostgreSQL gives one session to several".to_owned(),
            "set the pooler to session mode (pool_mode = session), or name PostgreSQL itself",
        ));
    }
    owner
        .query_one("SELECT pg_advisory_unlock($1)", &[&key])
        .await
        .map(drop)
}
