//! The hubs of a rehearsal: entries of other orgs call them, through the gates that they have for their own.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::OrgRehearsed;
use crate::steps::{Rehearsed, RehearsedOrg};

/// By the names of their orgs.
pub(super) type Hubs = HashMap<String, Hub>;

/// A hub, and what entries of other orgs came to there.
pub(super) struct Hub {
    /// It.
    pub org: RehearsedOrg,
    calls: Cell<u64>,
    waited_ms: Cell<u64>,
    began: Cell<Option<Instant>>,
    ended: Cell<Option<Instant>>,
}

impl Hub {
    /// One that nobody has called.
    pub const fn new(org: RehearsedOrg) -> Self {
        Self {
            org,
            calls: Cell::new(0),
            waited_ms: Cell::new(0),
            began: Cell::new(None),
            ended: Cell::new(None),
        }
    }

    /// Somebody is about to call it.
    pub fn begin(&self) {
        let began = self.began.get().unwrap_or_else(Instant::now);
        self.began.set(Some(began));
    }

    /// An entry came to this.
    pub fn add(&self, entry: &Rehearsed) {
        if entry.hub_calls == 0 {
            return;
        }
        self.calls.set(self.calls.get() + entry.hub_calls);
        self.waited_ms
            .set(self.waited_ms.get() + entry.hub_waited_ms);
        self.ended.set(Some(Instant::now()));
    }

    /// Adds all that to what became of its own entries.
    pub fn finish(&self, own: &mut OrgRehearsed) {
        own.calls += self.calls.get();
        own.waited += Duration::from_millis(self.waited_ms.get());
        own.at_its_limit |= self.org.gate().was_at_its_limit();
        let took = self.began.get().zip(self.ended.get());
        let took = took.map_or(Duration::ZERO, |(began, ended)| ended - began);
        own.wall = own.wall.max(took);
    }
}
