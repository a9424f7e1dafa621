//! The simulated administrator of the orgs that the program serves itself: gives their consents as a person would. What
//! waits it hears from the run's events, and what it did not hear it finds in the ledger once the run has come to rest;
//! its answers are submitted at a desk.

use std::collections::{HashMap, HashSet};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{mpsc, oneshot};

use super::{Answered, Desk, Reached};
use crate::consent::reader;
use crate::engine::Selected;
use crate::event::{EntryEvent, EventKind, Listener, News};
use crate::ledger::{LedgerError, OrgRow, Pending};
use crate::model::{EntryNo, EntryState, OrgNo, RunId};
use crate::rollout::simulated::Simulated;

/// How often it tries to give one entry's consent; after that the entry is left to a person.
const TRIES: u32 = 3;

/// Gives the consents of a run.
pub(in crate::rollout) struct Administrator<'a, F> {
    pub simulated: &'a Simulated,
    pub desk: Desk<F>,
    pub run: &'a RunId,
    /// Which of its entries are worked on.
    pub selected: &'a Selected,
    /// The orgs whose administrator it is.
    pub orgs: HashMap<OrgNo, OrgRow>,
}

/// What became of one try.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    Accepted,
    NotAccepted,
    /// Nobody waits for this consent any more.
    NotWaiting,
}

/// A run that has come to rest; to be told whether it can continue.
pub(in crate::rollout) type AtRest = oneshot::Sender<bool>;

impl<F> Administrator<'_, F>
where
    F: AsyncFn(&Pending) -> anyhow::Result<Reached>,
{
    /// Gives consents for as long as anybody can ask at `rests`.
    pub async fn attend(
        &self,
        mut news: Listener,
        mut rests: mpsc::Receiver<AtRest>,
    ) -> anyhow::Result<()> {
        let cancellation = self.desk.orgs.engine.cancellation();
        let (mut tries, mut at_hand) = (HashMap::<_, u32>::new(), HashSet::new());
        let mut under_way = FuturesUnordered::new();
        let (mut at_rest, mut is_any_accepted, mut failed) = (None::<AtRest>, false, None);
        loop {
            let found = tokio::select! {
                Some((no, given)) = under_way.next() => {
                    at_hand.remove(&no);
                    is_any_accepted |= matches!(given, Ok(Given::Accepted));
                    *tries.entry(no).or_default() += u32::from(!matches!(given, Ok(Given::NotWaiting)));
                    // There may be a fresh link.
                    given.map(|given| (given == Given::NotAccepted).then_some(no).into_iter().collect())
                }
                Some(news) = news.next() => Ok(self.heard(&news).into_iter().collect()),
                asked = rests.recv() => match asked {
                    Some(asked) => {
                        at_rest = Some(asked);
                        self.waiting().await.map_err(anyhow::Error::from)
                    }
                    None => break,
                }
            };
            let found: Vec<EntryNo> = found.unwrap_or_else(|error| {
                // As when the run itself cannot use its ledger: nothing more is begun.
                cancellation.cancel();
                failed.get_or_insert(error);
                Vec::new()
            });
            for no in found {
                let has_tries = tries.get(&no).is_none_or(|used| *used < TRIES);
                if has_tries && !cancellation.is_cancelled() && at_hand.insert(no) {
                    under_way.push(async move { (no, self.give(no).await) });
                }
            }
            if (is_any_accepted || under_way.is_empty())
                && let Some(asked) = at_rest.take()
            {
                asked.send(std::mem::take(&mut is_any_accepted)).ok();
            }
        }
        failed.map_or(Ok(()), Err)?;
        Ok(self.desk.orgs.settled().await?)
    }

    /// The entry that has come to wait.
    fn heard(&self, news: &News) -> Option<EntryNo> {
        let News::Event(event) = news else {
            return None;
        };
        match &event.kind {
            EventKind::Entry(
                name,
                EntryEvent::Ended {
                    state: EntryState::Waiting,
                    ..
                },
            ) if event.run.as_deref() == Some(self.run) => Some(name.no),
            _ => None,
        }
    }

    /// Every entry that waits, in orgs that are not stopped.
    async fn waiting(&self) -> Result<Vec<EntryNo>, LedgerError> {
        let pending = self.desk.orgs.ledger.pending_consents(Some(self.run));
        let pending = pending.await?.into_iter();
        let wanted = pending.filter(|pending| {
            pending.org.stopped.is_none() && self.selected.contains(pending.entry.no)
        });
        Ok(wanted.map(|pending| pending.entry.no).collect())
    }

    /// Gives the consent that an entry waits for; somebody else may be faster.
    async fn give(&self, no: EntryNo) -> anyhow::Result<Given> {
        match self.try_to_give(no).await {
            Err(error) if is_moved(&error) => Ok(Given::NotWaiting),
            given => given,
        }
    }

    async fn try_to_give(&self, no: EntryNo) -> anyhow::Result<Given> {
        let entry = self.desk.orgs.ledger.entry(self.run, no).await?;
        let (consent, org) = (entry.progress.consent.as_ref(), self.orgs.get(&entry.org));
        let (EntryState::Waiting, Some(consent), Some(org)) = (entry.state, consent, org) else {
            return Ok(Given::NotWaiting);
        };
        let page = self.simulated.approve(&consent.authorize_url).await;
        let pending = Pending {
            run: self.run.clone(),
            org: org.clone(),
            entry,
        };
        let Some(answer) = page.and_then(|page| reader::read(page.as_bytes()).into_first_answer())
        else {
            // The link leads nowhere, as when the orgs are now served on another port.
            self.desk.refresh_one(pending).await?;
            return Ok(Given::NotAccepted);
        };
        Ok(match self.desk.submit_for(pending, &answer).await? {
            Some(Answered::Accepted { .. }) => Given::Accepted,
            Some(_) | None => Given::NotAccepted,
        })
    }
}

// As when a call hung for longer than the entry was claimed for, and its org took it up meanwhile.
fn is_moved(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(LedgerError::Moved { .. }))
}
