//! `status --watch`: a run that another process works on, shown until it is at rest.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::output::{Output, block, local_times};
use super::progress::watched;
use super::report::Facts;
use super::signals::{InCharge, Listener};
use crate::failure::{Failure, Kind};
use crate::ledger::{Ledger, RunRow};
use crate::pacing::unix_millis;
use crate::report::{OrgReport, Overview, RunState, Totals, WaveReport};
use crate::settings::Animation;

/// How often it is looked at where the ledger does not change: waits end, and a process may be gone.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Shows a run until no process works on it any more, or a signal says that nobody looks.
pub(super) async fn watch(
    ledger: &Ledger,
    run: &RunRow,
    animation: Animation,
    output: Output,
) -> Result<Option<Kind>, Failure> {
    let mut signals = Listener::new()?;
    let _in_charge = InCharge::take();
    let shown = pin!(show(ledger, run, animation, output));
    let ended = tokio::select! {
        ended = shown => ended.map(|()| None),
        signal = signals.next() => Ok(Some(signal)),
    };
    output.live(Vec::new());
    ended
}

async fn show(
    ledger: &Ledger,
    run: &RunRow,
    animation: Animation,
    output: Output,
) -> Result<(), Failure> {
    let mut changes = pin!(ledger.changes().await?);
    let mut said = Said::default();
    loop {
        let facts = Facts::now(ledger, run).await?;
        let (overview, run) = (facts.overview(), facts.run());
        if overview.state != RunState::Running {
            return Ok(());
        }
        match animation {
            Animation::Bars => {
                let elapsed = unix_millis().ahead_of(run.session_at());
                output.live(watched::lines(&overview, elapsed, block::size()));
            }
            Animation::Lines => said.say(&overview, output),
        }
        tokio::select! {
            Some(change) = changes.next() => change?,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// What was said, where lines stay.
#[derive(Default)]
struct Said {
    totals: Option<Totals>,
    waits: Vec<String>,
    waves: Vec<String>,
}

impl Said {
    /// Says what differs.
    fn say(&mut self, overview: &Overview, output: Output) {
        let waves: Vec<_> = overview.waves.iter().map(WaveReport::line).collect();
        for wave in waves.iter().filter(|wave| !self.waves.contains(wave)) {
            output.total(local_times(wave));
        }
        if self.totals.replace(overview.totals) != Some(overview.totals) {
            output.total(crate::report::totals(overview));
        }
        let waits: Vec<_> = overview.orgs.iter().filter_map(OrgReport::wait).collect();
        for wait in waits.iter().filter(|wait| !self.waits.contains(wait)) {
            output.note(local_times(wait));
        }
        (self.waits, self.waves) = (waits, waves);
    }
}
