//! FILE on the command line: a manifest or a job, read with the policy that goes with it.

use std::borrow::Cow;
use std::path::Path;

use super::file::refuse_stdout;
use super::log;
use super::mistakes::show;
use super::output::Output;
use super::outputs;
use crate::failure::Failure;
use crate::job;
use crate::manifest::Problem;
use crate::report::counted;
use crate::rollout::job_mistakes;
use crate::rollout::refused::Refused;
use crate::rollout::shell::quoted;
use crate::rollout::target::Target;
use crate::settings::{Policy, Settings};
use crate::text::{without_values, without_values_in_path};

/// Mistakes that a failure repeats.
const KEPT: usize = 20;

/// Reads a job, or takes a manifest as it is.
///
/// # Errors
/// Every mistake of a job is printed; the failure says how many there are.
pub(super) fn read(file: &Path, settings: &Settings, output: Output) -> Result<Target, Failure> {
    let policy = if job::is_job(file) {
        let job = job::read(file).map_err(|problems| {
            let count = problems.len() as u64;
            refuse(file, &problems, count, output)
        })?;
        let policy = Policy::of_job(job, settings);
        let mut problems = outputs::problems(file, &policy, settings)?;
        problems.extend(job_mistakes::problems(file, &policy));
        if !problems.is_empty() {
            return Err(refuse(file, &problems, problems.len() as u64, output));
        }
        policy
    } else {
        Policy::of_manifest(file, settings)
    };
    refuse_stdout(|| outputs::guarded(file, &policy, settings))?;
    log::refuse(settings, |settings| {
        outputs::guarded(file, &policy, settings)
    })?;
    Target::new(file, policy)
}

/// The policy of a job, if it has no mistakes; nothing is said of them.
pub(super) fn policy_of(job: &Path, settings: &Settings) -> Option<Policy> {
    let policy = Policy::of_job(job::read(job).ok()?, settings);
    let mut problems = outputs::problems(job, &policy, settings).ok()?;
    problems.extend(job_mistakes::problems(job, &policy));
    problems.is_empty().then_some(policy)
}

/// Mistakes that were printed.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {}; nothing was sent", counted(*count, "mistake", "mistakes"))]
pub(super) struct Mistakes {
    file: String,
    count: u64,
    /// The first of them, to be kept.
    pub first: Vec<String>,
}

/// Prints mistakes; gives the failure that ends the command.
pub(super) fn refuse(file: &Path, problems: &[Problem], count: u64, output: Output) -> Failure {
    show(problems, count, output);
    let mistakes = Mistakes {
        file: file.display().to_string(),
        count,
        first: problems.iter().take(KEPT).map(to_keep).collect(),
    };
    Failure::usage(mistakes).hint(format!(
        "mend them, then: okta-rollout check {}",
        quoted(file)
    ))
}

/// A mistake as a ledger may have it.
fn to_keep(problem: &Problem) -> String {
    let field = problem.field.as_deref().map(without_values_in_path);
    let kept = Problem {
        field: field.map(Cow::into_owned),
        message: without_values(&problem.message).into_owned(),
        ..problem.clone()
    };
    kept.to_string()
}

/// As [`refuse`], of whatever was found.
pub(super) fn refused(file: &Path, refused: Refused, output: Output) -> Failure {
    match refused {
        Refused::Mistakes { problems, count } => refuse(file, &problems, count, output),
        Refused::Failure(failure) => failure,
    }
}
