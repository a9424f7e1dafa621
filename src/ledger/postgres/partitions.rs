//! The partitions of orgs that this process works on: advisory locks of the owner's session. A keeper looks several times
//! a second at who holds and who asks for what, and does what [`View::turn`] says; it is there as long as somebody
//! wants or holds something.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc::WeakUnboundedSender;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Store;
use super::asks::{Ask, Looked};
use super::owner::{Command, Commands};
use super::tally::Tally;
use crate::ledger::partitions::{Partition, Turn, View, partition_of};
use crate::ledger::{LedgerError, Result};

/// Between two looks at the locks.
const LOOK: Duration = Duration::from_millis(400);

/// Orgs that begin together ask together.
const TOGETHER: Duration = Duration::from_millis(5);

/// What this process wants and holds. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Partitions(Arc<Shared>);

#[derive(Default)]
struct Shared {
    parts: Mutex<Parts>,
    changed: Notify,
}

#[derive(Default)]
struct Parts {
    of: BTreeMap<Partition, Part>,
    is_kept: bool,
}

struct Part {
    /// Those who wait for it.
    waiters: usize,
    /// Those who work on an org of it.
    holders: usize,
    standing: watch::Sender<Standing>,
    /// Looks in a row at which nobody held it.
    free: u32,
}

impl Part {
    fn new() -> Self {
        Self {
            waiters: 0,
            holders: 0,
            standing: watch::Sender::new(Standing::Wanted),
            free: 0,
        }
    }

    /// What it is held until, if it is.
    fn held(&self) -> Option<CancellationToken> {
        match &*self.standing.borrow() {
            Standing::Held(ends) => Some(ends.clone()),
            Standing::Wanted | Standing::Lost(_) => None,
        }
    }

    fn is_wanted(&self) -> bool {
        matches!(*self.standing.borrow(), Standing::Wanted)
    }
}

/// How this process stands to a partition.
#[derive(Clone)]
enum Standing {
    /// It is wanted.
    Wanted,
    /// It is held until that is cancelled: then it is to be given up.
    Held(CancellationToken),
    /// The session that held it is gone.
    Lost(LedgerError),
}

/// Somebody who waits for a partition or holds it, until this is dropped.
struct User {
    shared: Arc<Shared>,
    partition: Partition,
    standing: watch::Receiver<Standing>,
    holds: bool,
}

impl User {
    /// Holds it from now on, if it is there to be held.
    fn take(&mut self) -> Option<CancellationToken> {
        let mut parts = self.shared.parts.lock();
        let part = parts.of.get_mut(&self.partition)?;
        let ends = part.held().filter(|ends| !ends.is_cancelled())?;
        part.waiters -= 1;
        part.holders += 1;
        self.holds = true;
        Some(ends)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut parts = self.shared.parts.lock();
        let Some(part) = parts.of.get_mut(&self.partition) else {
            return;
        };
        if self.holds {
            part.holders -= 1;
        } else {
            part.waiters -= 1;
        }
        let is_used = part.holders + part.waiters > 0;
        // What is held the keeper gives back.
        if !is_used && part.held().is_none() {
            parts.of.remove(&self.partition);
        }
        drop(parts);
        self.shared.changed.notify_one();
    }
}

/// The right to work on the orgs of a partition, until this is dropped.
pub struct OrgHold {
    user: User,
    ends: CancellationToken,
}

impl std::fmt::Debug for OrgHold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OrgHold")
            .field(&self.user.partition)
            .finish()
    }
}

impl OrgHold {
    /// Ends when it is to be given up, or was lost.
    pub async fn ends(&self) {
        self.ends.cancelled().await;
    }
}

impl Store {
    /// Waits until the org is this process's.
    pub async fn hold_org(&self, org_url: &str) -> Result<OrgHold> {
        let writer = self.writer()?;
        let partitions = &self.inner.partitions;
        let mut user = partitions.want(partition_of(org_url));
        partitions.keep(
            &self.inner.target.runtime,
            (&writer.commands, writer.owner.tally()),
        );
        loop {
            // Before it is tried: what comes after is a change.
            if let Standing::Lost(error) = &*user.standing.borrow_and_update() {
                return Err(error.clone());
            }
            if let Some(ends) = user.take() {
                return Ok(OrgHold { user, ends });
            }
            let changed = user.standing.changed().await;
            changed.map_err(|_| LedgerError::lost(self.location()))?;
        }
    }
}

impl Partitions {
    fn want(&self, partition: Partition) -> User {
        let mut parts = self.0.parts.lock();
        let part = parts.of.entry(partition).or_insert_with(Part::new);
        part.waiters += 1;
        let standing = part.standing.subscribe();
        drop(parts);
        self.0.changed.notify_one();
        User {
            shared: Arc::clone(&self.0),
            partition,
            standing,
            holds: false,
        }
    }

    fn keep(&self, runtime: &Handle, (commands, tally): (&Commands, &Arc<Tally>)) {
        if std::mem::replace(&mut self.0.parts.lock().is_kept, true) {
            return;
        }
        let keeper = Keeper {
            shared: Arc::downgrade(&self.0),
            commands: commands.downgrade(),
            tally: Arc::clone(tally),
            first: rand::random(),
        };
        runtime.spawn(keeper.keep());
    }
}

// Neither the ledger nor its task is kept for it.
struct Keeper {
    shared: Weak<Shared>,
    commands: WeakUnboundedSender<Command>,
    tally: Arc<Tally>,
    first: Partition,
}

