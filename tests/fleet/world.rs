//! Orgs that the sandbox serves, a run over their apps in PostgreSQL, and processes that work on it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use okta_rollout::engine::{Engine, OrgAccess, RunOptions, drive};
use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{Counts, ImportEntry, Ledger, NewRun, OpenMode, RunLock};
use okta_rollout::manifest::{Entry, Secrets};
use okta_rollout::model::RunId;
use okta_rollout::okta::Credentials;
use okta_rollout::pacing::unix_millis;
use okta_rollout::sandbox::{Sandbox, SandboxSettings, SeedApp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::postgres_server::server;

/// A sandbox, an empty database, and a folder.
pub struct World {
    pub sandbox: Sandbox,
    pub url: LedgerUrl,
    address: String,
    pub database: String,
    pub run: RunId,
    folder: TempDir,
    apps: u64,
}

/// What stands for a process: a ledger and an engine of its own.
pub struct Process {
    pub ledger: Ledger,
    pub engine: Engine,
    run: RunId,
    folder: PathBuf,
    tokens: BTreeMap<String, String>,
}

fn org_name(no: usize) -> String {
    format!("org-{no}")
}

fn app_id(no: u64) -> String {
    format!("0oa{no:017}")
}

impl World {
    /// With so many orgs of so many apps, and a run over all of them.
    pub async fn of(orgs: usize, apps: u64, settings: &str) -> Self {
        Self::with(orgs, (apps, there), settings).await
    }

    /// The same where none of the apps is there yet.
    pub async fn of_new(orgs: usize, apps: u64, settings: &str) -> Self {
        Self::with(orgs, (apps, to_be_created), settings).await
    }

    async fn with(
        orgs: usize,
        (apps, entry): (u64, fn(usize, u64) -> Value),
        settings: &str,
    ) -> Self {
        let settings: SandboxSettings = toml::from_str(settings).unwrap();
        let sandbox = Sandbox::start(settings, None, None).await.unwrap();
        for org in (0..orgs).map(org_name) {
            sandbox.add_org(&org).unwrap();
            for no in (0..apps).filter(|no| entry(0, *no)["appId"].is_string()) {
                let app = SeedApp {
                    name: "zscalerbyz".into(),
                    id: Some(app_id(no)),
                    label: None,
                };
                sandbox.add_app(&org, &app).unwrap();
            }
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "a-secret-token").unwrap();
        let at = folder.path().to_owned();
        let keyed = tokio::task::spawn_blocking(move || server().keyed(&at))
            .await
            .unwrap();
        let empty = keyed.split('?').next().unwrap();
        let database = empty.rsplit('/').next().unwrap().to_owned();
        let url: LedgerUrl = keyed.parse().unwrap();
        let run = import(&url, &sandbox, orgs, (apps, entry)).await;
        Self {
            sandbox,
            url,
            address: keyed,
            database,
            run,
            folder,
            apps,
        }
    }

    /// A process that has the ledger open.
    pub async fn process(&self) -> Process {
        self.process_by(server().port()).await
    }

    /// The same of one that reaches it by this port.
    pub async fn process_by(&self, port: u16) -> Process {
        let place = format!(":{}/", server().port());
        let address = self.address.replace(&place, &format!(":{port}/"));
        let url = address.parse().unwrap();
        let names = (0..).map(org_name);
        let known = names.map_while(|name| {
            self.sandbox.journal(&name).ok()?;
            let token = self.sandbox.api_token(&name);
            Some((name, token))
        });
        Process {
            ledger: Ledger::open(&url, OpenMode::ReadWrite).await.unwrap(),
            engine: Engine::new(),
            run: self.run.clone(),
            folder: self.folder.path().to_owned(),
            tokens: known.collect(),
        }
    }

    /// How many calls were made of an org, and how many were refused for their number.
    pub fn calls(&self, org: usize) -> (usize, usize) {
        let calls = self.sandbox.journal(&org_name(org)).unwrap();
        let refused = calls.iter().filter(|call| call.status == Some(429));
        (calls.len(), refused.count())
    }

    /// How many calls were made in all.
    pub fn all_calls(&self, orgs: usize) -> usize {
        (0..orgs).map(|org| self.calls(org).0).sum()
    }

    /// How often connections were set in an org.
    pub fn connections_set(&self, org: usize) -> u64 {
        let counts = self.sandbox.counts(&org_name(org)).unwrap();
        let set = counts.iter().filter(|(operation, _)| {
            operation.starts_with("POST ") && operation.ends_with("/connections/default")
        });
        set.map(|(_, times)| times).sum()
    }

    /// How many apps were created in an org.
    pub fn created(&self, org: usize) -> u64 {
        let counts = self.sandbox.counts(&org_name(org)).unwrap();
        counts.get("POST /api/v1/apps").copied().unwrap_or(0)
    }

    /// Everything was done, and each connection was set once, but for so many that may have been under way at a kill.
    pub async fn assert_done(&self, orgs: usize, again: u64) {
        let ledger = Ledger::open(&self.url, OpenMode::ReadOnly).await.unwrap();
        let counts = ledger.counts(&self.run).await.unwrap();
        let all = self.apps * orgs as u64;
        assert_eq!(
            counts,
            Counts {
                changed: all,
                ..Counts::default()
            }
        );
        let set: u64 = (0..orgs).map(|org| self.connections_set(org)).sum();
        assert!((all..=all + again).contains(&set), "{set} of {all}");
        for org in 0..orgs {
            assert_eq!(self.calls(org).1, 0, "org {org} was asked too often");
        }
    }
}

fn there(org: usize, app: u64) -> Value {
    json!({ "org": org_name(org), "app": "zscalerbyz", "appId": app_id(app),
            "connection": { "baseUrl": "https://scim.zscalerbeta.net/1/2/scim",
                "profile": { "authScheme": "TOKEN", "token": "file:token" } } })
}

fn to_be_created(org: usize, app: u64) -> Value {
    json!({ "org": org_name(org), "app": "okta_org2org", "label": format!("app {app}"),
            "create": { "settings": { "app": { "baseUrl": "https://hub.example" } } },
            "connection": { "profile": { "authScheme": "TOKEN", "token": "file:token" } } })
}

async fn import(
    url: &LedgerUrl,
    sandbox: &Sandbox,
    orgs: usize,
    (apps, entry): (u64, fn(usize, u64) -> Value),
) -> RunId {
    let ledger = Ledger::open(url, OpenMode::ReadWrite).await.unwrap();
    let new = NewRun {
        file: "m.csv".into(),
        file_key: "m.csv".into(),
        digest: String::new(),
        context: Value::Null,
        started_at: unix_millis(),
    };
    let mut import = ledger.import(new).await.unwrap();
    let addresses: Vec<String> = (0..orgs).map(|no| sandbox.url(&org_name(no))).collect();
    let done = tokio::task::spawn_blocking(move || {
        let mut row = 1;
        for (no, url) in addresses.iter().enumerate() {
            let spec = serde_json::from_value(json!({ "url": url })).unwrap();
            let org = import.push_org(&org_name(no), url, &spec).unwrap();
            for app in 0..apps {
                let entry: Entry = serde_json::from_value(entry(no, app)).unwrap();
                let entry = &entry;
                import.push_entry(ImportEntry { row, org, entry }).unwrap();
                row += 1;
            }
        }
        import.finish().unwrap()
    });
    done.await.unwrap()
}

impl Process {
    /// Leads the run, or works on it beside whoever does.
    pub async fn lock(&self) -> RunLock {
        match self.ledger.lock_run(&self.run).await {
            Ok(lock) => lock,
            Err(_) => self.ledger.join_run(&self.run).await.unwrap(),
        }
    }

    /// Works on the run until nothing can move.
    pub async fn work(&self) -> anyhow::Result<()> {
        let lock = self.lock().await;
        let orgs = self.ledger.orgs(&self.run).await?;
        let open = orgs.into_iter().map(|row| OrgAccess {
            is_elsewhere: false,
            origin: row.url.clone(),
            credentials: Credentials::Ssws(self.tokens[&row.name].as_str().into()),
            secrets: Secrets::new(&self.folder, false),
            next: Arc::default(),
            row,
        });
        let engine = self.engine.for_run(&self.run);
        let mut options = RunOptions::default();
        // For so long is waited for a call that was under way when its process was lost.
        options.http.timeout = Duration::from_secs(5);
        let of_run = (&self.ledger, &lock);
        drive(&engine, of_run, open.collect(), &options, async || false).await?;
        Ok(())
    }
}
