//! Works off one org's entries: as many at work as the org allows, those begun before the others; parked and
//! delayed entries hold nothing.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::Instant;

use super::common::{Common, OpenOrg};
use super::org_context::OrgContext;
use super::org_permit::OrgPermit;
use super::turn::Turn;
use super::waiting::{self, Pages};
use super::waves::InWave;
use super::window::{Bounds, Window};
use super::worker::{EntryTask, Rest};
use crate::event::OrgEvent;
use crate::ledger::{LedgerError, OrgStats, Owner, RunLock, Target};
use crate::manifest::SecretRef;
use crate::model::{EntryNo, EntryState, OrgNo};
use crate::pacing::CancellationToken;
use crate::steps::{AppsToFind, Directory};

/// How long calls in flight may take to finish after an interrupt.
pub const GRACE: Duration = Duration::from_secs(10);

/// An org and what its task works with.
#[derive(Clone)]
pub struct OrgSlot {
    /// The org.
    pub org: Arc<OpenOrg>,
    /// What it shares with the others.
    pub common: Arc<Common>,
    /// By which right its entries are changed.
    pub lock: RunLock,
    /// Notified when somebody else changed the ledger.
    pub look_again: Arc<Notify>,
    /// Notified when another org handed an entry over.
    pub arrived: Arc<Notify>,
    /// Where it says to which org it handed one over.
    pub handed_over: UnboundedSender<OrgNo>,
    /// What its entries refer to, whatever became of them: the org knows them, too.
    pub secrets: Arc<HashSet<SecretRef>>,
    /// Waiting entries whose link is looked at first: another one may have replaced it before this process began.
    pub in_doubt: Arc<[EntryNo]>,
    /// Whether it was looked at what its entries ask for: once a process.
    pub looked_at: Arc<AtomicBool>,
    /// The wave it is in.
    pub in_wave: InWave,
    /// Entries of a state that are read ahead at most.
    pub window: usize,
    /// Whose turn it is to work on it, where several processes do.
    pub turn: Option<Arc<Turn>>,
}

/// The task that works off one org of a run.
pub struct OrgTask {
    slot: OrgSlot,
    org_context: Arc<OrgContext>,
    window: Window,
    permit: OrgPermit,
}

type Ended = (EntryNo, Result<Rest, LedgerError>);
type AtWork<'a> = FuturesUnordered<BoxFuture<'a, Ended>>;

impl OrgTask {
    /// The task of an org that has this permit. `until`: when it is to end, if that may be earlier than the run's.
    pub fn new(
        slot: OrgSlot,
        permit: OwnedSemaphorePermit,
        until: Option<CancellationToken>,
    ) -> Self {
        let mut org_context = slot.common.org_context(&slot.org, until);
        org_context.in_wave = slot.in_wave.clone();
        let org_context = Arc::new(org_context);
        let bounds = Bounds {
            ahead: slot.window,
            rest: org_context.retry.longest_rest(org_context.call_timeout),
        };
        let (ledger, run) = (org_context.ledger.clone(), org_context.run.clone());
        let window = Window::new(
            ledger,
            (run, slot.org.no),
            org_context.selected.clone(),
            slot.in_wave.clone(),
            bounds,
        );
        Self {
            slot,
            org_context,
            window,
            permit: OrgPermit::new(permit),
        }
    }

    /// Continues until nothing of the org can move, the org is stopped, or the run is interrupted.
    pub async fn run(mut self) -> Result<(), LedgerError> {
        let org = Arc::clone(&self.slot.org);
        let ended = self.work_off().await;
        drop(self);
        org.rest();
        ended
    }

