//! A ledger in a database of its own.

use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{Ledger, OpenMode, OpenOptions};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::postgres_server;
use crate::support::Fixture;

/// The database that those of tests are copies of: one with tables, and without runs.
const TEMPLATE: &str = "ledger_template";

impl Fixture {
    /// A new one.
    pub async fn on_postgres() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = database(&folder).await;
        Self::at(folder, url, OpenOptions::default()).await
    }

    /// Runs SQL in PostgreSQL beside the ledger; gives what it prints.
    pub fn sql(&self, sql: &str) -> String {
        let address = self.server_address();
        let database = address.rsplit('/').next().unwrap();
        let sql = format!("SET search_path = okta_rollout; {sql}");
        postgres_server::server().sql(database, &sql)
    }

    /// The database, as PostgreSQL's own programs are told it.
    pub fn server_address(&self) -> String {
        let url = self.url.to_string();
        url.split('?').next().unwrap().to_owned()
    }
}

/// A database of its own, with the ledger's tables; the key of its fingerprints is in that folder.
async fn database(folder: &TempDir) -> LedgerUrl {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let server = tokio::task::spawn_blocking(postgres_server::server)
        .await
        .unwrap();
    let make = || async {
        server.sql("postgres", &format!("CREATE DATABASE {TEMPLATE}"));
        let url: LedgerUrl = server.url(TEMPLATE).parse().unwrap();
        drop(Ledger::open(&url, OpenMode::ReadWrite).await.unwrap());
    };
    MADE.get_or_init(make).await;
    let key = folder.path().join("ledger.key");
    std::fs::write(&key, hex::encode(rand::random::<[u8; 32]>())).unwrap();
    let url = tokio::task::spawn_blocking(|| server.copy(TEMPLATE));
    let url = url.await.unwrap();
    format!("{url}?key=file:{}", key.display()).parse().unwrap()
}
