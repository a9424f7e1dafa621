//! In whose queue an entry stands: the org's that its next step happens in. A checkpoint that ends a step moves the entry
//! at once, so that no org ever makes another one's calls.

use super::worker::{EntryTask, Next, RestKind};
use crate::ledger::LedgerError;
use crate::model::{EntryState, OrgNo, Site, Step};

impl EntryTask<'_> {
    /// The org that a step happens in. `None` = one that this process knows nothing of, as it works on no run.
    pub(super) fn org_of(&self, step: Step) -> Option<OrgNo> {
        match step.site() {
            Site::Own => Some(self.row.org),
            Site::Hub => {
                let hub = self.row.entry.hub.as_ref()?;
                self.org_context.orgs.no_of(&hub.org)
            }
        }
    }

    /// The queue that the entry stands in as far as it has come, if not its own org's.
    pub(super) fn queue(&self) -> Option<OrgNo> {
        let next = self.steps.get(self.row.progress.steps.len())?;
        self.org_of(*next).filter(|org| *org != self.row.org)
    }

    /// Leaves the entry to the org that its next step happens in. Where this process does not know that, it stays where
    /// it is for one that does.
    pub(super) async fn hand_over(&mut self, to: Option<OrgNo>) -> Result<Next, LedgerError> {
        let Some(to) = to else {
            return Ok(Next::Rest(RestKind::Halted));
        };
        if self.row.stands_at() != to {
            self.row.state = EntryState::Started;
            self.commit(None, None).await?;
        }
        Ok(Next::Rest(RestKind::HandedOver(to)))
    }
}
