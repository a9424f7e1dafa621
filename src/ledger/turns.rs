//! Reads take turns: thousands of orgs ask at once, and each read at work has a thread and a connection.
//!
//! What waits is the read itself, not a task that would have to be polled to give its turn up: an org's task that
//! waits for a read polls none of its entries meanwhile.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Reads at once: about as many as cores are worth keeping busy beside the calls.
pub(super) const AT_ONCE: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

/// See the module.
#[derive(Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    at_work: usize,
}

impl Turns {
    /// Runs a read where waiting is allowed, when it is its turn.
    pub(super) fn take(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        state.waiting.push_back(Box::new(job));
        if state.at_work < AT_ONCE {
            state.at_work += 1;
            drop(state);
            let turn = Turn {
                turns: Arc::clone(self),
                given_up: false,
            };
            drop(tokio::task::spawn_blocking(move || turn.work()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Reads run without the lock: none can leave it half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of those that may read.
struct Turn {
    turns: Arc<Turns>,
    given_up: bool,
}

impl Turn {
    fn work(mut self) {
        while let Some(job) = self.next() {
            // A bug, told by the panic itself; whoever waits for this read learns it by its reply being dropped, and
            // the reads behind it are none the worse.
            drop(catch_unwind(AssertUnwindSafe(job)));
        }
    }

    // Given up in the same breath as nothing is found: who comes later must not count on it.
    fn next(&mut self) -> Option<Job> {
        let mut state = self.turns.state();
        let job = state.waiting.pop_front();
        if job.is_none() {
            state.at_work -= 1;
            self.given_up = true;
        }
        job
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.given_up {
            // The runtime ends before it was begun.
            self.turns.state().at_work -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn every_read_gets_its_turn_and_few_at_once() {
        let turns = Arc::new(Turns::default());
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut answers = Vec::new();
        for n in 0..2_000 {
            let (reply, answer) = oneshot::channel();
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            turns.take(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
                reply.send(n).unwrap();
            });
            answers.push(answer);
            if n % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.await, Ok(n));
        }
        assert!(most.load(Ordering::SeqCst) <= AT_ONCE);
    }

    #[tokio::test]
    async fn a_read_that_panics_does_not_stop_those_after_it() {
        let turns = Arc::new(Turns::default());
        for n in 0..20 {
            let (reply, answer) = oneshot::channel();
            turns.take(move || {
                assert!(n % 2 == 0, "one of those panics that are expected here");
                reply.send(n).unwrap();
            });
            assert_eq!(answer.await.ok(), (n % 2 == 0).then_some(n));
        }
    }
}
