//! What an entry's checkpoint leaves to later runs about its app.

use super::worker::EntryTask;
use crate::ledger::{EntryRow, LastApplied, LastAppliedChange, LastAppliedUpdate};
use crate::manifest::Status;
use crate::model::{EntryState, Step};
use crate::plan::digest_of;

impl EntryTask<'_> {
    // What a later run has to know of the app: that its consent was taken, or that it is as wanted now. `None` = it
    // knows already.
    pub(super) fn applied(&self) -> Option<LastAppliedUpdate> {
        let EntryRow {
            entry, progress, ..
        } = &self.row;
        let app_id = progress.app_id.as_ref().or(entry.app_id.as_ref())?;
        let last = progress.steps.last().map(|record| record.step);
        if self.row.state == EntryState::Started && last == Some(Step::CompleteConsent) {
            return Some(LastAppliedUpdate {
                org_url: self.own_org.url.to_string(),
                app_id: app_id.clone(),
                like: LastAppliedChange::Consented,
            });
        }
        // What was left alone is as it was, and what the manifest changed is still to be written. Whose keys were rotated
        // was not looked at otherwise.
        if self.row.state != EntryState::Done || self.left_alone || entry.rotation.is_some() {
            return None;
        }
        let known = self.memory.app.as_ref();
        let known = known.or(self.row.known.as_ref().map(|known| &known.app));
        let (digest, connected) = (
            digest_of(entry, &self.org_context.access.wanted.of(&entry.features)),
            entry.status == Status::Enabled && entry.connection.is_some(),
        );
        let is_known = known.is_some_and(|known| {
            known.applied == Some(LastApplied::Digest(digest))
                && known.applied_by.is_some()
                && known.moving_by.is_none()
                && (known.connected || !connected)
        });
        (!is_known).then(|| LastAppliedUpdate {
            org_url: self.own_org.url.to_string(),
            app_id: app_id.clone(),
            like: LastAppliedChange::AsWanted { digest, connected },
        })
    }
}
