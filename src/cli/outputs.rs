//! No output of a command is its ledger, a file that it reads, or another of its outputs: what that would destroy is
//! told before anything is sent.

use std::path::{Path, PathBuf};

use super::args::{Args, Command, Consent, DataFormat};
use super::file::{Guarded, clash, is_stdout};
use super::open;
use crate::failure::Failure;
use crate::job;
use crate::manifest::{self, Problem};
use crate::settings::{Policy, Settings};

/// What a command reads besides manifest, orgs and job.
pub(super) fn inputs(args: &Args) -> Vec<(&'static str, PathBuf)> {
    let env_file = match args.command {
        // There it is written.
        Command::Export(_) => None,
        _ => args.global.env_file.as_ref(),
    };
    let other = match &args.command {
        Command::Run(run) => run.plan.as_ref().map(|plan| ("the saved plan", plan)),
        Command::Consent(Consent::Complete(complete)) => {
            complete.file.as_ref().map(|file| ("the answers", file))
        }
        _ => None,
    };
    let env_file = env_file.map(|file| ("the env file", file));
    let all = env_file.into_iter().chain(other);
    all.map(|(what, file)| (what, file.clone())).collect()
}

/// What a command on FILE reads and keeps.
pub(super) fn guarded(
    file: &Path,
    policy: &Policy,
    settings: &Settings,
) -> Result<Vec<Guarded>, Failure> {
    let mut guarded = Vec::new();
    if job::is_job(file) {
        guarded.push(Guarded::input("the job", file));
    }
    guarded.push(Guarded::input("the manifest", &policy.manifest));
    guarded.extend(rest(policy, settings)?);
    let mut secrets = manifest::secret_files(&policy.source());
    if let Some(notify) = &policy.notify {
        let folder = file.parent().unwrap_or(Path::new(""));
        let used = std::iter::once(&notify.webhook).chain(&notify.secret);
        secrets.extend(used.flat_map(|used| manifest::files_of(&used.reference, folder)));
    }
    guarded.extend(
        secrets
            .iter()
            .map(|file| Guarded::input("the secret", file)),
    );
    Ok(guarded)
}

/// As [`guarded`], for a command that has no manifest.
pub(super) fn rest(policy: &Policy, settings: &Settings) -> Result<Vec<Guarded>, Failure> {
    let orgs = policy.orgs.as_deref();
    let ca = policy.http.ca_file.as_deref();
    let ledger = open::file(&settings.with_policy(policy))?;
    let inputs = [
        orgs.map(|file| ("the orgs file", file)),
        ca.map(|file| ("the caFile", file)),
    ];
    let inputs = inputs.into_iter().flatten();
    let mut guarded: Vec<_> = inputs
        .map(|(what, file)| Guarded::input(what, file))
        .collect();
    guarded.extend(ledger.as_deref().map(Guarded::ledger));
    let log = settings.log.as_ref();
    guarded.extend(log.map(|log| Guarded::input("the log", &log.file)));
    let others = settings.inputs.iter();
    guarded.extend(others.map(|(what, file)| Guarded::input(what, file)));
    Ok(guarded)
}

/// Refuses reports of a job that would be mixed with data on standard output.
pub(super) fn refuse_mixed(policy: &Policy, format: DataFormat) -> Result<(), Failure> {
    if format == DataFormat::Human {
        return Ok(());
    }
    let mut paths = policy.reports.iter().map(|report| report.path.as_written());
    match paths.find(|path| is_stdout(path)) {
        Some(path) => Err(Failure::usage(anyhow::anyhow!(
            "the report {} cannot be written: it is standard output, where the data of --format goes; nothing was sent",
            path.display()
        ))
        .hint("give the report a path of its own, or leave --format out")),
        None => Ok(()),
    }
}

/// What is wrong with the places that a job's reports are written to.
pub(super) fn problems(
    file: &Path,
    policy: &Policy,
    settings: &Settings,
) -> Result<Vec<Problem>, Failure> {
    if policy.reports.is_empty() {
        return Ok(Vec::new());
    }
    let mut guarded = guarded(file, policy, settings)?;
    let mut problems = Vec::new();
    for (at, report) in policy.reports.iter().enumerate() {
        let path = report.path.as_written();
        if let Some(why) = clash(&path, &guarded) {
            problems.push(Problem {
                file: file.display().to_string(),
                line: Some(report.place.0),
                column: Some(report.place.1),
                row: None,
                field: Some(format!("reports[{at}].path")),
                message: format!("no report can be written there: {why}"),
                hint: Some("give a path of its own".to_owned()),
                count: 1,
                also: Vec::new(),
            });
        }
        guarded.push(Guarded::input("another report", &path));
    }
    Ok(problems)
}
