//! The entries of a run that a process works on: all, or those `--only` selects. Which these are is settled
//! when the command begins: an entry that is selected as failed is tried again although it then is pending.

use std::sync::Arc;

use crate::ledger::{Counts, Ledger, LedgerError, OrgRow};
use crate::model::{EntryNo, OrgNo, RunId};
use crate::selection::{Ended, Selection};

/// Which entries a command works on; `None` inside means all. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Selected(Option<Arc<Numbers>>);

// A bit per entry: 125 KB for a million.
#[derive(Debug, Default)]
struct Numbers {
    words: Vec<u64>,
    count: u64,
}

impl Numbers {
    fn insert(&mut self, no: EntryNo) {
        if let Some((word, bit)) = place(no) {
            if self.words.len() <= word {
                self.words.resize(word + 1, 0);
            }
            self.words[word] |= bit;
            self.count += 1;
        }
    }

    fn contains(&self, no: EntryNo) -> bool {
        place(no).is_some_and(|(word, bit)| self.words.get(word).is_some_and(|w| w & bit != 0))
    }
}

fn place(no: EntryNo) -> Option<(usize, u64)> {
    let no = usize::try_from(no.0).ok()?;
    Some((no / 64, 1 << (no % 64)))
}

impl Selected {
    /// The entries of a run that are selected as they stand now.
    pub async fn of(
        ledger: &Ledger,
        run: &RunId,
        orgs: &[OrgRow],
        selection: &Selection,
    ) -> Result<Self, LedgerError> {
        if selection.is_all() {
            return Ok(Self::default());
        }
        let takes: Vec<bool> = orgs
            .iter()
            .map(|org| selection.takes_org(&org.name))
            .collect();
        let mut numbers = Numbers::default();
        ledger
            .for_each_standing(run, |entry| {
                let org = takes.get(entry.org.index());
                if org == Some(&true)
                    && !entry.carried_over
                    && selection.takes_app(entry.app)
                    && selection
                        .takes_stored(entry.state, Ended::of(entry.changed, entry.deactivated))
                {
                    numbers.insert(entry.no);
                }
            })
            .await?;
        Ok(Self(Some(Arc::new(numbers))))
    }

    /// These entries.
    pub fn these(entries: impl IntoIterator<Item = EntryNo>) -> Self {
        let mut numbers = Numbers::default();
        for no in entries {
            if !numbers.contains(no) {
                numbers.insert(no);
            }
        }
        Self(Some(Arc::new(numbers)))
    }

    /// Whether no entry is left out.
    pub const fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether every entry is left out.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_some_and(|numbers| numbers.count == 0)
    }

    /// Whether this entry is worked on.
    pub fn contains(&self, no: EntryNo) -> bool {
        self.0.as_ref().is_none_or(|numbers| numbers.contains(no))
    }

    /// The selected entries by state, for every org in order.
    pub async fn counts_by_org(
        &self,
        ledger: &Ledger,
        run: &RunId,
    ) -> Result<Vec<(OrgNo, Counts)>, LedgerError> {
        let mut by_org = ledger.counts_by_org(run).await?;
        let Some(numbers) = &self.0 else {
            return Ok(by_org);
        };
        let stopped = ledger.stopped(run).await?;
        for (_, counts) in &mut by_org {
            *counts = Counts::default();
        }
        ledger
            .for_each_standing(run, |entry| {
                if let Some((_, counts)) = by_org.get_mut(entry.org.index())
                    && numbers.contains(entry.no)
                {
                    counts.add(&entry, &stopped);
                }
            })
            .await?;
        Ok(by_org)
    }

    /// The selected entries by state.
    pub async fn counts(&self, ledger: &Ledger, run: &RunId) -> Result<Counts, LedgerError> {
        if self.is_all() {
            return ledger.counts(run).await;
        }
        let by_org = self.counts_by_org(ledger, run).await?;
        Ok(by_org.into_iter().map(|(_, counts)| counts).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in_and_nothing_else() {
        let mut numbers = Numbers::default();
        let some = [0, 63, 64, 1_000_000];
        for no in some {
            numbers.insert(EntryNo(no));
        }
        numbers.insert(EntryNo(-1));
        let selected = Selected(Some(Arc::new(numbers)));
        for no in [-1, 0, 1, 62, 63, 64, 65, 999_999, 1_000_000, 1_000_001] {
            assert_eq!(selected.contains(EntryNo(no)), some.contains(&no), "{no}");
        }
        assert!(!selected.is_empty());
        assert!(Selected::default().contains(EntryNo(7)));
        assert!(Selected(Some(Arc::default())).is_empty());
        let twice = Selected::these([EntryNo(3), EntryNo(3)]);
        assert!(twice.contains(EntryNo(3)) && !twice.contains(EntryNo(2)));
    }
}
