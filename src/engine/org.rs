//! Works off one org's entries: as many at work as the org allows, those begun before the others; parked and
//! delayed entries hold nothing.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::Instant;

use super::common::{Administrator, Common, OpenOrg};
use super::hand_in::HandedIn;
use super::shop::Shop;
use super::waiting::{self, Pages};
use super::window::{Bounds, Window};
use super::worker::{Rest, Work};
use crate::consent::{Answer, inbox, reader};
use crate::event::OrgEvent;
use crate::ledger::{EntryRow, LedgerError, OrgStats, Target};
use crate::manifest::SecretRef;
use crate::model::{EntryNo, Stored};
use crate::steps::{Directory, WantedOfApps};

/// How long calls in flight may take to finish after an interrupt.
pub const GRACE: Duration = Duration::from_secs(10);

/// How often a simulated administrator tries to give one entry's consent.
const CONSENT_TRIES: u32 = 3;

/// An org and what its task works with.
#[derive(Clone)]
pub struct Team {
    /// The org.
    pub org: Arc<OpenOrg>,
    /// What it shares with the others.
    pub common: Arc<Common>,
    /// Told when another process changed the ledger.
    pub look_again: Arc<Notify>,
    /// What its entries refer to, whatever became of them: the org knows them, too.
    pub secrets: Arc<HashSet<SecretRef>>,
    /// Waiting entries whose link is looked at first: another one may have replaced it before this process began.
    pub in_doubt: Arc<[EntryNo]>,
    /// Whether it was looked at what its entries ask for: once a process.
    pub looked_at: Arc<AtomicBool>,
    /// Entries of a state that are read ahead at most.
    pub window: usize,
}

/// See the module.
pub struct OrgTask {
    team: Team,
    shop: Arc<Shop>,
    window: Window,
    place: Option<OwnedSemaphorePermit>,
    /// What it has instead while it does not answer.
    silent: Option<OwnedSemaphorePermit>,
}

type AtWork<'a> = FuturesUnordered<BoxFuture<'a, (EntryNo, Result<Rest, LedgerError>)>>;

impl OrgTask {
    /// The task of a team that has this place.
    pub fn new(team: Team, place: OwnedSemaphorePermit) -> Self {
        let shop = Arc::new(team.common.shop(&team.org));
        let bounds = Bounds {
            ahead: team.window,
            rest: shop.retry.longest_rest(shop.call_timeout),
        };
        let (ledger, run) = (shop.ledger.clone(), shop.owner.run().clone());
        let window = Window::new(ledger, run, team.org.no, shop.selected.clone(), bounds);
        Self {
            team,
            shop,
            window,
            place: Some(place),
            silent: None,
        }
    }

    /// Goes on until nothing of the org can move, the org is stopped, or the run is interrupted.
    pub async fn run(mut self) -> Result<(), LedgerError> {
        let org = Arc::clone(&self.team.org);
        let ended = self.work_off().await;
        drop(self);
        org.rest();
        ended
    }

    async fn work_off(&mut self) -> Result<(), LedgerError> {
        let shop = Arc::clone(&self.shop);
        let mut at_work: AtWork<'_> = FuturesUnordered::new();
        let secrets = self.team.secrets.iter().cloned();
        shop.access.secrets.cover(secrets).await;
        self.begin(&shop).await?;
        self.look_at_links(&shop, &mut at_work).await?;
        if self.team.org.administrator.is_some() {
            self.ask_for_waiting(&shop, &mut at_work).await?;
        }
        let lane = &shop.access.lane;
        let mut interrupted = pin!(shop.interrupt.cancelled());
        let mut stopped = pin!(lane.when_stopped());
        while !shop.interrupt.is_cancelled() && lane.stopped().is_none() {
            self.take_place(&shop, at_work.len()).await;
            while self.has_room(at_work.len()) {
                let Some(row) = self.window.next().await? else {
                    break;
                };
                let neighbours = self.window.take_secrets();
                if !neighbours.is_empty() {
                    // Boxed, as it is seldom done.
                    Box::pin(shop.access.secrets.cover(neighbours)).await;
                }
                let no = row.no;
                let mut work = Work::new(&shop, row);
                at_work.push(Box::pin(async move {
                    let rest = work.run().await;
                    (no, rest.map(|kind| work.rest(kind)))
                }));
            }
            let next_due = self.window.next_due();
            if at_work.is_empty() && self.place.is_some() && next_due.is_none() {
                break;
            }
            self.give_up_place(at_work.len());
            if at_work.is_empty()
                && let Some(due) = next_due
            {
                let ahead = due.saturating_duration_since(Instant::now());
                lane.begin_wait();
                lane.tell_retries(self.window.delayed(), ahead);
            }
            // Of no use to one who could not take the entry up: it would ring again and again.
            let room = at_work.is_empty() || self.has_room(at_work.len());
            tokio::select! {
                Some((no, rest)) = at_work.next() => self.take_back(no, rest, &shop, &mut at_work)?,
                () = due(next_due.filter(|_| room)) => {}
                () = self.team.look_again.notified() => self.window.look_again(),
                // Once: the loop ends.
                () = &mut interrupted => {}
                () = &mut stopped => {}
            }
        }
        self.finish(&shop, at_work).await
    }

