//! Why a step did not end well.

use crate::failure::Remedy;
use crate::ledger::LedgerError;
use crate::manifest::SecretError;
use crate::model::{EntryError, ErrorDetails};
use crate::okta::{CallError, Class};
use crate::pacing::{Halted, Idempotency};
use crate::plan::Obstacle;

use crate::model::Step;

/// Why a step failed; the engine decides by it whether the entry is tried again.
#[derive(Debug)]
pub enum StepError {
    /// A call failed.
    Call {
        /// What came back, classified.
        error: Box<CallError>,
        /// What sending it again could do.
        idempotency: Idempotency,
    },
    /// No call failed, yet the entry cannot become as wanted.
    Failed {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// Where that helps.
        remedy: Remedy,
    },
    /// A secret cannot be read.
    Secret(SecretError),
    /// The run or the org is being stopped; the entry stays as it is.
    Halted(Halted),
    /// The ledger could not take a checkpoint.
    Ledger(LedgerError),
}

impl StepError {
    /// A call that failed.
    pub fn call(error: CallError, idempotency: Idempotency) -> Self {
        Self::Call {
            error: Box::new(error),
            idempotency,
        }
    }

    /// A failure that trying again does not fix, and nothing in the manifest either.
    pub fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            hint: Some(hint.into()),
            remedy: Remedy::Outside,
        }
    }

    /// Where the cause is fixed. A call that Okta refused is refused again as long as what it is made from is the
    /// same: that is the manifest's, but for steps that carry nothing of it.
    pub fn remedy(&self, step: Step) -> Remedy {
        match self {
            Self::Failed { remedy, .. } => *remedy,
            Self::Call { error, .. } if error.remedy != Remedy::Outside => error.remedy,
            Self::Call { error, .. } if error.class == Class::Refused => {
                let carries = matches!(
                    step,
                    Step::CreateApp
                        | Step::SetConnection
                        | Step::SetFeature(_)
                        | Step::CreateServiceApp
                        | Step::AssignRole(_)
                        | Step::GrantScope(_)
                        | Step::AddKey
                        | Step::CreateIdp
                        | Step::UpdateIdp
                );
                let is_gone = error.http_status == Some(404);
                // A licence is the org's matter (API.md §8).
                let is_licence = error.okta_error_code.as_deref() == Some("E0000015");
                if (carries || is_gone) && !is_licence {
                    Remedy::Manifest
                } else {
                    Remedy::Outside
                }
            }
            Self::Call { .. } | Self::Secret(_) | Self::Halted(_) | Self::Ledger(_) => {
                Remedy::Outside
            }
        }
    }

    /// As the ledger and reports keep it.
    pub fn describe(&self, step: Step) -> EntryError {
        let details = match self {
            Self::Call { error, .. } => error.details.clone(),
            Self::Failed { message, hint, .. } => ErrorDetails::new(message, hint.clone()),
            Self::Secret(error) => ErrorDetails::new(error.to_string(), Some(error.remedy())),
            Self::Halted(_) => ErrorDetails::new("stopped before it was done", None),
            Self::Ledger(error) => ErrorDetails::new(error.to_string(), None),
        };
        EntryError { step, details }
    }

    /// As a plan says it.
    pub fn into_obstacle(self) -> Obstacle {
        match self {
            Self::Failed {
                message,
                hint,
                remedy,
            } => Obstacle {
                message,
                hint: hint.unwrap_or_default(),
                remedy,
            },
            // The step is not told: none was taken.
            error => {
                let described = error.describe(Step::FindApp);
                Obstacle::new(
                    described.details.message,
                    described.details.hint.unwrap_or_default(),
                )
            }
        }
    }

    /// Whether Okta refused the call itself, so that it certainly changed nothing.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Call { error, .. } if error.class == Class::Refused)
    }
}

impl From<Obstacle> for StepError {
    fn from(obstacle: Obstacle) -> Self {
        Self::Failed {
            message: obstacle.message,
            hint: Some(obstacle.hint),
            remedy: obstacle.remedy,
        }
    }
}

impl From<SecretError> for StepError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<LedgerError> for StepError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<Halted> for StepError {
    fn from(halted: Halted) -> Self {
        Self::Halted(halted)
    }
}
