//! Whether a file's last run continues or a new one starts: one rule for `run`, `run --plan` and `plan`.
//!
//! A run continues while something of what is asked for can move in it by itself: the same `--only` night after night
//! looks at its entries anew each time, although the others were never done, and an org that was stopped keeps no
//! nightly run from looking at all others.

use super::context::RunContext;
use super::target::Target;
use super::waves::counts_by_org;
use crate::engine::Selected;
use crate::failure::Failure;
use crate::ledger::{Counts, Ledger, LedgerError, OrgRow, RunRow};
use crate::manifest::{self, Orgs};
use crate::selection::Selection;

/// What a command is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// SHA-256 (hex) of the manifest's bytes as it is now.
    pub digest: &'a str,
    /// The saved plan that is applied, by the SHA-256 (hex) of its file; `None` = whatever the manifest says.
    pub plan: Option<&'a str>,
    /// See `--only`.
    pub selection: &'a Selection,
    /// Of which entries the consents are to be renewed; see `--reconnect`.
    pub reconnect: Option<&'a Selection>,
    /// The orgs as they are now; `None` = they have mistakes, which are told elsewhere.
    pub orgs: Option<&'a Orgs>,
}

impl Asked<'_> {
    /// Whether an org that is asked for is at another address now than the run has it at. One that is among the orgs no
    /// more has none: the run itself says so.
    fn has_elsewhere(&self, org: &OrgRow) -> bool {
        let now = self.orgs.map(|orgs| orgs.url(&org.name));
        let moved = now.is_some_and(|now| !now.is_empty() && now != org.url);
        moved && self.selection.takes_org(&org.name)
    }
}

/// What becomes of a file's last run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It continues.
    GoesOn,
    /// A new one starts: nothing moves in it by itself.
    Settled,
    /// A new one starts: what is unfinished in it is not what is asked for.
    LeftOut,
    /// A new one starts, although something is unfinished in it: the manifest changed since.
    Changed,
    /// A new one starts, although something is unfinished in it: an org is at another address since, and a run keeps
    /// those that it began with.
    Moved,
    /// A new one starts, although something is unfinished in it: consents are to be renewed that it does not renew.
    Renews,
    /// A new one starts, although something is unfinished in it: it applies a saved plan, or another one.
    OfPlan,
}

/// A file's last run and what becomes of it.
pub(crate) struct Last {
    /// The run.
    pub run: RunRow,
    /// Its unfinished entries, whether asked for or not.
    pub left: u64,
    /// See [`Next`].
    pub next: Next,
}

impl Last {
    /// Looks at a file's last run.
    pub async fn of(ledger: &Ledger, run: RunRow, asked: &Asked<'_>) -> Result<Self, LedgerError> {
        let orgs = ledger.orgs(&run.id).await?;
        let sum = async |selected: &Selected| -> Result<Counts, LedgerError> {
            let by_org = counts_by_org(ledger, &run, &orgs, selected).await?;
            Ok(by_org.into_iter().map(|(_, counts)| counts).sum())
        };
        let all = sum(&Selected::default()).await?;
        let selected = if asked.selection.is_all() {
            all
        } else {
            sum(&Selected::of(ledger, &run.id, &orgs, asked.selection).await?).await?
        };
        let (is_of, renews) = match RunContext::of(&run) {
            Ok(context) => (
                context.is_of(asked.plan),
                context.does_reconnect(asked.reconnect),
            ),
            // Of an earlier version, which had no plans and renewed nothing.
            Err(_) => (asked.plan.is_none(), asked.reconnect.is_none()),
        };
        let facts = Facts {
            is_of,
            renews,
            files: if run.digest != asked.digest {
                Files::Changed
            } else if orgs.iter().any(|org| asked.has_elsewhere(org)) {
                Files::Moved
            } else {
                Files::Same
            },
            all,
            selected,
        };
        Ok(Self {
            left: all.unfinished(),
            next: facts.next(asked.selection),
            run,
        })
    }
}

// What became of the files that a run was begun with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Files {
    Same,
    // The manifest is another one.
    Changed,
    // An org is at another address.
    Moved,
}

// A last run as it stands to what is asked for.
struct Facts {
    // Whether it does the same manifest, or applies the same plan.
    is_of: bool,
    // Whether it renews the consents that are to be renewed.
    renews: bool,
    files: Files,
    all: Counts,
    selected: Counts,
}

