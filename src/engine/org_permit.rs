//! The permit of an org at work: when it is taken and given up, and whether the org may begin one more entry.

use tokio::sync::OwnedSemaphorePermit;

use crate::pacing::{CancellationToken, Capacity, Gate};

/// One of the permits that all orgs share, or none for now.
pub(super) struct OrgPermit {
    held: Option<OwnedSemaphorePermit>,
    /// What it has instead while it does not answer.
    silent: Option<OwnedSemaphorePermit>,
}

impl OrgPermit {
    /// It has this one.
    pub fn new(held: OwnedSemaphorePermit) -> Self {
        Self {
            held: Some(held),
            silent: None,
        }
    }

    /// Whether it has one.
    pub const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Takes one. With nothing at work it is waited for: nobody would be kept waiting.
    pub async fn take(
        &mut self,
        at_work: usize,
        gate: &Gate,
        capacity: &Capacity,
        interrupt: &CancellationToken,
    ) {
        if at_work == 0 {
            // For one that has something at work.
            self.silent = None;
        }
        if self.held.is_none() {
            self.held = match at_work {
                0 => capacity.org(interrupt).await,
                _ if gate.is_silent() => None,
                _ => capacity.try_org(),
            };
        }
        if self.held.is_some() {
            self.silent = None;
        }
    }

    /// Delayed entries hold nothing; an org that does not answer makes room for another, as long as few are dead.
    pub fn give_up(&mut self, at_work: usize, gate: &Gate, capacity: &Capacity) {
        if at_work == 0 {
            (self.held, self.silent) = (None, None);
        } else if self.held.is_some() && gate.is_silent() {
            self.silent = capacity.try_silent();
            if self.silent.is_some() {
                self.held = None;
            }
        }
    }

    /// Whether one more entry may begin. Of an org that does not answer those at work are enough.
    pub fn has_room(&self, at_work: usize, gate: &Gate) -> bool {
        self.held.is_some() && at_work < gate.concurrency() && (at_work == 0 || !gate.is_silent())
    }
}
