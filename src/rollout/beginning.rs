//! A run that begins: its manifest is checked and imported, and nothing of it is kept when it is refused, nor of a ledger
//! that was made for it.

use std::collections::HashSet;

use super::blocking::blocking;
use super::context::{RunContext, unreadable};
use super::importing::Importing;
use super::in_flight::InFlight;
use super::refused::Refused;
use super::rotation;
use super::target::Target;
use crate::failure::Failure;
use crate::ledger::{Ledger, LedgerError, NewRun, RunLock, RunRow, StartLock};
use crate::manifest::{self, CheckOptions, Checked, Located, Orgs};
use crate::model::RunId;
use crate::pacing::unix_millis;
use crate::selection::Selection;

/// What a new run is to do.
pub(crate) struct Wanted {
    /// SHA-256 (hex) of the manifest's bytes.
    pub digest: String,
    /// The only rows it is about, if not all.
    pub rows: Option<HashSet<u64>>,
    /// Of which entries and orgs the secrets are tried.
    pub selection: Selection,
}

impl Wanted {
    /// All of a file that is selected.
    pub fn of_file(target: &Target, selection: Selection) -> Result<Self, Failure> {
        Ok(Self {
            digest: target.digest()?,
            rows: None,
            selection,
        })
    }
}

/// A run that is to begin.
pub(crate) struct Beginning<'a> {
    pub target: &'a Target,
    pub context: &'a RunContext,
    pub wanted: Wanted,
    pub orgs: Orgs,
    pub options: CheckOptions,
}

/// A run that has begun, and nothing was sent for it yet.
pub(crate) struct BegunRun {
    /// The ledger that has it.
    pub ledger: Ledger,
    /// The run.
    pub run: RunRow,
    /// Held until its last checkpoint.
    pub lock: RunLock,
    /// How many entries it has.
    pub entries: u64,
    /// Connections whose keys it does not rotate, because their hub is not named.
    pub nowhere: u64,
}

/// Checks the manifest and imports it in the same pass, and locks the new run; `None` when none of its entries is
/// selected: the run then never was. Of a run that does not begin no new ledger stays. `waits` is told what is waited
/// for before.
pub(crate) async fn begin(
    ledger: Ledger,
    starting: StartLock,
    beginning: Beginning<'_>,
    waits: impl FnOnce(&InFlight),
) -> Result<Option<BegunRun>, Refused> {
    let begun = import(&ledger, beginning, waits).await;
    if let Ok(Some(begun)) = begun {
        return Ok(Some(BegunRun {
            ledger,
            run: begun.run,
            lock: begun.lock,
            entries: begun.entries,
            nowhere: begun.nowhere,
        }));
    }
    drop(starting);
    ledger.discard_unused().await;
    begun.map(|_| None)
}

async fn import(
    ledger: &Ledger,
    beginning: Beginning<'_>,
    waits: impl FnOnce(&InFlight),
) -> Result<Option<Begins>, Refused> {
    let Beginning {
        target,
        context,
        wanted,
        orgs,
        options,
    } = beginning;
    let Wanted {
        digest,
        rows,
        selection,
    } = wanted;
    let timeout = target.policy.http.timeout;
    if target.rotates.is_some() {
        rotation::refuse_too_soon(ledger, target, &selection, unix_millis()).await?;
    }
    if let Some(in_flight) = InFlight::last(ledger, &orgs.urls(), timeout).await? {
        waits(&in_flight);
        in_flight.wait().await;
    }
    let import = ledger
        .import(NewRun {
            file: target.file.display().to_string(),
            file_key: target.run_key(),
            digest: digest.clone(),
            context: context.to_json(),
            started_at: unix_millis(),
        })
        .await?;
    let (source, rotates) = (target.source(), target.rotates);
    let wanted_digest = digest.clone();
    let read = move || -> Result<(Checked, Imported), Failure> {
        let mut importing = Importing::new(import, orgs, selection.clone(), rows, rotates);
        let mut take = |located: Located| importing.take(&located);
        let checked = manifest::check_selected(&source, &options, &selection, &mut take)
            .map_err(unreadable)?;
        let usable = checked.problem_count == 0 && checked.digest == digest;
        // Dropped, the import never was; the caller tells why.
        let begins = usable && importing.selected;
        let nowhere = importing.nowhere;
        let run = begins.then(|| importing.finish());
        Ok((checked, Imported { run, nowhere }))
    };
    let (checked, imported) = blocking(read).await?;
    let mut entries = checked.entries;
    is_good(checked, target, &wanted_digest)?;
    let Some(id) = imported.run.transpose()? else {
        return Ok(None);
    };
    let lock = ledger.lock_run(&id).await?;
    if rotates.is_some() {
        let counts = ledger.counts_by_org(&id).await?;
        entries = counts.iter().map(|(_, counts)| counts.entries()).sum();
    }
    Ok(Some(Begins {
        run: ledger.run(&id).await?,
        lock,
        entries,
        nowhere: imported.nowhere,
    }))
}

/// What came of an import.
struct Imported {
    /// The run, if there is one.
    run: Option<Result<RunId, LedgerError>>,
    nowhere: u64,
}

/// A run that was imported, and is held.
struct Begins {
    run: RunRow,
    lock: RunLock,
    entries: u64,
    nowhere: u64,
}

/// Refuses a manifest with mistakes, and one that is not what it was when it was read first.
fn is_good(checked: Checked, target: &Target, digest: &str) -> Result<(), Refused> {
    if checked.problem_count > 0 {
        return Err(Refused::Mistakes {
            problems: checked.problems,
            count: checked.problem_count,
        });
    }
    if checked.digest == digest {
        return Ok(());
    }
    let manifest = target.policy.manifest.display();
    let error = anyhow::anyhow!("{manifest} changed while it was read; nothing was sent");
    Err(Failure::usage(error).hint("run the command again").into())
}
