//! Consents: what people hand in ([`inbox`]), and what is done with it at once.

pub mod inbox;

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::event::{EntryName, Events};
use crate::ledger::{ConsentState, Ledger, LedgerError, Pending, RunId, Stored};
use crate::run::{Common, HandedIn, Interrupt, OrgAccess, RunOptions, Shop, Work, name_of};
use inbox::Refusal;

/// What became of one answer.
#[derive(Debug)]
pub enum Answered {
    /// Okta took it; the rest of the entry goes on in the live run or with the next one.
    Accepted {
        /// Whose.
        entry: EntryName,
        /// The run to go on with.
        run: RunId,
    },
    /// Okta had taken it before.
    AcceptedBefore,
    /// It was not sent.
    Unsent(Refusal),
    /// Our side failed: a secret or the ledger. Nothing is known to have been accepted.
    Broken(anyhow::Error),
    /// The org or the command was stopped before Okta took it. If the call was made all the same, the next run
    /// finds out; if not, the same answer can be handed in again.
    HeldBack {
        /// Whose.
        entry: EntryName,
        /// Why.
        message: String,
    },
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
pub struct Desk<F> {
    common: Common,
    access: F,
    shops: HashMap<(String, i64), Arc<Shop>>,
}

impl<F> Desk<F>
where
    F: AsyncFn(&Pending) -> anyhow::Result<OrgAccess>,
{
    /// A desk over a ledger; `access` opens the org of an entry.
    pub async fn new(
        ledger: &Ledger,
        options: &RunOptions,
        access: F,
        interrupt: Interrupt,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            common: Common::new(ledger, options, Events::nowhere(), interrupt).await?,
            access,
            shops: HashMap::new(),
        })
    }

    /// Hands in every answer in a text, in order.
    pub async fn complete(&mut self, text: &str) -> anyhow::Result<Vec<Answered>> {
        let mut answered = Vec::new();
        for answer in inbox::parse(text) {
            answered.push(match answer {
                // One that goes wrong does not take the others with it.
                Ok(answer) => match self.hand_in(&answer).await {
                    Ok(answered) => answered,
                    Err(error) => Answered::Broken(error),
                },
                Err(refusal) => Answered::Unsent(refusal),
            });
        }
        self.common.notes.settled().await?;
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
        self.common.notes.settled().await?;
        Ok(link_of(&shop, work))
    }

    async fn hand_in(&mut self, answer: &inbox::HandedIn) -> anyhow::Result<Answered> {
        // Twice: somebody else may change the entry between our reading it and claiming it.
        for _ in 0..2 {
            let pending = match self
                .common
                .ledger
                .consent(answer.state().expose_secret())
                .await?
            {
                ConsentState::Waiting(pending) => *pending,
                ConsentState::Settled(true) => return Ok(Answered::AcceptedBefore),
                ConsentState::Settled(false) => {
                    return Ok(Answered::Unsent(Refusal::RefusedBefore));
                }
                ConsentState::Unknown => return Ok(Answered::Unsent(Refusal::UnknownState)),
            };
            if pending.entry.state != Stored::Waiting {
                break;
            }
            let shop = self.shop(&pending).await?;
            let accepted = match inbox::accept(answer, shop.access.client.origin(), &pending.entry)
            {
                Ok(accepted) => accepted,
                Err(refusal) => return Ok(Answered::Unsent(refusal)),
            };
            let entry = name_of(&shop.org, &pending.entry);
            let mut work = Work::new(&shop, pending.entry);
            match work.hand_in(accepted).await {
                Ok(HandedIn::Accepted) => {
                    let run = pending.run;
                    return Ok(Answered::Accepted { entry, run });
                }
                Ok(HandedIn::NotAccepted) => return self.try_again(&shop, work, entry).await,
                Ok(HandedIn::Halted) => return Ok(halted(&shop, entry)),
                Err(LedgerError::Moved { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Answered::Unsent(Refusal::InProgress))
    }

    // The person is still there: give them a link that works.
    async fn try_again(
        &self,
        shop: &Shop,
        mut work: Work<'_>,
        entry: EntryName,
    ) -> anyhow::Result<Answered> {
        let message = work.error().unwrap_or_default();
        if work.can_go_on() {
            work.fresh_link().await?;
        }
        let fresh_link = link_of(shop, work).ok().flatten();
        Ok(Answered::Refused {
            entry,
            message,
            fresh_link,
        })
    }

    async fn shop(&mut self, pending: &Pending) -> anyhow::Result<Arc<Shop>> {
        let key = (pending.run.0.clone(), pending.org.no);
        // A stopped org may have been mended since: it is opened anew.
        let open = self
            .shops
            .get(&key)
            .filter(|shop| shop.access.lane.stopped().is_none());
        if let Some(shop) = open {
            return Ok(Arc::clone(shop));
        }
        let access = (self.access)(pending).await?;
        let shop = Arc::new(self.common.shop(&pending.run, access)?);
        self.shops.insert(key, Arc::clone(&shop));
        Ok(shop)
    }
}

fn halted(shop: &Shop, entry: EntryName) -> Answered {
    let message = match shop.access.lane.stopped() {
        Some(stopped) => stopped.message,
        None => "interrupted before Okta answered".to_owned(),
    };
    Answered::HeldBack { entry, message }
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
