//! Hears a run's events and has notices sent of them. It waits for no receiver, so that it keeps up with the run; of what
//! it lost all the same it looks into the ledger.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::delivery::Delivery;
use super::gathering::Gathering;
use super::message::Notice;
use crate::event::{EntryEvent, Event, EventKind, Listener, News, OrgEvent, RunEvent, WaveEvent};
use crate::job::NoticeKind;
use crate::ledger::{Ledger, LedgerError, RunRow};
use crate::model::{EntryState, RunId};

/// What there is to notify of, of one run.
pub(super) struct Listening {
    ledger: Ledger,
    run: RunId,
    /// What the run's file is known by.
    file_key: String,
    pub delivery: Delivery,
    /// By place in the run.
    orgs: Vec<Arc<str>>,
    gathering: Gathering,
    /// Entries that notices were sent of, by org; of earlier processes those that were delivered.
    notified: HashMap<Arc<str>, u64>,
    /// Orgs of which this process was told that they were stopped.
    stopped: HashSet<Arc<str>>,
}

impl Listening {
    pub fn new(ledger: &Ledger, run: &RunRow, orgs: Vec<Arc<str>>, delivery: Delivery) -> Self {
        Self {
            ledger: ledger.clone(),
            run: run.id.clone(),
            file_key: run.file_key.clone(),
            delivery,
            orgs,
            gathering: Gathering::default(),
            notified: HashMap::new(),
            stopped: HashSet::new(),
        }
    }

    /// Listens to its end; gives what is left to send.
    pub async fn listen(mut self, mut listener: Listener) -> Self {
        // A ledger that cannot be read ends the run, which says so.
        drop(self.remember().await);
        if let Ok(cut) = self.ledger.take_notices(&self.file_key).await {
            self.delivery.send_again(cut);
        }
        loop {
            let due = self.gathering.next_due();
            tokio::select! {
                biased;
                news = listener.next() => match news {
                    Some(News::Event(event)) => self.hear(&event),
                    Some(News::Lagged(_)) => drop(self.look_up().await),
                    None => return self,
                },
                () = until(due) => {}
            }
            // Looked at after each event: there may always be another.
            if due.is_some_and(|due| due <= Instant::now()) {
                drop(self.consents(Some(Instant::now())).await);
            }
        }
    }

    /// What earlier processes notified of, and what they did not get to.
    async fn remember(&mut self) -> Result<(), LedgerError> {
        let kind = NoticeKind::ConsentNeeded.name();
        let notified = self.ledger.notified(&self.run, kind).await?;
        self.notified = notified
            .into_iter()
            .map(|(org, entries)| (org.into(), entries))
            .collect();
        self.count_waiting().await
    }

    /// What was missed.
    async fn look_up(&mut self) -> Result<(), LedgerError> {
        for org in self.ledger.orgs(&self.run).await? {
            if let Some(stopped) = &org.stopped
                && self.stopped.insert(org.name.as_str().into())
            {
                self.delivery.send(&Notice::org_stopped(&org.name, stopped));
            }
        }
        self.count_waiting().await
    }

    async fn count_waiting(&mut self) -> Result<(), LedgerError> {
        let now = Instant::now();
        for (no, counts) in self.ledger.counts_by_org(&self.run).await? {
            let Some(org) = self.orgs.get(no.index()) else {
                continue;
            };
            let notified = self.notified.get(org).copied().unwrap_or_default();
            let entries = counts.waiting.saturating_sub(notified);
            self.gathering.at_least(org, entries, now);
        }
        Ok(())
    }

    fn hear(&mut self, event: &Event) {
        if event.run.as_deref() != Some(&self.run) {
            return;
        }
        match &event.kind {
            EventKind::Org(org, OrgEvent::Stopped(stopped))
                if self.stopped.insert(Arc::clone(org)) =>
            {
                self.delivery.send(&Notice::org_stopped(org, stopped));
            }
            EventKind::Entry(entry, EntryEvent::Ended { state, .. })
                if *state == EntryState::Waiting =>
            {
                self.gathering.add(&entry.org, entry.no, Instant::now());
            }
            EventKind::Run(RunEvent::Wave { name, what, .. }) => match *what {
                WaveEvent::Halted {
                    failed,
                    allowed,
                    entries,
                } => {
                    let halted = Notice::wave_halted(name, failed, allowed, entries);
                    self.delivery.send(&halted);
                }
                WaveEvent::AwaitsApproval => {
                    self.delivery.send(&Notice::wave_awaits_approval(name));
                }
                WaveEvent::Began { .. } | WaveEvent::Ended { .. } | WaveEvent::Soaks { .. } => {}
            },
            _ => {}
        }
    }

    /// Notifies of the consents that are due by then, or of all; not of those that were given meanwhile.
    pub async fn consents(&mut self, until: Option<Instant>) -> Result<(), LedgerError> {
        let gathered = self.gathering.take(until);
        if gathered.is_empty() {
            return Ok(());
        }
        let counts = self.ledger.counts_by_org(&self.run).await?;
        let waiting: HashMap<&Arc<str>, u64> = counts
            .iter()
            .filter_map(|(no, counts)| Some((self.orgs.get(no.index())?, counts.waiting)))
            .collect();
        for (org, entries) in gathered {
            let waiting = waiting.get(&org).copied().unwrap_or_default();
            let entries = entries.min(waiting);
            if entries > 0 {
                let notice = Notice::consent_needed(&org, entries, waiting);
                self.delivery.send(&notice);
                *self.notified.entry(org).or_default() += entries;
            }
        }
        Ok(())
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
