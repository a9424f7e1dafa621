//! Runs the tasks of a run's orgs, wave after wave. Those at work look again when somebody else changed the ledger, or
//! another org handed an entry over; those that had ended are started anew if there is something for them.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::StreamExt as _;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::common::Common;
use super::org::OrgSlot;
use super::org_turn;
use super::process::Engine;
use super::waves::Waves;
use crate::event::{Answers, RunEvent};
use crate::ledger::LedgerError;
use crate::model::OrgNo;

/// How often it is looked whether others are done with orgs that only they work on: they may have been before it was
/// listened for.
const POLL: Duration = Duration::from_secs(5);

type Ended = (usize, Result<(), LedgerError>);

struct Tasks<'a> {
    common: &'a Common,
    engine: &'a Engine,
    /// In order of their numbers.
    slots: &'a [OrgSlot],
    running: JoinSet<Ended>,
    resting: Vec<bool>,
    waves: Waves,
}

/// Runs all orgs' tasks to their end. `arrivals`: the orgs that entries were handed over to. `at_rest`: see
/// [`drive`](super::drive).
pub(super) async fn supervise(
    common: &Common,
    slots: &[OrgSlot],
    waves: Waves,
    mut arrivals: UnboundedReceiver<OrgNo>,
    mut at_rest: impl AsyncFnMut() -> bool,
) -> Result<(), LedgerError> {
    let (ledger, engine) = (&common.ledger, &common.engine);
    let interrupt = engine.cancellation();
    // Before anything is read: what others store from now on is noticed.
    let mut changes = pin!(ledger.changes().await?);
    let mut tasks = Tasks {
        common,
        engine,
        slots,
        running: JoinSet::new(),
        resting: vec![true; slots.len()],
        waves,
    };
    let mut failed = None;
    let mut told = false;
    let mut poll = interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Before the end is believed: who has ended may have handed an entry over before.
        while let Ok(org) = arrivals.try_recv() {
            tasks.welcome(org);
        }
        let pause = match tasks.advance(failed.is_some()).await {
            Ok(pause) => pause,
            Err(error) => stop(engine, &mut failed, error),
        };
        let is_halted = tasks.waves.is_halted();
        let is_at_rest = tasks.running.is_empty() && pause.is_none();
        if is_at_rest && (failed.is_some() || !at_rest().await || interrupt.is_cancelled()) {
            break;
        }
        let noticed = async {
            if is_at_rest {
                return Some(Ok(()));
            }
            changes.next().await
        };
        let ended = tokio::select! {
            Some(joined) = tasks.running.join_next() => tasks.ended(joined),
            Some(org) = arrivals.recv() => {
                tasks.welcome(org);
                Ok(())
            }
            Some(noticed) = noticed, if !interrupt.is_cancelled() => match noticed {
                Ok(()) => tasks.look_again().await,
                Err(error) => Err(error),
            },
            _ = poll.tick(), if tasks.waits_for_others() && !interrupt.is_cancelled() => tasks.look_again().await,
            () = passed(pause) => Ok(()),
            () = tasks.waves.approved(), if !is_at_rest && !interrupt.is_cancelled() => Ok(()),
            // Once: then it is said.
            () = tasks.waves.halted(), if !is_halted => Ok(()),
            () = interrupt.cancelled(), if !told => {
                told = true;
                let answers = if failed.is_some() { Answers::Lost } else { Answers::Kept };
                let in_flight = engine.capacity().calls_in_flight();
                engine.events().run(|| RunEvent::Stopping { in_flight, answers });
                Ok(())
            }
        };
        if let Err(error) = ended {
            stop(engine, &mut failed, error);
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Without checkpoints no further call may be sent for this run; others have ledgers of their own.
fn stop(engine: &Engine, failed: &mut Option<LedgerError>, error: LedgerError) -> Option<Instant> {
    engine.cancellation().cancel();
    failed.get_or_insert(error);
    None
}

async fn passed(pause: Option<Instant>) {
    match pause {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

impl Tasks<'_> {
    /// Starts the orgs whose turn it is; gives when to look again although nothing happened.
    async fn advance(&mut self, has_failed: bool) -> Result<Option<Instant>, LedgerError> {
        if has_failed || self.engine.cancellation().is_cancelled() {
            return Ok(None);
        }
        let advance = self.waves.advance().await?;
        for index in advance.begins {
            if self.resting[index] {
                self.start(index);
            } else {
                // Other orgs' entries have steps there: now it takes up its own, too.
                self.slots[index].arrived.notify_one();
            }
        }
        Ok(advance.pause)
    }

    fn start(&mut self, index: usize) {
        self.resting[index] = false;
        self.waves.begun(index);
        let slot = self.slots[index].clone();
        let engine = self.engine.clone();
        self.running
            .spawn(async move { (index, org_turn::work(slot, engine).await) });
    }

    fn ended(&mut self, joined: Result<Ended, JoinError>) -> Result<(), LedgerError> {
        let (index, ended) =
            joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        self.resting[index] = true;
        self.waves.ended(index);
        let slot = &self.slots[index];
        let missed = |signal: &Notify| signal.notified().now_or_never().is_some();
        // It was about to end when it was told.
        if missed(&slot.arrived) | missed(&slot.look_again) {
            self.rouse(index, |slot| &slot.arrived);
        }
        ended
    }

    fn waits_for_others(&self) -> bool {
        let mut slots = self.slots.iter().zip(&self.resting);
        slots.any(|(slot, resting)| slot.org.is_elsewhere() && !resting)
    }

    fn rouse(&mut self, index: usize, signal: impl Fn(&OrgSlot) -> &Notify) {
        let slot = &self.slots[index];
        if !self.resting[index] {
            signal(slot).notify_one();
        } else if slot.org.gate.stopped().is_none() {
            self.start(index);
        }
    }

    /// Lets an org take up what was handed over to it. What stands in the queue of one that is not worked on waits.
    fn welcome(&mut self, org: OrgNo) {
        let index = self.slots.binary_search_by_key(&org, |slot| slot.org.no);
        if let Ok(index) = index {
            self.rouse(index, |slot| &slot.arrived);
        }
    }

    async fn look_again(&mut self) -> Result<(), LedgerError> {
        let (ledger, run) = (&self.common.ledger, self.waves.run());
        let counts = ledger.counts_by_org(run).await?;
        self.waves.recount(&counts);
        // What another process handed over: here, whoever did told.
        let called = if ledger.is_shared() {
            ledger.called(run).await?
        } else {
            HashSet::new()
        };
        let movable = counts.iter().filter(|(_, counts)| counts.movable() > 0);
        let movable: HashSet<OrgNo> = movable.map(|(no, _)| *no).collect();
        let started = counts.into_iter().filter(|(_, counts)| counts.started > 0);
        let ready: HashSet<OrgNo> = started.map(|(no, _)| no).collect();
        for (index, slot) in self.slots.iter().enumerate() {
            let (no, is_called) = (slot.org.no, called.contains(&slot.org.no));
            if let Some(turn) = slot.turn.as_ref().filter(|turn| turn.waits())
                && !is_called
                && !movable.contains(&no)
            {
                turn.end();
                continue;
            }
            let is_ready = is_called || ready.contains(&no) && self.waves.has_begun(index);
            // What one at work leaves to somebody else may not be theirs any more.
            if !self.resting[index] || is_ready {
                self.rouse(index, |slot| &slot.look_again);
            }
        }
        Ok(())
    }
}
