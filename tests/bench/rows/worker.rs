//! One worker on an unlimited server: its calls a second with a ledger on PostgreSQL against those with one in a file, every
//! checkpoint durable in both.

use okta_rollout::event::Events;
use okta_rollout::sandbox::SandboxSettings;
use tokio::runtime::{Handle, Runtime};

use crate::postgres_server::Server;
use crate::support::engine::{Conditions, Engine};
use crate::support::fleet::{Fleet, number};
use crate::support::table::{Table, say};

/// Apps of each org: some seconds of calls.
const APPS: [usize; 20] = [3_000; 20];

/// Of each kind, by turns.
const ROUNDS: usize = 7;

/// The row.
pub fn rows(runtime: &Runtime, postgres: &Server, quick: bool) -> anyhow::Result<Table> {
    let server = Runtime::new()?;
    let (apps, rounds) = if quick {
        ([300; 20], 3)
    } else {
        (APPS, ROUNDS)
    };
    let keys = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let file = Conditions::default();
        let shared = Conditions {
            ledger: Some(postgres.keyed(keys.path()).parse()?),
            ..Conditions::default()
        };
        // Whoever is second finds other things warm.
        let (file, shared) = if round % 2 == 0 {
            let file = runtime.block_on(calls(server.handle(), &apps, file))?;
            (
                file,
                runtime.block_on(calls(server.handle(), &apps, shared))?,
            )
        } else {
            let shared = runtime.block_on(calls(server.handle(), &apps, shared))?;
            (
                runtime.block_on(calls(server.handle(), &apps, file))?,
                shared,
            )
        };
        say(&format!(
            "unlimited, round {round}: PostgreSQL {shared:.0} calls/s, file {file:.0} calls/s"
        ));
        ratios.push((shared / file, shared, file));
    }
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, shared, file) = ratios[rounds / 2];
    let mut table = Table::default();
    table.row("1 worker: PostgreSQL / file", ratio, 0.7.., "");
    table.baseline(
        "1 worker, unlimited",
        format!("PostgreSQL {shared:.0} calls/s, file {file:.0} calls/s"),
    );
    Ok(table)
}

/// A second.
async fn calls(server: &Handle, apps: &[usize], conditions: Conditions) -> anyhow::Result<f64> {
    let settings = SandboxSettings {
        limit: 0,
        concurrency: 0,
        journal: 0,
        ..SandboxSettings::default()
    };
    let fleet = Fleet::start(server, settings, apps).await?;
    let engine = Engine::new(&fleet, conditions).await?;
    let took = engine.drive(&Events::nowhere()).await?;
    Ok(number(fleet.calls() as u64) / took.as_secs_f64())
}
