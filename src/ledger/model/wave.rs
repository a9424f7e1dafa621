//! What has become of a run's wave.

use crate::model::UnixMillis;

/// A wave of a run; of one that nothing is stored of nothing has happened yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaveRow {
    /// When it began.
    pub started_at: Option<UnixMillis>,
    /// When every entry of it was done, failed or waiting.
    pub finished_at: Option<UnixMillis>,
    /// When a person let it begin.
    pub approved_at: Option<UnixMillis>,
    /// When a person had the run continue in spite of its failures.
    pub passed_at: Option<UnixMillis>,
}
