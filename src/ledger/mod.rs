//! Checkpoints in domain words: what a run must remember to survive its process.
//!
//! A ledger holds runs, their orgs and entries, the calls made, the consents settled and the fingerprints of secrets
//! last set. A row per entry carries how far it came; every transition is durable before the next call is sent.
//!
//! [`Ledger`] is all that the rest of the program knows: domain values in, domain values out. Where they are kept is a
//! backend's matter, a folder here with everything that only it knows.
//!
//! ```text
//! mod.rs     open, who works on a run, checkpoints, changes, keys
//! reads.rs   what can be asked
//! writes.rs  changes besides checkpoints    ownership.rs   by which right    shares.rs   links for others, and the desk
//! partitions.rs   who works on which orgs, where several do
//! model/     the values       error.rs   what can go wrong    health.rs  how it is
//! store.rs   which backend it is    stored.rs, prepared.rs, run_id.rs   what they have in common: codes, keys, JSON
//! moving.rs  from one backend to another    tables.rs, transit.rs   what is carried, and on its way
//! old_runs.rs, removed.rs   and what they look for: runs to drop, entries that left their file
//! sqlite/    one file, the log, locks and keys beside it
//! postgres/  a database: one session that commits and holds locks, and a few that read
//! ```
//!
//! Several processes may have a ledger open. A run belongs to the one that holds its lock, and only an [`Owner`] changes
//! its entries; others may still move on those that wait for a person (`consent complete`), which the version in every
//! [`Checkpoint`] makes safe: whoever comes second gets [`LedgerError::Moved`] and looks again.

mod carriable;
mod error;
mod files;
mod health;
mod import_orgs;
mod model;
mod moving;
mod old_runs;
mod ownership;
mod partitions;
mod postgres;
mod prepared;
mod reads;
mod removed;
mod run_id;
mod shares;
mod sqlite;
mod store;
mod stored;
mod tables;
mod transit;
mod workers;
mod writes;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;

pub use error::LedgerError;
pub use health::Health;
#[cfg(test)]
pub(crate) use model::tests;
pub use model::*;
pub use moving::{MoveOptions, move_ledger};
pub use ownership::{ConsentRight, OrgHold, Owner, RunLock, StartLock};
pub use partitions::partition_of;
pub use postgres::{RoleError, grants};
pub use store::{DeskMark, Enrolled, Import};

use crate::job::LedgerUrl;
use crate::model::RunId;
use store::{HeldFile, HeldRun, OfBackend, Store, ask, on};

type Result<T, E = LedgerError> = std::result::Result<T, E>;

/// How long many reads may be of one moment: what is replaced or removed meanwhile is kept for them, and somebody may
/// leave a report half read in a pager.
const LONGEST_LOOK: Duration = Duration::from_mins(10);

/// An open ledger. Cheap to clone; closed with its last clone.
#[derive(Clone, Debug)]
pub struct Ledger {
    store: Store,
    url: LedgerUrl,
    /// Sent when an entry was changed by who submits its consent, not by the run's owner.
    consents: watch::Sender<()>,
}

/// What a checkpoint builds on, as the backend stored it: of no use but for the entry's next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsStored(stored::Compared);

/// Opening and closing.
impl Ledger {
    /// Opens the ledger.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] when reading what is not there, [`LedgerError::Closed`] when changing what was moved
    /// away, [`LedgerError::ForeignFile`], [`LedgerError::NewerFormat`], and what the disk or another process may cause.
    pub async fn open(url: &LedgerUrl, mode: OpenMode) -> Result<Self> {
        let options = OpenOptions {
            mode,
            ..OpenOptions::default()
        };
        Self::open_with(url, options).await
    }

    /// As [`Self::open`], with all options.
    pub async fn open_with(url: &LedgerUrl, options: OpenOptions) -> Result<Self> {
        let (store, url) = match url {
            LedgerUrl::File(path) => {
                let store = sqlite::Store::open(path, options).await?;
                let url = LedgerUrl::file(store.file());
                (Store::Sqlite(store), url)
            }
            LedgerUrl::Postgres(at) => {
                let store = Box::pin(postgres::Store::open(at, options)).await?;
                (Store::Postgres(store), url.clone())
            }
        };
        let ledger = Self {
            store,
            url,
            consents: watch::Sender::new(()),
        };
        if options.mode != OpenMode::ReadOnly
            && let Some(gone) = ledger.gone().await?
        {
            let location = ledger.url.to_string();
            return Err(LedgerError::Closed { location, gone });
        }
        Ok(ledger)
    }

    /// Where it is now, if it was moved: then it can only be read here.
    pub async fn gone(&self) -> Result<Option<Gone>> {
        Ok(ask!(&self.store, store => store.whereabouts())?.gone)
    }

