//! What the ledger says of a run, as pages show it: read anew for each page.

use crate::ledger::{EntryRow, Ledger, LedgerError, RunRow};
use crate::model::{EntryNo, EntryState};
use crate::report::{EntryReport, Overview};
use crate::rollout::view::{RunView, held};
use crate::selection::{Ended, Selection};

/// Failed entries that are shown before all others.
pub(super) const FAILED: usize = 25;

/// Entries of a page.
pub(super) const PAGE: usize = 50;

/// See the first lines of this file.
pub(super) struct Facts {
    pub view: RunView,
    pub overview: Overview,
}

impl Facts {
    /// Reads them.
    pub async fn read(ledger: &Ledger, run: &RunRow) -> Result<Self, LedgerError> {
        let view = RunView::read(ledger, run, held(ledger, &run.id).await?).await?;
        let overview = view.overview(&[]);
        Ok(Self { view, overview })
    }

    /// The first failed entries, of those of orgs that come first.
    pub async fn failed(&self) -> Result<Vec<EntryReport>, LedgerError> {
        let mut found = Vec::new();
        let failed = self
            .view
            .by_org
            .iter()
            .filter(|(_, counts)| counts.failed > 0);
        for (org, _) in failed {
            let left = FAILED - found.len();
            let (run, state) = (&self.view.run.id, EntryState::Failed);
            let rows = self.view.ledger.load(run, *org, state, None, left).await?;
            found.extend(rows.iter().filter_map(|row| self.view.entry(row)));
            if found.len() >= FAILED {
                break;
            }
        }
        Ok(found)
    }

    /// The entries of a page, from 1, of those that are selected, and how many these are.
    pub async fn entries(
        &self,
        only: &Selection,
        page: usize,
    ) -> Result<(Vec<EntryReport>, usize), LedgerError> {
        let first = page.saturating_sub(1).saturating_mul(PAGE);
        let (numbers, count) = if only.is_all() {
            let count = usize::try_from(self.overview.totals.entries).unwrap_or(usize::MAX);
            let numbers = (first..count).take(PAGE);
            let numbers = numbers.filter_map(|no| i64::try_from(no).ok().map(EntryNo));
            (numbers.collect(), count)
        } else {
            let all = self.selected(only).await?;
            let numbers: Vec<_> = all.iter().skip(first).take(PAGE).copied().collect();
            (numbers, all.len())
        };
        let mut found = Vec::with_capacity(numbers.len());
        for no in numbers {
            let row = self.view.ledger.entry(&self.view.run.id, no).await?;
            found.extend(self.view.entry(&row));
        }
        Ok((found, count))
    }

    async fn selected(&self, only: &Selection) -> Result<Vec<EntryNo>, LedgerError> {
        let takes = self.view.orgs.iter().map(|org| only.takes_org(&org.name));
        let takes: Vec<bool> = takes.collect();
        let mut found = Vec::new();
        let each = |entry: crate::ledger::Standing| {
            let ended = Ended::of(entry.changed, entry.deactivated);
            if takes.get(entry.org.index()) == Some(&true)
                && only.takes_app(entry.app)
                && only.takes_stored(entry.state, ended)
            {
                found.push(entry.no);
            }
        };
        self.view
            .ledger
            .for_each_standing(&self.view.run.id, each)
            .await?;
        Ok(found)
    }

    /// The entry of a row. Rows come in the order of entries, so that it is found in few looks.
    pub async fn at_row(&self, row: u64) -> Result<Option<EntryRow>, LedgerError> {
        let entries = i64::try_from(self.overview.totals.entries).unwrap_or(i64::MAX);
        let (mut low, mut high) = (0, entries);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self
                .view
                .ledger
                .entry(&self.view.run.id, EntryNo(middle))
                .await?;
            match found.row.cmp(&row) {
                std::cmp::Ordering::Equal => return Ok(Some(found)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// The wave that waits for an approval, and its name.
    pub fn awaits(&self) -> Option<(usize, &str)> {
        let wave = self.view.standing.as_ref()?.awaits()?;
        let report = self.overview.waves.get(wave)?;
        Some((wave, &report.name))
    }
}
