//! `run`: continues a file's interrupted run, or starts a new one.

use std::collections::HashMap;
use std::time::Duration;

use super::access::private_key_jwt;
use super::args;
use super::context::{RunContext, anchored};
use super::execute::{Work, execute};
use super::only::{refuse_unknown_org, say_nothing_matches};
use super::open::writable;
use super::output::Output;
use super::target::{Target, refuse, unreadable};
use crate::failure::{Ending, Failure};
use crate::ledger::{
    Import, ImportEntry, Ledger, LedgerError, Millis, NewRun, OrgNo, RunId, RunLock, RunRow, Stored,
};
use crate::manifest::{
    self, Auth, CheckOptions, Checked, Entry, Located, ManifestError, Orgs, SecretCheck,
};
use crate::okta::Http;
use crate::report::counted;
use crate::run::unix_millis;
use crate::selection::Selection;
use crate::settings::Settings;

/// Entries read at once when calls under way are looked for.
const PAGE: usize = 256;

/// `run`.
pub(super) async fn run(
    args: &args::Run,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let target = Target::read(&args.file, settings, output)?;
    let digest = digest(&target)?;
    let context = RunContext::new(&target)?;
    // Also for a run that goes on: credentials may have been replaced since.
    let orgs = read_orgs(&target, args, output)?;
    let selection = args.only.selection();
    let names: Vec<&str> = orgs.iter().map(|(name, _)| name).collect();
    refuse_unknown_org(&selection, &names)?;
    let ledger = writable(settings).await?;
    // A CA file that is no use is told before a run begins.
    Http::new(&target.policy.http).map_err(Failure::usage)?;
    let last = ledger.last_run_of(&target.key).await?;
    let timeout = target.policy.http.timeout;
    let goes_on = to_continue(&ledger, last, &digest, timeout, args, output).await?;
    let (run, lock) = if let Some(run) = goes_on {
        let lock = ledger.lock_run(&run.id)?;
        refresh(&ledger, &run.id, &orgs).await?;
        output.note(format_args!("run {} of {} goes on", run.id.0, run.file));
        (run, lock)
    } else {
        let begun = begin(&ledger, &target, &context, digest, orgs, args, output).await?;
        let Some(begun) = begun else {
            say_nothing_matches(&selection, output);
            return Ok(Ending::Success);
        };
        begun
    };
    let work = Work {
        ledger,
        run,
        lock,
        context,
        policy: target.policy,
        selection,
        failed: false,
        force: args.force,
        allow_exec: args.allow_exec,
        format: args.format,
    };
    execute(work, settings, output).await
}

fn digest(target: &Target) -> Result<String, Failure> {
    let manifest = &target.policy.manifest;
    manifest::digest(manifest).map_err(|error| {
        let error = anyhow::Error::from(error);
        Failure::usage(error.context(format!("{} cannot be read", manifest.display())))
    })
}

/// The orgs; when they have mistakes, those of the manifest are shown with them.
fn read_orgs(target: &Target, args: &args::Run, output: Output) -> Result<Orgs, Failure> {
    let source = target.source();
    match manifest::read_orgs(&source) {
        Ok(orgs) => Ok(orgs),
        Err(ManifestError::Orgs(problems)) => {
            let checked = manifest::check(&source, &options(args), &mut |_| {});
            Err(match checked {
                Ok(checked) if checked.problem_count > 0 => refuse(
                    &target.file,
                    &checked.problems,
                    checked.problem_count,
                    output,
                ),
                // The file changed in between; what was found first is told.
                _ => refuse(&target.file, &problems, problems.len() as u64, output),
            })
        }
        Err(error) => Err(unreadable(error)),
    }
}

fn options(args: &args::Run) -> CheckOptions {
    CheckOptions {
        secrets: SecretCheck::Probe,
        exec: args.allow_exec.into(),
    }
}

