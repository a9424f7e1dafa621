//! Runs that a worker has tried: one is left alone until something of it is otherwise, or a while has passed.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::RunId;

/// How long a run is left alone that stays as it was: what it lacks on this machine may be there by then.
const WHILE: Duration = Duration::from_mins(10);

/// See the first lines of this file.
#[derive(Default)]
pub(super) struct Taken(HashMap<RunId, (u64, Instant)>);

impl Taken {
    /// A run is as it was left, by this mark.
    pub fn leave(&mut self, run: &RunId, mark: u64) {
        self.0.retain(|_, (_, at)| at.elapsed() < WHILE);
        self.0.insert(run.clone(), (mark, Instant::now()));
    }

    /// Whether it is still as it was left.
    pub fn is_left(&self, run: &RunId, mark: u64) -> bool {
        let left = self.0.get(run);
        left.is_some_and(|(of, at)| *of == mark && at.elapsed() < WHILE)
    }
}
