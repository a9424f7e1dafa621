//! When to stop: no new work, calls in flight end, everything is checkpointed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::{CancellationToken as Token, WaitForCancellationFutureOwned};

/// Cheap to clone; all clones are cancelled together.
#[derive(Clone, Debug, Default)]
pub struct CancellationToken {
    // Looked at before every call: a look at the token is a lock that all threads share.
    is_cancelled: Arc<AtomicBool>,
    token: Token,
}

impl CancellationToken {
    /// Not cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everybody to stop.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Whether it was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    /// Ends when it is asked for.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// As [`Self::cancelled`], for as long as one likes.
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        self.token.cancelled_owned()
    }
}
