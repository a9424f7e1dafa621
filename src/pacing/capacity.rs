//! How much may continue at once over all orgs: calls in flight take sockets, orgs and entries at work take memory.

use std::sync::Arc;

use super::cancellation::CancellationToken;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Calls in flight over all orgs at most: at 2 s a call 2,000 serve 1,300 orgs of 45 calls a minute each.
const MOST_CALLS: u64 = 2_000;

/// Orgs at work at once at most, so that a run of a million entries stays below 300 MB: one takes some 60 KB with its
/// connection, and at 45 calls a minute each and 1.6 s a call they have [`MOST_CALLS`] in flight. The others begin as
/// these end; orgs that only wait for retries do not count, nor do so many of those that do not answer.
const MOST_ORGS: usize = 1_600;

/// Orgs that do not answer and make room for others at most: their entries at work take memory all the same, some 30 KB
/// an org. Where more are dead, those behind them wait until these have used up their patience.
const MOST_SILENT: usize = 2_000;

/// Orgs that begin at once: somewhat more than the ledger's readers, so that these never wait.
const BEGIN_AT_ONCE: usize = 8;

/// Entries at work over all orgs at most, but for the two that each org may always have; an entry takes about
/// 4 KB.
const WORKERS: usize = 4_000;

/// File descriptors left for the ledger, the terminal, pooled idle connections' slack and name look-ups.
const OTHER_FILES: u64 = 128;

/// Idle connections over all orgs, but for the one that each org at work may keep; one takes some 30 KB.
const MOST_IDLE: usize = 2_000;

/// Idle connections of one org at most: above the 75 calls that Okta takes at once (API.md §10.1). Fewer than an org has
/// calls in flight would have connections closed and opened all the time.
const MOST_IDLE_PER_ORG: usize = 100;

/// Shared by all orgs of a process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// One permit a call in flight.
    pub calls: Arc<Semaphore>,
    most_calls: usize,
    orgs: Arc<Semaphore>,
    silent: Arc<Semaphore>,
    beginning: Arc<Semaphore>,
}

impl Capacity {
    /// As many as the process may have: raises its soft limit of open files to the hard one first.
    pub fn new() -> Self {
        let most_calls = most_calls();
        Self {
            calls: Arc::new(Semaphore::new(most_calls)),
            most_calls,
            orgs: Arc::new(Semaphore::new(MOST_ORGS)),
            silent: Arc::new(Semaphore::new(MOST_SILENT)),
            beginning: Arc::new(Semaphore::new(BEGIN_AT_ONCE)),
        }
    }

    /// Calls in flight now.
    pub fn calls_in_flight(&self) -> usize {
        self.most_calls
            .saturating_sub(self.calls.available_permits())
    }

    /// Waits for a place for one more org; `None` = interrupted before there was one.
    pub async fn org(&self, interrupt: &CancellationToken) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            place = Arc::clone(&self.orgs).acquire_owned() => place.ok(),
            () = interrupt.cancelled() => None,
        }
    }

    /// A place for one more org, if there is one.
    pub fn try_org(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.orgs).try_acquire_owned().ok()
    }

    /// What an org that does not answer needs to give up its place with entries at work, if there is one.
    pub fn try_silent(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.silent).try_acquire_owned().ok()
    }

    /// Waits for its turn to begin, for as long as that is held: soon, as nobody holds it while something else is waited
    /// for than the ledger.
    pub async fn beginning(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.beginning.acquire().await.ok()
    }

    /// How many entries an org may have at work that has use for `most`: its share of what all may have, which grows
    /// as other orgs end.
    pub fn entries(&self, most: usize) -> usize {
        let at_work = MOST_ORGS - self.orgs.available_permits().min(MOST_ORGS);
        most.min((WORKERS / at_work.max(1)).max(2))
    }
}

fn most_calls() -> usize {
    // Where the limit cannot be raised, what there is must do.
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024);
    // A quarter of the files: as many again for pooled idle connections, and both once more for the sandbox's
    // side when it runs in this process.
    let calls = (files.saturating_sub(OTHER_FILES) / 4).clamp(16, MOST_CALLS);
    usize::try_from(calls).unwrap_or(16)
}

/// How many idle connections each of so many orgs may keep.
pub fn idle_per_org(orgs: usize) -> usize {
    idle_share(most_calls(), orgs)
}

fn idle_share(most_calls: usize, orgs: usize) -> usize {
    (MOST_IDLE.min(most_calls) / orgs_at_once(orgs)).clamp(1, MOST_IDLE_PER_ORG)
}

/// How many orgs of so many are at work at once.
pub fn orgs_at_once(orgs: usize) -> usize {
    orgs.clamp(1, MOST_ORGS)
}

impl Default for Capacity {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn few_orgs_get_all_they_can_use_and_many_get_their_share() {
        let capacity = Capacity::new();
        let interrupt = CancellationToken::new();
        assert_eq!(capacity.entries(20), 20);
        let mut at_work = Vec::new();
        for _ in 0..MOST_ORGS {
            at_work.push(capacity.org(&interrupt).await);
        }
        assert_eq!(capacity.entries(20), 2);
        assert!(capacity.try_org().is_none());
        assert_eq!(capacity.entries(1), 1);
        interrupt.cancel();
        assert!(capacity.org(&interrupt).await.is_none());
        let silent: Vec<_> = (0..MOST_SILENT).map(|_| capacity.try_silent()).collect();
        assert!(silent.iter().all(Option::is_some) && capacity.try_silent().is_none());
        at_work.truncate(1_000);
        assert_eq!(capacity.entries(20), 4);
        assert!(capacity.org(&CancellationToken::new()).await.is_some());
    }

    #[test]
    fn idle_connections_are_bounded_over_all_orgs() {
        for (orgs, idle) in [
            (0, 100),
            (20, 100),
            (21, 95),
            (63, 31),
            (2_000, 1),
            (10_000, 1),
        ] {
            assert_eq!(idle_share(2_000, orgs), idle, "{orgs}");
        }
        // With 1,024 files.
        assert_eq!(idle_share(224, 20), 11);
    }
}
