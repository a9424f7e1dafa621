//! The one session that commits and holds locks, and what goes through it: checkpoints and notes in the order in which
//! they come, many checkpoints in one transaction; and every other change, one at a time.
//!
//! It fences: when the session ends, PostgreSQL frees what it held, and what was held with it cannot be written any
//! more. Only once nothing is held is there another session, of the next generation.

mod task;
mod turns;

use std::collections::{BTreeSet, HashSet};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use parking_lot::Mutex as Short;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, MutexGuard, oneshot};

pub(super) use task::run;

use super::asks::Ask;
use super::changes::{self, Wakes};
use super::commit;
use super::connect::Target;
use super::group::Reply;
use super::locks::{self, Lock};
use super::notes;
use super::row_keys::RowKeys;
use super::session::Connection;
use super::tally::Tally;
use crate::ledger::partitions::Partition;
use crate::ledger::prepared::Prepared;
use crate::ledger::{AsStored, LedgerError, Note, Result};

/// How old its last answer may be when a call is sent.
const FRESH: Duration = Duration::from_secs(1);

/// How long PostgreSQL may take to answer one: then nobody knows what it still holds.
const ANSWER: Duration = Duration::from_secs(3);

/// What the owner's task is told.
pub(super) enum Command {
    Commit(Box<Prepared>, Wakes, Reply),
    Note(Take, End),
    /// Answered with who has the lock, if somebody else has.
    Lock(Lock, oneshot::Sender<Result<Result<(), String>>>),
    Unlock(i64, SyncSender<()>),
    /// Answered once the session has answered.
    Look(oneshot::Sender<Result<()>>),
    Partitions(Ask),
}

/// Gives notes when they are about to be written.
pub(super) type Take = Box<dyn FnOnce() -> Vec<Note> + Send>;

/// Is told what became of them.
pub(super) type End = Box<dyn FnOnce(Result<()>) + Send>;

/// How the task is told.
pub(super) type Commands = UnboundedSender<Command>;

/// The session, shared by its task and those who change the ledger otherwise.
pub(super) struct Owner {
    target: Arc<Target>,
    state: Mutex<State>,
    held: Short<HashSet<i64>>,
    /// When the session was asked what it answered last.
    answered: Short<Option<Instant>>,
    tally: Arc<Tally>,
    abort_after: Option<u64>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Connection>>,
    /// Counts sessions: what is held is held in this one.
    generation: u64,
    keys: RowKeys,
    /// Partitions that it asks for.
    asked: BTreeSet<Partition>,
    /// A transaction was begun and not ended.
    is_open: bool,
    /// Why nothing can be written while anything is held.
    broken: Option<LedgerError>,
    left: Option<u64>,
}

impl Owner {
    pub(super) fn new(target: Arc<Target>, abort_after: Option<u64>) -> Self {
        let state = State {
            left: abort_after,
            ..State::default()
        };
        Self {
            target,
            state: Mutex::new(state),
            held: Short::default(),
            answered: Short::default(),
            tally: Arc::new(Tally::new()),
            abort_after,
        }
    }

