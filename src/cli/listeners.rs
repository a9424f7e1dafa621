//! Who listens to the events of a command: people, and its log.

use tokio::task::JoinHandle;

use super::log;
use super::output::Output;
use crate::event::Events;
use crate::settings::Settings;

/// Those that listen, until nobody is left to send anything.
pub(super) struct Listeners {
    shown: JoinHandle<()>,
    logged: Option<JoinHandle<()>>,
}

impl Listeners {
    /// Begins with what shows events to people, and the log if there is to be one.
    pub async fn begin(
        events: &Events,
        shown: impl Future<Output = ()> + Send + 'static,
        settings: &Settings,
        output: Output,
    ) -> Self {
        let logged = log::listen(events, settings, output).await;
        Self {
            shown: tokio::spawn(shown),
            logged,
        }
    }

    /// Waits until everything is said. Whoever sends events has to be gone.
    pub async fn end(self) {
        // What a listener that broke off did not say is in the ledger.
        drop(self.shown.await);
        if let Some(logged) = self.logged {
            drop(logged.await);
        }
    }
}