impl Keeper {
    async fn keep(self) {
        let mut next_look = Instant::now();
        while let Some(shared) = self.shared.upgrade() {
            let is_over = shared.is_over();
            let is_look = Instant::now() >= next_look;
            if is_look {
                next_look = Instant::now() + LOOK;
            }
            if let Err(error) = self.turn(&shared, is_look, is_over).await {
                shared.lose(&error);
            }
            self.tally.wants(shared.wanted());
            if is_over {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(next_look) => {}
                () = shared.changed.notified() => tokio::time::sleep(TOGETHER).await,
            }
        }
    }

    async fn turn(&self, shared: &Shared, is_look: bool, is_over: bool) -> Result<()> {
        if is_over {
            // What it asked for nobody need give up any more.
            return self
                .ask(|done| Ask::Do(Turn::default(), done))
                .await
                .map(drop);
        }
        let looked = self.ask(Ask::Look).await?;
        let turn = shared.view(&looked, self.first, is_look).turn();
        shared.give_up(&turn.gives);
        let gives = shared.take_unused();
        let turn = Turn {
            gives: gives.clone(),
            ..turn
        };
        let taken = self.ask(|done| Ask::Do(turn, done)).await?;
        shared.settle(&gives, &taken);
        let blocking = shared.blocked_by(&looked);
        if is_look && !blocking.is_empty() {
            self.tell(Ask::End(blocking))?;
        }
        Ok(())
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<Result<T>>) -> Ask) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.tell(ask(reply))?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    fn tell(&self, ask: Ask) -> Result<()> {
        let commands = self.commands.upgrade().ok_or_else(closed)?;
        let told = commands.send(Command::Partitions(ask));
        told.map_err(|_| closed())
    }
}

fn closed() -> LedgerError {
    LedgerError::lost("the ledger")
}

impl Shared {
    /// Whether nobody wants or holds anything: then there is another keeper the next time.
    fn is_over(&self) -> bool {
        let mut parts = self.parts.lock();
        let is_over = parts.of.is_empty();
        parts.is_kept &= !is_over;
        is_over
    }

    fn view(&self, looked: &Looked, first: Partition, is_look: bool) -> View {
        let sessions = looked
            .others
            .values()
            .chain(looked.asked.iter().map(|(_, by)| by));
        let sessions: BTreeSet<i32> = sessions.copied().collect();
        let mut view = View {
            others: looked.others.clone(),
            asked: looked.asked.iter().map(|(asked, _)| *asked).collect(),
            members: sessions.len(),
            first,
            ..View::default()
        };
        for (partition, part) in &mut self.parts.lock().of {
            if part.is_wanted() {
                let is_free = !looked.others.contains_key(partition);
                part.free = if is_free {
                    part.free + u32::from(is_look)
                } else {
                    0
                };
                view.wanted.insert(*partition, part.free);
            } else if part.held().is_some_and(|ends| !ends.is_cancelled()) {
                view.held.insert(*partition);
            }
        }
        view
    }

    /// Has the work on their orgs end.
    fn give_up(&self, partitions: &[Partition]) {
        let parts = self.parts.lock();
        let given_up = partitions
            .iter()
            .filter_map(|one| parts.of.get(one)?.held());
        given_up.for_each(|ends| ends.cancel());
    }

    /// Those that nobody holds who has a use for them; nobody gets them before they are taken anew.
    fn take_unused(&self) -> Vec<Partition> {
        let parts = self.parts.lock();
        let unused = parts.of.iter().filter(|(_, part)| {
            let Some(ends) = part.held() else {
                return false;
            };
            let is_unused = part.holders == 0 && (part.waiters == 0 || ends.is_cancelled());
            if is_unused {
                ends.cancel();
            }
            is_unused
        });
        unused.map(|(partition, _)| *partition).collect()
    }

    /// Takes note of what was given back, and of what was taken.
    fn settle(&self, given: &[Partition], taken: &[Partition]) {
        let mut parts = self.parts.lock();
        for partition in given {
            if let Some(part) = parts.of.get_mut(partition) {
                part.free = 0;
                part.standing.send_replace(Standing::Wanted);
            }
        }
        for partition in taken {
            // One that nobody wants any more is given back at the next turn.
            let part = parts.of.entry(*partition).or_insert_with(Part::new);
            let ends = CancellationToken::new();
            part.standing.send_replace(Standing::Held(ends));
        }
        let is_used = |part: &Part| part.holders + part.waiters > 0 || part.held().is_some();
        parts.of.retain(|_, part| is_used(part));
    }

    /// How many are wanted that are not held.
    fn wanted(&self) -> usize {
        let parts = self.parts.lock();
        parts.of.values().filter(|part| part.is_wanted()).count()
    }

    /// The sessions that hold what is wanted here.
    fn blocked_by(&self, looked: &Looked) -> Vec<i32> {
        let parts = self.parts.lock();
        let wanted = parts.of.iter().filter(|(_, part)| part.is_wanted());
        let holders: BTreeSet<i32> = wanted
            .filter_map(|(partition, _)| looked.others.get(partition).copied())
            .collect();
        holders.into_iter().collect()
    }

    /// Everything that is held is gone with its session, and whoever waits need not wait any more.
    fn lose(&self, error: &LedgerError) {
        let mut parts = self.parts.lock();
        parts.of.retain(|_, part| part.holders + part.waiters > 0);
        for part in parts.of.values() {
            if let Some(ends) = part.held() {
                ends.cancel();
            }
            part.standing.send_replace(Standing::Lost(error.clone()));
        }
    }
}
