//! The backends: which of them has a ledger, and what each of them hands out.

use std::fmt;

use super::{ImportEntry, LedgerError, Result, postgres, sqlite};
use crate::manifest::OrgSpec;
use crate::model::{OrgNo, RunId};

/// Where a ledger is kept. Cheap to clone; closed with its last clone.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Sqlite(sqlite::Store),
    Postgres(postgres::Store),
}

/// Says the same to whichever backend it is.
macro_rules! on {
    ($store:expr, $name:ident => $said:expr) => {
        match $store {
            $crate::ledger::store::Store::Sqlite($name) => $said,
            $crate::ledger::store::Store::Postgres($name) => $said,
        }
    };
}

/// Asks whichever backend it is. PostgreSQL's answer is boxed: what waits for it takes much memory, which tens of thousands
/// that wait for a file would have to take as well.
macro_rules! ask {
    ($store:expr, $name:ident => $asked:expr) => {
        match $store {
            $crate::ledger::store::Store::Sqlite($name) => $asked.await,
            $crate::ledger::store::Store::Postgres($name) => Box::pin($asked).await,
        }
    };
}

pub(super) use {ask, on};

/// A run that is being stored. Dropped before [`Import::finish`], it never was. The methods block.
pub struct Import(pub(super) OfBackend<sqlite::Import, postgres::Import>);

/// What one of the backends handed out.
#[derive(Debug)]
pub(super) enum OfBackend<S, P> {
    Sqlite(S),
    Postgres(P),
}

impl Import {
    /// Adds an org: its name, its URL as in [`crate::ledger::OrgRow::url`], its credentials and limits.
    pub fn push_org(
        &mut self,
        name: &str,
        url: &str,
        spec: &OrgSpec,
    ) -> Result<OrgNo, LedgerError> {
        match &mut self.0 {
            OfBackend::Sqlite(import) => import.push_org(name, url, spec),
            OfBackend::Postgres(import) => import.push_org(name, url, spec),
        }
    }

    /// Notes that entries of other orgs have steps in this one.
    pub fn note_hub(&mut self, org: OrgNo) {
        match &mut self.0 {
            OfBackend::Sqlite(import) => import.note_hub(org),
            OfBackend::Postgres(import) => import.note_hub(org),
        }
    }

    /// Adds the next entry; numbers follow the order of calls, from 0.
    pub fn push_entry(&mut self, entry: ImportEntry<'_>) -> Result<(), LedgerError> {
        match &mut self.0 {
            OfBackend::Sqlite(import) => import.push_entry(entry),
            OfBackend::Postgres(import) => import.push_entry(entry),
        }
    }

    /// Makes the run visible; durable on return.
    pub fn finish(self) -> Result<RunId, LedgerError> {
        match self.0 {
            OfBackend::Sqlite(import) => import.finish(),
            OfBackend::Postgres(import) => import.finish(),
        }
    }
}

/// A run that is held; given back on drop.
pub(super) type HeldRun = OfBackend<sqlite::HeldRun, postgres::Held>;

/// An org that is held where others could have it; given back on drop.
pub(super) type HeldOrg = postgres::OrgHold;

/// A process that works on a ledger with others, as long as this is there.
pub type Enrolled = postgres::Held;

/// The right to begin a run of a file; given back on drop.
pub(super) type HeldFile = OfBackend<sqlite::FileLock, postgres::Held>;

/// A desk that works on the ledger; it is gone with this.
#[derive(Debug)]
pub struct DeskMark(
    #[expect(dead_code, reason = "held until it is dropped")]
    pub(super)  OfBackend<sqlite::DeskMark, postgres::Held>,
);

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").finish_non_exhaustive()
    }
}
