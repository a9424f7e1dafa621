//! Finds the entries of a file's last run that are no longer in the file. They are left as they are at Okta, and only
//! named.
//!
//! Compared are runs that looked at all of the file: not those of a part (`--only`) or of a saved plan. Only what is
//! certainly gone is named. The backend reads the entries, as often as it is asked to.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::Removed;

/// An entry of one of the two runs.
pub(super) struct Named {
    pub url: String,
    /// A label that led to no app left nothing behind.
    pub is_at_okta: bool,
    pub removed: Removed,
}

/// Which run's entries are to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Now,
    Before,
}

/// What is looked for by going over the entries.
#[derive(Clone, Copy)]
enum Pass {
    /// What the file has now.
    Now,
    /// What it had before and has not now.
    Gone,
    /// What it had before, of the kinds that entries are gone of.
    Before,
    /// What it had not before, of these kinds.
    Newcomers,
}

/// The search for what is gone, pass by pass.
#[derive(Default)]
pub(super) struct Search {
    pass: Option<Pass>,
    known: HashSet<[u8; 16]>,
    gone: Vec<Named>,
    kinds: HashSet<[u8; 16]>,
    newcomers: Newcomers,
}

impl Search {
    /// Begins the next pass, in which the caller shows every entry of that run; `None` = there is none any more.
    pub(super) fn next_pass(&mut self) -> Option<Of> {
        let (pass, of) = match self.pass {
            None => (Pass::Now, Of::Now),
            Some(Pass::Now) => (Pass::Gone, Of::Before),
            Some(Pass::Gone) if !self.gone.is_empty() => {
                self.known.clear();
                self.kinds = self.gone.iter().map(Named::kind).collect();
                (Pass::Before, Of::Before)
            }
            Some(Pass::Before) => (Pass::Newcomers, Of::Now),
            Some(Pass::Gone | Pass::Newcomers) => return None,
        };
        self.pass = Some(pass);
        Some(of)
    }

    /// Shows an entry.
    pub(super) fn see(&mut self, entry: Named) {
        let is_known = |known: &HashSet<_>| entry.names().any(|name| known.contains(&name));
        match self.pass {
            Some(Pass::Now) => self.known.extend(entry.names()),
            Some(Pass::Gone) if entry.is_at_okta && !is_known(&self.known) => self.gone.push(entry),
            Some(Pass::Before) if self.kinds.contains(&entry.kind()) => {
                self.known.extend(entry.names());
            }
            Some(Pass::Newcomers) => {
                let kind = entry.kind();
                // A label that was looked up and led to no app is none of them.
                let may_be = entry.is_at_okta && self.kinds.contains(&kind);
                if may_be && !is_known(&self.known) {
                    self.newcomers.all.insert(kind);
                    if entry.removed.app_id.is_none() {
                        self.newcomers.unresolved.insert(kind);
                    }
                }
            }
            None | Some(Pass::Gone | Pass::Before) => {}
        }
    }

    /// What is certainly gone.
    pub(super) fn found(self) -> Vec<Removed> {
        let newcomers = self.newcomers;
        let gone = self.gone.into_iter();
        let gone = gone.filter(|entry| !newcomers.may_be(entry));
        gone.map(|entry| entry.removed).collect()
    }
}

/// Entries that the file had not before, by kind of app and org. Whoever gives by its id what had a label before, or the
/// other way round, has not taken it out; but a label that never led to an app, because its org was stopped, cannot be
/// compared with an id. Only what is certainly gone is said to be.
#[derive(Default)]
struct Newcomers {
    all: HashSet<[u8; 16]>,
    // Those whose app is not known.
    unresolved: HashSet<[u8; 16]>,
}

impl Newcomers {
    /// Whether one of them may be what this one was. Two ids are two apps.
    fn may_be(&self, gone: &Named) -> bool {
        let same = match gone.removed.app_id {
            Some(_) => &self.unresolved,
            None => &self.all,
        };
        same.contains(&gone.kind())
    }
}

impl Named {
    // What it may be called by: an entry that was found by its label may be given by its id later.
    fn names(&self) -> impl Iterator<Item = [u8; 16]> {
        let Removed {
            app, app_id, label, ..
        } = &self.removed;
        let name = |kind: u8, name: &str| hashed([&self.url, app, name], kind);
        let by_id = app_id.as_deref().map(|id| name(0, id));
        let by_label = label.as_deref().map(|label| name(1, label));
        by_id.into_iter().chain(by_label)
    }

    // What apps are of one kind and in one org.
    fn kind(&self) -> [u8; 16] {
        hashed([&self.url, &self.removed.app, ""], 2)
    }
}

fn hashed(parts: [&str; 3], kind: u8) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update([kind]);
    let whole = hash.finalize();
    std::array::from_fn(|at| whole[at])
}
