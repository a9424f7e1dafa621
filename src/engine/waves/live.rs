//! The waves of a run that this process drives: what happens next is stored before it happens, and said.

use std::sync::Arc;

use tokio::time::Instant;

use super::halting::{Halting, InWave};
use super::{Facts, Groups, Next, Work, next, soak_left};
use crate::engine::live_runs::Approvals;
use crate::event::{Events, RunEvent, WaveEvent};
use crate::job::Wave;
use crate::ledger::{Counts, Ledger, LedgerError, OrgRow, RunLock};
use crate::model::{OrgNo, RunId};
use crate::pacing::unix_millis;

/// The waves, and the orgs that are opened by their slots.
pub(in crate::engine) struct Waves {
    ledger: Ledger,
    lock: RunLock,
    events: Events,
    halting: Arc<Halting>,
    live: Vec<Live>,
    /// The wave of each slot.
    of_slot: Vec<usize>,
    hubs: Hubs,
    said: Option<Next>,
    approvals: Arc<Approvals>,
    /// Whether all entries of the run are worked on.
    is_whole: bool,
}

/// Orgs that entries of others have steps in: they are worked on from the beginning, for those.
#[derive(Default)]
struct Hubs {
    slots: Vec<usize>,
    to_begin: Vec<usize>,
    at_work: usize,
}

/// A wave.
struct Live {
    facts: Facts,
    entries: u64,
    /// Orgs of it that are opened.
    slots: Vec<usize>,
    at_work: usize,
    has_begun: bool,
    soak_ends: Option<Instant>,
}

/// What is to be done now.
#[derive(Default)]
pub(in crate::engine) struct Advance {
    /// Orgs that begin, by their slots.
    pub begins: Vec<usize>,
    /// When to look again, if nothing else happens.
    pub pause: Option<Instant>,
}

impl Waves {
    /// The waves of a run with these orgs, of which those in `slots` are opened. Without waves they all begin.
    pub async fn open(
        (ledger, lock): (&Ledger, &RunLock),
        waves: &[Wave],
        orgs: &[OrgRow],
        (slots, is_whole): (&[OrgNo], bool),
        events: &Events,
    ) -> Result<Self, LedgerError> {
        let groups = Groups::of(waves, orgs.iter().map(|org| org.name.as_str()));
        let hubs = if groups.waves.is_empty() {
            Vec::new()
        } else {
            ledger.hubs(lock.run()).await?
        };
        let hubs = hubs.iter().filter_map(|hub| slots.binary_search(hub).ok());
        let hubs: Vec<usize> = hubs.collect();
        let hubs = Hubs {
            to_begin: hubs.clone(),
            slots: hubs,
            at_work: 0,
        };
        let of_slot = slots
            .iter()
            .map(|org| groups.wave_of(*org).unwrap_or_default());
        let mut opened = Self {
            ledger: ledger.clone(),
            lock: lock.clone(),
            events: events.clone(),
            live: Vec::new(),
            of_slot: of_slot.collect(),
            halting: Arc::new(Halting::new(groups, !hubs.slots.is_empty())),
            hubs,
            said: None,
            approvals: Arc::default(),
            is_whole,
        };
        if !opened.groups().waves.is_empty() {
            opened.read().await?;
        }
        Ok(opened)
    }

    fn groups(&self) -> &Groups {
        self.halting.groups()
    }

    /// These orgs are left to other processes.
    pub fn leave(&self, orgs: &[OrgNo]) {
        for wave in orgs.iter().filter_map(|org| self.groups().wave_of(*org)) {
            self.halting.leave(wave);
        }
    }

    /// Has waves begin that people approve there from now on.
    pub fn heed(&mut self, approvals: &Arc<Approvals>) {
        self.approvals = Arc::clone(approvals);
    }

    /// Ends when somebody approved one.
    pub async fn approved(&self) {
        self.approvals.asked().await;
    }

    /// The run.
    pub const fn run(&self) -> &RunId {
        self.lock.run()
    }

