//! When a failed step is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[retry]` of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts of one step in all.
    pub max_attempts: u32,
    /// Ceiling of the first delay.
    pub initial: Duration,
    /// Ceiling of every delay.
    pub max: Duration,
    /// Time a step's attempts and delays may take in all; waits for budget don't count.
    pub max_elapsed: Duration,
    /// Time an org may go without one useful answer before it is stopped.
    pub org_patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 8,
            initial: Duration::from_secs(1),
            max: Duration::from_mins(1),
            max_elapsed: Duration::from_mins(30),
            org_patience: Duration::from_mins(30),
        }
    }
}
