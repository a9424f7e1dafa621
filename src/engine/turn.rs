//! The wait for an org that another process may have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// What is known of the wait for an org.
#[derive(Debug, Default)]
pub struct Turn {
    waits: AtomicBool,
    over: Notify,
}

impl Turn {
    /// None where there is nobody else.
    pub fn of(is_shared: bool) -> Option<Arc<Self>> {
        is_shared.then(Arc::default)
    }

    /// Whether somebody else has the org, as far as is known.
    pub fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// It is waited for, or not any more.
    pub fn set_waits(&self, waits: bool) {
        self.waits.store(waits, Ordering::Relaxed);
    }

    /// Ends when it need not be waited for any more.
    pub async fn ended(&self) {
        self.over.notified().await;
    }

    /// Whoever waits need not any more: nothing is left.
    pub fn end(&self) {
        self.over.notify_one();
    }
}