/// The file's last run, if it is to go on: something is left, and the manifest says what it said. States are
/// those of a run: where they are asked for, it is the last one's, although nothing may be left in it.
async fn to_continue(
    ledger: &Ledger,
    last: Option<RunRow>,
    digest: &str,
    timeout: Duration,
    args: &args::Run,
    output: Output,
) -> Result<Option<RunRow>, Failure> {
    let Some(last) = last else { return Ok(None) };
    if ledger.is_locked(&last.id)? {
        // The lock's own error says who holds it.
        drop(ledger.lock_run(&last.id)?);
    }
    let counts = ledger.counts(&last.id).await?;
    let left = counts.pending + counts.started;
    let unchanged = last.digest == digest && !args.new;
    if unchanged && (left > 0 || args.only.selection().has_states()) {
        return Ok(Some(last));
    }
    if left == 0 {
        return Ok(None);
    }
    let_calls_land(ledger, &last, timeout, output).await?;
    if args.new {
        return Ok(None);
    }
    output.warning(format_args!(
        "{} changed since run {} began, of which {} left: a new run starts",
        args.file.display(),
        last.id.0,
        counted(left, "entry is", "entries are")
    ));
    Ok(None)
}

/// Waits until no once-only call of a run that is left behind can land any more: a new run looks at Okta
/// first, and must not look too early.
async fn let_calls_land(
    ledger: &Ledger,
    last: &RunRow,
    timeout: Duration,
    output: Output,
) -> Result<(), Failure> {
    let timeout_ms = Millis::try_from(timeout.as_millis()).unwrap_or(Millis::MAX);
    let mut land_until = unix_millis();
    for (org, counts) in ledger.counts_by_org(&last.id).await? {
        if counts.started == 0 {
            continue;
        }
        let mut after = None;
        loop {
            let rows = ledger
                .load(&last.id, org, Stored::Started, after, PAGE)
                .await?;
            let Some(row) = rows.last() else { break };
            after = Some(row.no);
            let under_way = rows
                .iter()
                .filter_map(|row| row.progress.in_flight.as_ref());
            let sent = under_way
                .filter(|call| !call.ended)
                .map(|call| call.sent_at);
            land_until = sent
                .map(|at| at.saturating_add(timeout_ms))
                .fold(land_until, Millis::max);
        }
    }
    let wait_ms = (land_until - unix_millis()).clamp(0, timeout_ms);
    if wait_ms > 0 {
        output.note(format_args!(
            "waits {} s: a call of run {} may still be under way",
            wait_ms.div_euclid(1_000) + 1,
            last.id.0
        ));
        let wait = u64::try_from(wait_ms).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    Ok(())
}

/// Gives a run the credentials and limits that its orgs have now.
pub(super) async fn refresh(ledger: &Ledger, run: &RunId, orgs: &Orgs) -> Result<(), Failure> {
    let specs = ledger
        .orgs(run)
        .await?
        .into_iter()
        .filter(|row| orgs.url(&row.name) == row.url)
        .filter_map(|row| {
            let spec = anchored(orgs.get(&row.name)?, orgs.base(&row.name));
            Some((row.no, spec))
        })
        .collect();
    Ok(ledger.set_orgs(run, specs).await?)
}

/// Checks the manifest and imports it in the same pass; `None` when none of its entries is selected: the run
/// then never was.
async fn begin(
    ledger: &Ledger,
    target: &Target,
    context: &RunContext,
    digest: String,
    orgs: Orgs,
    args: &args::Run,
    output: Output,
) -> Result<Option<(RunRow, RunLock)>, Failure> {
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
    let options = options(args);
    let selection = args.only.selection();
    let read = move || -> Result<(Checked, Option<Result<RunId, LedgerError>>), Failure> {
        let mut importing = Importing::new(import, orgs, selection.clone());
        let mut take = |located: Located| importing.take(&located);
        let checked = manifest::check_selected(&source, &options, &selection, &mut take)
            .map_err(unreadable)?;
        if let (0, Some(org)) = (checked.problem_count, &importing.key_org) {
            return Err(private_key_jwt(org));
        }
        if let (0, Some(row)) = (checked.problem_count, importing.hub) {
            return Err(Failure::usage(anyhow::anyhow!(
                "{} (row {row}): `hub` is not supported by this version; nothing was sent",
                source.file.display()
            ))
            .hint("set the hub's service app up by hand and give its clientId"));
        }
        let usable = checked.problem_count == 0 && checked.digest == digest;
        // Dropped, the import never was; the caller tells why.
        let begins = usable && importing.selected;
        let finished = begins.then(|| importing.finish());
        if checked.problem_count == 0 && !usable {
            return Err(Failure::usage(anyhow::anyhow!(
                "{} changed while it was read; nothing was sent",
                source.file.display()
            ))
            .hint("run the command again"));
        }
        Ok((checked, finished))
    };
    let (checked, finished) = blocking(read).await?;
    if checked.problem_count > 0 {
        let file = &target.file;
        return Err(refuse(
            file,
            &checked.problems,
            checked.problem_count,
            output,
        ));
    }
    let Some(id) = finished.transpose()? else {
        return Ok(None);
    };
    let lock = ledger.lock_run(&id)?;
    output.note(format_args!(
        "run {} of {}: {}",
        id.0,
        target.file.display(),
        counted(checked.entries, "entry", "entries")
    ));
    Ok(Some((ledger.run(&id).await?, lock)))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(Failure::bug(error)),
    }
}