    async fn read(&mut self) -> Result<(), LedgerError> {
        let (run, waves) = (self.lock.run(), &self.halting.groups().waves);
        let mut rows = self.ledger.waves(run, waves.len()).await?;
        let (now, mut stored) = (unix_millis(), Vec::new());
        for (no, row) in rows.iter_mut().enumerate() {
            if row.finished_at.is_some_and(|at| at > now) {
                // The clock was set back since: its soak begins now, once, and not at each restart.
                row.finished_at = Some(now);
                stored.push((no, *row));
            }
        }
        if !stored.is_empty() && self.lock.leads() {
            self.ledger.set_waves(&self.lock, stored).await?;
        }
        let by_org = self.ledger.counts_by_org(run).await?;
        let counts = self.halting.groups().sums(&by_org);
        for (no, wave) in waves.iter().enumerate() {
            let slots = self.of_slot.iter().enumerate();
            let slots = slots.filter(|(_, of)| **of == no).map(|(slot, _)| slot);
            let mut facts = Facts::new(wave, rows[no], counts[no].entries());
            // Of a wave of which no org is opened: all of it is at rest, or other entries are asked for.
            facts.work = match (counts[no].entries(), counts[no].movable()) {
                (1.., 0) => Work::AtRest,
                // Another process may have it opened.
                (1.., _) if self.ledger.is_shared() && self.is_whole => Work::Left,
                _ => Work::Elsewhere,
            };
            self.live.push(Live {
                facts,
                entries: counts[no].entries(),
                slots: slots.collect(),
                at_work: 0,
                has_begun: false,
                soak_ends: None,
            });
        }
        self.halting.recount(&by_org);
        for no in 0..self.live.len() {
            self.judge(no);
        }
        Ok(())
    }

    /// The wave of an org that is opened.
    pub fn of_slot(&self, slot: usize) -> InWave {
        self.halting.wave(self.of_slot[slot])
    }

    /// Whether entries of an org that is opened may have begun.
    pub fn has_begun(&self, slot: usize) -> bool {
        let live = self.live.get(self.of_slot[slot]);
        live.is_none_or(|live| live.has_begun)
    }

    /// Takes over what the ledger counts.
    pub fn recount(&self, by_org: &[(OrgNo, Counts)]) {
        self.halting.recount(by_org);
    }

    /// An org began to be worked on, again or for the first time.
    pub fn begun(&mut self, slot: usize) {
        for at_work in self.at_work(slot) {
            *at_work += 1;
        }
    }

    /// Nothing of an org moves any more.
    pub fn ended(&mut self, slot: usize) {
        for at_work in self.at_work(slot) {
            *at_work -= 1;
        }
    }

    fn at_work(&mut self, slot: usize) -> impl Iterator<Item = &mut usize> {
        let live = self.live.get_mut(self.of_slot[slot]);
        let hubs = &mut self.hubs;
        let is_hub = hubs.slots.contains(&slot);
        let of_hubs = is_hub.then_some(&mut hubs.at_work);
        live.map(|live| &mut live.at_work)
            .into_iter()
            .chain(of_hubs)
    }

    /// Ends when the run is halted.
    pub async fn halted(&self) {
        self.halting.halted.cancelled().await;
    }

    /// Whether it is.
    pub fn is_halted(&self) -> bool {
        self.halting.halted.is_cancelled()
    }

    /// Stores and says what happens next, until something has to happen before anything else does.
    pub async fn advance(&mut self) -> Result<Advance, LedgerError> {
        for no in self.approvals.take() {
            // Others may have been faster, and then the next wave waits for another approval.
            if self.next() == Next::Awaits(no) {
                self.live[no].facts.row.approved_at = Some(unix_millis());
                self.store(no).await?;
            }
        }
        if !self.live.is_empty() && !self.lock.leads() {
            // Whoever leads the run says when the next one begins: then this process takes the run up anew.
            return Ok(self.let_begin(usize::MAX, None));
        }
        if self.live.is_empty() {
            let begins = match self.said.replace(Next::Over) {
                None => (0..self.of_slot.len()).collect(),
                Some(_) => Vec::new(),
            };
            return Ok(Advance {
                begins,
                pause: None,
            });
        }
        loop {
            let mut next = self.next();
            if matches!(next, Next::Begins(_) | Next::Ends(_)) {
                // Somebody else's answers may have made entries fail that nobody here has heard of yet.
                let by_org = self.ledger.counts_by_org(self.lock.run()).await?;
                self.halting.recount(&by_org);
                next = self.next();
                if let Next::Ends(no) = next
                    && self.is_left_to_others(no, &by_org)
                {
                    return Ok(self.let_begin(usize::MAX, None));
                }
            }
            match next {
                Next::Begins(no) => {
                    self.live[no].facts.row.started_at = Some(unix_millis());
                    self.store(no).await?;
                    self.judge(no);
                }
                Next::Ends(no) => {
                    self.live[no].facts.row.finished_at = Some(unix_millis());
                    self.store(no).await?;
                }
                Next::Halted(_)
                | Next::Works(_)
                | Next::Soaks { .. }
                | Next::Awaits(_)
                | Next::Over => {}
            }
            let is_news = self.said != Some(next);
            if is_news {
                self.say(next);
            }
            match next {
                Next::Begins(_) | Next::Ends(_) => {}
                Next::Works(no) => return Ok(self.let_begin(no, None)),
                Next::Soaks { after, .. } => {
                    let pause = self.live[after].soak_ends;
                    return Ok(self.let_begin(usize::MAX, pause));
                }
                Next::Halted(_) | Next::Awaits(_) | Next::Over => {
                    return Ok(self.let_begin(usize::MAX, None));
                }
            }
        }
    }

