//! Works off one org's entries: a small window of them in memory, as many at work as the org allows,
//! those nearer their end first; parked and delayed entries hold nothing.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::interrupt::Interrupt;
use super::lane::unix_millis;
use super::worker::{Rest, Shop, Work, sleep_until};
use crate::consent::inbox;
use crate::event::Event;
use crate::ledger::{EntryNo, EntryRow, LedgerError, Millis, OrgNo, Stored};
use crate::steps::Answer;

/// How long calls in flight may take to finish after an interrupt (PRODUCT.md §6).
pub const GRACE: Duration = Duration::from_secs(10);

/// How often a simulated administrator tries to give one entry's consent.
const CONSENT_TRIES: u32 = 3;

/// Opens an authorize link and returns what Okta's page showed: the sandbox's simulated administrator.
pub type Administrator =
    Arc<dyn Fn(String) -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// See the module.
pub struct OrgTask {
    shop: Arc<Shop>,
    no: OrgNo,
    interrupt: Interrupt,
    administrator: Option<Administrator>,
    // Entries read ahead and not begun: those with progress first.
    started: VecDeque<EntryRow>,
    pending: VecDeque<EntryRow>,
    delayed: BinaryHeap<Reverse<Delayed>>,
    held: HashSet<EntryNo>,
    after_started: Option<EntryNo>,
    after_pending: Option<EntryNo>,
    drained: [bool; 2],
    window: usize,
}

// An entry and when it is tried again.
struct Delayed(Millis, EntryRow);

impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0, self.1.no).cmp(&(other.0, other.1.no))
    }
}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Delayed {}

type AtWork<'a> = FuturesUnordered<BoxFuture<'a, (EntryNo, Result<Rest, LedgerError>)>>;

impl OrgTask {
    /// A task that reads at most `window` entries ahead.
    pub fn new(
        shop: Arc<Shop>,
        no: OrgNo,
        interrupt: Interrupt,
        administrator: Option<Administrator>,
        window: usize,
    ) -> Self {
        Self {
            shop,
            no,
            interrupt,
            administrator,
            started: VecDeque::new(),
            pending: VecDeque::new(),
            delayed: BinaryHeap::new(),
            held: HashSet::new(),
            after_started: None,
            after_pending: None,
            drained: [false; 2],
            window: window.max(1),
        }
    }

    /// Goes on until nothing of the org can move, the org is stopped, or the run is interrupted.
    pub async fn run(mut self) -> Result<(), LedgerError> {
        let shop = Arc::clone(&self.shop);
        let mut at_work: AtWork<'_> = FuturesUnordered::new();
        if self.administrator.is_some() {
            self.ask_for_waiting(&shop, &mut at_work).await?;
        }
        loop {
            let stopping = self.interrupt.is_requested() || shop.access.lane.stopped().is_some();
            if stopping {
                break;
            }
            self.refill().await?;
            while let Some(place) = shop.access.lane.worker(at_work.len()) {
                let Some(row) = self.next_ready() else { break };
                self.held.insert(row.no);
                let no = row.no;
                let shop = &shop;
                at_work.push(Box::pin(async move {
                    let rest = Work::new(shop, row).run().await;
                    drop(place);
                    (no, rest)
                }));
            }
            if at_work.is_empty() && self.delayed.is_empty() {
                if self.nothing_came_in().await? {
                    break;
                }
                continue;
            }
            let next_due = self.delayed.peek().map(|Reverse(delayed)| delayed.0);
            tokio::select! {
                Some((no, rest)) = at_work.next() => self.take_back(no, rest, &shop, &mut at_work).await?,
                () = due(next_due) => {}
                () = self.interrupt.requested() => {}
            }
        }
        self.finish(&shop, at_work).await
    }

    // Calls in flight may end; whatever has not by then is made anew after a restart.
    async fn finish(&mut self, shop: &Shop, mut at_work: AtWork<'_>) -> Result<(), LedgerError> {
        let patience = tokio::time::sleep(GRACE);
        tokio::pin!(patience);
        let mut failed = None;
        loop {
            tokio::select! {
                ended = at_work.next() => match ended {
                    None => break,
                    Some((_, Err(error))) if !matches!(error, LedgerError::Moved { .. }) => failed = Some(error),
                    Some(_) => {}
                },
                () = &mut patience, if self.interrupt.is_requested() => break,
            }
        }
        if let Some(stopped) = shop.access.lane.stopped() {
            let (message, hint) = (stopped.message.clone(), stopped.hint.clone());
            shop.ledger
                .set_stopped(&shop.run, self.no, Some(stopped))
                .await?;
            shop.events.send(Event::OrgStopped {
                org: Arc::clone(&shop.org),
                message,
                hint,
            });
        }
        failed.map_or(Ok(()), Err)
    }

