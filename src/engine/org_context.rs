//! What the workers of one org share.

use std::sync::Arc;
use std::time::Duration;

use super::next::NextCommands;
use super::selected::Selected;
use crate::event::Events;
use crate::job::RetryPolicy;
use crate::ledger::{Ledger, Owner};
use crate::pacing::{CancellationToken, Capacity};
use crate::steps::Access;

/// What workers of an org share.
pub struct OrgContext {
    /// By which right its entries are checkpointed.
    pub owner: Owner,
    /// Where checkpoints go.
    pub ledger: Ledger,
    /// The org.
    pub access: Access,
    /// Which entries are worked on.
    pub selected: Selected,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How long a call may be under way.
    pub call_timeout: Duration,
    /// Org's name.
    pub org: Arc<str>,
    /// What people type after a failure.
    pub next: Arc<NextCommands>,
    /// Who is told.
    pub events: Events,
    /// When to stop.
    pub interrupt: CancellationToken,
    /// How much may go on at once.
    pub capacity: Capacity,
}
