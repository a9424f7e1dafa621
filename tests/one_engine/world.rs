//! An org that the sandbox serves, and runs over its apps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use okta_rollout::engine::{Engine, OrgAccess, RunOptions, drive};
use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{Attempt, Counts, EntryRow, ImportEntry, Ledger, NewRun, OpenOptions};
use okta_rollout::manifest::{Entry, Secrets};
use okta_rollout::model::RunId;
use okta_rollout::okta::Credentials;
use okta_rollout::pacing::unix_millis;
use okta_rollout::sandbox::{Sandbox, SandboxSettings, SeedApp};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A sandbox with one org, and a folder for ledgers.
pub struct World {
    pub sandbox: Sandbox,
    folder: TempDir,
}

/// A run that is imported.
pub struct Run {
    pub id: RunId,
    ledger: Ledger,
    file: PathBuf,
    folder: PathBuf,
    credentials: Credentials,
}

impl World {
    /// With an org `acme` that has so many apps.
    pub async fn of(apps: u64, settings: &str) -> Self {
        let settings: SandboxSettings = toml::from_str(settings).unwrap();
        let sandbox = Sandbox::start(settings, None, None).await.unwrap();
        sandbox.add_org("acme").unwrap();
        for no in 0..apps {
            let app = SeedApp {
                name: "zscalerbyz".into(),
                id: Some(app_id(no)),
                label: None,
            };
            sandbox.add_app("acme", &app).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "a-secret-token").unwrap();
        Self { sandbox, folder }
    }

    /// Imports a run over entries, with a ledger of its own.
    pub async fn run(&self, name: &str, entries: Vec<Entry>) -> Run {
        let url = self.sandbox.url("acme");
        self.run_at(name, &url, entries).await
    }

    /// As [`Self::run`], of an org that is reached there.
    pub async fn run_at(&self, name: &str, url: &str, entries: Vec<Entry>) -> Run {
        let file = self.folder.path().join(format!("{name}.db"));
        let ledger = open(&file, OpenOptions::default()).await;
        let new = NewRun {
            file: name.into(),
            file_key: name.into(),
            digest: String::new(),
            context: Value::Null,
            started_at: unix_millis(),
        };
        let mut import = ledger.import(new).await.unwrap();
        let spec = serde_json::from_value(json!({ "url": url })).unwrap();
        let org = import.push_org(name, url, &spec).unwrap();
        for (row, entry) in (1..).zip(&entries) {
            import.push_entry(ImportEntry { row, org, entry }).unwrap();
        }
        Run {
            id: import.finish().unwrap(),
            ledger,
            file,
            folder: self.folder.path().to_owned(),
            credentials: Credentials::Ssws(self.sandbox.api_token("acme").into()),
        }
    }
}

impl Run {
    /// The same, whose ledger can grow no further.
    pub async fn with_full_disk(self) -> Self {
        let options = OpenOptions {
            // SQLite takes as many as it has.
            max_pages: Some(1),
            ..OpenOptions::default()
        };
        self.reopened(options).await
    }

    /// The same, whose ledger has all the room it needs.
    pub async fn with_room(self) -> Self {
        self.reopened(OpenOptions::default()).await
    }

    async fn reopened(self, options: OpenOptions) -> Self {
        let Self { ledger, file, .. } = self;
        drop(ledger);
        Self {
            ledger: open(&file, options).await,
            file,
            ..self
        }
    }

    /// The same, with these credentials.
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        Self {
            credentials,
            ..self
        }
    }

    /// Its entries with their calls.
    pub async fn rows(&self) -> Vec<(EntryRow, Vec<Attempt>)> {
        let mut rows = Vec::new();
        let each = |row, attempts| rows.push((row, attempts));
        self.ledger
            .for_each_entry_with_calls(&self.id, each)
            .await
            .unwrap();
        rows
    }

    /// How many calls it made.
    pub async fn requests(&self) -> u64 {
        self.ledger.orgs(&self.id).await.unwrap()[0].stats.requests
    }

    /// Drives it.
    pub async fn drive(&self, engine: &Engine) -> anyhow::Result<()> {
        let row = self.ledger.orgs(&self.id).await?.remove(0);
        let org = OrgAccess {
            is_elsewhere: false,
            origin: row.url.clone(),
            row,
            credentials: self.credentials.clone(),
            secrets: Secrets::new(&self.folder, false),
            next: Arc::default(),
        };
        let lock = self.ledger.lock_run(&self.id).await?;
        let options = RunOptions::default();
        let engine = engine.for_run(&self.id);
        let of_run = (&self.ledger, &lock);
        drive(&engine, of_run, vec![org], &options, async || false).await?;
        Ok(())
    }

    /// What became of its entries.
    pub async fn counts(&self) -> Counts {
        self.ledger.counts(&self.id).await.unwrap()
    }
}

async fn open(file: &Path, options: OpenOptions) -> Ledger {
    let url = LedgerUrl::file(file);
    Ledger::open_with(&url, options).await.unwrap()
}

fn app_id(no: u64) -> String {
    format!("0oa{no:017}")
}

/// Entries of these apps.
pub fn entries(apps: std::ops::Range<u64>) -> Vec<Entry> {
    let entry = |no| {
        json!({ "org": "acme", "app": "zscalerbyz", "appId": app_id(no), "connection": {
            "baseUrl": "https://scim.zscalerbeta.net/1/2/scim",
            "profile": { "authScheme": "TOKEN", "token": "file:token" } } })
    };
    apps.map(|no| serde_json::from_value(entry(no)).unwrap())
        .collect()
}

/// So many entries of apps that are still to be created.
pub fn new_entries(many: u64) -> Vec<Entry> {
    let entry = |no| {
        json!({ "org": "acme", "app": "zscalerbyz", "label": format!("New {no}"), "create": {}, "connection": {
            "baseUrl": "https://scim.zscalerbeta.net/1/2/scim",
            "profile": { "authScheme": "TOKEN", "token": "file:token" } } })
    };
    (0..many)
        .map(|no| serde_json::from_value(entry(no)).unwrap())
        .collect()
}