    /// The ledger as it is now, for reads that have to fit together, whatever is written meanwhile; those that come very
    /// much later are of their own moments again. Who holds a run is always told as it is.
    pub async fn snapshot(&self) -> Result<Self> {
        Ok(Self {
            store: match &self.store {
                Store::Sqlite(store) => Store::Sqlite(store.snapshot().await?),
                Store::Postgres(store) => Store::Postgres(Box::pin(store.snapshot()).await?),
            },
            url: self.url.clone(),
            consents: self.consents.clone(),
        })
    }

    /// The file that it is in, if it is in one: what is beside it begins with its name.
    pub fn file(&self) -> Option<&Path> {
        self.url.path()
    }

    /// Its address, absolute: that of another ledger is another.
    pub const fn url(&self) -> &LedgerUrl {
        &self.url
    }

    /// What the names of files begin with that belong to it on this machine, besides what a backend keeps for itself;
    /// `None` = there is no place for any.
    pub fn place(&self) -> Option<PathBuf> {
        match &self.store {
            Store::Sqlite(store) => Some(store.file().to_owned()),
            Store::Postgres(store) => store.place(),
        }
    }

    /// As [`Self::file`], of one that need not be there.
    pub fn file_of(url: &LedgerUrl) -> Option<&Path> {
        url.path()
    }

    /// How the ledger is, which need not be there; nothing is made or changed.
    pub async fn health(url: &LedgerUrl) -> Health {
        match url {
            LedgerUrl::File(path) => sqlite::Store::health(path).await,
            LedgerUrl::Postgres(url) => Box::pin(postgres::Store::health(url)).await,
        }
    }

    /// Whether it was made by opening it.
    pub fn is_new(&self) -> bool {
        on!(&self.store, store => store.is_new())
    }

    /// Takes a ledger away again that opening it made, and in which no run began; nobody else may have it open.
    pub async fn discard_unused(self) {
        ask!(self.store, store => store.discard_unused());
    }
}

/// Who works on runs, and what comes of it.
impl Ledger {
    /// Takes the run for this process, until the lock is dropped or the process ends.
    ///
    /// # Errors
    /// [`LedgerError::Held`] when somebody has it.
    pub async fn lock_run(&self, id: &RunId) -> Result<RunLock> {
        let held = match &self.store {
            Store::Sqlite(store) => HeldRun::Sqlite(store.lock_run(id)?),
            Store::Postgres(store) => HeldRun::Postgres(Box::pin(store.lock_run(id)).await?),
        };
        Ok(RunLock {
            run: id.clone(),
            held: Some(Arc::new(held)),
        })
    }

    /// Works on a run beside whoever leads it: on the orgs that [`Self::hold_org`] gives. On a ledger that
    /// [is not shared](Self::is_shared) nobody can.
    ///
    /// # Errors
    /// [`LedgerError::Held`] on a ledger that is not shared; when there is no such run.
    pub async fn join_run(&self, id: &RunId) -> Result<RunLock> {
        let run = self.run(id).await?.id;
        if !self.is_shared() {
            let by = "the process that leads it".to_owned();
            return Err(LedgerError::Held { run, by });
        }
        Ok(RunLock { run, held: None })
    }

    /// Lets others [join](Self::join_run) a run that this process leads.
    pub async fn invite(&self, lock: &RunLock) -> Result<()> {
        match &self.store {
            Store::Postgres(store) if lock.leads() => Box::pin(store.invite(lock.run())).await,
            Store::Postgres(_) | Store::Sqlite(_) => Ok(()),
        }
    }

    /// What this process holds, and held before, on all ledgers that [are shared](Self::is_shared); `None` = nothing yet.
    pub fn holdings() -> Option<Holdings> {
        postgres::holdings()
    }

    /// Whether somebody leads a run and lets others join.
    pub async fn is_open(&self, run: &RunId) -> Result<bool> {
        match &self.store {
            Store::Postgres(store) => Box::pin(store.is_open(run)).await,
            Store::Sqlite(_) => Ok(false),
        }
    }

    /// Whether several processes may work on a run, each on orgs of its own.
    pub const fn is_shared(&self) -> bool {
        matches!(self.store, Store::Postgres(_))
    }

    /// Waits until an org, by its [`OrgRow::url`], is this process's. Where a ledger is shared that may take as long as
    /// another one has it.
    ///
    /// # Errors
    /// When the session that all orgs are held in ended.
    pub async fn hold_org(&self, org_url: &str) -> Result<OrgHold> {
        Ok(OrgHold(match &self.store {
            Store::Sqlite(_) => None,
            Store::Postgres(store) => Some(Box::pin(store.hold_org(org_url)).await?),
        }))
    }