    // What the first call depends on, once a process.
    async fn begin(&mut self, shop: &Shop) -> Result<(), LedgerError> {
        let (no, looked_at) = (self.team.org.no, &self.team.looked_at);
        // Thousands begin with one another, and the reads of each would wait for those of all.
        let turn = shop.places.beginning().await;
        let mut waiting = Pages::default();
        let mut first = None;
        if !looked_at.swap(true, Ordering::Relaxed) {
            // Before any entry begins, so that a plan comes to the same.
            self.see_what_is_asked(shop).await?;
            first = waiting.next(shop, no).await?;
            if first.is_some() {
                self.team.org.note_waiting();
            }
        }
        if first.is_none() {
            self.window.read_ahead().await?;
        }
        drop(turn);
        if let Some(rows) = first {
            // Boxed, as it is done once and takes much memory.
            Box::pin(waiting::compare(shop, no, rows, waiting)).await?;
        }
        Ok(())
    }

    async fn see_what_is_asked(&self, shop: &Shop) -> Result<(), LedgerError> {
        let targets = shop
            .ledger
            .targets(shop.owner.run(), self.team.org.no)
            .await?;
        let selected = |target: &Target| shop.selected.contains(target.no);
        let wanted = WantedOfApps::of(targets.into_iter().filter(selected));
        let directory = &shop.access.directory;
        directory.get_or_init(|| Directory::new(wanted));
        Ok(())
    }

    // One of the places that all orgs share. With nothing at work it is waited for: nobody would be kept waiting.
    async fn take_place(&mut self, shop: &Shop, at_work: usize) {
        let (places, lane) = (&shop.places, &shop.access.lane);
        if at_work == 0 {
            // For one that has something at work.
            self.silent = None;
        }
        if self.place.is_none() {
            self.place = match at_work {
                0 => places.org(&shop.interrupt).await,
                _ if lane.is_silent() => None,
                _ => places.try_org(),
            };
        }
        if self.place.is_some() {
            self.silent = None;
        }
    }

    // Delayed entries hold nothing; an org that does not answer makes room for another, as long as few are dead.
    fn give_up_place(&mut self, at_work: usize) {
        if at_work == 0 {
            (self.place, self.silent) = (None, None);
        } else if self.place.is_some() && self.shop.access.lane.is_silent() {
            self.silent = self.shop.places.try_silent();
            if self.silent.is_some() {
                self.place = None;
            }
        }
    }

    // Whether one more entry may begin. Of an org that does not answer those at work are enough.
    fn has_room(&self, at_work: usize) -> bool {
        let lane = &self.shop.access.lane;
        self.place.is_some() && at_work < lane.width() && (at_work == 0 || !lane.is_silent())
    }