    async fn work_off(&mut self) -> Result<(), LedgerError> {
        let (org_context, lock) = (Arc::clone(&self.org_context), self.slot.lock.clone());
        let owner = Owner::Run(&lock);
        let mut at_work: AtWork<'_> = FuturesUnordered::new();
        let secrets = self.slot.secrets.iter().cloned();
        org_context.access.secrets.cover(secrets).await;
        self.begin(&org_context, owner).await?;
        self.look_at_links(&org_context, owner, &mut at_work)
            .await?;
        let gate = &org_context.access.gate;
        let mut interrupted = pin!(org_context.interrupt.cancelled());
        let mut stopped = pin!(gate.when_stopped());
        while !org_context.interrupt.is_cancelled() && gate.stopped().is_none() {
            self.take_permit(&org_context, at_work.len()).await;
            let mut ended = Vec::new();
            while self.has_room(at_work.len()) {
                let next = self.window.next();
                let Some(row) = beside((&mut at_work, &mut ended), next).await? else {
                    break;
                };
                let neighbours = self.window.take_secrets();
                if !neighbours.is_empty() {
                    // Boxed, as it is seldom done.
                    let covered = Box::pin(org_context.access.secrets.cover(neighbours));
                    beside((&mut at_work, &mut ended), covered).await;
                }
                let no = row.no;
                let mut task = EntryTask::new(&org_context, owner, row);
                at_work.push(Box::pin(async move {
                    let rest = task.run().await;
                    (no, rest.map(|kind| task.rest(kind)))
                }));
            }
            for (no, rest) in ended {
                self.take_back(no, rest)?;
            }
            let next_due = self.window.next_due();
            if at_work.is_empty() && self.permit.is_held() && next_due.is_none() {
                break;
            }
            let capacity = &org_context.capacity;
            self.permit.give_up(at_work.len(), gate, capacity);
            if at_work.is_empty()
                && let Some(due) = next_due
                && self.window.has_retries()
            {
                let ahead = due.saturating_duration_since(Instant::now());
                gate.begin_wait();
                gate.notify_retries(self.window.delayed(), ahead);
            }
            // Of no use to one who could not take the entry up: it would ring again and again.
            let room = at_work.is_empty() || self.has_room(at_work.len());
            tokio::select! {
                Some((no, rest)) = at_work.next() => self.take_back(no, rest)?,
                () = due(next_due.filter(|_| room)) => {}
                () = self.slot.look_again.notified() => self.window.look_again(),
                () = self.slot.arrived.notified() => self.window.arrived(),
                // Once: the loop ends.
                () = &mut interrupted => {}
                () = &mut stopped => {}
            }
        }
        self.finish(&org_context, at_work).await
    }

    // What the first call depends on, once a process.
    async fn begin(
        &mut self,
        org_context: &OrgContext,
        owner: Owner<'_>,
    ) -> Result<(), LedgerError> {
        let (no, looked_at) = (self.slot.org.no, &self.slot.looked_at);
        // Thousands begin with one another, and the reads of each would wait for those of all.
        let turn = org_context.capacity.beginning().await;
        let mut waiting = Pages::default();
        let mut first = None;
        if !looked_at.swap(true, Ordering::Relaxed) {
            // Before any entry begins, so that a plan comes to the same.
            self.see_what_is_asked(org_context).await?;
            first = waiting.next(org_context, no).await?;
            if first.is_some() {
                self.slot.org.note_waiting();
            }
        }
        if first.is_none() {
            self.window.read_ahead().await?;
        }
        drop(turn);
        if let Some(rows) = first {
            // Boxed, as it is done once and takes much memory.
            Box::pin(waiting::compare((org_context, owner), no, rows, waiting)).await?;
        }
        Ok(())
    }

    async fn see_what_is_asked(&self, org_context: &OrgContext) -> Result<(), LedgerError> {
        let targets = org_context
            .ledger
            .targets(&org_context.run, self.slot.org.no)
            .await?;
        let selected = |target: &Target| org_context.selected.contains(target.no);
        let wanted = AppsToFind::of(targets.into_iter().filter(selected));
        let directory = &org_context.access.directory;
        directory.get_or_init(|| Directory::new(wanted));
        Ok(())
    }

    async fn take_permit(&mut self, org_context: &OrgContext, at_work: usize) {
        let (capacity, interrupt) = (&org_context.capacity, &org_context.interrupt);
        let gate = &org_context.access.gate;
        self.permit.take(at_work, gate, capacity, interrupt).await;
    }

