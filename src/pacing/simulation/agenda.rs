//! What is to happen in a simulation, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Events by when they happen. What is to happen at the same time happens in the order it was put down.
pub struct Agenda<T> {
    times: BinaryHeap<Reverse<(Duration, usize)>>,
    // By the number that goes with a time; taken when it happens.
    happenings: Vec<Option<T>>,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self {
            times: BinaryHeap::new(),
            happenings: Vec::new(),
        }
    }
}

impl<T> Agenda<T> {
    /// Puts something down.
    pub fn put(&mut self, at: Duration, happens: T) {
        self.times.push(Reverse((at, self.happenings.len())));
        self.happenings.push(Some(happens));
    }

    /// What happens next, and when.
    pub fn next(&mut self) -> Option<(Duration, T)> {
        let Reverse((now, number)) = self.times.pop()?;
        let happens = self.happenings[number].take();
        Some((now, happens.expect("each happens once")))
    }
}
