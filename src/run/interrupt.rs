//! A request to stop: no new work, calls in flight finish, everything is checkpointed.

use std::sync::Arc;

use tokio::sync::watch;

/// Cheap to clone; all clones see the request.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<watch::Sender<bool>>);

impl Interrupt {
    /// Not requested yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Asks the run to stop.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when a stop is asked for.
    pub async fn requested(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        drop(receiver.wait_for(|requested| *requested).await);
    }
}

impl Default for Interrupt {
    fn default() -> Self {
        Self::new()
    }
}
