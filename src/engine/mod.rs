//! Makes a run's entries so: orgs in turn, workers in parallel, each call through its org's gate.
//!
//! Owns the queue in memory, the budgets, retries and interrupts; what to do is [`crate::plan`]'s, how is
//! [`crate::steps`]', and what was done is the ledger's.

mod blame;
mod common;
mod eta;
mod failing;
mod next;
mod org;
mod org_context;
mod process;
mod remembered;
mod selected;
mod submit_answer;
mod waiting;
mod window;
mod worker;

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;

use futures_util::stream::StreamExt as _;
use tokio::task::JoinSet;

pub use common::{Common, OpenOrg, OrgAccess, RunOptions};
pub use next::{NewJob, NextCommands};
pub use org::GRACE;
pub use org_context::OrgContext;
pub use process::Engine;
pub use selected::Selected;
pub use submit_answer::Submission;
pub use waiting::Unread;
pub use worker::{EntryTask, Rest, name_of};

use crate::event::{Answers, RunEvent};
use crate::ledger::{Ledger, LedgerError, Owner};
use crate::model::{OrgNo, RunId};
use crate::pacing::{idle_per_org, orgs_at_once};
use org::{OrgSlot, OrgTask};

/// Entries read ahead over all orgs; an entry takes about 3 KB.
const WINDOW: usize = 4_000;

/// Makes the run's entries so, with an engine [of the run](Engine::for_run), until nothing can move any more, or the run
/// is interrupted. Before it ends, `at_rest` is asked whether an answer was submitted meanwhile, or still is. Returns, by
/// org, the largest part of a rate limit that was used.
pub async fn drive(
    engine: &Engine,
    (ledger, owner): (&Ledger, &Owner),
    orgs: Vec<OrgAccess>,
    options: &RunOptions,
    at_rest: impl AsyncFnMut() -> bool,
) -> anyhow::Result<Vec<(OrgNo, Option<f64>)>> {
    let run = owner.run();
    let counts = options.selected.counts(ledger, run).await?;
    let ended = counts.changed + counts.unchanged + counts.failed + counts.waiting;
    let events = engine.events();
    events.run(|| RunEvent::Started {
        entries: counts.entries(),
        ended,
    });
    let window = (WINDOW / orgs_at_once(orgs.len())).clamp(2, 256);
    let mut options = options.clone();
    options.http.idle_per_org = idle_per_org(orgs.len());
    let common = Common::new(engine, ledger, &options).await?;
    let common = Arc::new(common);
    let in_doubt = ledger.links_in_doubt(run).await?;
    let mut secrets = ledger.secrets(run, None).await?;
    let mut slots = Vec::with_capacity(orgs.len());
    for org in orgs {
        if org.row.stopped.is_some() {
            // What stopped it may be mended; its next call tells.
            ledger.set_stopped(run, org.row.no, None).await?;
        }
        let no = org.row.no;
        let of_org = in_doubt.iter().filter(|(org, _)| *org == no);
        let selected = of_org.filter(|(_, entry)| options.selected.contains(*entry));
        slots.push(OrgSlot {
            secrets: secrets.remove(&no).unwrap_or_default().into(),
            in_doubt: selected.map(|(_, entry)| *entry).collect(),
            org: Arc::new(common.open(owner, org)?),
            common: Arc::clone(&common),
            look_again: Arc::default(),
            looked_at: Arc::default(),
            window,
        });
    }
    let unfinished = options.selected.counts_by_org(ledger, run).await?;
    let ended = tokio::select! {
        ended = supervise(&common, run, &slots, at_rest) => ended,
        never = eta::announce(events, &slots, &unfinished) => match never {},
    };
    events.run(|| RunEvent::Ended);
    ended?;
    common.status.settled().await?;
    Ok(slots
        .iter()
        .map(|slot| (slot.org.no, slot.org.gate.share_used()))
        .collect())
}

// Runs all orgs' tasks; when somebody else changed the ledger those at work look again, and those that had
// ended are started anew if there is something for them.
async fn supervise(
    common: &Common,
    run: &RunId,
    slots: &[OrgSlot],
    mut at_rest: impl AsyncFnMut() -> bool,
) -> Result<(), LedgerError> {
    let (ledger, engine) = (&common.ledger, &common.engine);
    let interrupt = engine.cancellation();
    // Before anything is read: what others store from now on is noticed.
    let mut changes = pin!(ledger.changes().await?);
    let mut tasks = JoinSet::new();
    let start = |tasks: &mut JoinSet<_>, index: usize, slot: &OrgSlot| {
        let (slot, capacity, interrupt) =
            (slot.clone(), engine.capacity().clone(), interrupt.clone());
        tasks.spawn(async move {
            let ended = match capacity.org(&interrupt).await {
                // Boxed, so that orgs that wait for their turn take little memory.
                Some(place) => Box::pin(OrgTask::new(slot, place).run()).await,
                None => Ok(()),
            };
            (index, ended)
        });
    };
    for (index, slot) in slots.iter().enumerate() {
        start(&mut tasks, index, slot);
    }
    let mut resting = vec![false; slots.len()];
    let mut failed = None;
    let mut told = false;
    loop {
        let is_at_rest = tasks.is_empty();
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
            Some(joined) = tasks.join_next() => match joined {
                Ok((index, ended)) => {
                    resting[index] = true;
                    ended
                }
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
            Some(noticed) = noticed, if !interrupt.is_cancelled() => match noticed {
                Ok(()) => {
                    wake(ledger, run, slots, &mut resting, |index| start(&mut tasks, index, &slots[index])).await
                }
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

async fn wake(
    ledger: &Ledger,
    run: &RunId,
    slots: &[OrgSlot],
    resting: &mut [bool],
    mut start: impl FnMut(usize),
) -> Result<(), LedgerError> {
    let counts = ledger.counts_by_org(run).await?;
    let started = counts.into_iter().filter(|(_, counts)| counts.started > 0);
    let ready: HashSet<OrgNo> = started.map(|(no, _)| no).collect();
    for (index, slot) in slots.iter().enumerate() {
        if !resting[index] {
            // What it leaves to somebody else may not be theirs any more.
            slot.look_again.notify_one();
        } else if ready.contains(&slot.org.no) && slot.org.gate.stopped().is_none() {
            resting[index] = false;
            start(index);
        }
    }
    Ok(())
}
