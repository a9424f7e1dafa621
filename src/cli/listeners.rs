//! Who listens to the events of a command: people, and its log.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::carried::Apart;
use super::log;
use super::output::Output;
use crate::event::{Events, Listener};
use crate::settings::Settings;

/// How long the command waits for its log at its end.
const MOST_FOR_LOG: Duration = Duration::from_secs(5);

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
            shown: tokio::spawn(Apart::stay(shown)),
            end,
        }
    }

    /// Waits until everything that was sent is said.
    pub async fn end(self) {
        self.end.cancel();
        // What a listener that broke off did not say is in the ledger.
        drop(self.shown.await);
        if let Some(logged) = self.logged {
            // Nor does a log wait for ever that nobody reads: a pipe, a disk that hangs.
            drop(tokio::time::timeout(MOST_FOR_LOG, logged).await);
        }
    }
}