    async fn take_back<'a>(
        &mut self,
        no: EntryNo,
        rest: Result<Rest, LedgerError>,
        shop: &'a Arc<Shop>,
        at_work: &mut AtWork<'a>,
    ) -> Result<(), LedgerError> {
        self.held.remove(&no);
        match rest {
            Ok(Rest::Ended | Rest::Halted) => {}
            Ok(Rest::Delayed(row, until)) => {
                self.held.insert(no);
                self.delayed.push(Reverse(Delayed(until, *row)));
            }
            Ok(Rest::Waiting(row)) => self.ask(*row, shop, at_work),
            // Another process handed in this entry's consent: go on from what it stored.
            Err(LedgerError::Moved { .. }) => {
                let row = shop.ledger.entry(&shop.run, no).await?;
                if matches!(row.state, Stored::Pending | Stored::Started) {
                    self.started.push_back(row);
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    // Lets the simulated administrator give the consent, if there is one.
    fn ask<'a>(&mut self, row: EntryRow, shop: &'a Arc<Shop>, at_work: &mut AtWork<'a>) {
        let Some(administrator) = self.administrator.clone() else {
            return;
        };
        let no = row.no;
        self.held.insert(no);
        at_work.push(Box::pin(async move {
            (no, consented(shop, row, administrator).await)
        }));
    }

    async fn ask_for_waiting<'a>(
        &mut self,
        shop: &'a Arc<Shop>,
        at_work: &mut AtWork<'a>,
    ) -> Result<(), LedgerError> {
        let mut after = None;
        loop {
            let rows = shop
                .ledger
                .load(&shop.run, self.no, Stored::Waiting, after, self.window)
                .await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = Some(last.no);
            for row in rows {
                self.ask(row, shop, at_work);
            }
        }
    }

    fn next_ready(&mut self) -> Option<EntryRow> {
        let now = unix_millis();
        if self
            .delayed
            .peek()
            .is_some_and(|Reverse(delayed)| delayed.0 <= now)
        {
            return self.delayed.pop().map(|Reverse(Delayed(_, row))| row);
        }
        while let Some(row) = self.started.pop_front() {
            match row.due_at.filter(|due| *due > now) {
                Some(due) => {
                    self.held.insert(row.no);
                    self.delayed.push(Reverse(Delayed(due, row)));
                }
                None => return Some(row),
            }
        }
        self.pending.pop_front()
    }

    async fn refill(&mut self) -> Result<(), LedgerError> {
        let Shop { ledger, run, .. } = &*self.shop;
        if self.started.is_empty() && !self.drained[0] {
            let rows = ledger
                .load(
                    run,
                    self.no,
                    Stored::Started,
                    self.after_started,
                    self.window,
                )
                .await?;
            self.drained[0] = rows.len() < self.window;
            self.after_started = rows.last().map(|row| row.no).or(self.after_started);
            self.started
                .extend(rows.into_iter().filter(|row| !self.held.contains(&row.no)));
        }
        if self.pending.is_empty() && !self.drained[1] {
            let rows = ledger
                .load(
                    run,
                    self.no,
                    Stored::Pending,
                    self.after_pending,
                    self.window,
                )
                .await?;
            self.drained[1] = rows.len() < self.window;
            self.after_pending = rows.last().map(|row| row.no).or(self.after_pending);
            self.pending
                .extend(rows.into_iter().filter(|row| !self.held.contains(&row.no)));
        }
        Ok(())
    }

    // Consents that another process handed in meanwhile have made their entries ready.
    async fn nothing_came_in(&mut self) -> Result<bool, LedgerError> {
        if !(self.started.is_empty() && self.pending.is_empty() && self.drained == [true; 2]) {
            return Ok(false);
        }
        let Shop { ledger, run, .. } = &*self.shop;
        let rows = ledger
            .load(run, self.no, Stored::Started, None, self.window)
            .await?;
        self.started.extend(rows);
        Ok(self.started.is_empty())
    }
}

// Gives the consent, hands in the answer, and goes on with the entry.
async fn consented(
    shop: &Shop,
    mut row: EntryRow,
    administrator: Administrator,
) -> Result<Rest, LedgerError> {
    for _ in 0..CONSENT_TRIES {
        let Some(consent) = row.progress.consent.clone() else {
            break;
        };
        let answer = match administrator(consent.authorize_url).await {
            Ok(page) => answer_for(shop, &row, &page),
            Err(_) => None,
        };
        let mut work = Work::new(shop, row);
        match answer {
            Some(answer) => {
                work.hand_in(answer).await?;
                if work.row.state == Stored::Waiting {
                    // Held back before it was sent: the next run hands it in.
                    return Ok(Rest::Halted);
                }
            }
            // The link leads nowhere, as when the orgs are now served on another port.
            None => work.drop_link(),
        }
        match work.run().await? {
            Rest::Waiting(again) => row = *again,
            rest => return Ok(rest),
        }
    }
    // It stays parked for a person.
    Ok(Rest::Ended)
}

fn answer_for(shop: &Shop, row: &EntryRow, page: &str) -> Option<Answer> {
    let handed_in = inbox::parse(page).into_iter().next()?.ok()?;
    inbox::accept(&handed_in, shop.access.lane.origin(), row).ok()
}

async fn due(at: Option<Millis>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
