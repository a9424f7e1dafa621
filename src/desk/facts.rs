//! What the ledger says of a run, as pages show it: read anew for each page.

use crate::engine::Selected;
use crate::engine::waves::Standing;
use crate::ledger::{Counts, EntryRow, Ledger, LedgerError, OrgRow, RunRow};
use crate::model::{EntryNo, EntryState, OrgNo};
use crate::pacing::unix_millis;
use crate::plan;
use crate::report::{self, EntryReport, ErrorReport, Held, Overview, RunFacts};
use crate::rollout::waves::{self, standing};
use crate::selection::{Ended, Selection};

/// Failed entries that are shown before all others.
pub(super) const FAILED: usize = 25;

/// Entries of a page.
pub(super) const PAGE: usize = 50;

/// See the first lines of this file.
pub(super) struct Facts {
    pub ledger: Ledger,
    pub run: RunRow,
    pub held: Held,
    pub orgs: Vec<OrgRow>,
    pub by_org: Vec<(OrgNo, Counts)>,
    pub standing: Option<Standing>,
    pub overview: Overview,
}

impl Facts {
    /// Reads them.
    pub async fn read(ledger: Ledger, run: RunRow) -> Result<Self, LedgerError> {
        let held = if ledger.is_locked(&run.id)? {
            Held::Yes
        } else {
            Held::No
        };
        let orgs = ledger.orgs(&run.id).await?;
        let standing = standing(&ledger, &run, &orgs, &Selected::default()).await?;
        let mut by_org = ledger.counts_by_org(&run.id).await?;
        if let Some(standing) = &standing {
            standing.hold_back(&mut by_org);
        }
        let mut overview = report::overview(RunFacts {
            run: &run,
            held,
            counts: by_org.iter().map(|(_, counts)| *counts).sum(),
            orgs: &orgs,
            removed: &[],
        });
        let now = unix_millis();
        for (org, row) in overview.orgs.iter_mut().zip(&orgs) {
            // The end of a wait is not written where the clock tells it.
            let until = row.wait.as_ref().map(|wait| wait.until);
            org.waiting.take_if(|_| until <= Some(now));
        }
        overview.waves = standing.as_ref().map(waves::reports).unwrap_or_default();
        Ok(Self {
            ledger,
            run,
            held,
            orgs,
            by_org,
            standing,
            overview,
        })
    }

    /// An entry as reports have it.
    pub fn entry(&self, row: &EntryRow) -> Option<EntryReport> {
        let org = self.orgs.get(row.org.index())?;
        let planned = plan::steps(&row.entry);
        let mut entry = report::entry(row, org, &planned, self.held);
        if let Some(elsewhere) = row.queue {
            entry.error = report::error(row, self.orgs.get(elsewhere.index())?, &planned);
        }
        entry.is_earlier = report::is_earlier(row, self.run.session_at());
        if row.state == EntryState::Pending && entry.error.is_none() {
            entry.error = self.not_begun(row);
        }
        Some(entry)
    }

    /// Why it has not begun, if that is because of waves.
    fn not_begun(&self, row: &EntryRow) -> Option<ErrorReport> {
        let in_wave = self.standing.as_ref()?.groups.wave_of(row.org)?;
        let (id, waves) = (&self.run.id.0, &self.overview.waves);
        let details = report::not_begun(id, waves, in_wave, self.held == Held::Yes)?;
        let steps = plan::steps(&row.entry);
        Some(ErrorReport {
            step: steps.first().map_or("", |step| step.name()),
            details,
        })
    }

    /// The first failed entries, of those of orgs that come first.
    pub async fn failed(&self) -> Result<Vec<EntryReport>, LedgerError> {
        let mut found = Vec::new();
        let failed = self.by_org.iter().filter(|(_, counts)| counts.failed > 0);
        for (org, _) in failed {
            let left = FAILED - found.len();
            let (run, state) = (&self.run.id, EntryState::Failed);
            let rows = self.ledger.load(run, *org, state, None, left).await?;
            found.extend(rows.iter().filter_map(|row| self.entry(row)));
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
            let row = self.ledger.entry(&self.run.id, no).await?;
            found.extend(self.entry(&row));
        }
        Ok((found, count))
    }

    async fn selected(&self, only: &Selection) -> Result<Vec<EntryNo>, LedgerError> {
        let takes = self.orgs.iter().map(|org| only.takes_org(&org.name));
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
        self.ledger.for_each_standing(&self.run.id, each).await?;
        Ok(found)
    }

    /// The entry of a row. Rows come in the order of entries, so that it is found in few looks.
    pub async fn at_row(&self, row: u64) -> Result<Option<EntryRow>, LedgerError> {
        let entries = i64::try_from(self.overview.totals.entries).unwrap_or(i64::MAX);
        let (mut low, mut high) = (0, entries);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.ledger.entry(&self.run.id, EntryNo(middle)).await?;
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
        let wave = self.standing.as_ref()?.awaits()?;
        let report = self.overview.waves.get(wave)?;
        Some((wave, &report.name))
    }
}
