//! What an entry's checkpoint leaves to later runs about its app.

use super::worker::Work;
use crate::ledger::{Applied, EntryRow, LastWish, Likeness};
use crate::manifest::Status;
use crate::model::{Step, Stored};
use crate::plan::digest_of;

impl Work<'_> {
    // What a later run has to know of the app: that its consent was taken, or that it is as wanted now. `None` = it
    // knows already.
    pub(super) fn applied(&self) -> Option<Applied> {
        let EntryRow {
            entry, progress, ..
        } = &self.row;
        let app_id = progress.app_id.as_ref().or(entry.app_id.as_ref())?;
        let last = progress.steps.last().map(|record| record.step);
        if self.row.state == Stored::Started && last == Some(Step::CompleteConsent) {
            return Some(Applied {
                org_url: self.shop.access.url.clone(),
                app_id: app_id.clone(),
                like: Likeness::Consented,
            });
        }
        // What was left alone is as it was, and what the manifest changed is still to be written.
        if self.row.state != Stored::Done || self.left_alone {
            return None;
        }
        let known = self.memory.app.as_ref();
        let known = known.or(self.row.known.as_ref().map(|known| &known.app));
        let (digest, connected) = (
            digest_of(entry, &self.shop.access.wanted.of(&entry.features)),
            entry.status == Status::Enabled && entry.connection.is_some(),
        );
        let is_known = known.is_some_and(|known| {
            known.applied == Some(LastWish::Digest(digest))
                && known.applied_by.is_some()
                && known.moving_by.is_none()
                && (known.connected || !connected)
        });
        (!is_known).then(|| Applied {
            org_url: self.shop.access.url.clone(),
            app_id: app_id.clone(),
            like: Likeness::AsWanted { digest, connected },
        })
    }
}
