//! Consents: what people hand in is matched, handed to Okta at once, and fresh links are asked for.
//!
//! A one-time code expires within minutes, so nobody's answer waits for anybody else's: all are under way
//! together, and each org's gate alone decides when its calls go.

mod administrator;
mod matching;
mod open_orgs;

use std::collections::HashMap;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use secrecy::ExposeSecret;

use crate::consent::inbox::{self, Refusal};
use crate::consent::reader::Reading;
use crate::engine::{Engine, EntryTask, GRACE, OrgContext, Submission, name_of};
use crate::event::EntryName;
use crate::ledger::{ConsentRight, ConsentState, Ledger, LedgerError, Owner, Pending};
use crate::model::{EntryState, RunId};
pub(super) use administrator::{Administrator, AtRest};
use matching::Matched;
pub use matching::Sighted;
use open_orgs::OpenOrgs;
pub use open_orgs::{Reached, Unopened};

/// What an interrupted call is told as: whether Okta took it, the next run finds out.
const INTERRUPTED: &str = "interrupted before Okta answered";

/// What became of one answer.
#[derive(Debug)]
pub enum Answered {
    /// Okta took it; the rest of the entry continues in the live run or with the next one.
    Accepted {
        /// The entry it was for.
        entry: EntryName,
        /// The run to continue with.
        run: RunId,
    },
    /// Okta had taken it before.
    AcceptedBefore {
        /// Whose it is.
        whose: String,
    },
    /// It was not sent.
    Unsent {
        /// Why it was not sent.
        refusal: Refusal,
        /// Whose it is, or says to be; nothing where that cannot be told.
        whose: Option<String>,
    },
    /// Our side failed: a secret or the ledger. Nothing is known to have been accepted.
    Broken(anyhow::Error),
    /// The org or the command was stopped before Okta took it. If the call was made all the same, the next run
    /// finds out; if not, the same answer can be handed in again.
    HeldBack {
        /// The entry it was for.
        entry: EntryName,
        /// What stopped or refused it.
        message: String,
    },
    /// Okta did not take it.
    Refused {
        /// The entry it was for.
        entry: EntryName,
        /// What stopped or refused it.
        message: String,
        /// Where a person can try again, if a fresh link could be had.
        fresh_link: Option<String>,
    },
}

/// What became of one entry that a fresh link was asked for.
#[derive(Debug)]
pub enum Refreshed {
    /// The link; the old one has stopped working.
    Link(String),
    /// It needs no consent any more.
    NotNeeded,
    /// Okta gave none, or the command or the org was stopped before it did.
    NoLink(String),
    /// Our side failed: a secret or the ledger.
    Broken(anyhow::Error),
}

/// Answers of one `state`, each with where it stands.
type Alike = Vec<(Sighted, inbox::SubmittedAnswer)>;

/// Hands answers in, and asks for fresh links.
pub struct Desk<F> {
    orgs: OpenOrgs<F>,
}

