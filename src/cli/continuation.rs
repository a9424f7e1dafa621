//! Whether a file's last run goes on or a new one starts: one rule for `run`, `run --plan` and `plan`.
//!
//! A run goes on while something of what is asked for is unfinished in it: the same `--only` night after night
//! looks at its entries anew each time, although the others were never done.

use super::context::RunContext;
use super::run;
use super::target::Target;
use crate::failure::Failure;
use crate::ledger::{Counts, Ledger, LedgerError, RunRow};
use crate::run::Selected;
use crate::selection::Selection;

/// What a command is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// SHA-256 (hex) of the manifest's bytes as it is now.
    pub digest: &'a str,
    /// The saved plan that is applied, by the SHA-256 (hex) of its file; `None` = whatever the manifest says.
    pub plan: Option<&'a str>,
    /// See `--only`.
    pub selection: &'a Selection,
}

/// What becomes of a file's last run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It goes on.
    GoesOn,
    /// A new one starts: nothing is unfinished in it.
    Settled,
    /// A new one starts: what is unfinished in it is not what is asked for.
    LeftOut,
    /// A new one starts, although something is unfinished in it: the manifest changed since.
    Changed,
    /// A new one starts, although something is unfinished in it: it applies a saved plan, or another one.
    OfPlan,
}

/// A file's last run and what becomes of it.
pub(super) struct Last {
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
        let all = ledger.counts(&run.id).await?;
        let selected = if asked.selection.is_all() {
            all
        } else {
            let orgs = ledger.orgs(&run.id).await?;
            let selected = Selected::of(ledger, &run.id, &orgs, asked.selection).await?;
            selected.counts(ledger, &run.id).await?
        };
        let is_of = match RunContext::of(&run) {
            Ok(context) => context.is_of(asked.plan),
            // Of an earlier version, which had no plans.
            Err(_) => asked.plan.is_none(),
        };
        let facts = Facts {
            is_of,
            is_unchanged: run.digest == asked.digest,
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

/// A file's last run, if it goes on.
pub(super) async fn goes_on(
    ledger: &Ledger,
    target: &Target,
    plan: Option<&str>,
    selection: &Selection,
) -> Result<Option<RunRow>, Failure> {
    let Some(run) = ledger.last_run_of(&target.key).await? else {
        return Ok(None);
    };
    let asked = Asked {
        digest: &run::digest(target)?,
        plan,
        selection,
    };
    let last = Last::of(ledger, run, &asked).await?;
    Ok((last.next == Next::GoesOn).then_some(last.run))
}

// A last run as it stands to what is asked for.
struct Facts {
    // Whether it does the same manifest, or applies the same plan.
    is_of: bool,
    is_unchanged: bool,
    all: Counts,
    selected: Counts,
}

impl Facts {
    fn next(&self, selection: &Selection) -> Next {
        let is_left = self.all.unfinished() > 0;
        if self.is_of && self.is_unchanged {
            // States are those of a run: where they are asked for, it is the last one's, whatever is left in it.
            if self.selected.unfinished() > 0 || selection.has_states() {
                return Next::GoesOn;
            }
        }
        match self {
            _ if !is_left => Next::Settled,
            Self { is_of: false, .. } => Next::OfPlan,
            Self {
                is_unchanged: false,
                ..
            } => Next::Changed,
            _ => Next::LeftOut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pending: u64, started: u64) -> Counts {
        Counts {
            pending,
            started,
            waiting: 1,
            changed: 1,
            failed: 1,
            ..Counts::default()
        }
    }

    #[test]
    fn a_run_goes_on_while_something_that_is_asked_for_is_unfinished() {
        let org = Selection::of(&["org=a".parse().unwrap()]);
        let state = Selection::of(&["failed".parse().unwrap()]);
        let (none, pending, started) = (counts(0, 0), counts(2, 0), counts(0, 1));
        for (is_of, is_unchanged, all, selected, selection, next) in [
            (true, true, none, none, &org, Next::Settled),
            (true, true, pending, pending, &org, Next::GoesOn),
            (true, true, started, started, &org, Next::GoesOn),
            (true, true, pending, none, &org, Next::LeftOut),
            (true, true, started, none, &org, Next::LeftOut),
            (true, true, none, none, &state, Next::GoesOn),
            (true, true, pending, none, &state, Next::GoesOn),
            (true, false, pending, pending, &org, Next::Changed),
            (true, false, pending, none, &state, Next::Changed),
            (true, false, none, none, &state, Next::Settled),
            (false, true, pending, pending, &org, Next::OfPlan),
            (false, false, pending, none, &state, Next::OfPlan),
            (false, true, none, none, &state, Next::Settled),
        ] {
            let facts = Facts {
                is_of,
                is_unchanged,
                all,
                selected,
            };
            let case = format!("{is_of} {is_unchanged} {all:?} {selected:?} {selection}");
            assert_eq!(facts.next(selection), next, "{case}");
        }
    }
}
