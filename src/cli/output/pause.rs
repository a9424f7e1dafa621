//! Ctrl-Z on a terminal with live lines: they are taken away before the process stops, since the shell continues where
//! the cursor is, and drawn again once the process is in the foreground.

use rustix::process::{Signal, getpgrp, getpid, getsid, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::block;

/// Watches for it from now on, as long as the runtime lives: a listener cannot be taken back.
pub(in crate::cli) fn listen() {
    let Ok(mut stop) = signal(SignalKind::from_raw(Signal::TSTP.as_raw())) else {
        // Then it stops as every process does.
        return;
    };
    // Detached on purpose: it ends with the process.
    drop(tokio::spawn(async move {
        while stop.recv().await.is_some() {
            if !somebody_continues_us() {
                continue;
            }
            block::erase();
            if kill_process(getpid(), Signal::STOP).is_err() {
                // A process that cannot be stopped continues, and its lines with it.
                return;
            }
        }
    }));
}

/// Whether a shell with job control started us: nobody else would let a stopped process continue.
fn somebody_continues_us() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}
