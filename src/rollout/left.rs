//! What of a run is left that can move without a person, by the orgs that whoever does it has to have.

use super::context::RunContext;
use super::simulated::is_sandbox;
use super::waves::standing;
use crate::engine::Selected;
use crate::engine::waves::{Next, Standing};
use crate::ledger::{Counts, Ledger, LedgerError, OrgRow, RunRow};
use crate::model::OrgNo;

/// What is left in an org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// The org, by its name in the run.
    pub name: String,
    /// The same, by its URL as in [`OrgRow::url`].
    pub url: String,
    /// Its entries; none of a hub in which only entries of others have steps.
    pub entries: u64,
}

/// Of all orgs in which something is. Waves to come are left out, and what `--only` did not ask for.
pub(crate) async fn left(ledger: &Ledger, run: &RunRow) -> Result<Vec<Left>, LedgerError> {
    // What cannot be read nobody does: whoever tries is told.
    let Ok(context) = RunContext::of(run) else {
        return Ok(Vec::new());
    };
    let orgs = ledger.orgs(&run.id).await?;
    let selected = Selected::of(ledger, &run.id, &orgs, &context.only()).await?;
    let standing = standing(ledger, run, &orgs, &selected).await?;
    let turn = standing.as_ref().map(Turn::of);
    let mut left = vec![None; orgs.len()];
    for (org, counts) in selected.counts_by_org(ledger, &run.id).await? {
        let is_its_turn = turn.as_ref().is_none_or(|turn| turn.has(org));
        let entries = movable(&counts, is_its_turn);
        if let Some(left) = left.get_mut(org.index()).filter(|_| entries > 0) {
            *left = Some(entries);
        }
    }
    if left.iter().any(Option::is_some) {
        for hub in ledger.called(&run.id).await? {
            if let Some(left) = left.get_mut(hub.index()) {
                left.get_or_insert(0);
            }
        }
    }
    let is_worked_on = |org: &OrgRow| org.stopped.is_none() && !is_sandbox(org);
    let orgs = orgs.into_iter().zip(left);
    let orgs = orgs.filter(|(org, _)| is_worked_on(org));
    let left = orgs.filter_map(|(org, entries)| {
        let (name, url) = (org.name, org.url);
        entries.map(|entries| Left { name, url, entries })
    });
    Ok(left.collect())
}

/// Which of a run's waves it is whose entries begin; none while the run is held up.
struct Turn<'s> {
    standing: &'s Standing,
    wave: Option<usize>,
}

impl<'s> Turn<'s> {
    fn of(standing: &'s Standing) -> Self {
        let wave = match standing.next() {
            Next::Begins(wave) | Next::Works(wave) => Some(wave),
            _ => None,
        };
        Self { standing, wave }
    }

    fn has(&self, org: OrgNo) -> bool {
        self.wave.is_some() && self.standing.groups.wave_of(org) == self.wave
    }
}

/// Entries of an org that can move now; what has begun goes on to its end, whosever turn it is.
const fn movable(counts: &Counts, is_its_turn: bool) -> u64 {
    if is_its_turn || counts.movable() < counts.started {
        counts.movable()
    } else {
        counts.started
    }
}
