//! Where an entry stands: as it is stored, and as it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stored state of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Nothing was done yet.
    Pending,
    /// Some step was attempted; more to do. Shown as `running` while a process holds the run, else `pending`.
    Started,
    /// Needs consent.
    Waiting,
    /// As wanted.
    Done,
    /// Gave up.
    Failed,
}

/// State of an entry or of one of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not begun, held back, or interrupted.
    Pending,
    /// A process works on it.
    Running,
    /// Needs consent.
    Waiting,
    /// As wanted.
    Done,
    /// Gave up.
    Failed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Done,
        Self::Failed,
    ];

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Its name in reports and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}
