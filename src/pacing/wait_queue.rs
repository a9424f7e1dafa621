//! The calls of one bucket that wait for leave, in order: those of entries nearer their end first, else as they
//! came. A call waits behind another only if both wait for the same: the same budget, while the other one's pool
//! has room. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;

use super::concurrency::Pool;
use crate::okta::Method;

/// A place in the order.
pub type Ticket = (Reverse<usize>, u64);

/// Calls that wait for the same things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What tells budgets of a bucket apart.
    pub method: Method,
    /// What tells in-flight caps apart.
    pub pool: Pool,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::of(Method::Get, Pool::General),
        Self::of(Method::Get, Pool::Office365),
        Self::of(Method::Post, Pool::General),
        Self::of(Method::Post, Pool::Office365),
        Self::of(Method::Put, Pool::General),
        Self::of(Method::Put, Pool::Office365),
    ];

    const fn of(method: Method, pool: Pool) -> Self {
        Self { method, pool }
    }

    const fn index(self) -> usize {
        let method = match self.method {
            Method::Get => 0,
            Method::Post => 1,
            Method::Put => 2,
        };
        method * Pool::COUNT + self.pool.index()
    }
}

/// The calls that wait for leave from one bucket, each kind in an order of its own.
#[derive(Clone, Debug, Default)]
pub struct WaitQueue([BTreeMap<Ticket, Arc<Notify>>; Kind::ALL.len()]);

impl WaitQueue {
    /// Puts a call in; `turn` wakes it.
    pub fn join(&mut self, kind: Kind, ticket: Ticket, turn: Arc<Notify>) {
        self.0[kind.index()].insert(ticket, turn);
    }

    /// Takes a call out; `false` = it was not in.
    pub fn leave(&mut self, kind: Kind, ticket: Ticket) -> bool {
        self.0[kind.index()].remove(&ticket).is_some()
    }

    /// Whether no call waits.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(BTreeMap::is_empty)
    }

    /// How many calls of such kinds wait.
    pub fn waiting(&self, of: impl Fn(Kind) -> bool) -> usize {
        let kinds = Kind::ALL.into_iter().filter(|kind| of(*kind));
        kinds.map(|kind| self.0[kind.index()].len()).sum()
    }

    /// Wakes the calls whose turn it may be: no other can be at the head of its kind.
    pub fn wake_first(&self) {
        for (_, turn) in self.0.iter().filter_map(BTreeMap::first_key_value) {
            turn.notify_one();
        }
    }

    /// Wakes every call.
    pub fn wake_all(&self) {
        for turn in self.0.iter().flat_map(BTreeMap::values) {
            turn.notify_one();
        }
    }

    /// Whether it is this call's turn. `rivals`: whether calls of that kind would go if it were theirs, and
    /// take what this one waits for.
    pub fn is_turn(&self, kind: Kind, ticket: Ticket, rivals: impl Fn(Kind) -> bool) -> bool {
        let first = |kind: Kind| self.0[kind.index()].keys().next().copied();
        first(kind) == Some(ticket)
            && Kind::ALL
                .into_iter()
                .filter(|other| *other != kind)
                .all(|other| first(other).is_none_or(|ahead| ticket < ahead) || !rivals(other))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;

    fn ticket_of(priority: usize, ticket: u64) -> Ticket {
        (Reverse(priority), ticket)
    }

    #[test]
    fn nearer_to_the_end_first_then_as_they_came() {
        let [kind, office, ..] = Kind::ALL;
        let mut wait_queue = WaitQueue::default();
        wait_queue.join(kind, ticket_of(0, 1), Arc::default());
        wait_queue.join(kind, ticket_of(2, 2), Arc::default());
        wait_queue.join(office, ticket_of(2, 3), Arc::default());
        assert!(wait_queue.is_turn(kind, ticket_of(2, 2), |_| true));
        assert!(!wait_queue.is_turn(kind, ticket_of(0, 1), |_| true));
        assert!(!wait_queue.is_turn(office, ticket_of(2, 3), |_| true));
        assert!(
            wait_queue.is_turn(office, ticket_of(2, 3), |_| false),
            "the other pool is full"
        );
        assert!(wait_queue.leave(kind, ticket_of(2, 2)));
        assert!(!wait_queue.leave(kind, ticket_of(2, 2)));
        assert!(wait_queue.is_turn(office, ticket_of(2, 3), |_| true));
    }

    #[tokio::test]
    async fn the_heads_of_all_kinds_are_woken_and_none_behind_them() {
        let [kind, office, ..] = Kind::ALL;
        let mut wait_queue = WaitQueue::default();
        let turns: [Arc<Notify>; 3] = Default::default();
        wait_queue.join(kind, ticket_of(0, 1), Arc::clone(&turns[0]));
        wait_queue.join(kind, ticket_of(0, 2), Arc::clone(&turns[1]));
        wait_queue.join(office, ticket_of(0, 3), Arc::clone(&turns[2]));
        let woken = || {
            turns
                .each_ref()
                .map(|turn| turn.notified().now_or_never().is_some())
        };
        wait_queue.wake_first();
        assert_eq!(woken(), [true, false, true]);
        wait_queue.leave(kind, ticket_of(0, 1));
        wait_queue.wake_first();
        assert_eq!(woken(), [false, true, true]);
        wait_queue.wake_all();
        assert_eq!(woken(), [false, true, true]);
    }

    proptest! {
        // Whoever may go goes; with every kind free, each leaves in order.
        #[test]
        fn all_leave_in_order(calls in proptest::collection::vec((0_usize..6, 0_usize..8), 1..60)) {
            let mut wait_queue = WaitQueue::default();
            let mut waiting = Vec::new();
            for (ticket, (kind, priority)) in (1..).zip(calls) {
                let (kind, ticket) = (Kind::ALL[kind], ticket_of(priority, ticket));
                wait_queue.join(kind, ticket, Arc::default());
                waiting.push((ticket, kind));
            }
            waiting.sort_by_key(|(ticket, _)| *ticket);
            for at in 0..waiting.len() {
                let turns: Vec<_> = waiting[at..]
                    .iter()
                    .filter(|(ticket, kind)| wait_queue.is_turn(*kind, *ticket, |_| true))
                    .collect();
                prop_assert_eq!(turns, [&waiting[at]]);
                let (ticket, kind) = waiting[at];
                wait_queue.leave(kind, ticket);
            }
        }

        // With one pool full the first of the other one always has its turn: nobody waits for nothing.
        #[test]
        fn a_full_pool_holds_up_nobody_else(calls in proptest::collection::vec((0_usize..6, 0_usize..8), 1..60)) {
            let mut wait_queue = WaitQueue::default();
            let mut free = Vec::new();
            for (ticket, (kind, priority)) in (1..).zip(calls) {
                let (kind, ticket) = (Kind::ALL[kind], ticket_of(priority, ticket));
                wait_queue.join(kind, ticket, Arc::default());
                if kind.pool == Pool::General {
                    free.push((ticket, kind));
                }
            }
            if let Some((ticket, kind)) = free.into_iter().min_by_key(|(ticket, _)| *ticket) {
                prop_assert!(wait_queue.is_turn(kind, ticket, |rival| rival.pool == Pool::General));
            }
        }
    }
}
