//! Somebody else with a steady pace in the same bucket: how many of its calls are refused once the run has seen a
//! window of it. What it takes is two fifths of the limit.

use std::time::Duration;

use futures_util::future::try_join_all;
use okta_rollout::event::Events;
use okta_rollout::okta::Read;
use okta_rollout::okta::connections::{self, Connection};
use okta_rollout::sandbox::{Call, Latency, Period, SandboxSettings};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::support::engine::{Conditions, Engine};
use crate::support::fleet::{Fleet, app_id, number, org_name};
use crate::support::journal::KEPT;
use crate::support::table::Table;

/// Short windows, so that a bench has many of them; latencies to match.
const WINDOW: Duration = Duration::from_secs(10);
const LATENCY: Duration = Duration::from_millis(100);

/// The part of the limit that the neighbour takes.
const THEIRS: f64 = 0.4;

struct Case {
    limit: u32,
    share: f64,
    /// For six windows and more.
    apps: usize,
}

const CASES: [Case; 6] = [
    case(50, 0.5, 40),
    case(50, 0.9, 90),
    case(50, 1.0, 100),
    case(600, 0.5, 350),
    case(600, 0.9, 950),
    case(600, 1.0, 1_150),
];

const fn case(limit: u32, share: f64, apps: usize) -> Case {
    Case { limit, share, apps }
}

/// The rows.
pub async fn rows(server: &Handle) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let done = try_join_all(CASES.iter().map(|case| case.beside(server))).await?;
    for (case, beside) in CASES.iter().zip(done) {
        let Case { limit, share, .. } = case;
        let what = format!("neighbour beside us, limit {limit}, share {share}: refused");
        let Beside { calls, refused, .. } = beside;
        let percent = 100.0 * number(refused) / number(calls).max(1.0);
        table.row(what, percent, ..=1.0, "%");
        let did = format!(
            "{calls} calls of theirs after the first window, {refused} refused; {} of ours, {} refused, in {:.0} s",
            beside.ours,
            beside.limited,
            beside.took.as_secs_f64()
        );
        table.baseline(format!("beside us, limit {limit}, share {share}"), did);
    }
    Ok(table)
}

/// What became of the two.
struct Beside {
    calls: u64,
    refused: u64,
    ours: u64,
    limited: u64,
    took: Duration,
}

impl Case {
    async fn beside(&self, server: &Handle) -> anyhow::Result<Beside> {
        let settings = SandboxSettings {
            limit: self.limit,
            window: Period(WINDOW),
            latency: Latency::Fixed(Period(LATENCY)),
            concurrency: 0,
            journal: KEPT,
            ..SandboxSettings::default()
        };
        let fleet = Fleet::start(server, settings, &[self.apps]).await?;
        let conditions = Conditions {
            share: Some(self.share),
            ..Conditions::default()
        };
        let engine = Engine::new(&fleet, conditions).await?;
        let nowhere = Events::nowhere();
        let took = tokio::select! {
            took = engine.drive(&nowhere) => took?,
            never = self.neighbour(&fleet) => never?,
        };
        let calls = fleet.sandbox.journal(&org_name(0))?;
        let read = theirs().request().label();
        let (theirs, ours): (Vec<_>, Vec<_>) = calls
            .iter()
            .partition(|call| format!("{} {}", call.method, call.path) == read);
        // A window begins with its first call.
        let begin = calls.first().map_or(0, |call| call.at_ms);
        let first = begin.saturating_add(i64::try_from(WINDOW.as_millis())?);
        let later: Vec<_> = theirs
            .into_iter()
            .filter(|call| call.at_ms > first)
            .collect();
        Ok(Beside {
            calls: later.len() as u64,
            refused: refused(&later),
            ours: ours.len() as u64,
            limited: refused(&ours),
            took,
        })
    }

    // Sends each call at its time, whatever became of those before. Ends only with an error.
    async fn neighbour(&self, fleet: &Fleet) -> anyhow::Result<Duration> {
        let clients = fleet.clients()?;
        let client = clients
            .first()
            .ok_or_else(|| anyhow::anyhow!("no {}", org_name(0)))?;
        let mut turn = interval(WINDOW.div_f64(f64::from(self.limit) * THEIRS));
        let mut under_way = JoinSet::new();
        loop {
            turn.tick().await;
            let client = client.clone();
            // What comes of them the org's journal tells.
            under_way.spawn(async move { drop(client.exchange(theirs().request()).await) });
            while under_way.try_join_next().is_some() {}
        }
    }
}

fn theirs() -> Read<Connection> {
    connections::get(&app_id(0, 0))
}

fn refused(calls: &[&Call]) -> u64 {
    calls.iter().filter(|call| call.status == Some(429)).count() as u64
}
