//! What a check remembers of the entries that have gone by: hashes instead of names, so that a million
//! entries fit into some 40 MB.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use super::flaw::SecretUse;
use super::problem::{Problem, Spot};
use super::secret::SecretRef;
use super::secret_error::SecretError;

/// Which apps have been seen, as hashes: 20 bytes for an entry instead of its names.
#[derive(Default)]
pub(super) struct Seen {
    rows: HashMap<[u32; 3], u32>,
    hashers: [RandomState; 2],
}

impl Seen {
    /// Remembers an app; returns the row of the first one when it was there before. With 96 bits the
    /// chance that any two of a million different apps collide is below 1 in 10^17.
    pub(super) fn insert(&mut self, app: &impl std::hash::Hash, row: u64) -> Option<u32> {
        let [first, second] = &self.hashers;
        let (high, low) = (first.hash_one(app), second.hash_one(app));
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        #[expect(clippy::cast_possible_truncation, reason = "the parts of a hash")]
        let key = [high as u32, (high >> 32) as u32, low as u32];
        match self.rows.entry(key) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(free) => {
                free.insert(row);
                None
            }
        }
    }
}

/// Bad secrets whose first use is remembered; the others are neither shown nor counted by use.
const MAX_BAD: usize = 1000;

/// Which secrets have been tried, each once, and those that cannot be read.
#[derive(Default)]
pub(super) struct Tried {
    known: HashMap<u64, u32>,
    hasher: RandomState,
    pub bad: Vec<Bad>,
}

/// A secret that cannot be read, and where it is used first.
pub(super) struct Bad {
    pub error: SecretError,
    pub field: &'static str,
    pub spot: Spot,
    pub uses: u64,
}

impl Tried {
    /// In `known`: a secret that can be read, or one that is not remembered.
    const GOOD: u32 = u32::MAX;

    /// Tries a secret unless it has been tried for the same.
    pub(super) fn one(
        &mut self,
        secret: &(&SecretRef, SecretUse),
        attempt: impl FnOnce() -> Option<(SecretError, &'static str, Spot)>,
    ) {
        let key = self.hasher.hash_one(secret);
        if let Some(number) = self.known.get(&key) {
            if let Some(bad) = self.bad.get_mut(*number as usize) {
                bad.uses += 1;
            }
            return;
        }
        let mut number = Self::GOOD;
        if let Some((error, field, spot)) = attempt()
            && self.bad.len() < MAX_BAD
        {
            number = u32::try_from(self.bad.len()).unwrap_or(Self::GOOD);
            self.bad.push(Bad {
                error,
                field,
                spot,
                uses: 1,
            });
        }
        self.known.insert(key, number);
    }
}

/// A secret that cannot be read.
pub(super) fn unreadable(file: &Path, error: &SecretError, uses: u64) -> Problem {
    let mut message = error.to_string();
    if uses > 1 {
        message = format!("{message} (used by {uses} entries)");
    }
    let mut problem = Problem::of_file(file, message);
    problem.hint = error.hint();
    problem
}
