//! What a run remembers besides its entries, so that `resume`, `consent` and `report` find its
//! policy and its secrets again, from whatever folder they are called.

mod secrets;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rotating::Rotating;
use super::shell::{flags, from_here, quoted};
use super::waves::waves_of;
use crate::engine::{NewJob, NextCommands, RunOptions, Selected};
use crate::failure::Failure;
use crate::job::{self, Job, Wave};
use crate::ledger::RunRow;
use crate::manifest::ManifestError;
use crate::model::State;
use crate::selection::Selection;
use crate::settings::Policy;

/// Bytes of a job that are stored with a run at most: every list of runs reads them.
pub(crate) const MOST_OF_JOB: usize = 64 * 1024;

/// Stored with the run, as JSON. All paths are absolute.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunContext {
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
    /// What of the manifest that plan is about, if not all; earlier versions did not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    planned: Option<Selection>,
    /// See `--force`; earlier versions did not store it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    force: bool,
    /// The job's `[secrets] passEnv`, as far as it is not known better; earlier versions did not store it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pass_env: Vec<String>,
    /// See `--reconnect`: of these entries, not of others that somebody does later in the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reconnect: Option<Selection>,
    /// The job's waves as they were when the run began; earlier versions did not store them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waves: Vec<Wave>,
    /// How the run rotates keys, if it does that instead of making its file so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotates: Option<Rotating>,
    /// What `--only` said when it began, if anything: who takes the run up by himself does that and no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only: Option<Selection>,
    /// The text of the job, for machines that do not have the file; only in a ledger that such can have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    /// Whether it was stored for workers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    detached: bool,
    /// See `work --secrets`.
    #[serde(skip)]
    secrets_in: Option<PathBuf>,
}

impl RunContext {
    /// Of a run that begins.
    pub fn new(file: &Path, policy: &Policy) -> Result<Self, Failure> {
        Ok(Self {
            file: absolute(file)?,
            manifest: absolute(&policy.manifest)?,
            orgs: policy.orgs.as_deref().map(absolute).transpose()?,
            part: false,
            plan: None,
            planned: None,
            force: false,
            pass_env: policy.pass_env.clone(),
            reconnect: None,
            waves: policy.waves.clone(),
            rotates: None,
            only: None,
            job: None,
            detached: false,
            secrets_in: None,
        })
    }

    /// Of a run that is begun with this `--only`.
    pub fn begun_with(self, selection: &Selection) -> Self {
        let only = Some(selection.clone()).filter(|only| !only.is_all());
        Self { only, ..self }
    }

    /// Of a run that other machines may take up: with the text of its job, unless that is longer than
    /// [`MOST_OF_JOB`].
    pub fn with_job(self) -> Self {
        let job = Some(&self.file).filter(|file| job::is_job(file));
        let job = job.and_then(|file| std::fs::read_to_string(file).ok());
        Self {
            job: job.filter(|text| text.len() <= MOST_OF_JOB),
            ..self
        }
    }

    /// Of a run that is stored for workers.
    pub fn detached(self) -> Self {
        Self {
            detached: true,
            ..self
        }
    }

    /// What `--only` said when it began.
    pub fn only(&self) -> Selection {
        self.only.clone().unwrap_or_default()
    }

    /// Whether others than those who have its job know what that says.
    pub fn has_job(&self) -> bool {
        self.job.is_some() || !job::is_job(&self.file)
    }

    /// The job as it was when the run began, if the run has it; its reports are of those who have the file.
    ///
    /// # Errors
    /// When this version does not understand it.
    pub fn stored_job(&self) -> Result<Option<Job>, Failure> {
        let Some(text) = &self.job else {
            return Ok(None);
        };
        let job = job::parse(&self.file, text).map_err(|problems| {
            let first = problems.first().map(ToString::to_string);
            let error = anyhow::anyhow!(
                "the job that is stored with the run is of another version: {}; nothing was sent",
                first.unwrap_or_default()
            );
            let file = quoted(&self.file);
            Failure::usage(error).hint(format!("start a new run: okta-rollout run {file} --new"))
        })?;
        Ok(Some(Job {
            reports: Vec::new(),
            ..job
        }))
    }

    /// Of a run that rotates keys, if it does.
    pub fn rotating(self, rotates: Option<Rotating>) -> Self {
        Self { rotates, ..self }
    }

    /// How the run rotates keys, if it does.
    pub const fn rotates(&self) -> Option<Rotating> {
        self.rotates
    }

    /// Of a run that does only what a saved plan of these entries says, given the SHA-256 (hex) of its file.
    pub fn of_plan(self, digest: String, planned: Selection) -> Self {
        Self {
            part: true,
            plan: Some(digest),
            planned: Some(planned).filter(|planned| !planned.is_all()),
            ..self
        }
    }

    /// Of a run with or without `--force`.
    pub fn forced(self, force: bool) -> Self {
        Self { force, ..self }
    }

    /// Of a run that renews the consents of these entries, if of any.
    pub fn reconnecting(self, reconnect: Option<Selection>) -> Self {
        Self { reconnect, ..self }
    }

    /// Of a run whose orgs are in another file now, if one is given.
    pub fn with_orgs(self, given: Option<&Path>) -> Result<Self, Failure> {
        let given = given.map(absolute).transpose()?;
        Ok(Self {
            orgs: given.or(self.orgs),
            ..self
        })
    }

    /// Of a run that goes on, with the waves that it was begun with.
    pub fn with_waves_of(self, run: &RunRow) -> Self {
        let waves = waves_of(run);
        Self { waves, ..self }
    }

    /// For commands that say themselves which entries they are about, and what they renew.
    pub fn of_others(self) -> Self {
        Self {
            planned: None,
            reconnect: None,
            ..self
        }
    }

