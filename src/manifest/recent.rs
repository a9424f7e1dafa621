//! Secrets that were just read: entries that refer to the same one at the same time share one read. Without it twenty
//! entries of an org would start a vault's command twenty times at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use secrecy::SecretString;
use tokio::time::Instant;

use super::secret::SecretRef;

/// How long a value serves others after it was read; then it is read anew, and may have been changed.
const FRESH: Duration = Duration::from_secs(1);

/// References that are remembered before those nobody asks for any more are forgotten.
const MOST: usize = 64;

/// What came of a read, and when.
type Outcome<E> = (Instant, Result<SecretString, Arc<E>>);

// Locked while it is read: whoever asks meanwhile waits for what comes of it.
type Slot<E> = Arc<tokio::sync::Mutex<Option<Outcome<E>>>>;

/// The reads under way and those that just ended, by reference. Clones share what they remember.
#[derive(Debug)]
pub(super) struct Recent<E>(Arc<Mutex<HashMap<SecretRef, Slot<E>>>>);

impl<E> Recent<E> {
    /// The value, read now unless it just was.
    pub(super) async fn or_read<F>(
        &self,
        reference: &SecretRef,
        read: impl FnOnce() -> F,
    ) -> Result<SecretString, Arc<E>>
    where
        F: Future<Output = Result<SecretString, E>>,
    {
        let slot = self.slot(reference);
        let mut outcome = slot.lock().await;
        if let Some((at, outcome)) = &*outcome
            && at.elapsed() < FRESH
        {
            return outcome.clone();
        }
        let found = read().await.map_err(Arc::new);
        *outcome = Some((Instant::now(), found.clone()));
        found
    }

    fn slot(&self, reference: &SecretRef) -> Slot<E> {
        let mut slots = self.0.lock();
        if let Some(slot) = slots.get(reference) {
            return Arc::clone(slot);
        }
        if slots.len() >= MOST {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(reference.clone()).or_default())
    }
}

impl<E> Default for Recent<E> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<E> Clone for Recent<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use secrecy::ExposeSecret;

    use super::*;

    fn reference(path: &str) -> SecretRef {
        SecretRef::parse(&format!("file:{path}")).expect("a reference")
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_together_shares_a_read_and_who_comes_later_reads_anew() {
        let (recent, reads) = (Recent::<&str>::default(), AtomicU32::new(0));
        let ask = async |path| {
            let read = async {
                tokio::time::sleep(Duration::from_secs(5)).await;
                let count = reads.fetch_add(1, Ordering::Relaxed) + 1;
                if count == 3 {
                    Err("gone")
                } else {
                    Ok(SecretString::from(count.to_string()))
                }
            };
            let found = recent.clone().or_read(&reference(path), || read).await;
            found.map(|secret| secret.expose_secret().to_owned())
        };
        let (a, b, other) = tokio::join!(ask("a"), ask("a"), ask("b"));
        assert_eq!(a, b, "one read for both");
        assert_ne!(a, other);
        assert_eq!(ask("a").await, a, "still fresh");
        tokio::time::advance(FRESH).await;
        let (a, b) = tokio::join!(ask("a"), ask("a"));
        assert_eq!(a, Err(Arc::new("gone")));
        assert_eq!(a, b, "both are told why there is none");
        tokio::time::advance(FRESH).await;
        assert_eq!(ask("a").await.as_deref(), Ok("4"));
    }

    #[tokio::test]
    async fn a_reader_that_is_given_up_holds_up_nobody() {
        let recent = Recent::<&str>::default();
        let reference = reference("a");
        let never = recent.or_read(&reference, std::future::pending);
        let given_up = tokio::time::timeout(Duration::from_millis(1), never).await;
        assert!(given_up.is_err());
        let read = async { Ok(SecretString::from("t")) };
        assert!(recent.or_read(&reference, || read).await.is_ok());
    }

    #[tokio::test]
    async fn a_million_references_need_no_memory() {
        let recent = Recent::<&str>::default();
        for n in 0..1_000 {
            let read = async { Ok(SecretString::from("t")) };
            let found = recent.or_read(&reference(&n.to_string()), || read).await;
            assert!(found.is_ok());
        }
        assert!(recent.0.lock().len() <= MOST);
    }
}
