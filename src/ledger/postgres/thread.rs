//! The thread that a ledger's sessions live on.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::owner::{self, Command, Commands, Owner};
use crate::ledger::{LedgerError, Result};

/// How long sessions may take to say good-bye.
const GOOD_BYE: Duration = Duration::from_millis(500);

/// The owner's work, handed to the thread once there is some.
type Work = (Arc<Owner>, UnboundedReceiver<Command>);

/// The thread; dropping it stores what is queued and closes all sessions.
pub(super) struct Thread {
    runtime: Handle,
    work: parking_lot::Mutex<Option<oneshot::Sender<Work>>>,
    // Dropped, it tells a thread without an owner to end.
    end: Option<UnboundedSender<()>>,
    joined: Option<JoinHandle<()>>,
}

impl Thread {
    pub(super) fn start(location: &str) -> Result<Self> {
        let failed = |error: std::io::Error| LedgerError::Io {
            location: location.to_owned(),
            cause: error.to_string(),
        };
        let (work, given) = oneshot::channel::<Work>();
        let (end, mut ends) = unbounded_channel::<()>();
        let (tell, told) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || {
                let runtime = match Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(tell.send(Err(error))),
                };
                drop(tell.send(Ok(runtime.handle().clone())));
                runtime.block_on(async move {
                    if let Ok((owner, commands)) = given.await {
                        owner::run(owner, commands).await;
                    }
                    ends.recv().await;
                });
                // Sessions whose clients are gone by now end by themselves.
                runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
                runtime.shutdown_timeout(GOOD_BYE);
            })
            .map_err(failed)?;
        let runtime = told.recv().map_err(std::io::Error::other).flatten();
        Ok(Self {
            runtime: runtime.map_err(failed)?,
            work: parking_lot::Mutex::new(Some(work)),
            end: Some(end),
            joined: Some(thread),
        })
    }

    pub(super) const fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(super) fn id(&self) -> std::thread::ThreadId {
        match &self.joined {
            Some(thread) => thread.thread().id(),
            None => std::thread::current().id(),
        }
    }

    /// Begins the owner's work; it ends once nobody has these commands any more.
    pub(super) fn own(&self, owner: Arc<Owner>) -> Commands {
        let (commands, received) = unbounded_channel();
        if let Some(work) = self.work.lock().take() {
            drop(work.send((owner, received)));
        }
        commands
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.work.lock().take());
        self.end = None;
        if let Some(thread) = self.joined.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic there was reported when it happened.
            drop(thread.join());
        }
    }
}
