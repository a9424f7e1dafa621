//! How calls are made, as far as a job says.

use std::path::PathBuf;
use std::time::Duration;

/// `[http]` of a job (README, "Jobs").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpPolicy {
    /// For name resolution, TCP, proxy and TLS together.
    pub connect_timeout: Duration,
    /// For one call from start to the last byte of its answer.
    pub timeout: Duration,
    /// PEM certificates trusted besides the system's roots.
    pub ca_file: Option<PathBuf>,
}

impl Default for HttpPolicy {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_mins(1),
            ca_file: None,
        }
    }
}
