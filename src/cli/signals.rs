//! SIGINT, SIGTERM and SIGHUP: the first asks the run to stop in good order, a second SIGINT or SIGTERM ends the
//! process. Before there is anything to be stopped in good order the first one ends it. The programs that it runs for
//! secrets end with it.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::output::Output;
use super::process::ignores_hangup;
use crate::failure::{Failure, Kind};
use crate::manifest::end_programs;
use crate::pacing::CancellationToken;

/// How long the last line may take: who reads it may have stopped to.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Asked once: see [`Listener::new`].
static IGNORES_HANGUP: OnceLock<bool> = OnceLock::new();

/// How many parts of the command stop in good order by themselves.
static IN_CHARGE: AtomicUsize = AtomicUsize::new(0);

/// As long as it lives SIGINT, SIGTERM and SIGHUP are left to whoever holds it: a terminal is to be left as it was found.
pub(super) struct InCharge(());

impl InCharge {
    pub fn take() -> Self {
        IN_CHARGE.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for InCharge {
    fn drop(&mut self) {
        IN_CHARGE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The signals that are listened to.
pub(super) struct Listener {
    int: Signal,
    term: Signal,
    hangup: Option<Signal>,
}

impl Listener {
    pub fn new() -> Result<Self, Failure> {
        let watch = |kind| {
            signal(kind)
                .context("signals cannot be received")
                .map_err(Failure::usage)
        };
        // Who started it under `nohup` wants it to outlive the terminal. Asked before any is listened for, which changes
        // it.
        let ignores_hangup = *IGNORES_HANGUP.get_or_init(ignores_hangup);
        Ok(Self {
            int: watch(SignalKind::interrupt())?,
            term: watch(SignalKind::terminate())?,
            hangup: (!ignores_hangup)
                .then(|| watch(SignalKind::hangup()))
                .transpose()?,
        })
    }

    /// The next one that comes.
    pub async fn next(&mut self) -> Kind {
        tokio::select! {
            _ = self.int.recv() => Kind::Interrupted,
            _ = self.term.recv() => Kind::Terminated,
            () = received(self.hangup.as_mut()) => Kind::HungUp,
        }
    }
}

/// Ends the process at a signal as long as no [`Signals`] listen and nobody is [`InCharge`].
pub(super) fn end_at_once(output: Output) -> Result<(), Failure> {
    let mut listener = Listener::new()?;
    // Detached on purpose: it ends with the process.
    drop(tokio::spawn(async move {
        loop {
            let kind = listener.next().await;
            if IN_CHARGE.load(Ordering::SeqCst) == 0 {
                end(kind, "stopped", output).await;
            }
        }
    }));
    Ok(())
}

/// Ends the process, with the programs that it runs.
async fn end(kind: Kind, last_words: &'static str, output: Output) -> ! {
    end_programs();
    let said = tokio::task::spawn_blocking(move || output.farewell(last_words));
    drop(tokio::time::timeout(LAST_WORDS, said).await);
    std::process::exit(i32::from(kind.exit_code()));
}

/// Those of a service, which all of its runs have in common, or of a command whose run is driven several times.
static OF_COMMAND: OnceLock<Signals> = OnceLock::new();

/// Which signal came first, if any.
#[derive(Clone, Debug)]
pub(super) struct Signals(Arc<AtomicU8>);

impl Signals {
    /// Listens from now on, as long as the runtime lives. What runs in a service, or as part of a command, is stopped with
    /// that.
    pub fn listen(interrupt: CancellationToken, output: Output) -> Result<Self, Failure> {
        match OF_COMMAND.get() {
            Some(signals) => Ok(signals.clone()),
            None => Self::begin(interrupt, None, output),
        }
    }

    /// As [`Self::listen`], for everything that comes after, too.
    pub fn of_command(interrupt: CancellationToken, output: Output) -> Result<Self, Failure> {
        let signals = Self::listen(interrupt, output)?;
        Ok(OF_COMMAND.get_or_init(|| signals).clone())
    }

    /// As [`Self::listen`], for a service: SIGHUP does not stop it but has it read its settings again.
    pub fn of_service(
        interrupt: CancellationToken,
        reload: Arc<Notify>,
        output: Output,
    ) -> Result<Self, Failure> {
        let signals = Self::begin(interrupt, Some(reload), output)?;
        Ok(OF_COMMAND.get_or_init(|| signals).clone())
    }

    fn begin(
        interrupt: CancellationToken,
        reload: Option<Arc<Notify>>,
        output: Output,
    ) -> Result<Self, Failure> {
        let mut listener = Listener::new()?;
        // For good: whatever comes after is part of the good order.
        IN_CHARGE.fetch_add(1, Ordering::SeqCst);
        let first = Arc::new(AtomicU8::new(0));
        let signals = Self(Arc::clone(&first));
        // Detached on purpose: it ends with the process.
        drop(tokio::spawn(async move {
            loop {
                let kind = listener.next().await;
                if let (Kind::HungUp, Some(reload)) = (kind, &reload) {
                    reload.notify_one();
                    continue;
                }
                let is_first = first
                    .compare_exchange(0, kind.exit_code(), Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok();
                if is_first {
                    interrupt.cancel();
                } else if kind != Kind::HungUp {
                    // Every checkpoint is durable: ending here is as safe as a crash. A hangup comes several times,
                    // from the terminal and from the shell, and with a SIGTERM of a service manager: nobody insists.
                    let last_words = "stopped; everything that was answered is kept";
                    end(kind, last_words, output).await;
                }
            }
        }));
        Ok(signals)
    }

    /// How the command ends if a signal cut it short.
    pub fn received(&self) -> Option<Kind> {
        [Kind::Interrupted, Kind::Terminated, Kind::HungUp]
            .into_iter()
            .find(|kind| kind.exit_code() == self.0.load(Ordering::Relaxed))
    }
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
