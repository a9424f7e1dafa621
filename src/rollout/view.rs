//! A run as its ledger has it, for whatever shows it: reports, `status` and the desk's pages.

use crate::engine::Selected;
use crate::engine::waves::Standing;
use crate::ledger::{Counts, EntryRow, Ledger, LedgerError, OrgRow, Removed, RunRow};
use crate::model::{EntryState, OrgNo, RunId, UnixMillis};
use crate::pacing::unix_millis;
use crate::plan;
use crate::report::{self, EntryReport, ErrorReport, Held, Overview, RunFacts, WaveReport};
use crate::rollout::waves::{reports, standing};

/// See the first lines of this file.
pub(crate) struct RunView {
    /// Where its entries are read.
    pub ledger: Ledger,
    pub run: RunRow,
    /// Whether a process works on it.
    pub held: Held,
    /// When this was read.
    pub as_of: UnixMillis,
    pub orgs: Vec<OrgRow>,
    /// How the entries of each org stand.
    pub by_org: Vec<(OrgNo, Counts)>,
    /// How its waves stand, if it has any.
    pub standing: Option<Standing>,
    /// The same, as reports have it.
    pub waves: Vec<WaveReport>,
}

/// Whether a process works on a run.
pub(crate) async fn held(ledger: &Ledger, run: &RunId) -> Result<Held, LedgerError> {
    let is_locked = ledger.is_locked(run).await?;
    Ok(if is_locked { Held::Yes } else { Held::No })
}

impl RunView {
    /// Reads it.
    pub async fn read(ledger: &Ledger, run: &RunRow, held: Held) -> Result<Self, LedgerError> {
        let orgs = ledger.orgs(&run.id).await?;
        let standing = standing(ledger, run, &orgs, &Selected::default()).await?;
        let mut by_org = ledger.counts_by_org(&run.id).await?;
        if let Some(standing) = &standing {
            standing.hold_back(&mut by_org);
        }
        Ok(Self {
            ledger: ledger.clone(),
            run: run.clone(),
            held,
            as_of: unix_millis(),
            orgs,
            by_org,
            waves: standing.as_ref().map(reports).unwrap_or_default(),
            standing,
        })
    }

    /// How all its entries stand.
    pub fn counts(&self) -> Counts {
        self.by_org.iter().map(|(_, counts)| *counts).sum()
    }

    /// The head of a report; `removed` are entries that its manifest has no more.
    pub fn overview(&self, removed: &[Removed]) -> Overview {
        let mut overview = report::overview(RunFacts {
            run: &self.run,
            held: self.held,
            counts: self.counts(),
            orgs: &self.orgs,
            removed,
        });
        for (org, row) in overview.orgs.iter_mut().zip(&self.orgs) {
            // The end of a wait is not written where the clock tells it.
            let until = row.wait.as_ref().map(|wait| wait.until);
            org.waiting.take_if(|_| until <= Some(self.as_of));
        }
        overview.waves.clone_from(&self.waves);
        overview
    }

    /// One of its entries, as reports have it.
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
        let is_held = self.held == Held::Yes;
        let details = report::not_begun(&self.run.id.0, &self.waves, in_wave, is_held)?;
        let steps = plan::steps(&row.entry);
        Some(ErrorReport {
            step: steps.first().map_or("", |step| step.name()),
            details,
        })
    }
}
