//! Workers that share a run in many orgs with limits: the wall time of one, two and three, as processes, against what the
//! limits allow.

use std::time::Duration;

use okta_rollout::sandbox::{Latency, Period, SandboxSettings};
use tokio::runtime::Runtime;

use crate::postgres_server::Server;
use crate::support::child::Program;
use crate::support::fleet::{CALLS, Fleet, number, org_name};
use crate::support::table::{Table, say};
use crate::support::{job, journal};

const ORGS: usize = 300;

/// Apps of each: 120 calls.
const APPS: usize = 60;

/// What one API token was recorded to have per window (API.md §10.1).
const LIMIT: u32 = 50;

/// Okta's window, and about half of its latency.
const WINDOW: Duration = Duration::from_mins(1);
const LATENCY: Duration = Duration::from_secs(1);

/// The program's defaults.
const SHARE: f64 = 0.9;
const IN_FLIGHT: f64 = 20.0;

/// Of what the limits allow.
const LEAST: f64 = 0.95;

/// The rows.
pub fn rows(runtime: &Runtime, postgres: &Server, quick: bool) -> anyhow::Result<Table> {
    let (orgs, window) = if quick {
        (ORGS / 10, WINDOW / 3)
    } else {
        (ORGS, WINDOW)
    };
    let ideal = ideal_s(window);
    let mut table = Table::default();
    for count in 1..=3 {
        let fleet = runtime.block_on(fleet(runtime, orgs, window))?;
        let took = work(&fleet, postgres, count)?.as_secs_f64();
        let (calls, limited) = journal::calls(&fleet)?;
        let what = if count == 1 { "worker" } else { "workers" };
        say(&format!(
            "{count} {what}: {took:.1} s for {calls} calls, {limited} of them 429"
        ));
        let what = format!("{count} {what}, {orgs} orgs, window {} s", window.as_secs());
        if count == 3 {
            table.row(&what, ideal / took, LEAST.., "× the limits");
            let what = format!("{what}: 429s");
            table.row(what, number(limited as u64), ..=0.0, "");
        } else {
            table.baseline(what, format!("{:.2} × the limits", ideal / took));
        }
    }
    table.baseline("what the limits allow", format!("{ideal:.0} s"));
    Ok(table)
}

/// When the last call of an org can end at the soonest: resets are whole seconds, so that each is waited for a second longer.
fn ideal_s(window: Duration) -> f64 {
    let usable = (f64::from(LIMIT) * SHARE).floor();
    let calls = number((APPS * CALLS) as u64);
    let waits = (calls / usable).ceil() - 1.0;
    let rounds = ((calls - waits * usable) / IN_FLIGHT).ceil();
    waits * (window.as_secs_f64() + 1.0) + rounds * LATENCY.as_secs_f64()
}

async fn fleet(server: &Runtime, orgs: usize, window: Duration) -> anyhow::Result<Fleet> {
    let settings = SandboxSettings {
        limit: LIMIT,
        window: Period(window),
        latency: Latency::Fixed(Period(LATENCY)),
        concurrency: 0,
        journal: journal::KEPT,
        ..SandboxSettings::default()
    };
    Fleet::start(server.handle(), settings, &vec![APPS; orgs]).await
}

/// How long so many take for all of it, from their start to their end.
fn work(fleet: &Fleet, postgres: &Server, count: usize) -> anyhow::Result<Duration> {
    let folder = job::write(fleet, |org| fleet.token(&org_name(org)), "")?;
    let ledger = postgres.keyed(folder.path());
    let start = |command: &[&str]| {
        let command = [command, &["--ledger", &ledger]].concat();
        Program::start(folder.path(), &command)
    };
    start(&["run", "job.toml", "--detach"])?.ends()?;
    let started = (0..count).map(|_| start(&["work", "--drain"]));
    let workers = started.collect::<Result<Vec<_>, _>>()?;
    let mut longest = Duration::ZERO;
    for worker in workers {
        let (took, _) = worker.ends()?;
        longest = longest.max(took);
    }
    Ok(longest)
}
