//! What a command asks of a run in the ledger besides what the run remembers: its policy as the job says it now, and the
//! files that no report of it must be written over.

use super::file::Guarded;
use super::log;
use super::output::Output;
use super::outputs;
use super::target;
use crate::failure::Failure;
use crate::job;
use crate::rollout::context::RunContext;
use crate::settings::{Policy, Settings};

/// What a report of the run must not be written over.
pub(super) fn guarded(context: &RunContext, settings: &Settings) -> Result<Vec<Guarded>, Failure> {
    let policy = Policy {
        orgs: context.orgs().map(Into::into),
        ..Policy::of_manifest(context.manifest(), settings)
    };
    outputs::guarded(context.file(), &policy, settings)
}

/// The policy as the job file says it now, or said when the run began if the file is not here; defaults when it is a
/// manifest, or nobody knows.
pub(super) fn policy(
    context: &RunContext,
    settings: &Settings,
    output: Output,
) -> Result<Policy, Failure> {
    let file = context.file();
    let mut policy = if job::is_job(file) && file.exists() {
        target::read(file, settings, output)?.policy
    } else if let Some(job) = context.stored_job()? {
        log::refuse(settings, |settings| guarded(context, settings))?;
        Policy::of_job(job, settings)
    } else {
        if job::is_job(file) {
            output.warning(format_args!(
                "{} is gone: its limits and times are not known any more, the defaults hold",
                file.display()
            ));
        }
        log::refuse(settings, |settings| guarded(context, settings))?;
        Policy::of_manifest(context.manifest(), settings)
    };
    let kept = || context.orgs().map(Into::into);
    policy.orgs = settings.orgs.clone().or(policy.orgs).or_else(kept);
    Ok(policy)
}
