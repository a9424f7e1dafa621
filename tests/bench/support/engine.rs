//! The engine on a fleet, as a run of the program: every entry in a ledger, every checkpoint durable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use okta_rollout::engine::{Engine as Process, OrgAccess, RunOptions, drive};
use okta_rollout::event::Events;
use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{ImportEntry, Ledger, NewRun, OpenMode};
use okta_rollout::manifest::{Entry, Limits, OrgSpec, Secrets};
use okta_rollout::model::RunId;
use okta_rollout::okta::Credentials;
use okta_rollout::pacing::unix_millis;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::fleet::{BASE_URL, Fleet, app_id, capabilities, org_name};

/// A run that is imported and not begun.
pub struct Engine {
    // Dropped with the run: its ledger is gone then.
    folder: TempDir,
    ledger: Ledger,
    run: RunId,
    orgs: Vec<OrgAccess>,
    conditions: Conditions,
}

/// What is special about a run.
#[derive(Clone, Default)]
pub struct Conditions {
    /// Part of every limit that is used, instead of the program's default.
    pub share: Option<f64>,
    /// Calls in flight per org, instead of the program's default.
    pub in_flight: Option<u32>,
    /// An org that is looked for at another address than the fleet's.
    pub elsewhere: Option<(String, String)>,
    /// An empty ledger, instead of a file.
    pub ledger: Option<LedgerUrl>,
}

impl Engine {
    /// Imports a run over all apps of a fleet.
    pub async fn new(fleet: &Fleet, conditions: Conditions) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        std::fs::write(folder.path().join("token"), "secret")?;
        let file = || LedgerUrl::file(folder.path().join("ledger.db"));
        let url = conditions.ledger.clone().unwrap_or_else(file);
        let ledger = Ledger::open(&url, OpenMode::ReadWrite).await?;
        let run = import(&ledger, &fleet.apps).await?;
        let rows = ledger.orgs(&run).await?.into_iter();
        let orgs = rows.map(|row| OrgAccess {
            is_elsewhere: false,
            origin: match &conditions.elsewhere {
                Some((org, url)) if *org == row.name => url.clone(),
                _ => fleet.url(&row.name),
            },
            credentials: Credentials::Ssws(fleet.token(&row.name).into()),
            secrets: Secrets::new(folder.path(), false),
            next: Arc::default(),
            row,
        });
        Ok(Self {
            orgs: orgs.collect(),
            folder,
            ledger,
            run,
            conditions,
        })
    }

    /// Makes the run so; how long that took.
    pub async fn drive(self, events: &Events) -> anyhow::Result<Duration> {
        let options = RunOptions {
            limits: Limits {
                share: self.conditions.share,
                max_in_flight: self.conditions.in_flight,
                ..Limits::default()
            },
            ..RunOptions::default()
        };
        let (ledger, run) = (&self.ledger, &self.run);
        let engine = Process::with_events(events.clone()).for_run(run);
        let lock = ledger.lock_run(run).await?;
        let begun = Instant::now();
        let of_run = (ledger, &lock);
        drive(&engine, of_run, self.orgs, &options, async || false).await?;
        let took = begun.elapsed();
        let counts = ledger.counts(run).await?;
        anyhow::ensure!(counts.changed == counts.entries(), "{counts:?}");
        drop(self.folder);
        Ok(took)
    }
}

async fn import(ledger: &Ledger, apps: &[usize]) -> anyhow::Result<RunId> {
    let mut import = ledger
        .import(NewRun {
            file: "bench".into(),
            file_key: "bench".into(),
            digest: String::new(),
            context: Value::Null,
            started_at: unix_millis(),
        })
        .await?;
    let mut row = 1;
    for (org, apps) in apps.iter().enumerate() {
        let spec = OrgSpec {
            url: "sandbox".into(),
            auth: None,
            limits: Limits::default(),
            worker: std::collections::BTreeMap::new(),
            folder: None,
        };
        let no = import.push_org(&org_name(org), &format!("sandbox:{}", org_name(org)), &spec)?;
        for app in 0..*apps {
            row += 1;
            import.push_entry(ImportEntry {
                row,
                org: no,
                entry: &entry(org, app)?,
            })?;
        }
    }
    Ok(import.finish()?)
}

fn entry(org: usize, app: usize) -> anyhow::Result<Entry> {
    Ok(serde_json::from_value(json!({
        "org": org_name(org), "app": "zscalerbyz", "appId": app_id(org, app),
        "connection": { "baseUrl": BASE_URL, "profile": { "authScheme": "TOKEN", "token": "file:token" } },
        "features": { "USER_PROVISIONING": capabilities() } }))?)
}
