//! How much may go on at once over all orgs: calls in flight take sockets, entries at work take memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls in flight over all orgs at most: at 2 s a call 2,000 serve 1,300 orgs of 45 calls a minute each.
const MOST_CALLS: u64 = 2_000;

/// File descriptors left for the ledger, the terminal, pooled idle connections' slack and name look-ups.
const OTHER_FILES: u64 = 128;

/// Entries at work over all orgs, besides the one each org may always have; an entry takes about 3 KB.
const WORKERS: usize = 30_000;

/// Shared by all orgs of a process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Places {
    /// One permit a call in flight.
    pub calls: Arc<Semaphore>,
    most_calls: usize,
    workers: Arc<Semaphore>,
}

impl Places {
    /// As many as the process may have: raises its soft limit of open files to the hard one first.
    pub fn new() -> Self {
        // Where the limit cannot be raised, what there is must do.
        let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024);
        // A quarter of the files: as many again for pooled idle connections, and both once more for the sandbox's
        // side when it runs in this process.
        let calls = (files.saturating_sub(OTHER_FILES) / 4).clamp(16, MOST_CALLS);
        let most_calls = usize::try_from(calls).unwrap_or(16);
        Self {
            calls: Arc::new(Semaphore::new(most_calls)),
            most_calls,
            workers: Arc::new(Semaphore::new(WORKERS)),
        }
    }

    /// Calls in flight now.
    pub fn calls_in_flight(&self) -> usize {
        self.most_calls
            .saturating_sub(self.calls.available_permits())
    }

    /// A place for one more entry of an org that already has one at work, if there is one.
    pub fn worker(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.workers).try_acquire_owned().ok()
    }
}

impl Default for Places {
    fn default() -> Self {
        Self::new()
    }
}
