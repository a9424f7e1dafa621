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
}
