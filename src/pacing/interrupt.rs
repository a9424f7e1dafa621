//! A request to stop: no new work, calls in flight finish, everything is checkpointed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

/// Cheap to clone; all clones see the request.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<Inner>);

struct Inner {
    // Looked at before every call: unlike the channel's, a look at it is no write that other threads wait for.
    is_requested: AtomicBool,
    requested: watch::Sender<bool>,
    told: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

impl Interrupt {
    /// Not requested yet.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            is_requested: AtomicBool::new(false),
            requested: watch::Sender::new(false),
            told: Mutex::default(),
        }))
    }

    /// Asks the run to stop. Not while holding a lock that one of those who are told takes.
    pub fn request(&self) {
        self.0.is_requested.store(true, Ordering::Release);
        self.0.requested.send_replace(true);
        self.0.told.lock().iter().for_each(|tell| tell());
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.is_requested.load(Ordering::Acquire)
    }

    /// Has `tell` called each time a stop is asked for: for who wakes many, each of whom would have to listen
    /// otherwise. Who is woken finds [`Self::is_requested`] true.
    pub fn on_request(&self, tell: impl Fn() + Send + 'static) {
        self.0.told.lock().push(Box::new(tell));
    }

    /// Ends when a stop is asked for.
    pub async fn requested(&self) {
        let mut receiver = self.0.requested.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        drop(receiver.wait_for(|requested| *requested).await);
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.is_requested)
    }
}

impl Default for Interrupt {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test]
    async fn all_clones_and_all_who_are_told_know_of_a_request() {
        let interrupt = Interrupt::new();
        let told = Arc::new(AtomicUsize::new(0));
        let (clone, count) = (interrupt.clone(), Arc::clone(&told));
        let look = interrupt.clone();
        clone.on_request(move || {
            assert!(look.is_requested(), "who is woken must find it");
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(told.load(Ordering::Relaxed), 0);
        assert!(!interrupt.is_requested());
        interrupt.request();
        clone.requested().await;
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}
