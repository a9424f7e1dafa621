//! Waves as reports show them.

use schemars::JsonSchema;
use serde::Serialize;

/// One wave of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaveReport {
    /// Its name in the job.
    pub name: String,
    /// Where it stands.
    pub state: WaveState,
    /// How many orgs belong to it.
    pub orgs: u64,
    /// How many entries these have.
    pub entries: u64,
    /// Of those: failed, or of an org that was stopped.
    pub failed: u64,
    /// RFC 3339; null when it has not begun.
    pub started_at: Option<String>,
    /// RFC 3339; null when it has not ended.
    pub finished_at: Option<String>,
    /// The end of its soak, RFC 3339: set while it soaks.
    pub until: Option<String>,
}

/// Where a wave stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WaveState {
    /// It has not begun.
    Pending,
    /// Its entries are worked on.
    Running,
    /// All its entries came to rest; the next wave begins after a while.
    Soaking,
    /// It begins when a person lets it.
    AwaitingApproval,
    /// Too many of its entries failed.
    Halted,
    /// It ended.
    Done,
}

impl WaveState {
    /// In words, for people.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Soaking => "soaking",
            Self::AwaitingApproval => "awaiting approval",
            Self::Halted => "halted",
            Self::Done => "done",
        }
    }
}

impl WaveReport {
    /// `3 orgs, 12 entries, 1 failed`.
    pub(super) fn counts(&self) -> String {
        use super::words::counted;
        format!(
            "{}, {}, {} failed",
            counted(self.orgs, "org", "orgs"),
            counted(self.entries, "entry", "entries"),
            self.failed
        )
    }

    /// `began …, ended …`, as far as it did.
    pub(super) fn times(&self) -> String {
        let times = [
            ("began", &self.started_at),
            ("ended", &self.finished_at),
            ("soaks until", &self.until),
        ];
        let times = times
            .into_iter()
            .filter_map(|(what, at)| Some(format!("{what} {}", at.as_ref()?)));
        times.collect::<Vec<_>>().join(", ")
    }
}
