//! Sessions that read: a few, made as they are needed, and made anew when PostgreSQL was away for a moment.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::RngExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect::Target;
use super::session::Connection;
use super::snapshot;
use crate::ledger::{LedgerError, Result};

/// Sessions at most: PostgreSQL has a hundred for everybody.
const MOST: usize = 4;

/// Longest pause between two tries to connect.
const PAUSE: Duration = Duration::from_secs(1);

/// The sessions of a ledger that read.
pub(super) struct Pool {
    target: Arc<Target>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

/// A session to read with, while this is there.
pub(super) enum Reader {
    Pooled(Box<Pooled>),
    InSnapshot(snapshot::Session),
}

impl Deref for Reader {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Self::Pooled(session) => session,
            Self::InSnapshot(session) => session,
        }
    }
}

/// A session that is whoever's who has this.
pub(super) struct Pooled {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self {
            target,
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(MOST)),
        }
    }

    pub(super) async fn take(&self) -> Result<Pooled> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| LedgerError::lost(&self.target.location))?;
        let connection = match self.idle() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Pooled {
            connection: Some(connection),
            idle: Arc::clone(&self.idle),
            _permit: permit,
        })
    }

    fn idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        idle.retain(|connection| !connection.is_closed());
        idle.pop()
    }

    // Started anew, PostgreSQL is away for some seconds; all who wait come back at different times.
    async fn connect(&self) -> Result<Connection> {
        let target = &self.target;
        let until = Instant::now() + target.busy_timeout;
        loop {
            match target.connect().await {
                Err(LedgerError::Unreachable { .. }) if Instant::now() < until => {
                    let pause = PAUSE.mul_f64(rand::rng().random_range(0.1..1.0));
                    let slept = target.runtime.spawn(tokio::time::sleep(pause)).await;
                    slept.map_err(|_| LedgerError::lost(&target.location))?;
                }
                connected => return connected,
            }
        }
    }
}

impl Deref for Pooled {
    type Target = Connection;

    #[expect(clippy::expect_used, reason = "taken out by drop alone")]
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("until it is dropped")
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().filter(|one| !one.is_closed()) {
            self.idle.lock().push(connection);
        }
    }
}
