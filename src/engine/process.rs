//! What everything that a process does at once shares.

use std::sync::Arc;

use crate::pacing::CancellationToken;
use parking_lot::Mutex;

use crate::event::Events;
use crate::okta::{Http, HttpError, HttpSettings};
use crate::pacing::{Capacity, Gates};

/// One per process: whatever calls orgs borrows it, any number at once. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    capacity: Capacity,
    gates: Gates,
    cancellation: CancellationToken,
    events: Events,
    clients: Mutex<Vec<(HttpSettings, Http)>>,
}

impl Engine {
    /// One that nothing was asked of yet.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    #[expect(clippy::new_without_default, reason = "it needs a runtime")]
    pub fn new() -> Self {
        let (capacity, cancellation) = (Capacity::new(), CancellationToken::new());
        Self(Arc::new(Inner {
            gates: Gates::new(capacity.clone(), cancellation.clone()),
            capacity,
            cancellation,
            events: Events::new(),
            clients: Mutex::default(),
        }))
    }

    /// How much may go on at once.
    pub fn capacity(&self) -> &Capacity {
        &self.0.capacity
    }

    /// The gate of each org.
    pub fn gates(&self) -> &Gates {
        &self.0.gates
    }

    /// When to stop: no new work is begun, calls in flight end, everything is checkpointed.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.0.cancellation
    }

    /// Where everybody says what happens, and who wants to know listens.
    pub fn events(&self) -> &Events {
        &self.0.events
    }

    /// The client with these settings; connections are shared by all who use the same.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn http(&self, settings: &HttpSettings) -> Result<Http, HttpError> {
        let mut clients = self.0.clients.lock();
        if let Some((_, http)) = clients.iter().find(|(of, _)| of == settings) {
            return Ok(http.clone());
        }
        let http = Http::new(settings)?;
        clients.push((settings.clone(), http.clone()));
        Ok(http)
    }
}
