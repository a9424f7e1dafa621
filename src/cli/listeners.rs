//! Who listens to the events of a command: people, and its log.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::log;
use super::output::Output;
use crate::event::{Events, Listener};
use crate::settings::Settings;

/// Those that listen, until the command has nothing more to say.
pub(super) struct Listeners {
    end: CancellationToken,
    shown: JoinHandle<()>,
    logged: Option<JoinHandle<()>>,
}

impl Listeners {
    /// Begins with what shows events to people, and the log if there is to be one.
    pub async fn begin<Shown: Future<Output = ()> + Send + 'static>(
        events: &Events,
        show: impl FnOnce(Listener) -> Shown,
        settings: &Settings,
        output: Output,
    ) -> Self {
        let end = CancellationToken::new();
        let shown = show(events.listen_until(end.clone()));
        let for_log = events.listen_until(end.clone());
        Self {
            logged: log::listen(for_log, settings, output).await,
            shown: tokio::spawn(shown),
            end,
        }
    }

    /// Waits until everything that was sent is said.
    pub async fn end(self) {
        self.end.cancel();
        // What a listener that broke off did not say is in the ledger.
        drop(self.shown.await);
        if let Some(logged) = self.logged {
            drop(logged.await);
        }
    }
}
