//! What time it is for the scheduler, and how it waits. It is passed in: weeks pass in a test as fast as they are
//! looked at.

use std::time::Duration;

use crate::model::UnixMillis;
use crate::pacing::unix_millis;

/// A clock that goes on while somebody waits for it.
pub(super) trait Clock {
    /// What it shows.
    fn now(&self) -> UnixMillis;

    /// Waits until it shows so much more.
    fn wait(&self, pause: Duration) -> impl Future<Output = ()>;
}

/// That of the machine.
pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        unix_millis()
    }

    async fn wait(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}
