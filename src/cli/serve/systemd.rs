//! What systemd is told, where it asked to be.

use std::time::Duration;

use sd_notify::NotifyState;

/// How often systemd wants to hear of this process, if it does.
pub(super) fn watchdog() -> Option<Duration> {
    // Half of it, so that one that comes late is not missed.
    sd_notify::watchdog_enabled().map(|within| within / 2)
}

/// Begun, or the list of jobs is read.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The list of jobs is being read again.
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// No more starts; runs come to their end.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Still alive.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

fn tell(what: &[NotifyState<'_>]) {
    // A manager that does not listen restarts what it does not hear of.
    drop(sd_notify::notify(what));
}