    // Calls in flight may end; whatever has not by then is made anew after a restart.
    async fn finish(&self, shop: &Shop, mut at_work: AtWork<'_>) -> Result<(), LedgerError> {
        let patience = async {
            shop.interrupt.cancelled().await;
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
        shop.access.lane.end_patience();
        let waited_ms = shop.access.lane.end_waits();
        if waited_ms > 0 {
            let stats = OrgStats {
                waited_ms,
                ..OrgStats::default()
            };
            shop.ledger
                .add_stats(shop.owner.run(), self.team.org.no, stats)
                .await?;
        }
        if let Some(mut stopped) = shop.access.lane.stopped() {
            let fix = stopped
                .hint
                .take()
                .unwrap_or_else(|| "fix the cause".to_owned());
            stopped.hint = Some(shop.next.after_stop(&fix, stopped.remedy));
            let set = Some(stopped.clone());
            shop.ledger
                .set_stopped(shop.owner.run(), self.team.org.no, set)
                .await?;
            shop.events.org(&shop.org, || OrgEvent::Stopped(stopped));
        }
        failed.map_or(Ok(()), Err)
    }

    fn take_back<'a>(
        &mut self,
        no: EntryNo,
        rest: Result<Rest, LedgerError>,
        shop: &'a Arc<Shop>,
        at_work: &mut AtWork<'a>,
    ) -> Result<(), LedgerError> {
        self.window.release(no);
        match rest {
            Ok(Rest::Ended | Rest::Halted) => {}
            Ok(Rest::Delayed(row, until)) => self.window.delay(*row, until),
            Ok(Rest::Waiting(row)) => {
                self.team.org.note_waiting();
                self.ask(*row, shop, at_work);
            }
            // Another process handed in this entry's consent: go on from what it stored.
            Err(LedgerError::Moved { .. }) => self.window.look_again(),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    // Lets the simulated administrator give the consent, if there is one.
    fn ask<'a>(&mut self, row: EntryRow, shop: &'a Arc<Shop>, at_work: &mut AtWork<'a>) {
        let Some(administrator) = self.team.org.administrator.clone() else {
            return;
        };
        let row = self.window.hold(row);
        let no = row.no;
        at_work.push(Box::pin(async move {
            (no, consented(shop, row, administrator).await)
        }));
    }

    // Before anybody is shown them again. One that is still what Okta shows is waited for as before.
    async fn look_at_links<'a>(
        &mut self,
        shop: &'a Arc<Shop>,
        at_work: &mut AtWork<'a>,
    ) -> Result<(), LedgerError> {
        let in_doubt = Arc::clone(&self.team.in_doubt);
        for &no in &*in_doubt {
            let row = shop.ledger.entry(shop.owner.run(), no).await?;
            // Its answer may have been handed in, or the org begun before.
            if row.state != Stored::Waiting || !row.progress.link_in_doubt {
                continue;
            }
            let mut work = Work::new(shop, self.window.hold(row));
            work.drop_link();
            at_work.push(Box::pin(async move {
                let rest = work.run().await;
                (no, rest.map(|kind| work.rest(kind)))
            }));
        }
        Ok(())
    }

    async fn ask_for_waiting<'a>(
        &mut self,
        shop: &'a Arc<Shop>,
        at_work: &mut AtWork<'a>,
    ) -> Result<(), LedgerError> {
        let in_doubt = Arc::clone(&self.team.in_doubt);
        let mut pages = Pages::default();
        while let Some(rows) = pages.next(shop, self.team.org.no).await? {
            for row in rows.into_iter().filter(|row| !in_doubt.contains(&row.no)) {
                self.ask(row, shop, at_work);
            }
        }
        Ok(())
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
            Some(answer) => match work.hand_in(answer).await? {
                HandedIn::Halted => return Ok(Rest::Halted),
                _ if !work.can_go_on() => return Ok(Rest::Ended),
                HandedIn::Accepted | HandedIn::NotAccepted => {}
            },
            // The link leads nowhere, as when the orgs are now served on another port.
            None => work.drop_link(),
        }
        let kind = work.run().await?;
        match work.rest(kind) {
            Rest::Waiting(again) => row = *again,
            rest => return Ok(rest),
        }
    }
    // It stays parked for a person.
    Ok(Rest::Ended)
}

fn answer_for(shop: &Shop, row: &EntryRow, page: &str) -> Option<Answer> {
    let handed_in = reader::read(page.as_bytes()).into_first_answer()?;
    inbox::accept(&handed_in, shop.access.client.origin(), row).ok()
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
