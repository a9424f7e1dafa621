//! One org in trouble: when the others have ended, with it and without it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use okta_rollout::event::{EntryEvent, EventKind, Events, Listener, News};
use okta_rollout::model::UnixMillis;
use okta_rollout::pacing::unix_millis;
use okta_rollout::sandbox::{Fault, FaultRule, Faults, Latency, Period, SandboxSettings, Switches};
use tokio::runtime::Handle;
use tokio::try_join;

use crate::rows::unlimited::IN_FLIGHT;
use crate::support::bare;
use crate::support::engine::{Conditions, Engine};
use crate::support::fleet::{Fleet, org_name};
use crate::support::journal::{self, KEPT};
use crate::support::script::{self, Order};
use crate::support::table::Table;

const OTHERS: usize = 5;

/// Apps of each org: six seconds of work for the engine.
const APPS: usize = 300;

/// Apps of each org for the script, which has ten workers for all.
const FOR_SCRIPT: usize = 30;

const LATENCY: Duration = Duration::from_millis(200);

/// How the first org is.
#[derive(Clone, Copy)]
enum Trouble {
    /// As all others are.
    Missing,
    /// Every call takes ten seconds.
    Slow,
    /// Five calls a minute.
    Limited,
    /// It takes connections and never answers.
    Hanging,
    /// It takes no connections.
    Down,
}

/// The rows.
pub async fn rows(server: &Handle) -> anyhow::Result<Table> {
    let mut took = Vec::new();
    // First and last without it: the mean of the two is least touched by what else the machine does.
    for trouble in [
        Trouble::Missing,
        Trouble::Slow,
        Trouble::Limited,
        Trouble::Hanging,
        Trouble::Down,
        Trouble::Missing,
    ] {
        took.push(trouble.engine(server).await?.as_secs_f64());
    }
    let without = f64::midpoint(took[0], took[5]);
    let mut table = Table::default();
    for (what, took) in ["slow", "limited", "hanging", "down"]
        .iter()
        .zip(&took[1..])
    {
        let what = format!("others beside an org that is {what}");
        table.row(what, *took, ..=1.05 * without, "s");
    }
    table.baseline(
        "engine, the others without it",
        format!("{:.2} s and {:.2} s", took[0], took[5]),
    );
    Ok(table)
}

/// What a script and a bare loop make of the slow one.
pub async fn baselines(server: &Handle) -> anyhow::Result<Table> {
    let (missing, slow, bare_missing, bare_slow) = try_join!(
        Trouble::Missing.script(server),
        Trouble::Slow.script(server),
        Trouble::Missing.bare_loop(server),
        Trouble::Slow.bare_loop(server),
    )?;
    let mut table = Table::default();
    for (who, without, with) in [
        ("script, orgs in turn", missing, slow),
        ("bare loop", bare_missing, bare_slow),
    ] {
        table.baseline(
            format!("{who}: others beside an org that is slow"),
            format!("{with:.2} s, without it {without:.2} s"),
        );
    }
    Ok(table)
}

impl Trouble {
    async fn fleet(self, server: &Handle, apps: usize) -> anyhow::Result<Fleet> {
        let first = if matches!(self, Self::Missing) {
            0
        } else {
            apps
        };
        let mut all = vec![first];
        all.extend([apps; OTHERS]);
        let mut settings = SandboxSettings {
            limit: 0,
            concurrency: 0,
            latency: Latency::Fixed(Period(LATENCY)),
            journal: KEPT,
            ..SandboxSettings::default()
        };
        let mut switches = Switches::default();
        match self {
            Self::Slow => switches.latency = Some(Latency::Fixed(Period(LATENCY * 50))),
            Self::Limited => switches.limit = Some(5),
            Self::Hanging => settings.faults = hangs(),
            Self::Missing | Self::Down => {}
        }
        settings.switches.insert(org_name(0), switches);
        Fleet::start(server, settings, &all).await
    }

    async fn engine(self, server: &Handle) -> anyhow::Result<Duration> {
        let fleet = self.fleet(server, APPS).await?;
        let elsewhere = match self {
            Self::Down => Some((org_name(0), nobody()?)),
            _ => None,
        };
        let conditions = Conditions {
            elsewhere,
            ..Conditions::default()
        };
        let engine = Engine::new(&fleet, conditions).await?;
        let events = Events::new();
        let told = events.listen();
        let begun = Instant::now();
        // The rest of the run is of no interest, and could take minutes: it is dropped.
        tokio::select! {
            biased;
            ended = others_ended(told) => ended?,
            drove = engine.drive(&events) => drop(drove?),
        }
        Ok(begun.elapsed())
    }

    async fn script(self, server: &Handle) -> anyhow::Result<f64> {
        let fleet = self.fleet(server, FOR_SCRIPT).await?;
        let begun = unix_millis();
        script::run(&fleet, Order::InTurn).await?;
        seconds_of_others(&fleet, begun)
    }

    async fn bare_loop(self, server: &Handle) -> anyhow::Result<f64> {
        let fleet = self.fleet(server, FOR_SCRIPT).await?;
        let clients = fleet.clients()?;
        let begun = unix_millis();
        bare::round(&fleet, &clients, IN_FLIGHT as usize).await?;
        seconds_of_others(&fleet, begun)
    }
}

fn seconds_of_others(fleet: &Fleet, begun: UnixMillis) -> anyhow::Result<f64> {
    let took = journal::last_answer_of_others(fleet)?.ahead_of(begun);
    Ok(took.as_secs_f64())
}

fn hangs() -> Faults {
    Faults {
        rules: vec![FaultRule {
            fault: Fault::Hang,
            org: org_name(0),
            method: "*".into(),
            path: "*".into(),
            nth: 1,
            times: 0,
        }],
        ..Faults::default()
    }
}

/// An address where nobody listens.
fn nobody() -> anyhow::Result<String> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    Ok(format!("http://down.localhost:{port}"))
}

/// Ends when every entry of the other orgs has ended.
async fn others_ended(mut told: Listener) -> anyhow::Result<()> {
    let mut left = OTHERS * APPS;
    while let Some(news) = told.next().await {
        let News::Event(event) = news else {
            anyhow::bail!("events were lost")
        };
        let EventKind::Entry(entry, EntryEvent::Ended { error, .. }) = &event.kind else {
            continue;
        };
        if *entry.org != *org_name(0) {
            anyhow::ensure!(error.is_none(), "{error:?}");
            left -= 1;
        }
        if left == 0 {
            return Ok(());
        }
    }
    // The run has ended itself.
    std::future::pending().await
}
