//! The orgs that a run continues in: those where something is left to do are opened, and those that cannot be are stopped
//! before their first call.

use std::sync::Arc;

use super::access::{self, Opened, Shut};
use super::context::RunContext;
use super::simulated::Simulated;
use super::waves::standing;
use crate::engine::{NextCommands, OrgAccess, Selected};
use crate::event::{Events, OrgEvent};
use crate::failure::Failure;
use crate::ledger::{Counts, Ledger, LedgerError, OrgRow, RunLock, RunRow};
use crate::manifest::Orgs;
use crate::model::OrgNo;

/// The orgs that something can still happen in. Where the run is halted, what has begun continues, and nothing else does:
/// what a stopped org held back is judged with the rest of its wave.
pub(super) async fn unfinished(
    ledger: &Ledger,
    run: &RunRow,
    all: &[OrgRow],
    selected: &Selected,
) -> Result<Vec<OrgRow>, Failure> {
    let counts = selected.counts_by_org(ledger, &run.id).await?;
    let standing = standing(ledger, run, all, selected).await?;
    let is_halted = standing.is_some_and(|standing| standing.halted().is_some());
    // What is unfinished may have steps in a hub.
    let is_hub_needed = |counts: &Counts| {
        if is_halted {
            counts.started > counts.held_back
        } else {
            counts.unfinished() > 0
        }
    };
    let hubs = if counts.iter().any(|(_, counts)| is_hub_needed(counts)) {
        ledger.hubs(&run.id).await?
    } else {
        Vec::new()
    };
    let is_left = |counts: &Counts| {
        if is_halted {
            counts.started > 0 && counts.held_back == 0
        } else {
            counts.unfinished() + counts.waiting > 0
        }
    };
    Ok(counts
        .into_iter()
        .filter(|(no, counts)| is_left(counts) || hubs.contains(no))
        .filter_map(|(no, _)| all.get(no.index()).cloned())
        .collect())
}

/// Opens orgs; those that their files have at another address than the run come last, and are not.
pub(super) async fn open(
    orgs: Vec<OrgRow>,
    now: Option<&Orgs>,
    context: &RunContext,
    allow_exec: bool,
    simulated: Option<&Simulated>,
    next: &Arc<NextCommands>,
) -> Result<Vec<Opened>, Failure> {
    let (there, moved) = split(orgs, now);
    let mut opened = access::open(there, context, allow_exec, simulated, next).await?;
    opened.extend(moved);
    Ok(opened)
}

/// Takes the orgs out that their files have at another address.
fn split(orgs: Vec<OrgRow>, now: Option<&Orgs>) -> (Vec<OrgRow>, Vec<Opened>) {
    let (mut there, mut moved) = (Vec::with_capacity(orgs.len()), Vec::new());
    for row in orgs {
        match now.and_then(|now| access::moved(&row, now)) {
            Some(why) => moved.push(Err(Box::new(Shut { row, why }))),
            None => there.push(row),
        }
    }
    (there, moved)
}

/// Stops the orgs whose credentials cannot be read; gives the others.
pub(super) async fn stop_shut(
    ledger: &Ledger,
    lock: &RunLock,
    opened: Vec<Opened>,
    next: &NextCommands,
    events: &Events,
) -> Result<Vec<OrgAccess>, LedgerError> {
    let mut open = Vec::with_capacity(opened.len());
    for org in opened {
        let shut = match org {
            Ok(org) => {
                open.push(org);
                continue;
            }
            Err(shut) => shut,
        };
        let stopped = shut.why.stopped(next);
        let org = shut.row.name.as_str().into();
        events.org(&org, || OrgEvent::Stopped(stopped.clone()));
        ledger.set_stopped(lock, shut.row.no, Some(stopped)).await?;
    }
    Ok(open)
}

/// As [`stop_shut`], of a process among others: it leaves them as they are, and which these are comes last.
pub(super) fn leave_shut(opened: Vec<Opened>) -> (Vec<OrgAccess>, Vec<OrgNo>) {
    let (mut open, mut left) = (Vec::with_capacity(opened.len()), Vec::new());
    for org in opened {
        match org {
            Ok(org) => open.push(org),
            Err(shut) => left.push(shut.row.no),
        }
    }
    (open, left)
}