/// Hands entries to the ledger as they are read. The first failure is kept; what follows is not
/// imported, but still checked.
struct Importing {
    import: Import,
    orgs: Orgs,
    numbers: HashMap<String, OrgNo>,
    failed: Option<LedgerError>,
    // The first row whose entry has a hub side, which this version cannot set up.
    hub: Option<u64>,
    // The first org with selected entries that authenticates with a key, which this version cannot.
    key_org: Option<String>,
    selection: Selection,
    // Whether any entry is selected.
    selected: bool,
}

impl Importing {
    fn new(import: Import, orgs: Orgs, selection: Selection) -> Self {
        Self {
            import,
            orgs,
            numbers: HashMap::new(),
            failed: None,
            hub: None,
            key_org: None,
            selection,
            selected: false,
        }
    }

    fn take(&mut self, located: &Located) {
        if located.entry.hub.is_some() {
            self.hub.get_or_insert(located.row);
        }
        let Entry { org, app, .. } = &located.entry;
        if self.selection.takes_entry(org, *app) {
            // An entry of a new run is pending.
            self.selected |= self.selection.takes_stored(Stored::Pending);
            let auth = self.orgs.get(org).and_then(|spec| spec.auth.as_ref());
            if matches!(auth, Some(Auth::PrivateKeyJwt(_))) {
                self.key_org.get_or_insert_with(|| org.clone());
            }
        }
        if self.failed.is_none() {
            self.failed = self.push(located).err();
        }
    }

    fn push(&mut self, located: &Located) -> Result<(), LedgerError> {
        let name = &located.entry.org;
        let org = if let Some(no) = self.numbers.get(name) {
            *no
        } else {
            // The check hands on entries of known orgs only.
            let Some(spec) = self.orgs.get(name) else {
                return Ok(());
            };
            let spec = anchored(spec, self.orgs.base(name));
            let no = self.import.push_org(name, &self.orgs.url(name), &spec)?;
            self.numbers.insert(name.clone(), no);
            no
        };
        self.import.push_entry(ImportEntry {
            row: located.row,
            org,
            entry: &located.entry,
        })
    }

    fn finish(self) -> Result<RunId, LedgerError> {
        match self.failed {
            Some(error) => Err(error),
            None => self.import.finish(),
        }
    }
}
