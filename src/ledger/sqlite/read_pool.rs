//! Reads take turns on a few threads of their own: thousands of orgs ask at once, each read at work has a
//! connection, and what is read fills the memory of the thread that read it.
//!
//! What waits is the read itself, not a task that would have to be polled to give its turn up: an org's task that
//! waits for a read polls none of its entries meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

/// Reads at once: about as many as cores are worth keeping busy beside the calls.
pub(super) const AT_ONCE: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

/// The threads that read. They begin with the first read and end with this.
#[derive(Default)]
pub(super) struct ReadPool(OnceLock<Sender<Job>>);

impl ReadPool {
    /// Runs a read when it is its turn; drops it when there is no thread to be had.
    pub(super) fn take(&self, job: impl FnOnce() + Send + 'static) {
        drop(self.0.get_or_init(begin).send(Box::new(job)));
    }
}

fn begin() -> Sender<Job> {
    let (queue, jobs) = mpsc::channel();
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..AT_ONCE {
        let jobs = Arc::clone(&jobs);
        let thread = std::thread::Builder::new().name("ledger-read".into());
        // Fewer do as well; without any, whoever reads is told.
        drop(thread.spawn(move || work(&jobs)));
    }
    queue
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    while let Some(job) = next(jobs) {
        // A bug, told by the panic itself; whoever waits for this read learns it by its reply being dropped, and the
        // reads behind it are none the worse.
        drop(catch_unwind(AssertUnwindSafe(job)));
    }
}

fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    // No read runs while it is held.
    let jobs = jobs.lock();
    jobs.recv().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn every_read_gets_its_turn_and_few_at_once() {
        let read_pool = ReadPool::default();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut answers = Vec::new();
        for n in 0..2_000 {
            let (reply, answer) = oneshot::channel();
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            read_pool.take(move || {
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
        let read_pool = ReadPool::default();
        for n in 0..20 {
            let (reply, answer) = oneshot::channel();
            read_pool.take(move || {
                assert!(n % 2 == 0, "one of those panics that are expected here");
                reply.send(n).unwrap();
            });
            assert_eq!(answer.await.ok(), (n % 2 == 0).then_some(n));
        }
    }
}
