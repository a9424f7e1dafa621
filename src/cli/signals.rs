//! SIGINT, SIGTERM and SIGHUP: the first asks the run to stop in good order, a second SIGINT or SIGTERM ends the
//! process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::Output;
use super::process::ignores_hangup;
use crate::failure::{Failure, Kind};
use crate::run::Interrupt;

/// Which signal came first, if any.
#[derive(Clone, Debug)]
pub(super) struct Signals(Arc<AtomicU8>);

impl Signals {
    /// Listens from now on, as long as the runtime lives.
    pub fn listen(interrupt: Interrupt, output: Output) -> Result<Self, Failure> {
        let watch = |kind| signal(kind).context("signals cannot be received");
        let mut int = watch(SignalKind::interrupt()).map_err(Failure::usage)?;
        let mut term = watch(SignalKind::terminate()).map_err(Failure::usage)?;
        // Who started it under `nohup` wants it to outlive the terminal. Before it is listened for: that changes it.
        let mut hangup = if ignores_hangup() {
            None
        } else {
            Some(watch(SignalKind::hangup()).map_err(Failure::usage)?)
        };
        let first = Arc::new(AtomicU8::new(0));
        let signals = Self(Arc::clone(&first));
        // Detached on purpose: it ends with the process.
        drop(tokio::spawn(async move {
            loop {
                let kind = tokio::select! {
                    _ = int.recv() => Kind::Interrupted,
                    _ = term.recv() => Kind::Terminated,
                    () = received(hangup.as_mut()) => Kind::HungUp,
                };
                let code = kind.exit_code();
                let is_first = first
                    .compare_exchange(0, code, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok();
                if is_first {
                    interrupt.request();
                } else if kind != Kind::HungUp {
                    // Every checkpoint is durable: ending here is as safe as a crash. A hangup comes several times,
                    // from the terminal and from the shell, and with a SIGTERM of a service manager: nobody insists.
                    output.farewell("stopped; everything that was answered is kept");
                    std::process::exit(i32::from(code));
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