    /// Takes the right to start a run of the file with this [`RunRow::file_key`], until the lock is dropped or the
    /// process ends: what is looked up meanwhile stays so.
    ///
    /// # Errors
    /// [`LedgerError::Starting`] when somebody has it.
    pub async fn lock_file(&self, file_key: &str) -> Result<StartLock> {
        let held = match &self.store {
            Store::Sqlite(store) => HeldFile::Sqlite(store.lock_file(file_key)?),
            Store::Postgres(store) => {
                HeldFile::Postgres(Box::pin(store.lock_file(file_key)).await?)
            }
        };
        Ok(StartLock { _held: held })
    }

    /// Whether a process works on the run.
    pub async fn is_locked(&self, id: &RunId) -> Result<bool> {
        match &self.store {
            Store::Sqlite(store) => store.is_locked(id),
            Store::Postgres(store) => Box::pin(store.is_locked(id)).await,
        }
    }

    /// Makes sure, right before a call is sent, that the run was still the owner's within the last second.
    ///
    /// # Errors
    /// When the session that held it ended or does not answer: somebody else may have the run.
    pub async fn still_holds(&self, owner: Owner<'_>) -> Result<()> {
        match (&self.store, owner) {
            (Store::Postgres(store), Owner::Run(_)) => Box::pin(store.still_holds()).await,
            // A file's lock cannot be lost, and the version of an entry decides who submits its consent.
            (Store::Sqlite(_), _) | (_, Owner::Consent(_)) => Ok(()),
        }
    }

    /// Marks the run as this process's from here on, and as not finished: a ledger that turns out not to have the mark any
    /// more was replaced.
    pub async fn mark(&self, lock: &RunLock) -> Result<()> {
        ask!(&self.store, store => store.mark(lock.run()))
    }

    /// Begins a new run. Removes what killed imports left behind.
    pub async fn import(&self, run: NewRun) -> Result<Import> {
        Ok(Import(match &self.store {
            Store::Sqlite(store) => OfBackend::Sqlite(store.import(run).await?),
            Store::Postgres(store) => OfBackend::Postgres(Box::pin(store.import(run)).await?),
        }))
    }

    /// Stores one transition of an entry of the owner's; durable when the future is ready, with what the next transition builds on. It
    /// is on its way before: the future is small, which counts where thousands of entries wait for theirs.
    ///
    /// # Errors
    /// [`LedgerError::Moved`] when the entry is not as the checkpoint expects, or not the owner's; nothing is stored then.
    /// After an error of disk or file every later commit fails with the same one.
    pub fn commit<'a>(
        &'a self,
        owner: Owner<'_>,
        checkpoint: Checkpoint<'_>,
    ) -> impl Future<Output = Result<AsStored>> + use<'a> {
        // While it is being submitted, or a fresh link asked for, the entry is nobody else's.
        let is_left = checkpoint.due_at.is_none() && checkpoint.progress.in_flight.is_none();
        let is_here = is_left && matches!(owner, Owner::Consent(_));
        let consents = is_here.then_some(&self.consents);
        let is_for_others = matches!(owner, Owner::Consent(_));
        let stored = if owner.has(checkpoint.no) {
            Ok(match &self.store {
                Store::Sqlite(store) => Either::Left(store.commit(owner.run(), checkpoint)),
                Store::Postgres(store) => {
                    Either::Right(store.commit(owner.run(), checkpoint, is_for_others))
                }
            })
        } else {
            let (run, no) = (owner.run().clone(), checkpoint.no);
            Err(LedgerError::Moved { run, no })
        };
        async move {
            let stored = stored?.await?;
            if let Some(consents) = consents {
                consents.send_replace(());
            }
            Ok(stored)
        }
    }

    /// Comes up with something each time somebody else has changed the ledger since this was called: another process, or
    /// who submits consents in this one.
    pub async fn changes(&self) -> Result<impl Stream<Item = Result<()>> + use<>> {
        let here = stream::unfold(self.consents.subscribe(), async |mut consents| {
            consents.changed().await.ok()?;
            Some((Ok(()), consents))
        });
        let others = match &self.store {
            Store::Sqlite(store) => Either::Left(store.changes().await?),
            Store::Postgres(store) => Either::Right(Box::pin(store.changes()).await?),
        };
        Ok(stream::select(others, here))
    }

    /// Whether what was known of an app when its entry was loaded still holds, as far as changes were looked for.
    pub fn is_current(&self, known: &Known) -> bool {
        on!(&self.store, store => store.is_current(known))
    }

    /// The keys of this ledger's fingerprints, made on first use. They are not kept where what they are for is.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] when something else is in their place; [`LedgerError::ReadOnly`] when the ledger is open
    /// for reading only and has none yet (then it has no fingerprint either).
    pub async fn keys(&self) -> Result<HmacKeys> {
        match &self.store {
            Store::Sqlite(store) => store.keys(),
            Store::Postgres(store) => Box::pin(store.keys()).await,
        }
    }
}
