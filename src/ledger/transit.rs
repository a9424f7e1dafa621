//! A ledger on its way from one backend to the other: rows come out of a task of the one and go into a task of the other,
//! a chunk at a time, and both tasks are one transaction each that ends as it is told, or comes to nothing.

use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::model::{Gone, HmacKey, HmacKeys};
use super::tables::{Row, Table, Value};
use super::{LedgerError, Result};

/// Bytes of rows that go together at most, about.
const CHUNK: usize = 512 * 1024;

/// Chunks between the two tasks at most.
const AHEAD: usize = 2;

/// What tells where a ledger is and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Tells it from other ledgers, wherever it is moved.
    pub id: String,
    /// What it was when all of it had arrived here; `None` = it began here.
    pub arrival: Option<Arrival>,
    /// Where it went; `None` = it is here.
    pub gone: Option<Gone>,
}

/// A random number, and with it the SHA-256 of all that arrived.
pub type Arrival = [u8; 48];

/// What is not in a ledger's tables and moves along.
pub struct MovedKeys {
    /// Of its fingerprints; `None` = it has none.
    pub fingerprints: Option<HmacKeys>,
    /// Of links for one org, if it was made.
    pub shares: Option<HmacKey>,
}

/// Rows of a table.
pub(super) struct Chunk {
    pub table: &'static Table,
    pub rows: Vec<Row>,
    bytes: usize,
}

impl Chunk {
    pub const fn of(table: &'static Table) -> Self {
        Self {
            table,
            rows: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds a row; `true` = it is full.
    pub fn push(&mut self, row: Row) -> bool {
        self.bytes += row.iter().map(Value::size).sum::<usize>();
        self.rows.push(row);
        self.bytes >= CHUNK
    }

    /// What was gathered; what follows is gathered anew.
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self::of(self.table))
    }
}

/// All rows of a ledger, as a number.
pub(super) struct Sum {
    salt: [u8; 16],
    digest: Sha256,
}

impl Sum {
    /// Of a ledger that moves now.
    pub fn new() -> Self {
        Self::salted(rand::random())
    }

    /// As one that arrived was summed up.
    pub fn as_of(arrival: &Arrival) -> Self {
        Self::salted(std::array::from_fn(|at| arrival[at]))
    }

    fn salted(salt: [u8; 16]) -> Self {
        let digest = Sha256::new().chain_update(salt);
        Self { salt, digest }
    }

    pub fn add(&mut self, chunk: &Chunk) {
        // How rows are gathered in chunks does not count.
        for row in &chunk.rows {
            self.digest.update(chunk.table.name);
            for value in row {
                self.add_value(value);
            }
        }
    }

    fn add_value(&mut self, value: &Value) {
        let (kind, bytes): (u8, &[u8]) = match value {
            Value::Null => (0, &[]),
            Value::Whole(n) => (1, &n.to_be_bytes()),
            Value::Flag(flag) => (2, &[u8::from(*flag)]),
            Value::Real(real) => (3, &real.to_bits().to_be_bytes()),
            Value::Text(text) => (4, text.as_bytes()),
            Value::Bytes(bytes) => (5, bytes),
        };
        self.digest.update([kind]);
        self.digest.update((bytes.len() as u64).to_be_bytes());
        self.digest.update(bytes);
    }

    pub fn finish(self) -> Arrival {
        let digest = self.digest.finalize();
        let salt = self.salt.into_iter();
        let mut all = salt.chain(digest);
        std::array::from_fn(|_| all.next().unwrap_or_default())
    }
}

/// A ledger that is left: nobody changes it until this is dropped, and then it is as it was, or it is closed.
pub struct Leaving {
    rows: mpsc::Receiver<Option<Chunk>>,
    close: oneshot::Sender<Gone>,
    task: Task,
}

/// What the task has that reads it.
pub(super) struct Outbound {
    rows: mpsc::Sender<Option<Chunk>>,
    close: oneshot::Receiver<Gone>,
}