    /// Whether something of a wave is left that this process cannot do, and another one may.
    fn is_left_to_others(&self, no: usize, by_org: &[(OrgNo, Counts)]) -> bool {
        self.ledger.is_shared() && self.is_whole && self.groups().sums(by_org)[no].movable() > 0
    }

    fn next(&mut self) -> Next {
        let (now, wall) = (Instant::now(), unix_millis());
        let soaks = self.halting.groups().waves.iter().map(|wave| wave.soak);
        for (no, (live, soak)) in self.live.iter_mut().zip(soaks).enumerate() {
            live.facts.failed = self.halting.failed(no);
            let is_others = self.halting.is_left(no);
            if !live.slots.is_empty() || is_others {
                // What was handed over to another org is its own matter there.
                let is_here = !live.has_begun || live.at_work > 0 || self.hubs.at_work > 0;
                let is_left = is_here || is_others;
                live.facts.work = if is_left { Work::Left } else { Work::AtRest };
            }
            let Some(finished_at) = live.facts.row.finished_at else {
                continue;
            };
            // Waited for by a clock that nobody sets.
            let ends = *live
                .soak_ends
                .get_or_insert_with(|| now + soak_left(finished_at, soak, wall));
            live.facts.soaks_until = match live.facts.soaks_until {
                _ if ends <= now => None,
                None => Some(wall.after(ends - now)),
                known => known,
            };
        }
        let facts: Vec<Facts> = self.live.iter().map(|live| live.facts).collect();
        next(&facts)
    }

    /// The orgs that are to be worked on, of waves that have begun, up to this one.
    fn let_begin(&mut self, last: usize, pause: Option<Instant>) -> Advance {
        let mut begins = std::mem::take(&mut self.hubs.to_begin);
        for live in self.live.iter_mut().take(last.saturating_add(1)) {
            if live.facts.row.started_at.is_some() && !std::mem::replace(&mut live.has_begun, true)
            {
                begins.extend(&live.slots);
            }
        }
        Advance { begins, pause }
    }

    async fn store(&self, no: usize) -> Result<(), LedgerError> {
        let row = self.live[no].facts.row;
        self.ledger.set_waves(&self.lock, vec![(no, row)]).await
    }

    /// A wave that has begun is judged, unless a person had the run continue in spite of its failures.
    fn judge(&self, no: usize) {
        let facts = &self.live[no].facts;
        if facts.row.started_at.is_some() {
            let allowed = facts.allowed.filter(|_| facts.row.passed_at.is_none());
            self.halting.begin(no, allowed);
        }
    }

    fn say(&mut self, next: Next) {
        self.said = Some(next);
        let (no, what) = match next {
            Next::Works(_) | Next::Over => return,
            Next::Begins(no) => {
                let orgs = self.groups().orgs_in(no).count() as u64;
                let entries = self.live[no].entries;
                (no, WaveEvent::Began { orgs, entries })
            }
            Next::Ends(no) => {
                let failed = self.live[no].facts.failed;
                (no, WaveEvent::Ended { failed })
            }
            Next::Soaks { after, until, .. } => (after, WaveEvent::Soaks { until }),
            Next::Awaits(no) => (no, WaveEvent::AwaitsApproval),
            Next::Halted(no) => {
                let Live { facts, entries, .. } = &self.live[no];
                let (failed, allowed) = (facts.failed, facts.allowed.unwrap_or_default());
                let halted = WaveEvent::Halted {
                    failed,
                    allowed,
                    entries: *entries,
                };
                (no, halted)
            }
        };
        let wave = &self.groups().waves[no];
        self.events.run(|| RunEvent::Wave {
            name: wave.name.as_str().into(),
            no: no as u64 + 1,
            waves: self.groups().waves.len() as u64,
            what,
        });
    }
}
