//! What other processes change. Each counts its own transactions in a row of its own, in the transaction itself: whoever
//! adds up those of the others sees a change as soon as it is there, and nobody waits for anybody.
//!
//! The sum is looked for once a second. What somebody waits for (an answer that was handed in, a new run) wakes whoever
//! listens (LISTEN, NOTIFY) at once; in every commit, that would cost more than the commit. The look finds out, too, that
//! a connection on which nothing is heard is dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use rand::RngExt as _;
use tokio::sync::mpsc::{self, Sender, UnboundedReceiver, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_postgres::Notification;

use super::Store;
use super::connect::Target;
use super::schema;
use super::session::Connection;
use crate::ledger::{Known, LedgerError, Result};

/// How often others' commits are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// How long PostgreSQL may take to answer that.
const ANSWER: Duration = Duration::from_secs(3);

const COUNT: &str = "INSERT INTO change (process, n, at)
     VALUES (current_setting('okta_rollout.process')::bigint, 1, now())
     ON CONFLICT (process) DO UPDATE SET n = change.n + 1, at = excluded.at";

const WAKE: &str = "SELECT pg_notify('okta_rollout', '')";

const OTHERS: &str =
    "SELECT coalesce(sum(n), 0)::bigint, (SELECT works_with FROM ledger) FROM change
     WHERE process <> current_setting('okta_rollout.process')::bigint";

/// What [`note`] says.
pub(super) const STATEMENTS: [&str; 2] = [COUNT, WAKE];

/// Whether somebody waits for what a transaction changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wakes {
    No,
    Yes,
}

/// Has others hear of this transaction: the last that is said in it, so that its row is nobody's for long.
pub(super) async fn note(session: &Connection, wakes: Wakes) -> Result<()> {
    let wake = async {
        match wakes {
            Wakes::Yes => session.execute(WAKE, &[]).await,
            Wakes::No => Ok(0),
        }
    };
    // Sent in this order, and answered together.
    tokio::try_join!(session.execute(COUNT, &[]), wake).map(drop)
}

impl Store {
    pub async fn changes(&self) -> Result<impl Stream<Item = Result<()>> + use<>> {
        let seen = others(&*self.reader().await?).await?;
        self.inner.others.store(seen, Ordering::Relaxed);
        let (tell, told) = mpsc::channel(1);
        let listener = Listener {
            target: Arc::clone(&self.inner.target),
            others: Arc::clone(&self.inner.others),
            seen,
            tell,
            session: None,
        };
        self.inner.target.runtime.spawn(listener.listen());
        let begun = (self.clone(), told);
        Ok(stream::unfold(begun, |(store, mut told)| async move {
            let changed = told.recv().await?;
            Some((changed, (store, told)))
        }))
    }

    pub fn is_current(&self, known: &Known) -> bool {
        known.as_of == self.inner.others.load(Ordering::Relaxed)
    }
}

/// Another number after another process committed (and, when opened for reading only, after anybody did).
///
/// # Errors
/// When the ledger was upgraded beyond what this program may go on beside.
async fn others(connection: &Connection) -> Result<i64> {
    let row = connection.query_one(OTHERS, &[]).await?;
    schema::refuse_beyond(connection, row.get(1)?).await?;
    row.get(0)
}

/// Lives on the ledger's own thread, until nobody wants to be told any more.
struct Listener {
    target: Arc<Target>,
    others: Arc<AtomicI64>,
    seen: i64,
    /// Of one message: whoever has not read the last one is told enough.
    tell: Sender<Result<()>>,
    session: Option<(Connection, UnboundedReceiver<Notification>)>,
}

impl Listener {
    async fn listen(mut self) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.tell.closed() => return,
                _ = look.tick() => {}
                () = heard(self.session.as_mut()) => {}
            }
            if let Err(error) = self.look().await {
                self.session = None;
                // Until PostgreSQL is back; all who wait come back at different times.
                look.reset_after(LOOK.mul_f64(rand::rng().random_range(0.5..1.5)));
                if !matches!(error, LedgerError::Unreachable { .. }) {
                    drop(self.tell.send(Err(error)).await);
                }
            }
        }
    }

    async fn look(&mut self) -> Result<()> {
        if self.session.is_none() {
            let (heard, news) = unbounded_channel();
            let connection = self.target.connect_to_hear(Some(heard)).await?;
            connection.batch("LISTEN okta_rollout").await?;
            self.session = Some((connection, news));
        }
        let Some((connection, _)) = &self.session else {
            return Ok(());
        };
        let answer = timeout(ANSWER, others(connection)).await;
        let now = answer.map_err(|_| LedgerError::lost(&self.target.location))??;
        if now != self.seen {
            self.seen = now;
            self.others.store(now, Ordering::Relaxed);
            drop(self.tell.try_send(Ok(())));
        }
        Ok(())
    }
}

/// Something was heard, or the connection ended.
async fn heard(session: Option<&mut (Connection, UnboundedReceiver<Notification>)>) {
    let Some((_, news)) = session else {
        return std::future::pending().await;
    };
    news.recv().await;
    while news.try_recv().is_ok() {}
}
