//! The calls of one bucket that wait for leave, in order: those of entries nearer their end first, else as they
//! came. A call waits behind another only if both wait for the same: the same budget, while the other one's pool
//! has room. Pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::concurrency::Pool;
use crate::okta::Method;

/// A place in the order.
pub type Place = (Reverse<usize>, u64);

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

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Line([BTreeSet<Place>; Kind::ALL.len()]);

impl Line {
    /// Puts a call in.
    pub fn join(&mut self, kind: Kind, place: Place) {
        self.0[kind.index()].insert(place);
    }

    /// Takes a call out; `false` = it was not in.
    pub fn leave(&mut self, kind: Kind, place: Place) -> bool {
        self.0[kind.index()].remove(&place)
    }

    /// Whether no call waits.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(BTreeSet::is_empty)
    }

    /// Whether it is this call's turn. `rivals`: whether calls of that kind would go if it were theirs, and
    /// take what this one waits for.
    pub fn is_turn(&self, kind: Kind, place: Place, rivals: impl Fn(Kind) -> bool) -> bool {
        let first = |kind: Kind| self.0[kind.index()].first().copied();
        first(kind) == Some(place)
            && Kind::ALL
                .into_iter()
                .filter(|other| *other != kind)
                .all(|other| first(other).is_none_or(|ahead| place < ahead) || !rivals(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(rank: usize, ticket: u64) -> Place {
        (Reverse(rank), ticket)
    }

    #[test]
    fn nearer_to_the_end_first_then_as_they_came() {
        let [kind, office, ..] = Kind::ALL;
        let mut line = Line::default();
        line.join(kind, place(0, 1));
        line.join(kind, place(2, 2));
        line.join(office, place(2, 3));
        assert!(line.is_turn(kind, place(2, 2), |_| true));
        assert!(!line.is_turn(kind, place(0, 1), |_| true));
        assert!(!line.is_turn(office, place(2, 3), |_| true));
        assert!(
            line.is_turn(office, place(2, 3), |_| false),
            "the other pool is full"
        );
        assert!(line.leave(kind, place(2, 2)));
        assert!(!line.leave(kind, place(2, 2)));
        assert!(line.is_turn(office, place(2, 3), |_| true));
    }

    proptest! {
        // Whoever may go goes; with every kind free, each leaves in order.
        #[test]
        fn all_leave_in_order(calls in proptest::collection::vec((0_usize..6, 0_usize..8), 1..60)) {
            let mut line = Line::default();
            let mut waiting = Vec::new();
            for (ticket, (kind, rank)) in (1..).zip(calls) {
                let (kind, place) = (Kind::ALL[kind], place(rank, ticket));
                line.join(kind, place);
                waiting.push((place, kind));
            }
            waiting.sort_by_key(|(place, _)| *place);
            for at in 0..waiting.len() {
                let turns: Vec<_> = waiting[at..]
                    .iter()
                    .filter(|(place, kind)| line.is_turn(*kind, *place, |_| true))
                    .collect();
                prop_assert_eq!(turns, [&waiting[at]]);
                let (place, kind) = waiting[at];
                line.leave(kind, place);
            }
        }

        // With one pool full the first of the other one always has its turn: nobody waits for nothing.
        #[test]
        fn a_full_pool_holds_up_nobody_else(calls in proptest::collection::vec((0_usize..6, 0_usize..8), 1..60)) {
            let mut line = Line::default();
            let mut free = Vec::new();
            for (ticket, (kind, rank)) in (1..).zip(calls) {
                let (kind, place) = (Kind::ALL[kind], place(rank, ticket));
                line.join(kind, place);
                if kind.pool == Pool::General {
                    free.push((place, kind));
                }
            }
            if let Some((place, kind)) = free.into_iter().min_by_key(|(place, _)| *place) {
                prop_assert!(line.is_turn(kind, place, |rival| rival.pool == Pool::General));
            }
        }
    }
}
