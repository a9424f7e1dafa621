//! Orgs that ask for another machine than this one, where several work on a ledger: who would work on them.

use std::collections::BTreeMap;

use super::output::Output;
use super::workers::orgs_called;
use crate::ledger::{Ledger, LedgerError, OrgRow, RunRow};
use crate::manifest::{AskedLabels, listed_labels, suits};
use crate::rollout::simulated::is_sandbox;

/// Orgs that ask for the same.
pub(super) struct Alike {
    /// `3 orgs (acme, globex, initech) are left to workers with egress=eu`.
    pub line: String,
    /// The command that such a worker is started with, where none is at work.
    pub missing: Option<String>,
}

/// Says who works on orgs that this process leaves alone.
pub(super) async fn say(
    ledger: &Ledger,
    orgs: &[OrgRow],
    output: Output,
) -> Result<(), LedgerError> {
    for alike in of(ledger, orgs.iter()).await? {
        let Some(missing) = alike.missing else {
            output.note(alike.line);
            continue;
        };
        output.warning(format_args!("{}, and none is at work", alike.line));
        output.hint(&missing);
    }
    Ok(())
}

/// Those of a run in which something is left to do.
pub(super) async fn of_run(ledger: &Ledger, run: &RunRow) -> Result<Vec<Alike>, LedgerError> {
    if !ledger.is_shared() {
        return Ok(Vec::new());
    }
    let orgs = ledger.orgs(&run.id).await?;
    let counts = ledger.counts_by_org(&run.id).await?;
    let movable = counts.iter().filter(|(_, counts)| counts.movable() > 0);
    let asking = movable
        .filter_map(|(no, _)| orgs.get(no.index()))
        .filter(|org| !org.spec.worker.is_empty() && !is_sandbox(org));
    of(ledger, asking).await
}

async fn of(
    ledger: &Ledger,
    orgs: impl Iterator<Item = &OrgRow>,
) -> Result<Vec<Alike>, LedgerError> {
    let mut by_labels: BTreeMap<&AskedLabels, Vec<&str>> = BTreeMap::new();
    for org in orgs {
        let alike = by_labels.entry(&org.spec.worker).or_default();
        alike.push(&org.name);
    }
    if by_labels.is_empty() {
        return Ok(Vec::new());
    }
    let at_work = ledger.at_work(&[]).await?;
    let of_labels = by_labels.into_iter().map(|(asked, names)| {
        let is_there = at_work.iter().any(|one| suits(&one.labels, asked));
        let flags: Vec<String> = asked
            .iter()
            .map(|(key, value)| format!(" --label {key}={value}"))
            .collect();
        Alike {
            line: format!(
                "{} {} left to workers with {}",
                orgs_called(&names),
                if names.len() == 1 { "is" } else { "are" },
                listed_labels(asked)
            ),
            missing: (!is_there).then(|| {
                format!(
                    "on a machine that is so: okta-rollout work{}",
                    flags.concat()
                )
            }),
        }
    });
    Ok(of_labels.collect())
}
