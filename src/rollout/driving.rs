//! Drives a run that is in the ledger: its orgs are opened, those that cannot be are stopped, and the engine does what
//! is left.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::access::{Opened, Shut, access};
use super::consent::{Administrator, AtRest, Desk};
use super::context::{RunContext, options, renewed_by};
use super::opening::{leave_shut, open, stop_shut, unfinished};
use super::people::{People, Stays};
use super::simulated::{Simulated, is_sandbox};
use super::waves::{HeldUp, standing, waves_of};
use crate::engine::{Engine, NextCommands, OrgAccess, RunOptions, Selected, drive};
use crate::failure::{Ending, Failure, Kind};
use crate::ledger::{Counts, Ledger, LedgerError, OrgRow, Pending, RunLock, RunRow};
use crate::manifest::{Label, Orgs, suits};
use crate::model::OrgNo;
use crate::selection::Selection;
use crate::settings::Policy;

/// A run, and what of it is driven how.
pub(crate) struct Driving {
    /// Where it is.
    pub ledger: Ledger,
    /// The run.
    pub run: RunRow,
    /// By which right its checkpoints are stored.
    pub lock: RunLock,
    /// What it was begun with.
    pub context: RunContext,
    /// How it is driven.
    pub policy: Policy,
    /// What `--only` says.
    pub selection: Selection,
    /// The entries that this selected when the command began.
    pub selected: Selected,
    /// What people type after a failure.
    pub next: Arc<NextCommands>,
    /// See `--force`.
    pub force: bool,
    /// See `--allow-exec`.
    pub allow_exec: bool,
    /// Whether it waits for people when nothing else moves any more.
    pub stays: Stays,
    /// The orgs as their files say them, where they may be others than the run's.
    pub orgs_now: Option<Arc<Orgs>>,
    /// Whether what this process has no secrets for is left to others.
    pub leaves: bool,
    /// What this machine is.
    pub labels: Vec<Label>,
}

/// The orgs of a run that something can still happen in.
pub(crate) struct Ready {
    opened: Vec<Opened>,
    elsewhere: Vec<OrgRow>,
    simulated: Option<Simulated>,
    /// Orgs of the run.
    all: usize,
}

impl Ready {
    /// Those that this process cannot work on, and why.
    pub fn shut(&self) -> impl Iterator<Item = &Shut> {
        self.opened
            .iter()
            .filter_map(|org| org.as_ref().err().map(|shut| &**shut))
    }

    /// Those that ask for another machine.
    pub fn elsewhere(&self) -> &[OrgRow] {
        &self.elsewhere
    }
}

impl Driving {
    /// Opens the orgs in which something is left to do, of all that the run has.
    pub async fn open(&self, all: &[OrgRow]) -> Result<Ready, Failure> {
        let Self { ledger, run, .. } = self;
        let mut to_open = unfinished(ledger, run, all, &self.selected).await?;
        let simulated = if self.lock.leads() {
            Simulated::serve(ledger, &run.id, all, &self.policy.sandbox).await?
        } else {
            // Whoever leads the run serves them, to itself.
            to_open.retain(|org| !is_sandbox(org));
            None
        };
        let (now, served) = (self.orgs_now.as_deref(), simulated.as_ref());
        let (here, elsewhere) = if ledger.is_shared() {
            to_open
                .into_iter()
                .partition(|org| is_sandbox(org) || suits(&self.labels, &org.spec.worker))
        } else {
            (to_open, Vec::new())
        };
        let opened = open(
            here,
            now,
            &self.context,
            self.allow_exec,
            served,
            &self.next,
        )
        .await?;
        if self.lock.leads() {
            ledger.mark(&self.lock).await?;
        }
        Ok(Ready {
            opened,
            elsewhere,
            simulated,
            all: all.len(),
        })
    }

    /// Drives the run until nothing moves any more; the largest part of its rate limit that was used, for each org.
    ///
    /// # Errors
    /// When checkpoints cannot be kept.
    pub async fn drive(&self, ready: Ready, engine: &Engine) -> Result<Vec<Option<f64>>, Failure> {
        let Self { ledger, run, .. } = self;
        // Whoever joins does as the run was begun.
        if self.selected.is_all() && self.force == self.context.is_forced() {
            let invited = ledger.invite(&self.lock).await;
            invited.map_err(|error| self.broken_off(error.into()))?;
        }
        let engine = &engine.for_run(&run.id);
        let (opened, events) = (ready.opened, engine.events());
        let (orgs, left) = if self.leaves {
            let (orgs, mut left) = leave_shut(opened);
            left.extend(ready.elsewhere.iter().map(|org| org.no));
            (orgs, left)
        } else {
            let mut orgs = stop_shut(ledger, &self.lock, opened, &self.next, events).await?;
            // The run is at its end when they are at theirs.
            orgs.extend(ready.elsewhere.into_iter().map(|org| self.elsewhere(org)));
            (orgs, Vec::new())
        };
        let options = RunOptions {
            leaves: self.leaves,
            left: left.into(),
            selected: self.selected.clone(),
            reconnect: renewed_by(run),
            waves: waves_of(run).into(),
            ..options(&self.policy, self.force)
        };
        let driven = match ready.simulated.as_ref() {
            Some(simulated) if simulated.gives_consents() => {
                self.attended(engine, orgs, &options, simulated).await
            }
            served => {
                let owned = (ledger, &self.lock);
                let mut people = self.people(engine, served.is_some()).await?;
                let at_rest = async || did_something(&mut people).await;
                drive(engine, owned, orgs, &options, at_rest).await
            }
        };
        if let Some(simulated) = ready.simulated {
            simulated.stop().await;
        }
        let shares = driven.map_err(|error| self.broken_off(error))?;
        let is_whole = self.context.is_of(None) && self.context.rotates().is_none();
        if self.selection.is_all() && is_whole && self.lock.leads() {
            // Only now are the apps of its labels known, by which they are compared with what the run before gave by
            // id.
            let noted = ledger.note_whole(&self.lock).await;
            noted.map_err(|error| self.broken_off(error.into()))?;
        }
        Ok(in_order(shares, ready.all))
    }

