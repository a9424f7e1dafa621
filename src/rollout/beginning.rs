//! A run that begins: its manifest is checked and imported, and nothing of it is kept when it is refused, nor of a ledger
//! that was made for it.

use std::collections::HashSet;

use super::blocking::blocking;
use super::landing::let_calls_land;
use super::output::Output;
use super::target::{Target, refuse};
use super::{args, open};
use crate::failure::Failure;
use crate::ledger::{Ledger, LedgerError, NewRun, RunLock, RunRow, StartLock};
use crate::manifest::{self, CheckOptions, Checked, Located, Orgs, SecretCheck};
use crate::model::RunId;
use crate::pacing::unix_millis;
use crate::report::counted;
use crate::rollout::context::{RunContext, unreadable};
use crate::rollout::importing::Importing;
use crate::selection::Selection;
use crate::settings::Settings;

/// What a new run is to do.
pub(super) struct Wanted {
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

/// How a manifest is checked before a run of it begins.
pub(super) fn options(args: &args::Run) -> CheckOptions {
    CheckOptions {
        secrets: SecretCheck::Entries,
        exec: args.allow_exec.into(),
    }
}

/// Refuses a manifest with mistakes, and one that is not what it was when it was read first.
fn is_good(
    checked: &Checked,
    target: &Target,
    digest: &str,
    output: Output,
) -> Result<(), Failure> {
    if checked.problem_count > 0 {
        let (problems, count) = (&checked.problems, checked.problem_count);
        return Err(refuse(&target.file, problems, count, output));
    }
    if checked.digest == digest {
        return Ok(());
    }
    let manifest = target.policy.manifest.display();
    Err(Failure::usage(anyhow::anyhow!(
        "{manifest} changed while it was read; nothing was sent"
    ))
    .hint("run the command again"))
}

/// A run that is to begin.
pub(super) struct Beginning<'a> {
    pub target: &'a Target,
    pub context: &'a RunContext,
    pub wanted: Wanted,
    pub orgs: Orgs,
    pub options: CheckOptions,
}

/// Checks the manifest and imports it in the same pass, and locks the new run; `None` when none of its entries is
/// selected: the run then never was. Of a run that does not begin no new ledger stays.
pub(super) async fn begin(
    ledger: Ledger,
    starting: StartLock,
    beginning: Beginning<'_>,
    settings: &Settings,
    output: Output,
) -> Result<Option<(Ledger, (RunRow, RunLock))>, Failure> {
    let begun = import(&ledger, beginning, settings, output).await;
    if let Ok(Some(begun)) = begun {
        return Ok(Some((ledger, begun)));
    }
    drop(starting);
    ledger.discard_unused().await;
    begun.map(|_| None)
}

async fn import(
    ledger: &Ledger,
    beginning: Beginning<'_>,
    settings: &Settings,
    output: Output,
) -> Result<Option<(RunRow, RunLock)>, Failure> {
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
    let_calls_land(ledger, &orgs.urls(), target.policy.http.timeout, output).await?;
    let import = ledger
        .import(NewRun {
            file: target.file.display().to_string(),
            file_key: target.key.clone(),
            digest: digest.clone(),
            context: context.to_json(),
            started_at: unix_millis(),
        })
        .await?;
    let source = target.source();
    let wanted_digest = digest.clone();
    let read = move || -> Result<(Checked, Option<Result<RunId, LedgerError>>), Failure> {
        let mut importing = Importing::new(import, orgs, selection.clone(), rows);
        let mut take = |located: Located| importing.take(&located);
        let checked = manifest::check_selected(&source, &options, &selection, &mut take)
            .map_err(unreadable)?;
        if checked.problem_count == 0 {
            importing.refuse_unsupported(&source.file)?;
        }
        let usable = checked.problem_count == 0 && checked.digest == digest;
        // Dropped, the import never was; the caller tells why.
        let begins = usable && importing.selected;
        let finished = begins.then(|| importing.finish());
        Ok((checked, finished))
    };
    let (checked, finished) = blocking(read).await?;
    is_good(&checked, target, &wanted_digest, output)?;
    let Some(id) = finished.transpose()? else {
        return Ok(None);
    };
    open::tell_new(ledger, settings, output)?;
    let lock = ledger.lock_run(&id)?;
    output.note(format_args!(
        "run {} of {}: {}",
        id.0,
        target.file.display(),
        counted(checked.entries, "entry", "entries")
    ));
    Ok(Some((ledger.run(&id).await?, lock)))
}
