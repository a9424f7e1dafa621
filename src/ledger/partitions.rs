//! Who works on which orgs where several processes share a ledger: orgs hash into partitions, and a partition is one
//! process's as long as it holds the lock for it. Here are the rules: from what a process sees of all locks to what it
//! takes, gives up and asks for next. No clock, no session.
//!
//! A process takes free partitions up to its fair share, which is what is held or wanted divided by those who hold or want
//! something. What nobody took for a while it takes beyond that. One that has less than its share asks for partitions that
//! others hold, first those of whoever holds the most; one that has more gives up what it was asked for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

/// How many there are.
pub const PARTITIONS: u16 = 256;

/// Looks after which a free partition is anybody's.
const LIES_FREE: u32 = 3;

/// One of [`PARTITIONS`].
pub type Partition = u16;

/// The partition of an org, by its URL as in [`OrgRow::url`](super::OrgRow::url).
pub fn partition_of(org_url: &str) -> Partition {
    let digest = Sha256::digest(org_url.as_bytes());
    u16::from_be_bytes([digest[0], digest[1]]) % PARTITIONS
}

/// What a process sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// What it holds and is not giving up.
    pub held: BTreeSet<Partition>,
    /// What it wants and does not hold, each with the number of looks in a row at which it was free.
    pub wanted: BTreeMap<Partition, u32>,
    /// What others hold, each with who does.
    pub others: BTreeMap<Partition, i32>,
    /// What others ask for.
    pub asked: BTreeSet<Partition>,
    /// Others who hold or ask for something.
    pub members: usize,
    /// Where it begins to choose, so that processes that begin together choose different ones.
    pub first: Partition,
}

/// What a process does next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Free partitions to take.
    pub takes: Vec<Partition>,
    /// Held ones to give up.
    pub gives: Vec<Partition>,
    /// Those of others to ask for, in place of what it asked for before.
    pub asks: BTreeSet<Partition>,
}

impl View {
    /// See the first lines of this file.
    pub fn turn(&self) -> Turn {
        let fair = self.fair();
        let missing = fair.saturating_sub(self.held.len());
        let (free, elsewhere): (Vec<_>, Vec<_>) = self
            .in_order(self.wanted.keys())
            .partition(|one| !self.others.contains_key(one));
        let (lying, fresh): (Vec<_>, Vec<_>) = free.into_iter().partition(|one| {
            self.wanted
                .get(one)
                .is_some_and(|looks| *looks >= LIES_FREE)
        });
        let more = missing.saturating_sub(lying.len());
        let takes: Vec<_> = lying
            .into_iter()
            .chain(fresh.into_iter().take(more))
            .collect();
        let lacks = missing.saturating_sub(takes.len());
        let elsewhere = self.most_first(elsewhere);
        let surplus = self.held.len().saturating_sub(fair);
        Turn {
            takes,
            gives: self
                .in_order(self.held.intersection(&self.asked))
                .take(surplus)
                .collect(),
            asks: elsewhere.into_iter().take(lacks).collect(),
        }
    }

    fn fair(&self) -> usize {
        let mut all: BTreeSet<_> = self.held.union(&self.asked).collect();
        all.extend(self.others.keys().chain(self.wanted.keys()));
        all.len().div_ceil(self.members + 1)
    }

    // Those of whoever has the most before others': who has no more than its share gives nothing up.
    fn most_first(&self, mut elsewhere: Vec<Partition>) -> Vec<Partition> {
        let mut has: BTreeMap<i32, usize> = BTreeMap::new();
        for holder in self.others.values() {
            *has.entry(*holder).or_default() += 1;
        }
        let holder_has = |one: &Partition| self.others.get(one).and_then(|holder| has.get(holder));
        elsewhere.sort_by_key(|one| Reverse(holder_has(one)));
        elsewhere
    }

    // All of them, from the first on and around.
    fn in_order<'a>(
        &self,
        all: impl Iterator<Item = &'a Partition>,
    ) -> impl Iterator<Item = Partition> {
        let mut all: Vec<Partition> = all.copied().collect();
        all.sort_unstable_by_key(|one| one.wrapping_sub(self.first) % PARTITIONS);
        all.into_iter()
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
