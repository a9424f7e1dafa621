//! What goes from one step of an entry to the next within a process, and nowhere else.

use super::shown::Listed;
use crate::ledger::{AppClient, AppMemory, AppName, EntryRow};
use crate::model::EntryState;
use crate::okta::clients::AssignedRole;
use crate::okta::service_app::ServiceApp;
use crate::plan::Earlier;
use crate::text::Told;

/// What this process read of one entry, to save calls; lost with the process.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is known at another time, and none excludes another"
)]
pub struct Memory {
    /// The features as last listed.
    pub features: Option<Listed>,
    /// What earlier runs left about the app.
    pub app: Option<AppMemory>,
    /// Whether the app is known to be what the entry says.
    pub is_right: bool,
    /// What it was seen to be, until a checkpoint takes it.
    pub name: Option<AppName>,
    /// The service app that it signs in as, until a checkpoint takes it.
    pub client: Option<AppClient>,
    /// What was read of that; few entries have one.
    pub in_hub: Option<Box<InHub>>,
    /// What was wanted of the app before.
    pub earlier: Option<Earlier>,
    /// Whether the ledger knows that this is not what the app is like any more.
    pub left: bool,
    /// Whether something was noted that must be durable before the next write.
    pub unsaved: bool,
    /// Whether the entry has begun: a call of its own was made, in this process or before. One that has continues to its
    /// end where a run is halted, however long it waits for its turn; one that has not sends nothing any more.
    pub has_begun: bool,
}

impl Memory {
    /// Of an entry that is taken up.
    pub fn of(row: &EntryRow) -> Self {
        Self {
            has_begun: row.state != EntryState::Pending,
            ..Self::default()
        }
    }
}

/// What was read of a service app, as it is after the calls so far.
#[derive(Debug, Default)]
pub struct InHub {
    /// All of it, where it was read as an app.
    pub app: Option<ServiceApp>,
    /// Its roles.
    pub roles: Option<Vec<AssignedRole>>,
    /// Its scopes.
    pub scopes: Option<Vec<Told>>,
}

/// How it is known what a write changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// What is there was looked at.
    Look,
    /// What was written before, or nothing: the write would be made again in any case.
    Ledger,
}
