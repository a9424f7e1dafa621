//! A failed command: what kind, why, and what to do next. The only place that maps a kind to an exit
//! code (PRODUCT.md §3).

use std::fmt;

/// Why a command ended without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Our bug.
    Bug,
    /// Wrong usage, manifest, job, settings, ledger; nothing was sent.
    Usage,
    /// Finished with failed or stopped entries.
    Failed,
    /// Nothing failed; some entries wait for consent.
    Waiting,
    /// `plan --detailed-exitcode` found changes.
    Changes,
    /// Interrupted by SIGINT; everything is checkpointed.
    Interrupted,
    /// Terminated by SIGTERM; everything is checkpointed.
    Terminated,
}

impl Kind {
    /// The process exit code.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Failed => 3,
            Self::Waiting => 4,
            Self::Changes => 5,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// What the user is told: `error: …` and, where there is a next step, `hint: …`.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: Kind,
    /// What failed and why; lowercase fragment without a final stop.
    pub error: anyhow::Error,
    /// One command or edit that helps.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure of the user's input or surroundings: nothing was sent.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind: Kind::Usage,
            error: error.into(),
            hint: None,
        }
    }

    /// A failure that is our bug.
    pub fn bug(error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind: Kind::Bug,
            error: error.into(),
            hint: None,
        }
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `{:#}` joins the chain of causes with colons.
        write!(f, "{:#}", self.error)
    }
}
