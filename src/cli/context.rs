//! What a run remembers besides its entries, so that `resume`, `consent` and `report` find its
//! policy and its secrets again, from whatever folder they are called.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::output::Output;
use super::target::{Target, source, unreadable};
use crate::failure::Failure;
use crate::job;
use crate::ledger::RunRow;
use crate::manifest::{self, OrgSpec, Orgs};
use crate::run::{RunOptions, Selected};
use crate::settings::{Policy, Settings};

/// Stored with the run, as JSON. All paths are absolute.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunContext {
    /// The job or manifest that was run.
    file: PathBuf,
    /// The manifest.
    manifest: PathBuf,
    /// Where the orgs came from besides the manifest.
    orgs: Option<PathBuf>,
    /// Whether the run does only a part of the manifest: what a saved plan says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    part: bool,
    /// That plan, by the SHA-256 (hex) of its file; earlier versions did not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
}

impl RunContext {
    /// Of a run that begins.
    pub fn new(target: &Target) -> Result<Self, Failure> {
        Ok(Self {
            file: absolute(&target.file)?,
            manifest: absolute(&target.policy.manifest)?,
            orgs: target.policy.orgs.as_deref().map(absolute).transpose()?,
            part: false,
            plan: None,
        })
    }

    /// Of a run that does only what a saved plan says, given the SHA-256 (hex) of its file.
    pub fn of_plan(self, digest: String) -> Self {
        Self {
            part: true,
            plan: Some(digest),
            ..self
        }
    }

    /// Whether the run applies this plan, or, without one, does whatever the manifest says.
    pub fn is_of(&self, plan: Option<&str>) -> bool {
        match plan {
            Some(_) => self.plan.as_deref() == plan,
            None => !self.part,
        }
    }

    /// The job or manifest that was run, absolute.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Where the orgs came from besides the manifest, absolute.
    pub fn orgs(&self) -> Option<&Path> {
        self.orgs.as_deref()
    }

    /// Of a run in the ledger.
    pub fn of(run: &RunRow) -> Result<Self, Failure> {
        serde_json::from_value(run.context.clone()).map_err(|error| {
            let error = anyhow::Error::from(error);
            Failure::usage(error.context(format!("run {} is of another version", run.id.0))).hint(
                format!("start a new run: okta-rollout run {} --new", run.file),
            )
        })
    }

    /// As the ledger stores it.
    pub fn to_json(&self) -> serde_json::Value {
        // Paths that are not UTF-8 cannot be JSON; such a run can still be started anew.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The folder that the entries' `file:` references are relative to.
    pub fn entries_base(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new("/"))
    }

    /// The policy as the job file says it now; defaults when the file is a manifest or is gone.
    pub fn policy(&self, settings: &Settings, output: Output) -> Result<Policy, Failure> {
        let mut policy = if job::is_job(&self.file) && self.file.exists() {
            Target::read(&self.file, settings, output)?.policy
        } else {
            if job::is_job(&self.file) {
                output.warning(format_args!(
                    "{} is gone: its limits and times are not known any more, the defaults hold",
                    self.file.display()
                ));
            }
            Policy::of_manifest(&self.manifest, settings)
        };
        policy.orgs = settings.orgs.clone().or(policy.orgs).or(self.orgs.clone());
        Ok(policy)
    }
}

/// The orgs as their files say them now: credentials may have been replaced since. None when a file
/// is gone; the ledger's own rows hold then.
pub(super) fn orgs_now(policy: &Policy, output: Output) -> Result<Option<Orgs>, Failure> {
    let source = source(policy);
    let files = [Some(&source.file), source.orgs_file.as_ref()];
    if let Some(gone) = files.into_iter().flatten().find(|file| !file.exists()) {
        output.warning(format_args!(
            "{} is gone: orgs are used as they were when the run began",
            gone.display()
        ));
        return Ok(None);
    }
    manifest::read_orgs(&source).map(Some).map_err(unreadable)
}

/// A run's options from its policy.
pub(super) fn options(policy: &Policy, force: bool) -> RunOptions {
    RunOptions {
        retry: policy.retry,
        on_drift: policy.on_drift,
        limits: policy.limits,
        http: policy.http.clone(),
        force,
        selected: Selected::default(),
    }
}

/// An org with its `file:` references made absolute: in the ledger nobody knows which file it stood in.
pub(super) fn anchored(org: &OrgSpec, base: &Path) -> OrgSpec {
    // Only an empty path or a vanished current folder has no absolute form.
    let base = std::path::absolute(base).unwrap_or_else(|_| base.to_owned());
    org.anchored(&base)
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        let error = anyhow::Error::from(error);
        Failure::usage(error.context(format!("{} is no path", path.display())))
    })
}