    /// Of which entries the run renews the consents.
    pub const fn reconnects(&self) -> Option<&Selection> {
        self.reconnect.as_ref()
    }

    /// Whether the run does what `--reconnect` of these entries asks for.
    pub fn does_reconnect(&self, asked: Option<&Selection>) -> bool {
        asked.is_none() || asked == self.reconnect.as_ref()
    }

    /// Whether the run was begun with `--force`.
    pub const fn is_forced(&self) -> bool {
        self.force
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

    /// The manifest in it or behind it, absolute.
    pub fn manifest(&self) -> &Path {
        &self.manifest
    }

    /// Where the orgs came from besides the manifest, absolute.
    pub fn orgs(&self) -> Option<&Path> {
        self.orgs.as_deref()
    }

    /// Of a run in the ledger.
    pub fn of(run: &RunRow) -> Result<Self, Failure> {
        let stored: Result<Self, _> = serde_json::from_value(run.context.clone());
        let mut context = stored.map_err(|error| {
            let error = anyhow::Error::from(error);
            Failure::usage(error.context(format!("run {} is of another version", run.id.0))).hint(
                format!(
                    "start a new run: okta-rollout run {} --new",
                    quoted(Path::new(&run.file))
                ),
            )
        })?;
        // Whoever corrects the job and continues the run means what it says now.
        if job::is_job(&context.file)
            && let Ok(job) = job::read(&context.file)
        {
            context.pass_env = job.pass_env;
        }
        Ok(context)
    }

    /// What people type after a failure of this run: with the file and the orgs by the names they have where this is
    /// typed, and for the entries that were asked for.
    pub fn next_commands(&self, run: &RunRow, selection: &Selection) -> NextCommands {
        let id = &run.id.0;
        let only = selection.with_state(None).flag();
        let retry = if selection.is_all() {
            " --failed".to_owned()
        } else {
            selection.with_state(Some(State::Failed)).flag()
        };
        let file = quoted(&self.shown_file(run));
        // A job says itself where its orgs are.
        let orgs = self.orgs.as_deref().filter(|_| !job::is_job(&self.file));
        let orgs = orgs.map(|orgs| format!(" --orgs {}", quoted(&from_here(orgs))));
        let orgs = orgs.unwrap_or_default();
        // What continues with the run does as it was begun, and has no more entries than it; a new one has to be told.
        let planned = self.planned.as_ref().filter(|_| selection.is_all());
        let anew = planned.unwrap_or(selection).with_state(None);
        let more = format!("{}{}", self.flags(&anew), anew.flag());
        let halts = self
            .waves
            .iter()
            .any(|wave| wave.halt_when_failed.is_some());
        // A run that a stopped org has halted continues only when its waves are judged anew.
        let anew = if halts { " --failed" } else { "" };
        NextCommands {
            retry: format!("okta-rollout resume {id}{retry}"),
            after_stop: format!("okta-rollout resume {id}{anew}{only}"),
            resume: format!("okta-rollout resume {id}{only}"),
            run_file: match self.rotates {
                Some(rotating) => format!(
                    "okta-rollout rotate-keys {file}{orgs}{only}{}",
                    rotating.flags()
                ),
                None => format!("okta-rollout run {file}{orgs}{more}"),
            },
            new_job: self.new_job(&orgs, &more),
        }
    }

    // How the run was begun, beside its file. Consents of other entries than it renews are not to be renewed.
    fn flags(&self, selection: &Selection) -> String {
        let renews = self.reconnect.as_ref() == Some(selection);
        flags([("--force", self.force), ("--reconnect", renews)])
    }

    // Beside the manifest, under a name that is free.
    fn new_job(&self, orgs: &str, more: &str) -> Option<NewJob> {
        if job::is_job(&self.file) {
            return None;
        }
        let manifest = self.manifest.file_name()?.to_string_lossy();
        let named = ["", "-job"].map(|end| {
            let stem = self.manifest.file_stem().unwrap_or_default();
            self.manifest
                .with_file_name(format!("{}{end}.toml", stem.to_string_lossy()))
        });
        let job = named.iter().find(|job| !job.exists())?;
        let shown = quoted(&from_here(job));
        Some(NewJob {
            // As TOML takes it.
            file: format!(
                "{shown} (new, with manifest = {})",
                toml::Value::from(&*manifest)
            ),
            run: format!("okta-rollout run {shown}{orgs}{more}"),
        })
    }

    // As it was typed, if that still leads to it.
    fn shown_file(&self, run: &RunRow) -> PathBuf {
        let typed = PathBuf::from(&run.file);
        match (typed.canonicalize(), self.file.canonicalize()) {
            (Ok(a), Ok(b)) if a == b => typed,
            _ => from_here(&self.file),
        }
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
}

/// Of which entries a run renews the consents, whoever continues with it.
pub(crate) fn renewed_by(run: &RunRow) -> Option<Arc<Selection>> {
    let context = RunContext::of(run).ok()?;
    context.reconnects().cloned().map(Arc::new)
}

/// A run's options from its policy.
pub(crate) fn options(policy: &Policy, force: bool) -> RunOptions {
    RunOptions {
        retry: policy.retry,
        on_drift: policy.on_drift,
        limits: policy.limits,
        http: policy.http.clone(),
        force,
        reconnect: None,
        selected: Selected::default(),
        waves: Arc::default(),
        leaves: false,
        left: Arc::default(),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        let error = anyhow::Error::from(error);
        Failure::usage(error.context(format!("{} is no path", path.display())))
    })
}

/// A manifest that cannot be read at all.
pub(crate) fn unreadable(error: ManifestError) -> Failure {
    let hint = error.hint();
    let failure = Failure::usage(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
