//! Consents: what people hand in ([`inbox`]), and what is done with it at once.

pub mod inbox;

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::event::{EntryName, Events};
use crate::ledger::{ConsentState, Ledger, LedgerError, Pending};
use crate::okta::Http;
use crate::run::{Interrupt, OrgAccess, Places, RunOptions, Shop, Work, name_of, shop};
use inbox::Refusal;

/// What became of one answer.
#[derive(Debug)]
pub enum Answered {
    /// Okta took it; the rest of the entry goes on in the live run or with the next one.
    Accepted(EntryName),
    /// Okta had taken it before.
    AcceptedBefore,
    /// It was not sent.
    Unsent(Refusal),
    /// Okta did not take it.
    Refused {
        /// Whose.
        entry: EntryName,
        /// Why.
        message: String,
        /// Where a person can try again, if a fresh link could be had.
        fresh_link: Option<String>,
    },
}

/// Hands answers in, and asks for fresh links.
pub struct Desk<'a, F> {
    ledger: &'a Ledger,
    options: &'a RunOptions,
    http: Http,
    access: F,
    places: Places,
    shops: HashMap<(String, i64), Arc<Shop>>,
    interrupt: Interrupt,
}

impl<'a, F> Desk<'a, F>
where
    F: AsyncFn(&Pending) -> anyhow::Result<OrgAccess>,
{
    /// A desk over a ledger; `access` opens the org of an entry.
    pub fn new(
        ledger: &'a Ledger,
        options: &'a RunOptions,
        access: F,
        interrupt: Interrupt,
    ) -> anyhow::Result<Self> {
        let http = Http::new(&options.http)?;
        Ok(Self {
            ledger,
            options,
            http,
            access,
            places: Places::new(),
            shops: HashMap::new(),
            interrupt,
        })
    }

    /// Hands in every answer in a text, in order.
    pub async fn complete(&mut self, text: &str) -> anyhow::Result<Vec<Answered>> {
        let mut answered = Vec::new();
        for answer in inbox::parse(text) {
            answered.push(match answer {
                Ok(answer) => self.hand_in(&answer).await?,
                Err(refusal) => Answered::Unsent(refusal),
            });
        }
        Ok(answered)
    }

    /// Gets a fresh link for a waiting entry; the old one stops working. `None` = none is needed any more.
    pub async fn refresh(
        &mut self,
        pending: Pending,
    ) -> anyhow::Result<Result<Option<String>, String>> {
        let shop = self.shop(&pending).await?;
        let mut work = Work::new(&shop, pending.entry);
        work.fresh_link().await?;
        Ok(link_of(&shop, work))
    }

    async fn hand_in(&mut self, answer: &inbox::HandedIn) -> anyhow::Result<Answered> {
        let pending = match self.ledger.consent(answer.state().expose_secret()).await? {
            ConsentState::Waiting(pending) => *pending,
            ConsentState::Settled(true) => return Ok(Answered::AcceptedBefore),
            ConsentState::Settled(false) => return Ok(Answered::Unsent(Refusal::RefusedBefore)),
            ConsentState::Unknown => return Ok(Answered::Unsent(Refusal::UnknownState)),
        };
        let shop = self.shop(&pending).await?;
        let accepted = match inbox::accept(answer, shop.access.lane.origin(), &pending.entry) {
            Ok(accepted) => accepted,
            Err(refusal) => return Ok(Answered::Unsent(refusal)),
        };
        let entry = name_of(&shop.org, &pending.entry);
        let mut work = Work::new(&shop, pending.entry);
        match work.hand_in(accepted).await {
            Ok(true) => Ok(Answered::Accepted(entry)),
            Ok(false) => self.try_again(&shop, work, entry).await,
            // Somebody else changed the entry since we read it, which only a hand-in does.
            Err(LedgerError::Moved { .. }) => Ok(Answered::Unsent(Refusal::InProgress)),
            Err(error) => Err(error.into()),
        }
    }

    // The person is still there: give them a link that works.
    async fn try_again(
        &self,
        shop: &Shop,
        mut work: Work<'_>,
        entry: EntryName,
    ) -> anyhow::Result<Answered> {
        if let Some(stopped) = shop.access.lane.stopped() {
            return Ok(Answered::Refused {
                entry,
                message: stopped.message,
                fresh_link: None,
            });
        }
        let message = work
            .error()
            .unwrap_or_else(|| "the call was interrupted".to_owned());
        work.fresh_link().await?;
        let fresh_link = link_of(shop, work).ok().flatten();
        Ok(Answered::Refused {
            entry,
            message,
            fresh_link,
        })
    }

    async fn shop(&mut self, pending: &Pending) -> anyhow::Result<Arc<Shop>> {
        let key = (pending.run.0.clone(), pending.org.no);
        if let Some(shop) = self.shops.get(&key) {
            return Ok(Arc::clone(shop));
        }
        let access = (self.access)(pending).await?;
        let events = Events::nowhere();
        let shop = shop(
            self.ledger,
            &pending.run,
            access,
            self.options,
            &self.http,
            &self.places,
            &events,
            &self.interrupt,
        )?;
        let shop = Arc::new(shop);
        self.shops.insert(key, Arc::clone(&shop));
        Ok(shop)
    }
}

fn link_of(shop: &Shop, work: Work<'_>) -> Result<Option<String>, String> {
    if let Some(stopped) = shop.access.lane.stopped() {
        return Err(stopped.message);
    }
    let row = work.into_row();
    match (row.progress.consent, row.error) {
        (Some(consent), _) => Ok(Some(consent.authorize_url)),
        (None, Some(error)) => Err(error.message),
        (None, None) => Ok(None),
    }
}
