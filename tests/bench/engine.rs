//! What the engine costs: a run of simulated orgs without limits or latency, every checkpoint durable, against a
//! bare loop that sends the same calls with the same HTTP client and concurrency. Prints the ratio of the
//! two, measured in turn (PRODUCT.md §13: at least 0.6).
//!
//! `cargo bench --bench engine`

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use okta_rollout::apps::Feature;
use okta_rollout::event::Events;
use okta_rollout::ledger::{ImportEntry, Ledger, LedgerUrl, NewRun, OpenMode, RunId};
use okta_rollout::manifest::{Entry, Limits, OrgSpec, Secrets};
use okta_rollout::okta::connections::{self, Activate, ConnectionBody};
use okta_rollout::okta::{Credentials, Http, HttpSettings, OrgClient, Request, features};
use okta_rollout::run::{Interrupt, OrgAccess, RunOptions, drive, unix_millis};
use okta_rollout::sandbox::{Sandbox, SandboxSettings, SeedApp};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ORGS: usize = 20;
const APPS: usize = 600;
const IN_FLIGHT: u32 = 20;
/// Calls of an entry: one POST of the connection, one PUT of the feature.
const CALLS: usize = ORGS * APPS * 2;
const ROUNDS: usize = 3;

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn main() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut ratios = Vec::new();
        for round in 1..=ROUNDS {
            let bare = per_second(bare_loop(&sandbox().await?).await?);
            let engine = per_second(engine(&sandbox().await?).await?);
            ratios.push(engine / bare);
            println!("round {round}: engine {engine:.0} calls/s, bare loop {bare:.0} calls/s");
        }
        ratios.sort_by(f64::total_cmp);
        let median = ratios[ROUNDS / 2];
        println!(
            "engine / bare loop: {median:.2} (bound 0.60), measured / bound {:.2}",
            median / 0.6
        );
        Ok(())
    })
}

#[expect(clippy::cast_precision_loss, reason = "some ten thousand calls")]
fn per_second(took: Duration) -> f64 {
    CALLS as f64 / took.as_secs_f64()
}

async fn sandbox() -> anyhow::Result<Sandbox> {
    let settings = SandboxSettings {
        limit: 0,
        concurrency: 0,
        journal: 0,
        ..SandboxSettings::default()
    };
    let sandbox = Sandbox::start(settings, None, None).await?;
    for org in 0..ORGS {
        sandbox.add_org(&org_name(org))?;
        for app in 0..APPS {
            let app = SeedApp {
                name: "zscalerbyz".into(),
                id: Some(app_id(org, app)),
                label: None,
            };
            sandbox.add_app(&org_name(org), &app)?;
        }
    }
    Ok(sandbox)
}

fn org_name(org: usize) -> String {
    format!("org-{org}")
}

fn app_id(org: usize, app: usize) -> String {
    format!("0oa{org:05}{app:012}")
}

fn capabilities() -> Value {
    json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } },
            "update": { "profile": { "status": "ENABLED" }, "lifecycleDeactivate": { "status": "ENABLED" },
                        "password": { "status": "DISABLED", "seed": "RANDOM", "change": "KEEP_EXISTING" } } })
}

const BASE_URL: &str = "https://scim.zscalerbeta.net/1/2/scim";

// What somebody would write in an afternoon: the calls, as many at once per org, and nothing else. Its second
// round is timed, with all connections open, which the engine has to open while it is timed.
async fn bare_loop(sandbox: &Sandbox) -> anyhow::Result<Duration> {
    let http = Http::new(&HttpSettings::default())?;
    let mut clients = Vec::new();
    for org in 0..ORGS {
        let name = org_name(org);
        let token = Credentials::Ssws(sandbox.api_token(&name).into());
        let client = OrgClient::new(http.clone(), &sandbox.url(&name), token)?;
        clients.push(Arc::new(client));
    }
    all_orgs(&clients).await?;
    let begun = Instant::now();
    all_orgs(&clients).await?;
    Ok(begun.elapsed())
}

async fn all_orgs(clients: &[Arc<OrgClient>]) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for (org, client) in clients.iter().cloned().enumerate() {
        tasks.spawn(async move {
            let apps = stream::iter(0..APPS);
            apps.for_each_concurrent(IN_FLIGHT as usize, |app| one_app(&client, org, app))
                .await;
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}

async fn one_app(client: &OrgClient, org: usize, app: usize) {
    let id = app_id(org, app);
    let body = ConnectionBody::Token {
        base_url: Some(BASE_URL.into()),
        token: "secret".into(),
    };
    send(
        client,
        connections::set(&id, &body, Activate::Yes).request(),
    )
    .await;
    send(
        client,
        features::put(&id, Feature::UserProvisioning, &capabilities()).request(),
    )
    .await;
}

async fn send(client: &OrgClient, request: &Request) {
    let exchange = client.exchange(request).await;
    assert!(exchange.outcome.is_ok(), "{:?}", exchange.outcome.err());
}

async fn engine(sandbox: &Sandbox) -> anyhow::Result<Duration> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("token"), "secret")?;
    let url = LedgerUrl::file(folder.path().join("ledger.db"));
    let ledger = Ledger::open(&url, OpenMode::ReadWrite).await?;
    let run = import(&ledger).await?;
    let options = RunOptions {
        limits: Limits {
            max_in_flight: Some(IN_FLIGHT),
            ..Limits::default()
        },
        ..RunOptions::default()
    };
    let orgs = ledger.orgs(&run).await?.into_iter().map(|row| OrgAccess {
        origin: sandbox.url(&row.name),
        credentials: Credentials::Ssws(sandbox.api_token(&row.name).into()),
        secrets: Secrets::new(folder.path(), false),
        administrator: None,
        row,
    });
    let orgs: Vec<OrgAccess> = orgs.collect();
    let begun = Instant::now();
    drive(
        &ledger,
        &run,
        orgs,
        &options,
        &Events::nowhere(),
        &Interrupt::new(),
    )
    .await?;
    let took = begun.elapsed();
    let counts = ledger.counts(&run).await?;
    assert_eq!(counts.changed, (ORGS * APPS) as u64, "{counts:?}");
    Ok(took)
}

async fn import(ledger: &Ledger) -> anyhow::Result<RunId> {
    let mut import = ledger
        .import(NewRun {
            file: "bench".into(),
            file_key: "bench".into(),
            digest: String::new(),
            context: Value::Null,
            started_at: unix_millis(),
        })
        .await?;
    for org in 0..ORGS {
        let spec = OrgSpec {
            url: "sandbox".into(),
            auth: None,
            limits: Limits::default(),
        };
        let no = import.push_org(&org_name(org), &format!("sandbox:{}", org_name(org)), &spec)?;
        for app in 0..APPS {
            let entry: Entry = serde_json::from_value(json!({
                "org": org_name(org), "app": "zscalerbyz", "appId": app_id(org, app),
                "connection": { "baseUrl": BASE_URL, "profile": { "authScheme": "TOKEN", "token": "file:token" } },
                "features": { "USER_PROVISIONING": capabilities() } }))?;
            let row = u64::try_from(org * APPS + app + 2)?;
            import.push_entry(ImportEntry {
                row,
                org: no,
                entry: &entry,
            })?;
        }
    }
    Ok(import.finish()?)
}
