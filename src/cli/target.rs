//! FILE on the command line: a manifest or a job, and the policy that goes with it.

use std::path::{Path, PathBuf};

use super::file::{cannot_be_read, refuse_stdout};
use super::log;
use super::mistakes::show;
use super::output::Output;
use super::outputs;
use crate::failure::Failure;
use crate::job;
use crate::manifest::{self, Problem, Source};
use crate::report::counted;
use crate::rollout::shell::quoted;
use crate::settings::{Policy, Settings};

/// What FILE says to do.
pub(super) struct Target {
    /// As typed.
    pub file: PathBuf,
    /// Absolute and normalized: what runs are told apart by.
    pub key: String,
    /// The manifest in it or behind it, and how to run it.
    pub policy: Policy,
}

impl Target {
    /// Reads a job, or takes a manifest as it is.
    ///
    /// # Errors
    /// Every mistake of a job is printed; the failure says how many there are.
    pub fn read(file: &Path, settings: &Settings, output: Output) -> Result<Self, Failure> {
        let policy = if job::is_job(file) {
            let job = job::read(file).map_err(|problems| {
                let count = problems.len() as u64;
                refuse(file, &problems, count, output)
            })?;
            let policy = Policy::of_job(job, settings)?;
            let problems = outputs::problems(file, &policy, settings)?;
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
        Ok(Self {
            file: file.to_owned(),
            key: key(file)?,
            policy,
        })
    }

    /// What the manifest reader needs.
    pub fn source(&self) -> Source {
        self.policy.source()
    }

    /// SHA-256 (hex) of the manifest's bytes as it is now.
    pub fn digest(&self) -> Result<String, Failure> {
        let manifest = &self.policy.manifest;
        manifest::digest(manifest).map_err(|error| cannot_be_read(manifest, error))
    }
}

/// Prints mistakes; gives the failure that ends the command.
pub(super) fn refuse(file: &Path, problems: &[Problem], count: u64, output: Output) -> Failure {
    show(problems, count, output);
    let mistakes = counted(count, "mistake", "mistakes");
    let shown = file.display();
    Failure::usage(anyhow::anyhow!("{shown}: {mistakes}; nothing was sent")).hint(format!(
        "mend them, then: okta-rollout check {}",
        quoted(file)
    ))
}

fn key(file: &Path) -> Result<String, Failure> {
    // Links are resolved where the file is there, so that two names of one file are one run's.
    std::fs::canonicalize(file)
        .or_else(|_| std::path::absolute(file))
        .map(|path| path.display().to_string())
        .map_err(|error| {
            let shown = file.display();
            Failure::usage(anyhow::Error::from(error).context(format!("{shown} is no path")))
        })
}
