//! A run that has come to rest and waits for people: it stays until one of them did something, for as long as there is
//! something to be done.

use std::pin::Pin;

use futures_util::Stream;
use futures_util::stream::StreamExt as _;

use super::waves::standing;
use crate::engine::{Engine, Selected};
use crate::ledger::{Ledger, LedgerError, RunRow};

/// Whether a run stays when all that is left of it waits for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stays {
    /// It ends, and another command continues with it.
    #[default]
    No,
    /// Where this process serves the orgs itself, and nobody simulates their administrator: links end with the run.
    Simulated,
    /// Whatever its orgs are.
    Yes,
}

type Changes = Pin<Box<dyn Stream<Item = Result<(), LedgerError>> + Send>>;

/// People that a run waits for.
pub(super) struct People<'a> {
    engine: &'a Engine,
    ledger: &'a Ledger,
    run: &'a RunRow,
    selected: &'a Selected,
    changes: Changes,
}

impl<'a> People<'a> {
    /// Those who have something to do about these entries of a run, which this engine drives.
    pub async fn of(
        engine: &'a Engine,
        (ledger, run): (&'a Ledger, &'a RunRow),
        selected: &'a Selected,
    ) -> Result<Self, LedgerError> {
        Ok(Self {
            engine,
            ledger,
            run,
            selected,
            // Before anything is looked at: what they do from now on is noticed.
            changes: Box::pin(ledger.changes().await?),
        })
    }

    /// Waits until one of them did something; `false` = there is nothing to be done.
    pub async fn did_something(&mut self) -> Result<bool, LedgerError> {
        if !self.is_waited_for().await? {
            return Ok(false);
        }
        tokio::select! {
            () = self.engine.cancellation().cancelled() => Ok(false),
            () = self.engine.live().approved(&self.run.id) => Ok(true),
            changed = self.changes.next() => match changed {
                Some(changed) => changed.map(|()| true),
                // Nobody can be heard of any more.
                None => Ok(false),
            },
        }
    }

    async fn is_waited_for(&self) -> Result<bool, LedgerError> {
        let counts = self.selected.counts(self.ledger, &self.run.id).await?;
        if counts.waiting > 0 {
            return Ok(true);
        }
        let orgs = self.ledger.orgs(&self.run.id).await?;
        let standing = standing(self.ledger, self.run, &orgs, self.selected).await?;
        Ok(standing.is_some_and(|standing| standing.awaits().is_some()))
    }
}
