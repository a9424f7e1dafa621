//! An org that refuses more than so many calls at once: the wall time against calls × latency / cap.

use std::time::Duration;

use okta_rollout::event::Events;
use okta_rollout::sandbox::{Latency, Period, SandboxSettings};
use tokio::runtime::Handle;
use tokio::try_join;

use super::unlimited;
use crate::support::engine::{Conditions, Engine};
use crate::support::fleet::{Fleet, number};
use crate::support::journal::{self, KEPT};
use crate::support::script::{self, Order};
use crate::support::table::Table;

const APPS: usize = 100;
const LATENCY: Duration = Duration::from_secs(1);

/// The rows and baselines.
pub async fn rows(server: &Handle) -> anyhow::Result<Table> {
    let (five, ten, by_script, by_loop) = try_join!(
        fleet(server, 5),
        fleet(server, 10),
        fleet(server, 5),
        fleet(server, 5),
    )?;
    let (at_five, at_ten, script, bare) = try_join!(
        engine(&five),
        engine(&ten),
        script::run(&by_script, Order::OrgByOrg),
        unlimited::bare_loop(&by_loop),
    )?;
    let mut table = Table::default();
    for (cap, fleet, took) in [(5_u32, &five, at_five), (10, &ten, at_ten)] {
        let ideal = number(fleet.calls() as u64) * LATENCY.as_secs_f64() / f64::from(cap);
        let what = format!("concurrency cap {cap}, maxInFlight 20");
        table.row(&what, took.as_secs_f64(), ..=1.2 * ideal, "s");
        let (calls, limited) = journal::calls(fleet)?;
        let did = format!("{calls} calls, {limited} of them 429; ideal {ideal:.0} s");
        table.baseline(format!("engine, {what}"), did);
    }
    table.baseline("script, concurrency cap 5", script.to_string());
    table.baseline("bare loop, concurrency cap 5", bare);
    Ok(table)
}

async fn engine(fleet: &Fleet) -> anyhow::Result<Duration> {
    let engine = Engine::new(fleet, Conditions::default()).await?;
    engine.drive(&Events::nowhere()).await
}

async fn fleet(server: &Handle, concurrency: u32) -> anyhow::Result<Fleet> {
    let settings = SandboxSettings {
        limit: 0,
        concurrency,
        latency: Latency::Fixed(Period(LATENCY)),
        journal: KEPT,
        ..SandboxSettings::default()
    };
    Fleet::start(server, settings, &[APPS]).await
}
