//! What the workers of one org share.

use std::sync::Arc;
use std::time::Duration;

use super::next::NextCommands;
use super::run_orgs::{OrgName, RunOrgs};
use super::selected::Selected;
use super::waves::InWave;
use crate::event::Events;
use crate::job::RetryPolicy;
use crate::ledger::{EntryRow, Ledger};
use crate::model::{OrgNo, RunId};
use crate::pacing::{CancellationToken, Capacity};
use crate::steps::Access;

/// What workers of an org share.
pub struct OrgContext {
    /// The run that its entries are of.
    pub run: RunId,
    /// Where checkpoints go.
    pub ledger: Ledger,
    /// The org.
    pub access: Access,
    /// Which entries are worked on.
    pub selected: Selected,
    /// The wave whose failures its own count for.
    pub in_wave: InWave,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How long a call may be under way.
    pub call_timeout: Duration,
    /// Whether an entry whose secret is not here is left to other processes.
    pub leaves: bool,
    /// Its number in the run.
    pub no: OrgNo,
    /// How it is known.
    pub known_as: OrgName,
    /// All orgs of the run, where one is worked on.
    pub orgs: Arc<RunOrgs>,
    /// What people type after a failure.
    pub next: Arc<NextCommands>,
    /// Who is told.
    pub events: Events,
    /// When to stop.
    pub interrupt: CancellationToken,
    /// How much may continue at once.
    pub capacity: Capacity,
}

impl OrgContext {
    /// How an entry's own org is known.
    pub fn own_org(&self, row: &EntryRow) -> &OrgName {
        let other = Some(row.org).filter(|own| *own != self.no);
        let other = other.and_then(|own| self.orgs.get(own));
        other.unwrap_or(&self.known_as)
    }

    /// The URL of an entry's hub as the ledger knows it, if it has one.
    pub fn hub_url(&self, row: &EntryRow) -> Option<&str> {
        let hub = self.orgs.no_of(&row.entry.hub.as_ref()?.org)?;
        self.orgs.get(hub).map(|hub| &*hub.url)
    }
}