    fn has_room(&self, at_work: usize) -> bool {
        self.permit.has_room(at_work, &self.org_context.access.gate)
    }

    // Calls in flight may end; whatever has not by then is made anew after a restart.
    async fn finish(
        &self,
        org_context: &OrgContext,
        mut at_work: AtWork<'_>,
    ) -> Result<(), LedgerError> {
        let patience = async {
            org_context.interrupt.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::pin!(patience);
        let mut failed = None;
        loop {
            tokio::select! {
                ended = at_work.next() => match ended {
                    None => break,
                    Some((_, Err(error))) if !matches!(error, LedgerError::Moved { .. }) => failed = Some(error),
                    Some(_) => {}
                },
                () = &mut patience => break,
            }
        }
        org_context.access.gate.end_patience();
        let waited_ms = org_context.access.gate.end_waits();
        if waited_ms > 0 {
            let stats = OrgStats {
                waited_ms,
                ..OrgStats::default()
            };
            org_context
                .ledger
                .add_stats(&self.slot.lock, self.slot.org.no, stats)
                .await?;
        }
        if let Some(mut stopped) = org_context.access.gate.stopped() {
            let fix = stopped
                .hint
                .take()
                .unwrap_or_else(|| "fix the cause".to_owned());
            stopped.hint = Some(org_context.next.after_stop(&fix, stopped.remedy));
            let set = Some(stopped.clone());
            org_context
                .ledger
                .set_stopped(&self.slot.lock, self.slot.org.no, set)
                .await?;
            org_context
                .events
                .org(&org_context.known_as.name, || OrgEvent::Stopped(stopped));
            let of_run = (&org_context.ledger, &org_context.run);
            self.slot
                .in_wave
                .org_stopped(of_run, self.slot.org.no)
                .await?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn take_back(
        &mut self,
        no: EntryNo,
        rest: Result<Rest, LedgerError>,
    ) -> Result<(), LedgerError> {
        if !matches!(rest, Ok(Rest::Left)) {
            // One that is left is not taken up again as long as this process works on the run.
            self.window.release(no);
        }
        match rest {
            Ok(Rest::Ended | Rest::Left | Rest::Halted) => {}
            Ok(Rest::Delayed(row, until)) => self.window.put_off(*row, until),
            // Nobody hears it any more when the run is ending: the ledger knows.
            Ok(Rest::HandedOver(to)) => drop(self.slot.handed_over.send(to)),
            Ok(Rest::Waiting) => self.slot.org.note_waiting(),
            // Somebody else submitted this entry's consent: continue from what they stored.
            Err(LedgerError::Moved { .. }) => self.window.look_again(),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    // Before anybody is shown them again. One that is still what Okta shows is waited for as before.
    async fn look_at_links<'a>(
        &mut self,
        org_context: &'a Arc<OrgContext>,
        owner: Owner<'a>,
        at_work: &mut AtWork<'a>,
    ) -> Result<(), LedgerError> {
        let in_doubt = Arc::clone(&self.slot.in_doubt);
        for &no in &*in_doubt {
            let row = org_context.ledger.entry(&org_context.run, no).await?;
            // Its answer may have been handed in, or the org begun before.
            if row.state != EntryState::Waiting || !row.progress.link_in_doubt {
                continue;
            }
            let mut task = EntryTask::new(org_context, owner, self.window.hold(row));
            task.drop_link();
            at_work.push(Box::pin(async move {
                let rest = task.run().await;
                (no, rest.map(|kind| task.rest(kind)))
            }));
        }
        Ok(())
    }
}

/// Waits for something while the entries at work go on: they may have in use what it waits for.
async fn beside<T>(
    (at_work, ended): (&mut AtWork<'_>, &mut Vec<Ended>),
    something: impl Future<Output = T>,
) -> T {
    let mut something = pin!(something);
    loop {
        tokio::select! {
            biased;
            done = &mut something => return done,
            Some(one) = at_work.next() => ended.push(one),
        }
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