impl<F> Desk<F>
where
    F: AsyncFn(&Pending) -> anyhow::Result<Reached>,
{
    /// A desk over a ledger; `access` opens the org of an entry, by the policy of its run.
    pub fn new(engine: &Engine, ledger: &Ledger, access: F) -> Self {
        Self {
            orgs: OpenOrgs::new(engine, ledger, access),
        }
    }

    /// Hands in every answer that was read, all at once; `tell` is given where each stands as soon as it
    /// is settled. What was handed in twice is told once. With `only`, answers are taken for the org with this URL, and
    /// nothing is told of any other.
    pub async fn complete(
        &mut self,
        reading: Reading,
        only: Option<&str>,
        mut tell: impl FnMut(Sighted, Answered),
    ) -> anyhow::Result<()> {
        self.orgs.forget_broken();
        let ledger = &self.orgs.ledger;
        let mut by_state: HashMap<String, Alike> = HashMap::new();
        for (at, matched) in matching::of(ledger, reading).await? {
            match matched {
                Matched::Answer(answer) => {
                    if !matching::is_of(ledger, &answer, only).await? {
                        tell(at, nobodys());
                        continue;
                    }
                    let state = answer.state().expose_secret().to_owned();
                    by_state.entry(state).or_default().push((at, answer));
                }
                Matched::Unsent {
                    refusal: Refusal::NotWaiting(_),
                    ..
                } if only.is_some() => tell(at, nobodys()),
                Matched::Unsent { refusal, whose } => {
                    let whose = whose.filter(|_| only.is_none());
                    tell(at, Answered::Unsent { refusal, whose });
                }
            }
        }
        let mut alike: Vec<_> = by_state.into_values().collect();
        alike.sort_by_key(|alike| alike[0].0);
        let desk = &*self;
        // Polled all the time: some of them hold an org's leave to send while others wait for it.
        let mut under_way: FuturesUnordered<_> =
            alike.into_iter().map(|alike| desk.next_of(alike)).collect();
        while let Some((at, answered, left)) = under_way.next().await {
            tell(at, answered);
            if !left.is_empty() {
                under_way.push(desk.next_of(left));
            }
        }
        drop(under_way);
        Ok(self.orgs.settled().await?)
    }

    /// Gets fresh links for waiting entries, all at once; `tell` is given each entry's place (from 0) and what
    /// became of it as soon as that is settled. After an interrupt no further entry is begun, nor told.
    pub async fn refresh(
        &mut self,
        pending: Vec<Pending>,
        mut tell: impl FnMut(usize, Refreshed),
    ) -> anyhow::Result<()> {
        self.orgs.forget_broken();
        let desk = &*self;
        let mut under_way: FuturesUnordered<_> = pending
            .into_iter()
            .enumerate()
            .map(|(no, pending)| async move { (no, Box::pin(desk.refresh_one(pending)).await) })
            .collect();
        while let Some((no, refreshed)) = under_way.next().await {
            match refreshed {
                Ok(Some(refreshed)) => tell(no, refreshed),
                Ok(None) => {}
                Err(error) => tell(no, Refreshed::Broken(error)),
            }
        }
        drop(under_way);
        Ok(self.orgs.settled().await?)
    }

    // Hands in the first of answers that are for the same consent. In turn: what became of one decides whether
    // the next is sent.
    async fn next_of(&self, mut alike: Alike) -> (Sighted, Answered, Alike) {
        let (at, answer) = alike.remove(0);
        // One that goes wrong does not take the others with it.
        let answered = match Box::pin(self.submit(&answer)).await {
            Ok(answered) => answered,
            Err(error) => Answered::Broken(error),
        };
        (at, answered, alike)
    }

    // `None` = not begun.
    async fn refresh_one(&self, pending: Pending) -> anyhow::Result<Option<Refreshed>> {
        let open = self.orgs.open(&pending).await?;
        // An entry is claimed, its old link given up, before its call has leave: no more of them than the org
        // can have under way.
        let claim = open.org_context.access.gate.claims().acquire().await?;
        if self.orgs.engine.cancellation().is_cancelled() {
            return Ok(None);
        }
        if let Some(stopped) = open.org_context.access.gate.stopped() {
            // Another entry's call found out: this one keeps its link.
            return Ok(Some(Refreshed::NoLink(stopped.details.message)));
        }
        let right = ConsentRight::of(&pending);
        let owner = Owner::Consent(&right);
        let mut task = EntryTask::new(&open.org_context, owner, pending.entry);
        let interrupted = tokio::select! {
            made = task.fresh_link() => {
                made?;
                self.orgs.engine.cancellation().is_cancelled()
            }
            () = self.out_of_patience() => true,
        };
        drop(claim);
        Ok(Some(match link_of(&open.org_context, task) {
            Ok(Some(link)) => Refreshed::Link(link),
            Ok(None) if interrupted => Refreshed::NoLink(INTERRUPTED.to_owned()),
            Ok(None) => Refreshed::NotNeeded,
            Err(message) => Refreshed::NoLink(message),
        }))
    }

    // Calls in flight may end; whatever has not by then is found out by the next run.
    async fn out_of_patience(&self) {
        self.orgs.engine.cancellation().cancelled().await;
        tokio::time::sleep(GRACE).await;
    }

    async fn submit(&self, answer: &inbox::SubmittedAnswer) -> anyhow::Result<Answered> {
        let mut last = None;
        // Twice: somebody else may change the entry between our reading it and claiming it.
        for _ in 0..2 {
            let pending = match self.state_of(answer).await? {
                ConsentState::Waiting(pending) => *pending,
                ConsentState::Settled(true) => {
                    let whose = answer.spot().to_string();
                    return Ok(Answered::AcceptedBefore { whose });
                }
                ConsentState::Settled(false) => {
                    return Ok(unsent(Refusal::RefusedBefore, answer.spot().to_string()));
                }
                ConsentState::Unknown => return self.misplaced(answer).await,
            };
            if pending.entry.state != EntryState::Waiting {
                last = Some(whose(&pending));
                break;
            }
            if let Some(answered) = self.submit_for(pending, answer).await? {
                return Ok(answered);
            }
        }
        let whose = last.unwrap_or_else(|| answer.spot().to_string());
        Ok(unsent(Refusal::InProgress, whose))
    }

    // Of an entry that waits; `None` = somebody else was faster.
    async fn submit_for(
        &self,
        pending: Pending,
        answer: &inbox::SubmittedAnswer,
    ) -> anyhow::Result<Option<Answered>> {
        let open = self.orgs.open(&pending).await?;
        let org_context = &open.org_context;
        let origin = org_context.access.client.origin();
        let accepted = match inbox::accept(answer, origin, &pending.entry) {
            Ok(accepted) => accepted,
            Err(refusal) => return Ok(Some(unsent(refusal, whose(&pending)))),
        };
        let entry = name_of(&org_context.known_as.name, &pending.entry);
        let right = ConsentRight::of(&pending);
        let mut task = EntryTask::new(org_context, Owner::Consent(&right), pending.entry);
        let submission = tokio::select! {
            submission = task.submit_answer(accepted) => submission,
            () = self.out_of_patience() => Ok(Submission::Halted),
        };
        match submission {
            Ok(Submission::Accepted) => {
                let run = pending.run;
                Ok(Some(Answered::Accepted { entry, run }))
            }
            Ok(Submission::NotAccepted) => self.try_again(org_context, task, entry).await.map(Some),
            Ok(Submission::Halted) => Ok(Some(halted(org_context, entry))),
            Err(LedgerError::Moved { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn state_of(&self, answer: &inbox::SubmittedAnswer) -> Result<ConsentState, LedgerError> {
        match answer.key() {
            Some(key) => self.orgs.ledger.consent(&key).await,
            None => Ok(ConsentState::Unknown),
        }
    }

    // Nobody waits for it there; says what is wrong with it where somebody waits for its state.
    async fn misplaced(&self, answer: &inbox::SubmittedAnswer) -> anyhow::Result<Answered> {
        let state = answer.state().expose_secret();
        let Some(pending) = self.orgs.ledger.waits_for(state).await? else {
            return Ok(unsent(Refusal::UnknownState, answer.spot().to_string()));
        };
        if pending.org.url.starts_with("http") {
            let refusal = inbox::accept(answer, &pending.org.url, &pending.entry).err();
            let refusal = refusal.unwrap_or(Refusal::UnknownState);
            return Ok(unsent(refusal, whose(&pending)));
        }
        // It has its address from the run that serves it; while none does it says so itself.
        let whose = whose(&pending);
        let answered = match pending.entry.state {
            EntryState::Waiting => Box::pin(self.submit_for(pending, answer)).await?,
            _ => None,
        };
        Ok(answered.unwrap_or_else(|| unsent(Refusal::InProgress, whose)))
    }

    // The person is still there: give them a link that works.
    async fn try_again(
        &self,
        org_context: &OrgContext,
        mut task: EntryTask<'_>,
        entry: EntryName,
    ) -> anyhow::Result<Answered> {
        let message = task.error().unwrap_or_default();
        if task.can_go_on() {
            tokio::select! {
                made = task.fresh_link() => made?,
                () = self.out_of_patience() => {}
            }
        }
        let fresh_link = link_of(org_context, task).ok().flatten();
        Ok(Answered::Refused {
            entry,
            message,
            fresh_link,
        })
    }
}

/// `acme/google (row 1)`.
fn whose(pending: &Pending) -> String {
    let row = &pending.entry;
    format!("{}/{} (row {})", pending.org.name, row.entry.app, row.row)
}

fn unsent(refusal: Refusal, whose: String) -> Answered {
    let whose = Some(whose);
    Answered::Unsent { refusal, whose }
}

// Whoever may see one org only learns no more of an answer for another one.
const fn nobodys() -> Answered {
    Answered::Unsent {
        refusal: Refusal::UnknownState,
        whose: None,
    }
}

fn halted(org_context: &OrgContext, entry: EntryName) -> Answered {
    let message = match org_context.access.gate.stopped() {
        Some(stopped) => stopped.details.message,
        None => INTERRUPTED.to_owned(),
    };
    Answered::HeldBack { entry, message }
}

fn link_of(org_context: &OrgContext, task: EntryTask<'_>) -> Result<Option<String>, String> {
    if let Some(stopped) = org_context.access.gate.stopped() {
        return Err(stopped.details.message);
    }
    let row = task.into_row();
    match (row.progress.consent, row.error) {
        (Some(consent), _) => Ok(Some(consent.authorize_url)),
        (None, Some(error)) => Err(error.details.message),
        (None, None) => Ok(None),
    }
}