    /// The session as it is, for the task and for what needs no transaction.
    pub(super) async fn session(&self) -> Result<Session<'_>> {
        let mut state = self.state.lock().await;
        self.ready(&mut state).await?;
        let Some(connection) = state.session.clone() else {
            return Err(LedgerError::lost(&self.target.location));
        };
        Ok(Session { state, connection })
    }

    /// A transaction: nothing of it is stored unless it is committed.
    pub(super) async fn begin(&self) -> Result<Transaction<'_>> {
        let mut session = self.session().await?;
        session.state.is_open = true;
        session.batch("BEGIN").await?;
        Ok(Transaction(session))
    }

    /// What is counted of what is held.
    pub(super) const fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    async fn ready(&self, state: &mut State) -> Result<()> {
        let is_held = !self.held.lock().is_empty();
        if !is_held && state.broken.take().is_some() {
            // What was held in it may not have been given back.
            self.lose(state);
        }
        if let Some(error) = &state.broken {
            return Err(error.clone());
        }
        if state.session.as_ref().is_some_and(|one| one.is_closed()) {
            self.lose(state);
        }
        if let Some(session) = &state.session {
            if std::mem::take(&mut state.is_open) {
                session.batch("ROLLBACK").await?;
            }
            return Ok(());
        }
        if is_held {
            self.tally.lost();
            let lost = LedgerError::lost(&self.target.location);
            state.broken = Some(lost.clone());
            return Err(lost);
        }
        let session = self.target.connect_owner().await?;
        commit::prepare(&session).await?;
        state.session = Some(Arc::new(session));
        self.tally.begun();
        state.generation += 1;
        state.is_open = false;
        state.keys = RowKeys::default();
        state.asked = BTreeSet::new();
        Ok(())
    }

    async fn commit(&self, group: &[Prepared], wakes: Wakes) -> Vec<Result<AsStored>> {
        let stored = async {
            let mut session = self.session().await?;
            session.state.is_open = true;
            let mut keys = std::mem::take(&mut session.state.keys);
            // Boxed, as it takes much memory.
            let storing = commit::store(&session, &mut keys, group, wakes);
            let stored = self.answer(Box::pin(storing)).await?;
            // Forgotten when it fails: it may hold what was never stored.
            session.state.keys = keys;
            session.state.is_open = false;
            session.state.count_down();
            Ok(stored)
        };
        match stored.await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.broken_by(&error).await;
                group.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }

    // The first cause stays.
    async fn broken_by(&self, error: &LedgerError) {
        if error.is_fatal() && !self.held.lock().is_empty() {
            self.tally.lost();
            self.state
                .lock()
                .await
                .broken
                .get_or_insert_with(|| error.clone());
        }
    }

    async fn note(&self, take: Take, end: End) {
        let written = async {
            let transaction = self.begin().await?;
            let storing = async {
                notes::store(&transaction, &take()).await?;
                transaction.commit().await
            };
            self.answer(storing).await
        };
        let written = written.await;
        if let Err(error) = &written {
            self.broken_by(error).await;
        }
        end(written);
    }

    async fn lock(&self, lock: &Lock) -> Result<Result<(), String>> {
        if self.held.lock().contains(&lock.key) {
            return Ok(Err(locks::me()));
        }
        let session = self.session().await?;
        let taken = self.answer(locks::take(&session, lock)).await?;
        if taken.is_ok() {
            self.held.lock().insert(lock.key);
            self.tally.holds();
        }
        Ok(taken)
    }

    async fn unlock(&self, key: i64) {
        // A session that is gone holds nothing.
        if let Ok(session) = self.session().await {
            drop(locks::give_back(&session, key).await);
        }
        self.held.lock().remove(&key);
    }

    // Whoever looks at once finds free what was held.
    async fn end(&self) {
        let session = self.state.lock().await.session.take();
        if let Some(session) = session {
            let freed = session.batch("SELECT pg_advisory_unlock_all()");
            drop(tokio::time::timeout(ANSWER, freed).await);
        }
    }

    async fn ping(&self) {
        // In use, it is not idle.
        let Ok(mut state) = self.state.try_lock() else {
            return;
        };
        let Some(session) = state.session.clone() else {
            return;
        };
        // What was begun and given up holds nobody else up.
        let is_open = std::mem::take(&mut state.is_open);
        let said = if is_open { "ROLLBACK" } else { "" };
        if !self.answers(&session, said).await {
            self.lose(&mut state);
        }
    }

    // Those who wait for an answer by another way do not wait for ever.
    fn lose(&self, state: &mut State) {
        state.session = None;
        self.lost();
        self.target.hang_up();
    }

    /// Whether the session answered a moment ago.
    pub(super) fn answered_lately(&self) -> bool {
        let answered = *self.answered.lock();
        answered.is_some_and(|at| at.elapsed() < FRESH)
    }

    async fn look(&self) -> Result<()> {
        let mut session = self.session().await?;
        // Twice: what comes late may have lain here while this process stood still, and its session may have ended.
        for _ in 0..2 {
            // Of many who ask, one asks PostgreSQL.
            if self.answered_lately() {
                break;
            }
            if !self.answers(&session, "").await {
                self.lose(&mut session.state);
                return Err(LedgerError::lost(&self.target.location));
            }
        }
        Ok(())
    }

    async fn answers(&self, session: &Connection, said: &str) -> bool {
        let asked = Instant::now();
        let answer = tokio::time::timeout(ANSWER, session.batch(said)).await;
        let answers = matches!(answer, Ok(Ok(())));
        self.set_answered(answers.then_some(asked));
        answers
    }

    // What comes of work in the session, which may wait for others' locks, but not for ever.
    async fn answer<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let asked = Instant::now();
        let answer = tokio::time::timeout(self.target.busy_timeout + ANSWER, work).await;
        let answer = answer.unwrap_or_else(|_| Err(LedgerError::lost(&self.target.location)));
        self.set_answered(answer.is_ok().then_some(asked));
        answer
    }

    fn set_answered(&self, at: Option<Instant>) {
        *self.answered.lock() = at;
        if at.is_some() {
            self.tally.answered();
        }
    }

    // The session is gone, and with it what was held, if anything was.
    fn lost(&self) {
        if !self.held.lock().is_empty() {
            self.tally.lost();
        }
    }
}

impl State {
    fn count_down(&mut self) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                std::process::abort();
            }
        }
    }
}

/// The session, while nobody else has it.
pub(super) struct Session<'o> {
    state: MutexGuard<'o, State>,
    connection: Arc<Connection>,
}

impl Deref for Session<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// A transaction of the owner's. Dropped, it is rolled back.
pub(super) struct Transaction<'o>(Session<'o>);

impl Transaction<'_> {
    /// Makes it durable.
    pub(super) async fn commit(mut self) -> Result<()> {
        tokio::try_join!(changes::note(&self.0, Wakes::No), self.0.batch("COMMIT"))?;
        self.0.state.is_open = false;
        Ok(())
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}