/// Both ends of a ledger that is left.
pub(super) fn outbound() -> (
    Outbound,
    impl FnOnce(JoinHandle<Result<()>>) -> Leaving + use<>,
) {
    let (rows, received) = mpsc::channel(AHEAD);
    let (close, closed) = oneshot::channel();
    let outbound = Outbound {
        rows,
        close: closed,
    };
    let leaving = |task| Leaving {
        rows: received,
        close,
        task: Task(Some(task)),
    };
    (outbound, leaving)
}

impl Leaving {
    /// The next rows; `None` = that was all.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>> {
        match self.rows.recv().await {
            Some(next) => Ok(next),
            // The task gave up, and says why.
            None => self.task.end().await.map(|()| None),
        }
    }

    /// Has nobody work with it any more; durable on return.
    pub(super) async fn close(mut self, gone: Gone) -> Result<()> {
        // A task that is gone says why.
        drop(self.close.send(gone));
        self.task.end().await
    }
}

impl Outbound {
    /// Hands rows on; an error = nobody wants them any more.
    pub async fn send(&self, chunk: Chunk) -> Result<()> {
        let sent = self.rows.send(Some(chunk)).await;
        sent.map_err(|_| given_up())
    }

    /// As [`Self::send`], of a thread that may block.
    pub fn send_blocking(&self, chunk: Chunk) -> Result<()> {
        let sent = self.rows.blocking_send(Some(chunk));
        sent.map_err(|_| given_up())
    }

    /// Says that all was handed on, and waits until the ledger may be closed.
    pub async fn end(self) -> Result<Gone> {
        let told = self.rows.send(None).await;
        told.map_err(|_| given_up())?;
        self.close.await.map_err(|_| given_up())
    }

    /// As [`Self::end`], of a thread that may block.
    pub fn end_blocking(self) -> Result<Gone> {
        let told = self.rows.blocking_send(None);
        told.map_err(|_| given_up())?;
        self.close.blocking_recv().map_err(|_| given_up())
    }
}

/// A ledger that arrives: nothing of it is stored before the end.
pub struct Arriving {
    loads: mpsc::Sender<Load>,
    task: Task,
}

/// What the task has that writes it.
pub(super) struct Inbound(mpsc::Receiver<Load>);

/// What comes in.
pub(super) enum Load {
    Rows(Chunk),
    /// That was all of it.
    End(Arrival),
}

/// Both ends of a ledger that arrives.
pub(super) fn inbound() -> (
    Inbound,
    impl FnOnce(JoinHandle<Result<()>>) -> Arriving + use<>,
) {
    let (loads, received) = mpsc::channel(AHEAD);
    let arriving = |task| Arriving {
        loads,
        task: Task(Some(task)),
    };
    (Inbound(received), arriving)
}

impl Arriving {
    pub(super) async fn put(&mut self, chunk: Chunk) -> Result<()> {
        match self.loads.send(Load::Rows(chunk)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.cause().await),
        }
    }

    /// Stores all of it; durable on return.
    pub(super) async fn finish(mut self, arrival: Arrival) -> Result<()> {
        if self.loads.send(Load::End(arrival)).await.is_err() {
            return Err(self.cause().await);
        }
        self.task.end().await
    }

    /// Stores nothing; it is as it was on return.
    pub(super) async fn give_up(mut self) {
        drop(self.loads);
        drop(self.task.end().await);
    }

    async fn cause(&mut self) -> LedgerError {
        let ended = self.task.end().await;
        ended.err().unwrap_or_else(given_up)
    }
}

impl Inbound {
    pub async fn next(&mut self) -> Result<Load> {
        self.0.recv().await.ok_or_else(given_up)
    }

    /// As [`Self::next`], of a thread that may block.
    pub fn next_blocking(&mut self) -> Result<Load> {
        self.0.blocking_recv().ok_or_else(given_up)
    }
}

/// Told to a task whose work nobody wants any more: its transaction comes to nothing.
fn given_up() -> LedgerError {
    LedgerError::Io {
        location: "the ledger".to_owned(),
        cause: "its move was given up".to_owned(),
    }
}

/// Ends once.
struct Task(Option<JoinHandle<Result<()>>>);

impl Task {
    async fn end(&mut self) -> Result<()> {
        let Some(task) = self.0.take() else {
            return Err(given_up());
        };
        match task.await {
            Ok(ended) => ended,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(given_up()),
        }
    }
}
