//! Makes a run's entries so: orgs in turn, workers in parallel, each call through its org's gate.
//!
//! Owns the queue in memory, the budgets, retries and interrupts; what to do is [`crate::plan`]'s, how is
//! [`crate::steps`]', and what was done is the ledger's.

mod blame;
mod common;
mod eta;
mod failing;
mod hand_over;
mod live_runs;
mod next;
mod org;
mod org_access;
mod org_context;
mod org_permit;
mod org_turn;
mod process;
mod rehearsal;
mod remembered;
mod run_orgs;
mod selected;
mod submit_answer;
mod supervise;
mod turn;
mod waiting;
pub mod waves;
mod window;
mod worker;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use common::{Common, OpenOrg, RunOptions};
pub use live_runs::{LiveRuns, Served};
pub use next::{NewJob, NextCommands};
pub use org::GRACE;
pub use org_access::OrgAccess;
pub use org_context::OrgContext;
pub use process::Engine;
pub use rehearsal::{
    OrgRehearsed, OrgToRehearse, RehearsalPolicy, RunRehearsed, WaveRehearsed, rehearse_run,
};
pub use selected::Selected;
pub use submit_answer::Submission;
pub use waiting::Unread;
pub use worker::{EntryTask, Rest, name_of};

use crate::event::RunEvent;
use crate::ledger::{Ledger, RunLock};
use crate::model::OrgNo;
use crate::pacing::{idle_per_org, orgs_at_once};
use org::OrgSlot;
use run_orgs::RunOrgs;
use supervise::supervise;
use turn::Turn;
use waves::Waves;

/// Entries read ahead over all orgs; an entry takes about 3 KB.
const WINDOW: usize = 4_000;

/// Makes the run's entries so, with an engine [of the run](Engine::for_run), until nothing can move any more, or the run
/// is interrupted. Before it ends, `at_rest` is asked whether an answer was submitted meanwhile, or still is. Returns, by
/// org, the largest part of a rate limit that was used.
pub async fn drive(
    engine: &Engine,
    (ledger, lock): (&Ledger, &RunLock),
    mut orgs: Vec<OrgAccess>,
    options: &RunOptions,
    at_rest: impl AsyncFnMut() -> bool,
) -> anyhow::Result<Vec<(OrgNo, Option<f64>)>> {
    let run = lock.run();
    // Before anybody hears of it.
    let served = orgs.iter().filter_map(served_here).collect();
    let enlisted = engine
        .live()
        .enlist((ledger, run), engine.cancellation(), served);
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
    let mut common = Common::new(engine, ledger, &options).await?;
    let rows = ledger.orgs(run).await?;
    common.orgs = Arc::new(RunOrgs::of(&rows, &orgs));
    let common = Arc::new(common);
    let (handed_over, arrivals) = mpsc::unbounded_channel();
    let in_doubt = ledger.links_in_doubt(run).await?;
    let mut secrets = ledger.secrets(run, None).await?;
    orgs.sort_unstable_by_key(|org| org.row.no);
    let numbers: Vec<OrgNo> = orgs.iter().map(|org| org.row.no).collect();
    let slots_of = (&numbers[..], options.selected.is_all());
    let stopped = orgs.iter().filter(|org| org.row.stopped.is_some());
    for org in stopped.filter(|_| lock.leads()) {
        // What stopped it may be fixed; its next call tells.
        ledger.set_stopped(lock, org.row.no, None).await?;
    }
    let mut waves = Waves::open((ledger, lock), &options.waves, &rows, slots_of, events).await?;
    drop(rows);
    waves.leave(&options.left);
    waves.heed(&enlisted.approvals);
    let mut slots = Vec::with_capacity(orgs.len());
    for (index, org) in orgs.into_iter().enumerate() {
        let no = org.row.no;
        let of_org = in_doubt.iter().filter(|(org, _)| *org == no);
        let selected = of_org.filter(|(_, entry)| options.selected.contains(*entry));
        slots.push(OrgSlot {
            secrets: secrets.remove(&no).unwrap_or_default().into(),
            in_doubt: selected.map(|(_, entry)| *entry).collect(),
            org: Arc::new(common.open(run, org)?),
            common: Arc::clone(&common),
            lock: lock.clone(),
            look_again: Arc::default(),
            arrived: Arc::default(),
            handed_over: handed_over.clone(),
            looked_at: Arc::default(),
            in_wave: waves.of_slot(index),
            window,
            turn: Turn::of(ledger.is_shared()),
        });
    }
    let unfinished = options.selected.counts_by_org(ledger, run).await?;
    let ended = tokio::select! {
        ended = supervise(&common, slots.as_slice(), waves, arrivals, at_rest) => ended,
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

// An org at another address than the ledger knows is one that this process serves itself.
fn served_here(org: &OrgAccess) -> Option<(OrgNo, Served)> {
    let served = || Served {
        origin: org.origin.clone(),
        credentials: org.credentials.clone(),
    };
    (org.origin != org.row.url).then(|| (org.row.no, served()))
}

#[cfg(test)]
mod tests;
