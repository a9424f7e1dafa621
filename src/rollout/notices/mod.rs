//! Notifies people and programs of what happens in a run (`[notify]` of a job): a listener of the run's events that
//! posts to a webhook. The run never waits for it and never fails because of it; only the end of the program waits for
//! what is still under way, and not for long.
//!
//! Each notice is recorded in the ledger before it is sent. So an org is said to be stopped once a run, whatever
//! processes work on it, and what did not arrive can be named later. What the end of a program cuts off is kept there,
//! and sent again by the next one that works on the file; of one that was killed nobody knows whether it had arrived.

mod delivery;
mod gathering;
mod listening;
mod message;
mod receiver;
mod signature;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken as End;

use delivery::Delivery;
use listening::Listening;
pub(crate) use message::Ended;
use message::Notice;
pub(crate) use receiver::{Receiver, problems};

use crate::engine::Selected;
use crate::event::Events;
use crate::failure::{Ending, Failure, Kind};
use crate::ledger::{Counts, Ledger, LedgerError, OrgRow, RunRow};
use crate::model::{EntryState, OrgNo};
use crate::pacing::CancellationToken;
use crate::plan;
use crate::report::{EntryReport, Held, RunFacts, entry, overview};
use crate::rollout::waves;

/// How long the end of the program waits for notices that are under way.
const MOST: Duration = Duration::from_secs(30);

/// How long it does so without a word.
const SOON: Duration = Duration::from_secs(1);

/// The notices of a run that this process drives.
pub(crate) struct Notices {
    listening: JoinHandle<Listening>,
    end: End,
}

/// What came of a command.
pub(crate) struct Outcome<'a> {
    pub ledger: &'a Ledger,
    pub run: &'a RunRow,
    /// How the entries stand that it was about, by org.
    pub counts: &'a [(OrgNo, Counts)],
    pub selected: &'a Selected,
    pub ended: &'a Result<Ending, Failure>,
    /// The signal that came, if any.
    pub signal: Option<Kind>,
}

impl Notices {
    /// Listens from now on.
    pub fn begin(
        receiver: Arc<Receiver>,
        ledger: &Ledger,
        run: &RunRow,
        orgs: &[OrgRow],
        events: &Events,
    ) -> Self {
        let end = End::new();
        let orgs = orgs.iter().map(|org| Arc::from(org.name.as_str()));
        let delivery = Delivery::new(ledger.clone(), run.id.clone(), run.file.clone(), receiver);
        let listening = Listening::new(ledger, run, orgs.collect(), delivery);
        let listener = events.listen_until(end.clone());
        Self {
            listening: tokio::spawn(listening.listen(listener)),
            end,
        }
    }

    /// Notifies of how the command ended, and waits for what is under way: until `stop` at the latest, unless it was what
    /// ended the command. `waits` is told when that takes longer, and of how many.
    pub async fn finish(
        self,
        outcome: Outcome<'_>,
        stop: &CancellationToken,
        waits: impl FnOnce(usize),
    ) -> Result<(), LedgerError> {
        let notice = ended(&outcome).await;
        let said = notice.as_ref().map(drop).map_err(Clone::clone);
        self.send_last(notice.ok(), stop, waits).await;
        said
    }

    /// As [`Self::finish`], of a run that was broken off by that, or goes on later.
    pub async fn break_off(
        self,
        failure: Option<&Failure>,
        stop: &CancellationToken,
        waits: impl FnOnce(usize),
    ) {
        let notice = failure
            .map(|failure| Notice::broken_off(failure.kind.exit_code(), &failure.to_string()));
        self.send_last(notice, stop, waits).await;
    }

    async fn send_last(
        self,
        last: Option<Notice>,
        stop: &CancellationToken,
        waits: impl FnOnce(usize),
    ) {
        self.end.cancel();
        // It ends otherwise only by a panic, which was reported.
        let Ok(mut listening) = self.listening.await else {
            return;
        };
        // A ledger that cannot be read is named by the command itself.
        drop(listening.consents(None).await);
        if let Some(notice) = last {
            listening.delivery.send(&notice);
        }
        await_open(&mut listening.delivery.open, stop, waits).await;
        listening.delivery.cut_off().await;
    }
}

async fn await_open(open: &mut JoinSet<()>, stop: &CancellationToken, waits: impl FnOnce(usize)) {
    let deadline = Instant::now() + MOST;
    let was_stopped = stop.is_cancelled();
    let mut soon = pin!(sleep(SOON));
    let mut waits = Some(waits);
    loop {
        tokio::select! {
            joined = open.join_next() => if joined.is_none() {
                return;
            },
            () = &mut soon, if waits.is_some() => {
                if let Some(waits) = waits.take() {
                    waits(open.len());
                }
            }
            () = sleep_until(deadline) => break,
            () = stop.cancelled(), if !was_stopped => break,
        }
    }
}

/// The notice of how a command ended.
async fn ended(outcome: &Outcome<'_>) -> Result<Notice, LedgerError> {
    let Outcome {
        ledger,
        run,
        counts,
        ended,
        signal,
        ..
    } = *outcome;
    let exit_code = match ended {
        Ok(ending) => ending.exit_code(),
        // Its calls were sent: it is wrong usage no more.
        Err(_) => Kind::Failed.exit_code(),
    };
    let mut orgs = ledger.orgs(&run.id).await?;
    for (org, (_, counts)) in orgs.iter_mut().zip(counts) {
        // What stopped it earlier holds back nothing that the command was about.
        org.stopped.take_if(|_| counts.unfinished() == 0);
    }
    let run = ledger.run(&run.id).await?;
    let mut overview = overview(RunFacts {
        run: &run,
        held: Held::No,
        counts: counts.iter().map(|(_, counts)| *counts).sum(),
        orgs: &orgs,
        removed: &[],
    });
    let standing = waves::standing(ledger, &run, &orgs, outcome.selected).await?;
    overview.waves = standing.as_ref().map(waves::reports).unwrap_or_default();
    // One that came when nothing was left to do cut nothing short.
    let signal = signal.filter(|signal| exit_code == signal.exit_code());
    Ok(Notice::run_ended(&Ended {
        overview: &overview,
        failed: &failed(outcome, &orgs).await?,
        exit_code,
        signal,
    }))
}

/// The first entries that failed.
async fn failed(outcome: &Outcome<'_>, orgs: &[OrgRow]) -> Result<Vec<EntryReport>, LedgerError> {
    let Outcome {
        ledger,
        run,
        counts,
        selected,
        ..
    } = *outcome;
    let mut failed = Vec::new();
    for (org, (no, counts)) in orgs.iter().zip(counts) {
        let (mut left, mut after) = (counts.failed, None);
        while left > 0 && failed.len() < message::NAMED {
            let rows = ledger
                .load(&run.id, *no, EntryState::Failed, after, message::NAMED)
                .await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.no);
            for row in rows.iter().filter(|row| selected.contains(row.no)) {
                left = left.saturating_sub(1);
                failed.push(entry(row, org, &plan::steps(&row.entry), Held::No));
            }
        }
    }
    failed.truncate(message::NAMED);
    Ok(failed)
}
