//! Whether a worker, whom nobody told of a run, has something to do in it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::simulated::is_sandbox;
use super::waves::{HeldUp, counts_by_org, standing, waves_of};
use crate::engine::Selected;
use crate::ledger::{Counts, Ledger, LedgerError, OrgRow, RunRow};
use crate::manifest::{Label, suits};
use crate::model::OrgNo;
use crate::selection::Selection;

/// Whether something of what `only` selects can move without a person, on a machine with these labels.
pub(crate) async fn can_move(
    ledger: &Ledger,
    (run, orgs): (&RunRow, &[OrgRow]),
    only: &Selection,
    labels: &[Label],
) -> Result<bool, LedgerError> {
    let selected = Selected::of(ledger, &run.id, orgs, only).await?;
    let counts = counts_by_org(ledger, run, orgs, &selected).await?;
    let standing = standing(ledger, run, orgs, &selected).await?;
    let moves = |counts: &Counts| match HeldUp::of(standing.as_ref()) {
        // What has begun goes on to its end.
        HeldUp::ByApproval => counts.started > 0 && counts.held_back == 0,
        HeldUp::No | HeldUp::ByHalt => counts.movable() > 0,
    };
    let is_ours = |org: &OrgRow| is_sandbox(org) || suits(labels, &org.spec.worker);
    let is_here = |no: OrgNo| orgs.get(no.index()).is_none_or(is_ours);
    let mut moving = counts.iter().filter(|(_, counts)| moves(counts));
    if moving.clone().any(|(no, _)| is_here(*no)) {
        return Ok(true);
    }
    // Steps of other orgs' entries may stand in the queue of one that is.
    let any = moving.next().is_some() && orgs.iter().any(is_ours);
    Ok(any && ledger.called(&run.id).await?.into_iter().any(is_here))
}

/// Another number once something of a run is otherwise that may let it move: entries, waves, or orgs. That somebody worked
/// on it in vain is nothing.
pub(crate) async fn mark(
    ledger: &Ledger,
    run: &RunRow,
    orgs: &[OrgRow],
) -> Result<u64, LedgerError> {
    let mut mark = DefaultHasher::new();
    for org in orgs {
        format!("{:?} {:?}", org.spec, org.stopped.is_some()).hash(&mut mark);
    }
    for counts in ledger.counts_by_org(&run.id).await? {
        format!("{counts:?}").hash(&mut mark);
    }
    let waves = ledger.waves(&run.id, waves_of(run).len()).await?;
    format!("{waves:?}").hash(&mut mark);
    Ok(mark.finish())
}