impl Facts {
    fn next(&self, selection: &Selection) -> Next {
        if self.is_of && self.renews && self.files == Files::Same {
            // States are those of a run: where they are asked for, it is the last one's, whatever is left in it.
            if self.selected.movable() > 0 || selection.has_states() {
                return Next::GoesOn;
            }
        }
        match self {
            _ if self.all.movable() == 0 => Next::Settled,
            Self { is_of: false, .. } => Next::OfPlan,
            Self { renews: false, .. } => Next::Renews,
            Self { files, .. } => match files {
                Files::Changed => Next::Changed,
                Files::Moved => Next::Moved,
                Files::Same => Next::LeftOut,
            },
        }
    }
}

/// A file's last run, if it continues.
pub(crate) async fn goes_on(
    ledger: &Ledger,
    target: &Target,
    plan: Option<&str>,
    selection: &Selection,
    reconnect: bool,
) -> Result<Option<RunRow>, Failure> {
    let Some(run) = ledger.last_run_of(&target.run_key()).await? else {
        return Ok(None);
    };
    let renewed = selection.with_state(None);
    let orgs = manifest::read_orgs(&target.source()).ok();
    let asked = Asked {
        digest: &target.digest()?,
        plan,
        selection,
        reconnect: reconnect.then_some(&renewed),
        orgs: orgs.as_ref(),
    };
    let last = Last::of(ledger, run, &asked).await?;
    Ok((last.next == Next::GoesOn).then_some(last.run))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pending: u64, started: u64, held_back: u64) -> Counts {
        Counts {
            pending,
            started,
            held_back,
            waiting: 1,
            changed: 1,
            failed: 1,
            ..Counts::default()
        }
    }

    #[test]
    fn a_run_continues_while_something_that_is_asked_for_can_move() {
        let org = Selection::of(&["org=a".parse().unwrap()]);
        let state = Selection::of(&["failed".parse().unwrap()]);
        let (none, pending, started) = (counts(0, 0, 0), counts(2, 0, 0), counts(0, 1, 0));
        // All or a part of what is left is of an org that was stopped.
        let (stopped, partly) = (counts(2, 1, 3), counts(2, 1, 2));
        for (is_of, is_unchanged, all, selected, selection, next) in [
            (true, true, none, none, &org, Next::Settled),
            (true, true, pending, pending, &org, Next::GoesOn),
            (true, true, started, started, &org, Next::GoesOn),
            (true, true, pending, none, &org, Next::LeftOut),
            (true, true, started, none, &org, Next::LeftOut),
            (true, true, stopped, stopped, &org, Next::Settled),
            (true, true, stopped, none, &org, Next::Settled),
            (true, true, partly, partly, &org, Next::GoesOn),
            (true, true, partly, stopped, &org, Next::LeftOut),
            (true, true, none, none, &state, Next::GoesOn),
            (true, true, pending, none, &state, Next::GoesOn),
            (true, true, stopped, none, &state, Next::GoesOn),
            (true, false, pending, pending, &org, Next::Changed),
            (true, false, pending, none, &state, Next::Changed),
            (true, false, none, none, &state, Next::Settled),
            (true, false, stopped, stopped, &org, Next::Settled),
            (false, true, pending, none, &org, Next::OfPlan),
            (false, false, pending, none, &state, Next::OfPlan),
            (false, true, none, none, &state, Next::Settled),
            (false, true, stopped, stopped, &org, Next::Settled),
        ] {
            let facts = Facts {
                is_of,
                renews: true,
                files: if is_unchanged {
                    Files::Same
                } else {
                    Files::Changed
                },
                all,
                selected,
            };
            let case = format!("{is_of} {is_unchanged} {all:?} {selected:?} {selection}");
            assert_eq!(facts.next(selection), next, "{case}");
            // With an org at another address it never continues.
            let files = match facts.files {
                Files::Same => Files::Moved,
                files => files,
            };
            let moved = Facts { files, ..facts };
            let elsewhere = match next {
                _ if all.movable() == 0 => Next::Settled,
                Next::OfPlan | Next::Changed => next,
                _ => Next::Moved,
            };
            assert_eq!(moved.next(selection), elsewhere, "{case}");
        }
    }
}
