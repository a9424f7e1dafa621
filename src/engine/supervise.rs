//! Runs the tasks of a run's orgs. Those at work look again when somebody else changed the ledger, or another org handed
//! an entry over; those that had ended are started anew if there is something for them.

use std::collections::HashSet;
use std::pin::pin;

use futures_util::FutureExt as _;
use futures_util::stream::StreamExt as _;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinError, JoinSet};

use super::common::Common;
use super::org::{OrgSlot, OrgTask};
use super::process::Engine;
use crate::event::{Answers, RunEvent};
use crate::ledger::{Ledger, LedgerError};
use crate::model::{OrgNo, RunId};

type Ended = (usize, Result<(), LedgerError>);

struct Tasks<'a> {
    engine: &'a Engine,
    /// In order of their numbers.
    slots: &'a [OrgSlot],
    running: JoinSet<Ended>,
    resting: Vec<bool>,
}

/// Runs all orgs' tasks to their end. `arrivals`: the orgs that entries were handed over to. `at_rest`: see
/// [`drive`](super::drive).
pub(super) async fn supervise(
    common: &Common,
    run: &RunId,
    slots: &[OrgSlot],
    mut arrivals: UnboundedReceiver<OrgNo>,
    mut at_rest: impl AsyncFnMut() -> bool,
) -> Result<(), LedgerError> {
    let (ledger, engine) = (&common.ledger, &common.engine);
    let interrupt = engine.cancellation();
    // Before anything is read: what others store from now on is noticed.
    let mut changes = pin!(ledger.changes().await?);
    let mut tasks = Tasks {
        engine,
        slots,
        running: JoinSet::new(),
        resting: vec![false; slots.len()],
    };
    for index in 0..slots.len() {
        tasks.start(index);
    }
    let mut failed = None;
    let mut told = false;
    loop {
        // Before the end is believed: who has ended may have handed an entry over before.
        while let Ok(org) = arrivals.try_recv() {
            tasks.welcome(org);
        }
        let is_at_rest = tasks.running.is_empty();
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
                Ok(()) => tasks.look_again(ledger, run).await,
                Err(error) => Err(error),
            },
            () = interrupt.cancelled(), if !told => {
                told = true;
                let answers = if failed.is_some() { Answers::Lost } else { Answers::Kept };
                let in_flight = engine.capacity().calls_in_flight();
                engine.events().run(|| RunEvent::Stopping { in_flight, answers });
                Ok(())
            }
        };
        if let Err(error) = ended {
            // Without checkpoints no further call may be sent for this run; others have ledgers of their own.
            interrupt.cancel();
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

impl Tasks<'_> {
    fn start(&mut self, index: usize) {
        self.resting[index] = false;
        let slot = self.slots[index].clone();
        let engine = self.engine;
        let (capacity, interrupt) = (engine.capacity().clone(), engine.cancellation().clone());
        self.running.spawn(async move {
            let ended = match capacity.org(&interrupt).await {
                // Boxed, so that orgs that wait for their turn take little memory.
                Some(place) => Box::pin(OrgTask::new(slot, place).run()).await,
                None => Ok(()),
            };
            (index, ended)
        });
    }

    fn ended(&mut self, joined: Result<Ended, JoinError>) -> Result<(), LedgerError> {
        let (index, ended) =
            joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        self.resting[index] = true;
        let slot = &self.slots[index];
        let missed = |signal: &Notify| signal.notified().now_or_never().is_some();
        // It was about to end when it was told.
        if missed(&slot.arrived) | missed(&slot.look_again) {
            self.rouse(index, |slot| &slot.arrived);
        }
        ended
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

    async fn look_again(&mut self, ledger: &Ledger, run: &RunId) -> Result<(), LedgerError> {
        let counts = ledger.counts_by_org(run).await?;
        let started = counts.into_iter().filter(|(_, counts)| counts.started > 0);
        let ready: HashSet<OrgNo> = started.map(|(no, _)| no).collect();
        for (index, slot) in self.slots.iter().enumerate() {
            // What one at work leaves to somebody else may not be theirs any more.
            if !self.resting[index] || ready.contains(&slot.org.no) {
                self.rouse(index, |slot| &slot.look_again);
            }
        }
        Ok(())
    }
}
