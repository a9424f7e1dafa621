//! What everything that a process does at once shares.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::live_runs::LiveRuns;
use crate::event::Events;
use crate::model::RunId;
use crate::okta::{Http, HttpError, HttpSettings};
use crate::pacing::{CancellationToken, Capacity, Gates};

/// HTTP clients that are kept for whoever comes next with the same settings; each has its connections.
const MOST_CLIENTS: usize = 4;

/// One per process: whatever calls orgs borrows it, any number at once. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    cancellation: CancellationToken,
    events: Events,
    _waker: Arc<AbortOnDropHandle<()>>,
}

struct Shared {
    capacity: Capacity,
    gates: Gates,
    live: LiveRuns,
    /// Those that were used last come last.
    clients: Mutex<Vec<(HttpSettings, Http)>>,
}

impl Engine {
    /// One that nothing was asked of yet.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    #[expect(clippy::new_without_default, reason = "it needs a runtime")]
    pub fn new() -> Self {
        Self::with_events(Events::new())
    }

    /// As [`Self::new`], which says there what happens.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn with_events(events: Events) -> Self {
        let capacity = Capacity::new();
        let shared = Shared {
            gates: Gates::new(capacity.clone()),
            live: LiveRuns::default(),
            capacity,
            clients: Mutex::default(),
        };
        Self::of(Arc::new(shared), CancellationToken::new(), events)
    }

    fn of(shared: Arc<Shared>, cancellation: CancellationToken, events: Events) -> Self {
        Self {
            _waker: Arc::new(shared.gates.wake_on(&cancellation)),
            shared,
            cancellation,
            events,
        }
    }

    /// The same for one who can be stopped without the others.
    #[must_use]
    pub fn child(&self) -> Self {
        let (shared, events) = (Arc::clone(&self.shared), self.events.clone());
        Self::of(shared, self.cancellation.child(), events)
    }

    /// As [`Self::child`], for a run: what happens is said of that.
    #[must_use]
    pub fn for_run(&self, run: &RunId) -> Self {
        let (shared, events) = (Arc::clone(&self.shared), self.events.for_run(run));
        Self::of(shared, self.cancellation.child(), events)
    }

    /// How much may continue at once.
    pub fn capacity(&self) -> &Capacity {
        &self.shared.capacity
    }

    /// The gate of each org.
    pub fn gates(&self) -> &Gates {
        &self.shared.gates
    }

    /// The runs that it works on.
    pub fn live(&self) -> &LiveRuns {
        &self.shared.live
    }

    /// When to stop: no new work is begun, calls in flight end, everything is checkpointed.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// Where everybody says what happens, and who wants to know listens.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// The client with these settings; connections are shared by all who use the same.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn http(&self, settings: &HttpSettings) -> Result<Http, HttpError> {
        let mut clients = self.shared.clients.lock();
        let known = clients.iter().position(|(of, _)| of == settings);
        let client = match known {
            Some(place) => clients.remove(place),
            None => (settings.clone(), Http::new(settings)?),
        };
        let http = client.1.clone();
        if clients.len() == MOST_CLIENTS {
            // Whoever uses it still has it.
            clients.remove(0);
        }
        clients.push(client);
        Ok(http)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_clients_that_were_used_last_are_kept() {
        let engine = Engine::new();
        let use_one = |seconds| {
            let settings = HttpSettings {
                timeout: Duration::from_secs(seconds),
                ..HttpSettings::default()
            };
            engine.http(&settings).unwrap();
            let clients = engine.shared.clients.lock();
            let kept = clients.iter().map(|(of, _)| of.timeout.as_secs());
            kept.collect::<Vec<_>>()
        };
        let kept = [1, 2, 1, 3, 4, 5, 1].map(use_one);
        assert_eq!(kept[2], [2, 1]);
        assert_eq!(kept[5], [1, 3, 4, 5]);
        assert_eq!(kept[6], [3, 4, 5, 1]);
    }
}
