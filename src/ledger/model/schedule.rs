//! What is remembered of the starts of jobs that have a schedule, and of starts that failed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::UnixMillis;

/// The starts of a job by its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starts {
    /// What was due up to then was started, skipped or queued.
    pub until: UnixMillis,
    /// When the start was due that comes once the run before has ended.
    pub queued: Option<UnixMillis>,
    /// When the last one was.
    pub started_at: Option<UnixMillis>,
}

/// A job with a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// What its runs have as [`file_key`](super::RunRow::file_key).
    pub job: String,
    /// Its starts.
    pub starts: Starts,
}

/// Why a run did not begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedStart {
    /// What was wrong, mistake by mistake.
    pub message: String,
    /// What helps.
    pub hint: Option<String>,
    /// How often in a row: the same is kept once, with when it was last.
    #[serde(default = "once")]
    pub times: u64,
}

const fn once() -> u64 {
    1
}

impl FailedStart {
    /// One of which nothing is known but why.
    pub const fn new(message: String, hint: Option<String>) -> Self {
        Self {
            message,
            hint,
            times: once(),
        }
    }

    /// As it is kept in place of an earlier one that was the same.
    #[must_use]
    pub fn again(self, earlier: &Self) -> Option<Self> {
        let is_same = (&self.message, &self.hint) == (&earlier.message, &earlier.hint);
        is_same.then(|| Self {
            times: self.times.saturating_add(earlier.times),
            ..self
        })
    }
}
