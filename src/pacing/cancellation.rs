//! When to stop: no new work, calls in flight end, everything is checkpointed.

use std::iter::successors;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::{CancellationToken as Token, WaitForCancellationFutureOwned};

/// Cheap to clone; all clones are cancelled together.
#[derive(Clone, Debug, Default)]
pub struct CancellationToken {
    // Looked at before every call: a look at the token is a lock that all threads share.
    flag: Arc<Flag>,
    token: Token,
}

#[derive(Debug, Default)]
struct Flag {
    is_set: AtomicBool,
    parent: Option<Arc<Self>>,
}

impl CancellationToken {
    /// Not cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that is cancelled with this one, and by itself without it.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            flag: Arc::new(Flag {
                is_set: AtomicBool::new(false),
                parent: Some(Arc::clone(&self.flag)),
            }),
            token: self.token.child_token(),
        }
    }

    /// Asks everybody to stop who has it or a child of it.
    pub fn cancel(&self) {
        self.flag.is_set.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Whether it was asked for.
    pub fn is_cancelled(&self) -> bool {
        let mut flags = successors(Some(&*self.flag), |flag| flag.parent.as_deref());
        flags.any(|flag| flag.is_set.load(Ordering::Acquire))
    }

    /// Ends when it is asked for.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// As [`Self::cancelled`], for as long as one likes.
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        self.token.cancelled_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_is_cancelled_with_its_parent_and_not_the_other_way_round() {
        let process = CancellationToken::new();
        let (run, other) = (process.child(), process.child());
        let part = run.child();
        run.cancel();
        part.cancelled().await;
        let cancelled =
            |tokens: [&CancellationToken; 4]| tokens.map(CancellationToken::is_cancelled);
        let all = [&process, &run, &other, &part];
        assert_eq!(cancelled(all), [false, true, false, true]);
        process.cancel();
        other.cancelled().await;
        assert_eq!(cancelled(all), [true; 4]);
        let late = process.child();
        late.cancelled().await;
        assert!(late.is_cancelled());
    }
}
