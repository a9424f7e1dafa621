//! Entries that wait while their secrets change: looked for once, when work in an org begins. Their links are for the
//! credentials of before. Without `--reconnect` each keeps its link, and what changed is noted; with it the entry goes
//! back to the step that asks for one. Whatever Okta was asked for with the credentials as they are now stays.

use futures_util::stream::{self, StreamExt as _};

use super::org_context::OrgContext;
use super::worker::EntryTask;
use crate::event::{EntryEvent, Events, OrgEvent};
use crate::ledger::{EntryRow, LedgerError, Owner};
use crate::model::{EntryNo, EntryState, OrgNo, Step};
use crate::steps::{self, StepError};

/// Waiting entries read at once.
const PAGE: usize = 64;

/// Entries whose secrets are read at once: programs may be behind them.
const AT_ONCE: usize = 16;

/// An org's selected entries that wait, a few at a time.
#[derive(Default)]
pub(super) struct Pages {
    after: Option<EntryNo>,
}

impl Pages {
    /// The next ones; `None` = that were all.
    pub async fn next(
        &mut self,
        org_context: &OrgContext,
        org: OrgNo,
    ) -> Result<Option<Vec<EntryRow>>, LedgerError> {
        let rows = org_context
            .ledger
            .load(&org_context.run, org, EntryState::Waiting, self.after, PAGE)
            .await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.after = Some(last.no);
        let selected = rows
            .into_iter()
            .filter(|row| org_context.selected.contains(row.no));
        Ok(Some(selected.collect()))
    }
}

/// Compares the secrets of all that wait in an org, in pages, with those that their links were asked for with. Secrets that cannot
/// be read are told, and their entries left as they are.
pub(super) async fn compare(
    (org_context, owner): (&OrgContext, Owner<'_>),
    org: OrgNo,
    first: Vec<EntryRow>,
    mut others: Pages,
) -> Result<(), LedgerError> {
    let mut unread = Unread::default();
    let compared = async {
        let mut next = Some(first);
        while let Some(rows) = next {
            let mut compared = stream::iter(rows)
                .map(|row| compare_one(org_context, owner, row))
                .buffer_unordered(AT_ONCE);
            while let Some(one) = compared.next().await {
                if let Some((message, hint)) = one? {
                    unread.add(message, hint);
                }
            }
            next = others.next(org_context, org).await?;
        }
        Ok(())
    };
    tokio::select! {
        biased;
        // A secret that takes long is not waited for any more.
        () = org_context.interrupt.cancelled() => return Ok(()),
        compared = compared => compared?,
    }
    unread.tell(&org_context.known_as.name, &org_context.events);
    Ok(())
}

type Why = (String, Option<String>);

async fn compare_one(
    org_context: &OrgContext,
    owner: Owner<'_>,
    row: EntryRow,
) -> Result<Option<Why>, LedgerError> {
    let mut task = EntryTask::new(org_context, owner, row);
    match task.compare_waiting().await {
        // Its consent has just been handed in.
        Err(LedgerError::Moved { .. }) => Ok(None),
        compared => compared,
    }
}

impl EntryTask<'_> {
    // Gives why a secret could not be read.
    async fn compare_waiting(&mut self) -> Result<Option<Why>, LedgerError> {
        let before = self.row.progress.left_secrets.clone();
        let mut context = self.context(Step::AwaitConsent);
        let compared = steps::compare_waiting(&mut context).await;
        let fingerprint = context.fingerprint;
        match compared {
            Ok(()) => {}
            Err(StepError::Ledger(error)) => return Err(error),
            Err(error) => {
                let why = error.describe(Step::AwaitConsent);
                return Ok(Some((why.details.message, why.details.hint)));
            }
        }
        let left = &self.row.progress.left_secrets;
        if !left.is_empty() && self.org_context.access.reconnects(&self.row.entry) {
            // Durable before anything is sent: whoever continues asks for the fresh link, and no answer to the old one
            // is taken.
            self.drop_link();
            self.row.progress.consent = None;
            self.row.progress.renewing = true;
            self.row.progress.left_secrets.clear();
            self.commit(fingerprint, None).await?;
            self.org_context
                .events
                .entry(&self.name, || EntryEvent::Renews);
        } else if *left != before || fingerprint.is_some() {
            self.commit(fingerprint, None).await?;
        }
        Ok(None)
    }
}

/// Secrets of waiting entries that could not be read, so that nobody knows whether they changed.
#[derive(Debug, Default)]
pub struct Unread(Vec<(Why, u64)>);

impl Unread {
    /// One more entry.
    pub fn add(&mut self, message: String, hint: Option<String>) {
        let why = (message, hint);
        match self.0.iter_mut().find(|(known, _)| *known == why) {
            Some((_, entries)) => *entries += 1,
            None => self.0.push((why, 1)),
        }
    }

    /// Tells them, each reason once.
    pub fn tell(self, org: &str, events: &Events) {
        let org = org.into();
        for ((message, hint), entries) in self.0 {
            events.org(&org, || OrgEvent::NotCompared {
                entries,
                message,
                hint,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, News};

    #[test]
    fn a_reason_that_many_have_is_reported_once() {
        let mut unread = Unread::default();
        for (message, hint) in [
            ("env:A: not set", Some("set A")),
            ("env:B: not set", Some("set B")),
            ("env:A: not set", Some("set A")),
            ("odd", None),
        ] {
            unread.add(message.to_owned(), hint.map(str::to_owned));
        }
        let events = Events::new();
        let mut listener = events.listen();
        unread.tell("acme", &events);
        let mut told = Vec::new();
        while let Some(News::Event(event)) = listener.now() {
            let EventKind::Org(
                _,
                OrgEvent::NotCompared {
                    entries, message, ..
                },
            ) = &event.kind
            else {
                panic!("{event:?}")
            };
            told.push((*entries, message.clone()));
        }
        let wanted = [(2, "env:A: not set"), (1, "env:B: not set"), (1, "odd")];
        let wanted = wanted.map(|(entries, message)| (entries, message.to_owned()));
        assert_eq!(told, wanted);
    }
}
