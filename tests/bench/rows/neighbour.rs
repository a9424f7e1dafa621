//! Somebody else with a steady pace in the same bucket: how many of its calls are refused once the run has seen a
//! window of it. What it takes is two fifths of the limit.

use std::time::Duration;

use futures_util::future::try_join_all;
use okta_rollout::event::Events;
use okta_rollout::okta::connections;
use okta_rollout::sandbox::{Latency, Period, SandboxSettings};
use tokio::runtime::Handle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::support::engine::{Conditions, Engine};
use crate::support::fleet::{Fleet, app_id, number, org_name};
use crate::support::journal::{self, KEPT};
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
    case(50, 0.5, 25),
    case(50, 0.9, 60),
    case(50, 1.0, 80),
    case(600, 0.5, 350),
    case(600, 0.9, 750),
    case(600, 1.0, 950),
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
        let mut theirs = (0, 0);
        let mut all = (0, 0);
        let nowhere = Events::nowhere();
        let took = tokio::select! {
            took = engine.drive(&nowhere) => took?,
            never = self.neighbour(&fleet, &mut theirs, &mut all) => never?,
        };
        let (calls, limited) = journal::calls(&fleet)?;
        Ok(Beside {
            calls: theirs.0,
            refused: theirs.1,
            ours: calls as u64 - all.0,
            limited: limited as u64 - all.1,
            took,
        })
    }

    // Counts calls and refusals, first those after the first window, then all. Ends only with an error.
    async fn neighbour(
        &self,
        fleet: &Fleet,
        theirs: &mut (u64, u64),
        all: &mut (u64, u64),
    ) -> anyhow::Result<Duration> {
        let clients = fleet.clients()?;
        let client = clients
            .first()
            .ok_or_else(|| anyhow::anyhow!("no {}", org_name(0)))?;
        let read = connections::get(&app_id(0, 0));
        let mut turn = interval(WINDOW.div_f64(f64::from(self.limit) * THEIRS));
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let began = Instant::now();
        loop {
            turn.tick().await;
            // The org has counted it before it answers, and the journal shows it then.
            let refused = u64::from(client.exchange(read.request()).await.status == Some(429));
            all.0 += 1;
            all.1 += refused;
            if began.elapsed() > WINDOW {
                theirs.0 += 1;
                theirs.1 += refused;
            }
        }
    }
}