    fn elsewhere(&self, org: OrgRow) -> OrgAccess {
        OrgAccess::elsewhere(org, self.context.secrets(false), Arc::clone(&self.next))
    }

    // Whom the run waits for, if it stays for them.
    async fn people<'a>(
        &'a self,
        engine: &'a Engine,
        is_served: bool,
    ) -> Result<Option<People<'a>>, LedgerError> {
        let stays = match self.stays {
            Stays::No => false,
            Stays::Simulated => is_served,
            Stays::Yes => true,
        };
        if !stays {
            return Ok(None);
        }
        let of_run = (&self.ledger, &self.run);
        People::of(engine, of_run, &self.selected).await.map(Some)
    }

    // With somebody who gives the consents of the orgs that the program serves itself.
    async fn attended(
        &self,
        engine: &Engine,
        orgs: Vec<OrgAccess>,
        options: &RunOptions,
        simulated: &Simulated,
    ) -> anyhow::Result<Vec<(OrgNo, Option<f64>)>> {
        let ledger = &self.ledger;
        let open = async |pending: &Pending| {
            let (org, served) = (pending.org.clone(), Some(simulated));
            let opened = access(org, &self.context, self.allow_exec, served, &self.next).await;
            let opened = opened.map_err(|failure| failure.error)??;
            Ok((opened, options.clone()))
        };
        let rows = orgs
            .iter()
            .map(|org| &org.row)
            .filter(|row| is_sandbox(row));
        let administrator = Administrator {
            simulated,
            desk: Desk::new(engine, ledger, open),
            run: &self.run.id,
            selected: &self.selected,
            orgs: rows.map(|row| (row.no, row.clone())).collect(),
        };
        let (asks, rests) = mpsc::channel::<AtRest>(1);
        let mut people = match self.stays {
            // Of what the administrator gives up.
            Stays::Yes => self.people(engine, true).await?,
            Stays::No | Stays::Simulated => None,
        };
        let at_rest = async move || {
            let (reply, answer) = oneshot::channel();
            let is_given = asks.send(reply).await.is_ok() && answer.await.unwrap_or(false);
            is_given || did_something(&mut people).await
        };
        let owned = (ledger, &self.lock);
        let (driven, attended) = tokio::join!(
            drive(engine, owned, orgs, options, at_rest),
            administrator.attend(engine.events().listen(), rests),
        );
        attended.and(driven)
    }

    /// A run ends early only when its checkpoints cannot be kept.
    pub fn broken_off(&self, error: anyhow::Error) -> Failure {
        let hint = format!(
            "what was stored before stands, and calls whose answers were not are looked at or made again; mend the \
             cause, then: {}",
            self.next.resume
        );
        Failure {
            kind: Kind::Failed,
            error: error.context(format!("run {} was broken off", self.run.id.0)),
            hint: Some(hint),
        }
    }
}

/// Whether people that are waited for did something; that nobody can be waited for any more, the run itself finds out.
async fn did_something(people: &mut Option<People<'_>>) -> bool {
    let Some(people) = people else { return false };
    people.did_something().await.unwrap_or(false)
}

/// How a command ends, by what its entries came to.
pub(crate) async fn ending(
    ledger: &Ledger,
    run: &RunRow,
    selected: &Selected,
    by_org: &[(OrgNo, Counts)],
    signal: Option<Kind>,
) -> Result<Ending, Failure> {
    let orgs = ledger.orgs(&run.id).await?;
    let renewed = renewed_by(run);
    let standing = standing(ledger, run, &orgs, selected).await?;
    let held_up = HeldUp::of(standing.as_ref());
    Ok(ending_of(
        by_org,
        &orgs,
        renewed.as_deref(),
        held_up,
        signal,
    ))
}

/// What is known of some of so many orgs, for each of them.
fn in_order(known: Vec<(OrgNo, Option<f64>)>, orgs: usize) -> Vec<Option<f64>> {
    let mut all = vec![None; orgs];
    for (no, value) in known {
        if let Some(place) = all.get_mut(no.index()) {
            *place = value;
        }
    }
    all
}

fn ending_of(
    by_org: &[(OrgNo, Counts)],
    orgs: &[OrgRow],
    renewed: Option<&Selection>,
    held_up: HeldUp,
    signal: Option<Kind>,
) -> Ending {
    let counts: Counts = by_org.iter().map(|(_, counts)| *counts).sum();
    match signal {
        Some(kind) if counts.unfinished() > 0 => Ending::Short(kind),
        _ => {
            // What stopped an org earlier is no matter of a command for which nothing was left there.
            // Whether a consent that waits was to be renewed is seen in an open org only.
            let is_stopped = |no: OrgNo| {
                orgs.get(no.index())
                    .is_some_and(|org| org.stopped.is_some())
            };
            let stopped = by_org.iter().filter(|(no, counts)| {
                counts.held_back > 0 || renewed.is_some() && counts.waiting > 0 && is_stopped(*no)
            });
            let is_left = counts.unfinished() > 0;
            let halted = u64::from(held_up == HeldUp::ByHalt && is_left);
            let unapproved = u64::from(held_up == HeldUp::ByApproval && is_left);
            let stopped = stopped.count() as u64 + halted;
            Ending::of_run(counts.failed, stopped, counts.waiting + unapproved)
        }
    }
}
