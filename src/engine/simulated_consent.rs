//! The simulated administrator of an org that the program serves itself: gives consents, as a person would.

use super::common::Administrator;
use super::org_context::OrgContext;
use super::submit_answer::Submission;
use super::worker::{EntryTask, Rest};
use crate::consent::{Answer, inbox, reader};
use crate::ledger::{EntryRow, LedgerError};

/// How often a simulated administrator tries to give one entry's consent.
const CONSENT_TRIES: u32 = 3;

/// Gives the consent, submits the answer, and continues with the entry.
pub(super) async fn given(
    org_context: &OrgContext,
    mut row: EntryRow,
    administrator: Administrator,
) -> Result<Rest, LedgerError> {
    for _ in 0..CONSENT_TRIES {
        let Some(consent) = row.progress.consent.clone() else {
            break;
        };
        let answer = match administrator(consent.authorize_url).await {
            Ok(page) => answer_for(org_context, &row, &page),
            Err(_) => None,
        };
        let mut task = EntryTask::new(org_context, row);
        match answer {
            Some(answer) => match task.submit_answer(answer).await? {
                Submission::Halted => return Ok(Rest::Halted),
                _ if !task.can_go_on() => return Ok(Rest::Ended),
                Submission::Accepted | Submission::NotAccepted => {}
            },
            // The link leads nowhere, as when the orgs are now served on another port.
            None => task.drop_link(),
        }
        let kind = task.run().await?;
        match task.rest(kind) {
            Rest::Waiting(again) => row = *again,
            rest => return Ok(rest),
        }
    }
    // It stays parked for a person.
    Ok(Rest::Ended)
}

fn answer_for(org_context: &OrgContext, row: &EntryRow, page: &str) -> Option<Answer> {
    let handed_in = reader::read(page.as_bytes()).into_first_answer()?;
    inbox::accept(&handed_in, org_context.access.client.origin(), row).ok()
}
