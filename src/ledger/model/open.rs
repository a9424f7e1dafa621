//! How a ledger is opened.

use std::time::Duration;

/// How long a writer waits for another process before the ledger counts as locked.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a command may do to the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenMode {
    /// Read and write; made, upgraded and recovered as needed.
    #[default]
    ReadWrite,
    /// Read and write what must exist; upgraded and recovered as needed.
    Existing,
    /// As [`Self::Existing`], in this program's format: nothing is upgraded.
    Current,
    /// It must exist, and nothing is made or changed. Works on a read-only file system, except that a
    /// ledger whose process was killed must be opened for writing once (its log has to be recovered).
    ReadOnly,
}

/// How to open a ledger, with what tests of crashes and faults need besides.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// What is allowed.
    pub mode: OpenMode,
    /// How long to wait while another process writes.
    pub busy_timeout: Duration,
    /// For the crash test: the process aborts right after this many checkpoints became durable, before
    /// anybody is told. Each checkpoint is then stored on its own.
    pub abort_after: Option<u64>,
    /// For tests of a full disk: pages of 4 KiB that the file may have.
    pub max_pages: Option<u32>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            mode: OpenMode::ReadWrite,
            busy_timeout: BUSY_TIMEOUT,
            abort_after: None,
            max_pages: None,
        }
    }
}
