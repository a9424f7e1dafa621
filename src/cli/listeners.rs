//! Who listens to the events of a command: people.

use tokio::task::JoinHandle;

/// Those that listen, until nobody is left to send anything.
pub(super) struct Listeners {
    shown: JoinHandle<()>,
}

impl Listeners {
    /// Begins with what shows events to people.
    pub fn begin(shown: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            shown: tokio::spawn(shown),
        }
    }

    /// Waits until everything is said. Whoever sends events has to be gone.
    pub async fn end(self) {
        // What a listener that broke off did not say is in the ledger.
        drop(self.shown.await);
    }
}
