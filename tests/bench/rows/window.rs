//! One org, window-bound: the wall time against `(ceil(calls/limit) − 1) × window + last calls`.

use std::time::Duration;

use okta_rollout::event::Events;
use okta_rollout::sandbox::{Latency, Period, SandboxSettings};
use tokio::runtime::Handle;
use tokio::try_join;

use super::unlimited;
use crate::rows::unlimited::IN_FLIGHT;
use crate::support::engine::{Conditions, Engine};
use crate::support::fleet::{Fleet, number};
use crate::support::journal::{self, KEPT};
use crate::support::script::{self, Order};
use crate::support::table::Table;

/// What one API token was recorded to have per window (API.md §10.1).
const LIMIT: u32 = 50;

/// The program's default.
const SHARE: f64 = 0.9;

struct Case {
    what: &'static str,
    apps: usize,
    window: Duration,
    latency: Latency,
    /// Of a call, on average.
    mean: Duration,
    share: Option<f64>,
}

/// A sixth of Okta's window, and of its latency.
const SHORT: Case = Case {
    what: "one org, window 10 s, share 0.9",
    apps: 85,
    window: Duration::from_secs(10),
    latency: Latency::Fixed(Period(Duration::from_millis(380))),
    mean: Duration::from_millis(380),
    share: None,
};

const WHOLE_LIMIT: Case = Case {
    what: "one org, window 10 s, share 1",
    share: Some(1.0),
    ..SHORT
};

const OKTAS: Case = Case {
    what: "one org, window 60 s, share 0.9",
    apps: 60,
    window: Duration::from_mins(1),
    latency: Latency::Recorded,
    // Of 2.83 s for the POST and 1.75 s for the PUT (API.md §3.3).
    mean: Duration::from_millis(2_290),
    share: None,
};

/// The rows and baselines.
pub async fn rows(server: &Handle) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let (short, whole, oktas, script, bare) = try_join!(
        SHORT.engine(server),
        WHOLE_LIMIT.engine(server),
        OKTAS.engine(server),
        SHORT.script(server),
        SHORT.bare_loop(server),
    )?;
    for (case, (took, limited)) in [SHORT, WHOLE_LIMIT, OKTAS]
        .iter()
        .zip([short, whole, oktas])
    {
        table.row(case.what, took.as_secs_f64(), ..=case.bound_s(), "s");
        let what = format!("{}: 429s", case.what);
        table.row(what, number(limited as u64), ..=0.0, "");
    }
    table.baseline(format!("script, {}", SHORT.what), script);
    table.baseline(format!("bare loop, {}", SHORT.what), bare);
    Ok(table)
}

impl Case {
    async fn fleet(&self, server: &Handle) -> anyhow::Result<Fleet> {
        let settings = SandboxSettings {
            limit: LIMIT,
            window: Period(self.window),
            latency: self.latency,
            concurrency: 0,
            journal: KEPT,
            ..SandboxSettings::default()
        };
        Fleet::start(server, settings, &[self.apps]).await
    }

    async fn engine(&self, server: &Handle) -> anyhow::Result<(Duration, usize)> {
        let fleet = self.fleet(server).await?;
        let conditions = Conditions {
            share: self.share,
            ..Conditions::default()
        };
        let engine = Engine::new(&fleet, conditions).await?;
        let took = engine.drive(&Events::nowhere()).await?;
        let (_, limited) = journal::calls(&fleet)?;
        Ok((took, limited))
    }

    async fn script(&self, server: &Handle) -> anyhow::Result<String> {
        let did = script::run(&self.fleet(server).await?, Order::OrgByOrg).await?;
        Ok(did.to_string())
    }

    async fn bare_loop(&self, server: &Handle) -> anyhow::Result<String> {
        let fleet = self.fleet(server).await?;
        unlimited::bare_loop(&fleet).await
    }

    /// 1.05 × the floor, and a second for each window that is waited for.
    fn bound_s(&self) -> f64 {
        let usable = f64::from(LIMIT) * self.share.unwrap_or(SHARE);
        let calls = number(self.apps as u64 * 2);
        let waits = (calls / usable).ceil() - 1.0;
        let rounds = ((calls - waits * usable) / f64::from(IN_FLIGHT)).ceil();
        let floor = waits * self.window.as_secs_f64() + rounds * self.mean.as_secs_f64();
        1.05 * floor + waits
    }
}
