//! What the keeper of partitions asks the owner of their locks, and is answered.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use crate::ledger::Result;
use crate::ledger::partitions::{Partition, Turn};

/// What the locks of all processes look like, to the keeper of one.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Partitions that others hold, each with the session.
    pub others: BTreeMap<Partition, i32>,
    /// Partitions that others ask for, each with the sessions that do.
    pub asked: Vec<(Partition, i32)>,
}

/// What the owner's task is told by it: to look at all locks, or to do something about its own.
pub(super) enum Ask {
    Look(oneshot::Sender<Result<Looked>>),
    /// Gives those that could be taken.
    Do(Turn, oneshot::Sender<Result<Vec<Partition>>>),
    /// Ends those of these sessions that wait for their client in the middle of a statement.
    End(Vec<i32>),
}
