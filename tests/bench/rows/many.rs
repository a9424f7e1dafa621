//! Many orgs, window-bound: all of them together against the slowest of them alone.

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

const ORGS: usize = 20;

/// Apps of the slowest org: three windows of 45 calls. Each other org has one less than the one before.
const MOST_APPS: usize = 65;

/// A twelfth of Okta's window and latency, so that the script ends as well.
const WINDOW: Duration = Duration::from_secs(5);
const LATENCY: Duration = Duration::from_millis(190);

/// The rows and baselines. Those that are compared begin at the same moment: resets are whole seconds, so the
/// part of a second a run begins in decides how long it waits.
pub async fn rows(server: &Handle) -> anyhow::Result<Table> {
    let apps: Vec<_> = (0..ORGS).map(|org| MOST_APPS - org).collect();
    let (all, slowest, org_by_org, in_turn, bare) = try_join!(
        fleet(server, &apps),
        fleet(server, &apps[..1]),
        fleet(server, &apps),
        fleet(server, &apps),
        fleet(server, &apps),
    )?;
    let together = Engine::new(&all, Conditions::default()).await?;
    let alone = Engine::new(&slowest, Conditions::default()).await?;
    let nowhere = Events::nowhere();
    let (together, alone, org_by_org, in_turn, bare) = try_join!(
        together.drive(&nowhere),
        alone.drive(&nowhere),
        script::run(&org_by_org, Order::OrgByOrg),
        script::run(&in_turn, Order::InTurn),
        unlimited::bare_loop(&bare),
    )?;
    let (calls, limited) = journal::calls(&all)?;
    let (together, alone) = (together.as_secs_f64(), alone.as_secs_f64());
    let mut table = Table::default();
    table.row("20 orgs, window 5 s", together, ..=1.05 * alone, "s");
    table.row("20 orgs: 429s", number(limited as u64), ..=0.0, "");
    table.baseline("the slowest of the 20 orgs alone", format!("{alone:.1} s"));
    table.baseline("engine, 20 orgs", format!("{together:.1} s, {calls} calls"));
    table.baseline("script, 20 orgs, org by org", org_by_org.to_string());
    table.baseline("script, 20 orgs in turn", in_turn.to_string());
    table.baseline("bare loop, 20 orgs", bare);
    Ok(table)
}

async fn fleet(server: &Handle, apps: &[usize]) -> anyhow::Result<Fleet> {
    let settings = SandboxSettings {
        window: Period(WINDOW),
        latency: Latency::Fixed(Period(LATENCY)),
        concurrency: 0,
        journal: KEPT,
        ..SandboxSettings::default()
    };
    Fleet::start(server, settings, apps).await
}
