//! Whether a run looks before it writes.

use crate::job::OnDrift;
use crate::ledger::AppMemory;

/// What is there before anything is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Is looked at only where it could spare a call.
    #[default]
    Sparing,
    /// Is looked at: changes by hand are left, and there may be some.
    Always,
}

impl Look {
    /// Nobody can have changed what no run had as wanted.
    pub fn of(policy: OnDrift, app: &AppMemory) -> Self {
        match policy {
            OnDrift::Report if app.applied.is_some() => Self::Always,
            OnDrift::Report | OnDrift::Repair => Self::Sparing,
        }
    }
}
