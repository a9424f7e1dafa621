//! A failed command: what kind, why, and what to do next. The only place that maps a kind to an exit
//! code (README, "Exit codes").

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
    /// Nothing failed; some entries wait for consent, or a wave for an approval.
    Waiting,
    /// `plan --detailed-exitcode` found changes.
    Changes,
    /// Interrupted by SIGINT; everything is checkpointed.
    Interrupted,
    /// Terminated by SIGTERM; everything is checkpointed.
    Terminated,
    /// Its terminal went away (SIGHUP); everything is checkpointed.
    HungUp,
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
            Self::HungUp => 129,
        }
    }
}

/// Where the cause of an entry's failure is fixed, which decides what is typed after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remedy {
    /// In the manifest or the orgs file, perhaps: what the ledger has of them would fail again.
    Manifest,
    /// In the job's settings; a run of a manifest has none yet.
    Job,
    /// In the org, in a secret, on the network: the entry stays as it is.
    #[default]
    Outside,
}

/// How a command ended that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All done, or nothing to do.
    Success,
    /// Carried out, and what there is to say about it was said.
    Short(Kind),
}

impl Ending {
    /// The process exit code.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Short(kind) => kind.exit_code(),
        }
    }

    /// How a run ended, by what its entries came to: failures and stopped orgs outrank consents.
    pub const fn of_run(failed: u64, stopped_orgs: u64, waiting: u64) -> Self {
        if failed > 0 || stopped_orgs > 0 {
            Self::Short(Kind::Failed)
        } else if waiting > 0 {
            Self::Short(Kind::Waiting)
        } else {
            Self::Success
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
    /// The same after calls were sent: nothing is wrong usage any more.
    #[must_use]
    pub fn too_late_for_usage(self) -> Self {
        Self {
            kind: Kind::Failed,
            ..self
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_documented_exit_code() {
        for (kind, code) in [
            (Kind::Bug, 1),
            (Kind::Usage, 2),
            (Kind::Failed, 3),
            (Kind::Waiting, 4),
            (Kind::Changes, 5),
            (Kind::Interrupted, 130),
            (Kind::Terminated, 143),
            (Kind::HungUp, 129),
        ] {
            assert_eq!(kind.exit_code(), code, "{kind:?}");
            assert_eq!(Ending::Short(kind).exit_code(), code, "{kind:?}");
        }
        assert_eq!(Ending::Success.exit_code(), 0);
    }

    #[test]
    fn a_run_ends_with_the_worst_of_its_entries() {
        for (failed, stopped, waiting, code) in [
            (0, 0, 0, 0),
            (0, 0, 3, 4),
            (1, 0, 3, 3),
            (0, 1, 0, 3),
            (0, 1, 3, 3),
        ] {
            let ending = Ending::of_run(failed, stopped, waiting);
            assert_eq!(ending.exit_code(), code);
        }
    }

    #[test]
    fn causes_follow_a_colon() {
        let failure = Failure::usage(anyhow::anyhow!("no such file").context("m.csv"));
        assert_eq!(failure.to_string(), "m.csv: no such file");
    }
}
