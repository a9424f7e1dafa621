//! What the engine costs (README, "How fast it is"): a run of simulated orgs without limits or latency, every
//! checkpoint durable, against a bare loop of the same calls with the same HTTP client, connections and
//! concurrency, and against an asyncio script, all with 50 connections per org. The lists by which the engine sees, before
//! it writes to them, that the apps are what they should be take time in the bare loop, too, and count as calls in neither;
//! the scripts make none.
//!
//! The script uses aiohttp, as Okta's Python SDK does; it is installed into a folder of the build's. What asyncio
//! does with a parser of its own that knows just these answers is told as well.
//!
//! `cargo bench --bench engine`; `-- quick` leaves all but the first comparison out.

mod support {
    pub mod bare;
    pub mod engine;
    pub mod fleet;
    pub mod lists;
    pub mod table;
    pub mod venv;
}

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use okta_rollout::event::Events;
use okta_rollout::sandbox::SandboxSettings;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::runtime::{Handle, Runtime};

use support::bare;
use support::engine::{Conditions, Engine};
use support::fleet::{Fleet, app_id, capabilities, number, org_name};
use support::lists;
use support::table::{Table, say};
use support::venv;

/// Apps of each org: some eight seconds of calls, so that what is done once counts little.
const APPS: [usize; 20] = [6_000; 20];

/// Connections per org and calls in flight on them.
const CONNECTIONS: u32 = 50;

/// What the program keeps in flight per org when nothing is configured.
const DEFAULT: u32 = 20;

const ROUNDS: usize = 9;

/// Of what the script does at least, unless the server gives no more.
const LEAST_OF_SCRIPT: f64 = 1.5;

/// Calls in flight per org that the bare loop is tried with, to find what the server can give.
const TRIED: [usize; 3] = [1, 2, 5];

fn main() -> anyhow::Result<()> {
    let quick = std::env::args().any(|argument| argument == "quick");
    let server = Runtime::new()?;
    let handle = server.handle();
    Runtime::new()?.block_on(async {
        let mut table = Table::default();
        let (ratio, engine, bare) = against_bare_loop(handle, CONNECTIONS).await?;
        table.row("engine / bare loop", ratio, 0.6.., "");
        table.baseline(
            format!("bare loop, {CONNECTIONS} connections per org"),
            format!("{bare:.0} calls/s; engine {engine:.0} calls/s"),
        );
        if !quick {
            let (ratio, fewer, bare_fewer) = against_bare_loop(handle, DEFAULT).await?;
            table.baseline(
                format!("bare loop, {DEFAULT} connections per org"),
                format!("{bare_fewer:.0} calls/s; engine {fewer:.0} calls/s, {ratio:.2} of it"),
            );
            against_server(handle, (engine, bare), &mut table).await?;
        }
        Table::print(&[table]);
        anyhow::Ok(())
    })
}

async fn fleet(server: &Handle) -> anyhow::Result<Fleet> {
    let settings = SandboxSettings {
        limit: 0,
        concurrency: 0,
        journal: 0,
        ..SandboxSettings::default()
    };
    Fleet::start(server, settings, &APPS).await
}

/// In the median round: the engine's calls a second over the bare loop's, and both.
async fn against_bare_loop(server: &Handle, connections: u32) -> anyhow::Result<(f64, f64, f64)> {
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        let bare = bare_loop(&fleet(server).await?, connections as usize).await?;
        let fleet = fleet(server).await?;
        let conditions = Conditions {
            in_flight: Some(connections),
            ..Conditions::default()
        };
        let took = Engine::new(&fleet, conditions)
            .await?
            .drive(&Events::nowhere())
            .await?;
        let engine = per_second(fleet.calls(), took);
        say(&format!(
            "{connections} connections per org, round {round}: engine {engine:.0} calls/s, bare loop {bare:.0} calls/s"
        ));
        rounds.push((engine / bare, engine, bare));
    }
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(rounds[ROUNDS / 2])
}

// With no connection open at first, as the engine.
async fn bare_loop(fleet: &Fleet, in_flight: usize) -> anyhow::Result<f64> {
    let clients = fleet.clients()?;
    let listed = lists::read(fleet, &clients).await?;
    let (took, lost) = bare::round(fleet, &clients, in_flight).await?;
    anyhow::ensure!(lost == 0, "{lost} calls were not accepted");
    Ok(per_second(fleet.calls(), listed + took))
}

async fn against_server(
    server: &Handle,
    (engine, bare): (f64, f64),
    table: &mut Table,
) -> anyhow::Result<()> {
    let aiohttp = venv::with("aiohttp")?;
    let script = asyncio(&fleet(server).await?, &aiohttp, "asyncio_client.py").await?;
    let streams = asyncio(&fleet(server).await?, &aiohttp, "asyncio_streams.py").await?;
    let mut best = (bare, CONNECTIONS as usize);
    for in_flight in TRIED {
        let bare = bare_loop(&fleet(server).await?, in_flight).await?;
        say(&format!(
            "bare loop, {in_flight} in flight per org: {bare:.0} calls/s"
        ));
        if bare > best.0 {
            best = (bare, in_flight);
        }
    }
    let (best, in_flight) = best;
    table.row("engine / asyncio", engine / script, LEAST_OF_SCRIPT.., "");
    if engine / script < LEAST_OF_SCRIPT {
        // What no client could do is not asked for.
        table.row("engine / what the server gives", engine / best, 0.75.., "");
    }
    table.baseline("asyncio with aiohttp", format!("{script:.0} calls/s"));
    table.baseline(
        "asyncio with a parser of its own",
        format!("{streams:.0} calls/s"),
    );
    table.baseline(
        format!("bare loop at its best ({in_flight} in flight per org)"),
        format!("{best:.0} calls/s"),
    );
    Ok(())
}

fn per_second(calls: usize, took: Duration) -> f64 {
    number(calls as u64) / took.as_secs_f64()
}

/// The calls a second of one of the scripts, by its own clock: from the first call to the last answer.
async fn asyncio(fleet: &Fleet, python: &Path, script: &str) -> anyhow::Result<f64> {
    let orgs: Vec<_> = (0..fleet.apps.len())
        .map(|org| {
            let name = org_name(org);
            let apps = (0..fleet.apps[org]).map(|app| app_id(org, app));
            json!({ "url": fleet.url(&name), "token": fleet.token(&name), "apps": apps.collect::<Vec<_>>() })
        })
        .collect();
    let connection = json!({ "baseUrl": support::fleet::BASE_URL,
                             "profile": { "authScheme": "TOKEN", "token": "secret" } });
    let input = json!({ "orgs": orgs, "connections": CONNECTIONS, "connection": connection,
                        "feature": capabilities() });
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench");
    let mut child = Command::new(python)
        .arg(folder.join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.to_string().as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    anyhow::ensure!(output.status.success(), "{script} failed");
    let mut calls = 0;
    for org in 0..fleet.apps.len() {
        calls += fleet.sandbox.counts(&org_name(org))?.values().sum::<u64>();
    }
    anyhow::ensure!(calls == fleet.calls() as u64, "it made {calls} calls");
    let took: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    let calls = per_second(fleet.calls(), Duration::from_secs_f64(took));
    say(&format!("{script}: {calls:.0} calls/s"));
    Ok(calls)
}
