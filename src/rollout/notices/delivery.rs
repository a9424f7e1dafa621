//! Sends notices: each recorded before it is sent, tried five times, and recorded as delivered or not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::message::{Notice, Subject};
use super::receiver::Receiver;
use crate::job::NoticeKind;
use crate::ledger::{CutNotice, Ledger, NewNotice};
use crate::model::{RunId, UnixMillis};
use crate::pacing::unix_millis;

/// Between one try and the next. With what a try may take, five of them fit into half a minute.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// How long one try may take.
const TRY: Duration = Duration::from_secs(4);

/// Notices that are sent at once: a receiver may count how many it is sent.
const AT_ONCE: usize = 4;

/// Sends the notices of a run.
pub(super) struct Delivery {
    ledger: Ledger,
    run: RunId,
    subject: Subject,
    receiver: Arc<Receiver>,
    permits: Arc<Semaphore>,
    /// How the run ended is said whatever else is under way: nothing takes its turn.
    last: Arc<Semaphore>,
    /// What those say that were recorded and are under way.
    begun: Arc<Mutex<HashMap<String, Bytes>>>,
    /// Those that are under way.
    pub open: JoinSet<()>,
}

impl Delivery {
    pub fn new(ledger: Ledger, run: RunId, file: String, receiver: Arc<Receiver>) -> Self {
        let subject = Subject {
            run: run.0.clone(),
            file,
            job: receiver.job.clone(),
        };
        Self {
            ledger,
            run,
            subject,
            receiver,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            last: Arc::new(Semaphore::new(1)),
            begun: Arc::default(),
            open: JoinSet::new(),
        }
    }

    /// Sends a notice, if such are wanted, without waiting for it.
    pub fn send(&mut self, notice: &Notice) {
        // Their results are in the ledger.
        while self.open.try_join_next().is_some() {}
        if !self.receiver.wants(notice.kind) {
            return;
        }
        let at = unix_millis();
        let new = NewNotice {
            id: format!("msg_{:032x}", rand::random::<u128>()),
            kind: notice.kind.name(),
            about: notice.about.clone(),
            entries: notice.entries,
            at,
            repeats: notice.repeats,
        };
        let body = notice.body(&self.subject, self.receiver.format, at);
        let one = self.one(notice.kind);
        self.open.spawn(one.send(new, body));
    }

    /// Sends what processes before this one recorded and did not get to deliver.
    pub fn send_again(&mut self, cut: Vec<CutNotice>) {
        for CutNotice { id, kind, body } in cut {
            let kind = NoticeKind::ALL
                .into_iter()
                .find(|known| known.name() == kind);
            if let Some(kind) = kind.filter(|kind| self.receiver.wants(*kind)) {
                let one = self.one(kind);
                self.open.spawn(one.deliver(id, body.into()));
            }
        }
    }

    /// Gives up what is under way: the next process that works on the file sends it. Consents that are still waited for it
    /// says anew, with how many there are by then.
    pub async fn cut_off(&mut self) {
        self.open.shutdown().await;
        let begun = std::mem::take(&mut *self.begun.lock());
        if begun.is_empty() {
            return;
        }
        let cut = begun.into_iter().map(|(id, body)| (id, body.to_vec()));
        // In a ledger that takes no more they stay recorded as not delivered.
        drop(self.ledger.keep_notices(cut.collect()).await);
    }

    fn one(&self, kind: NoticeKind) -> One {
        let permits = match kind {
            NoticeKind::RunFinished | NoticeKind::RunInterrupted => &self.last,
            _ => &self.permits,
        };
        One {
            ledger: self.ledger.clone(),
            run: self.run.clone(),
            receiver: Arc::clone(&self.receiver),
            permits: Arc::clone(permits),
            begun: Arc::clone(&self.begun),
            is_said_anew: kind == NoticeKind::ConsentNeeded,
        }
    }
}

/// What sends one notice.
struct One {
    ledger: Ledger,
    run: RunId,
    receiver: Arc<Receiver>,
    permits: Arc<Semaphore>,
    begun: Arc<Mutex<HashMap<String, Bytes>>>,
    /// Whether the next process says it in any case.
    is_said_anew: bool,
}

impl One {
    async fn send(self, new: NewNotice, body: Bytes) {
        let id = new.id.clone();
        let id = match self.ledger.begin_notice(&self.run, new).await {
            Ok(Some(id)) => id,
            Ok(None) => return,
            // It is sent all the more when the ledger takes no more: that is what it may be about.
            Err(_) => id,
        };
        self.deliver(id, body).await;
    }

    async fn deliver(self, id: String, body: Bytes) {
        if !self.is_said_anew {
            self.begun.lock().insert(id.clone(), body.clone());
        }
        let Ok(_permit) = self.permits.acquire().await else {
            return;
        };
        let (receiver, known_as, body) = (&self.receiver, &id, &body);
        let outcome = deliver(|| async move {
            let timestamp_s = seconds(unix_millis());
            receiver
                .post(known_as, timestamp_s, body.clone(), TRY)
                .await
        });
        let outcome = outcome.await;
        // One that cannot be recorded looks as if it had not been delivered.
        let ended = self.ledger.end_notice(id.clone(), unix_millis(), outcome);
        drop(ended.await);
        self.begun.lock().remove(&id);
    }
}

/// Tries until it is taken, or often enough; then why the last try was not.
async fn deliver<Attempt>(mut attempt: impl FnMut() -> Attempt) -> Result<(), String>
where
    Attempt: Future<Output = Result<(), String>>,
{
    let mut pauses = PAUSES.into_iter();
    loop {
        match (attempt().await, pauses.next()) {
            (Err(_), Some(pause)) => tokio::time::sleep(pause).await,
            (outcome, _) => return outcome,
        }
    }
}

const fn seconds(at: UnixMillis) -> i64 {
    at.0.div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn five_tries_fit_into_half_a_minute() {
        // Refused at once so often, or hanging each time.
        for (refused, hangs, tries, delivered, took_ms) in [
            (0, false, 1, true, 0),
            (1, false, 2, true, 500),
            (4, false, 5, true, 7_500),
            (5, false, 5, false, 7_500),
            (9, true, 5, false, 27_500),
        ] {
            let (begin, mut made) = (Instant::now(), 0);
            let outcome = deliver(|| {
                made += 1;
                let number = made;
                async move {
                    if hangs {
                        tokio::time::sleep(TRY).await;
                    }
                    if number > refused {
                        Ok(())
                    } else {
                        Err(format!("refused {number}"))
                    }
                }
            });
            let outcome = outcome.await;
            assert_eq!(made, tries);
            let expected = if delivered {
                Ok(())
            } else {
                Err("refused 5".to_owned())
            };
            assert_eq!(outcome, expected);
            assert_eq!(begin.elapsed().as_millis(), took_ms);
        }
    }
}
