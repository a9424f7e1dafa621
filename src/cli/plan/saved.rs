//! A plan in a file (`plan --out`). The file holds no secret and no link; of each entry's live state it holds a digest.
//!
//! Such a file is a claim, whoever made it: it says by which digests to know the files that were planned, which entries
//! were selected, and what there was to change. Nothing else is taken from it: orgs and entries come from the files.

mod files;

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cli::file::{cannot_be_read, cannot_be_written, write_whole};
use crate::failure::Failure;
use crate::plan::{Action, EntryPlan, OrgPlan};
use crate::rollout::context::RunContext;
use crate::rollout::refresh::{PlanRequest, Planned};
use crate::rollout::shell::{flags, quoted};
use crate::rollout::target::Target;
use crate::selection::Selection;
use crate::text::presentable;
use crate::{input, job};
use files::Digests;

/// The format that is written, and the only one that is read.
const VERSION: u32 = 4;

/// The largest file that is read, in bytes: a plan of a million entries takes some 300 MB.
const MAX: u64 = 512 * 1024 * 1024;

/// What such a file holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::cli) struct Saved {
    version: u32,
    /// Where the manifest or job was, absolute.
    pub file: PathBuf,
    /// Where its orgs came from besides, absolute.
    orgs_file: Option<PathBuf>,
    digests: Digests,
    /// Whether TOKEN connections were planned to be posted anyway: told, and never done because of it.
    force: bool,
    /// Whether consents were planned to be renewed; as above.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reconnect: bool,
    /// Which orgs and apps were planned: of the others no secret is needed.
    pub only: Selection,
    entries: Vec<SavedEntry>,
    /// Which plan it is: SHA-256 (hex) of its file.
    #[serde(skip)]
    pub plan: String,
    /// Its file.
    #[serde(skip)]
    path: PathBuf,
}

/// An entry as it was planned.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SavedEntry {
    pub org: String,
    pub entry: String,
    pub row: u64,
    action: Action,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<String>,
    seen: String,
}

impl SavedEntry {
    pub fn new(org: &OrgPlan, entry: &EntryPlan) -> Self {
        let error = entry.error.as_ref().filter(|_| entry.changes.is_empty());
        let changes = entry.changes.iter().map(ToString::to_string);
        Self {
            org: org.name.clone(),
            entry: entry.which.name(),
            row: entry.which.row,
            action: entry.action,
            changes: changes.chain(error.map(ToString::to_string)).collect(),
            seen: hex::encode(entry.seen),
        }
    }

    pub fn name(&self) -> String {
        presentable(&format!("{} {}", self.org, self.entry))
    }

    /// `~ connection.baseUrl: "https://a" → "https://b"`.
    pub fn describe(&self) -> String {
        let what = match self.action {
            Action::SetUp => "to set up",
            Action::Change => "to change",
            Action::Deactivate => "to deactivate",
            Action::Consent => "needs consent",
            Action::Nothing => "as wanted",
            Action::Error => "cannot be done",
        };
        if self.changes.is_empty() {
            what.to_owned()
        } else {
            presentable(&format!("{what} ({})", self.changes.join("; ")))
        }
    }

    /// Whether this is what is seen now, and what would be done about it. Why something cannot be done may be told
    /// differently each time.
    pub fn holds(&self, now: &Self) -> bool {
        self.seen == now.seen
            && self.action == now.action
            && (!self.action.is_change() || self.changes == now.changes)
    }
}

/// Saves a plan; the command that applies it.
pub(super) async fn write(
    path: &Path,
    target: &Target,
    planned: &Planned,
    request: &PlanRequest,
) -> Result<String, Failure> {
    let context = RunContext::new(&target.file, &target.policy)?;
    let entries = planned.orgs.iter().flat_map(|org| {
        org.entries
            .iter()
            .map(move |entry| SavedEntry::new(org, entry))
    });
    let saved = Saved {
        version: VERSION,
        file: context.file().to_owned(),
        orgs_file: context.orgs().map(Path::to_owned),
        digests: Digests {
            manifest: planned.digest.clone(),
            ..Digests::of(target)?
        },
        force: request.force,
        reconnect: request.reconnect,
        only: request.selection.with_state(None),
        entries: entries.collect(),
        plan: String::new(),
        path: path.to_owned(),
    };
    write_whole(path, async |out| {
        serde_json::to_writer_pretty(&mut *out, &saved)?;
        Ok(writeln!(out)?)
    })
    .await
    .map_err(|error| cannot_be_written(path, "--out PLAN", error))?;
    let mut command = format!("okta-rollout run --plan {}", quoted(path));
    if !saved.is_found_by_itself() {
        command = format!("{command} {}", quoted(&target.file));
    }
    Ok(format!("{command}{}", saved.flags()))
}

impl Saved {
    /// Reads a saved plan.
    ///
    /// # Errors
    /// When the file cannot be read, is no plan, or is one of another version.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let shown = path.display();
        let hint = "make one: okta-rollout plan FILE --out PLAN";
        let no_plan = |why: String| {
            let why = presentable(&why);
            let error = anyhow::anyhow!("{shown} is no saved plan: {why}; nothing was sent");
            Failure::usage(error).hint(hint)
        };
        let bytes = input::read(path, MAX).map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => no_plan(error.to_string()),
            _ => cannot_be_read(path, error),
        })?;
        let read = |error: serde_json::Error| no_plan(error.to_string());
        let Versioned { version } = serde_json::from_slice(&bytes).map_err(read)?;
        if version != VERSION {
            return Err(Failure::usage(anyhow::anyhow!(
                "{shown} is a plan of version {version}, this program reads {VERSION}; nothing was sent"
            ))
            .hint("make a new plan: okta-rollout plan FILE --out PLAN"));
        }
        let saved: Self = serde_json::from_slice(&bytes).map_err(read)?;
        let mut rows = HashSet::new();
        if let Some(twice) = saved.entries.iter().find(|entry| !rows.insert(entry.row)) {
            return Err(no_plan(format!("it has row {} twice", twice.row)));
        }
        Ok(Self {
            only: saved.only.with_state(None),
            plan: hex::encode(Sha256::digest(&bytes)),
            path: path.to_owned(),
            ..saved
        })
    }

    /// Whether it is of a manifest with this digest.
    pub fn has_manifest(&self, digest: &str) -> bool {
        self.digests.manifest == digest
    }

    /// What is planned, by row.
    pub(super) fn entries(&self) -> HashMap<u64, &SavedEntry> {
        let by_row = self.entries.iter().map(|entry| (entry.row, entry));
        by_row.collect()
    }

    /// How many entries it could not plan.
    pub fn errors(&self) -> u64 {
        let errors = self.entries.iter().map(|entry| entry.action);
        errors.filter(|action| *action == Action::Error).count() as u64
    }

    /// The rows that the plan does something to.
    pub fn rows(&self) -> HashSet<u64> {
        self.entries
            .iter()
            .filter(|entry| entry.action.is_change())
            .map(|entry| entry.row)
            .collect()
    }

    /// What helps against a plan that does not hold.
    pub fn again(&self, target: &Target) -> String {
        format!("make a new plan: {} --out PLAN", self.command(target))
    }

    /// The same, when it is applied with these flags: those that it was made with are given again, and no others.
    pub fn again_with(&self, target: &Target, force: bool, reconnect: bool) -> String {
        let (plan, files, made) = (quoted(&self.path), files(target), self.flags());
        let command = format!("okta-rollout run --plan {plan} {files}{made}");
        let missing = flags([
            ("--force", self.force && !force),
            ("--reconnect", self.reconnect && !reconnect),
        ]);
        if !missing.is_empty() {
            return format!("it was made with{missing}, which has to be given again: {command}");
        }
        let added = flags([
            ("--force", force && !self.force),
            ("--reconnect", reconnect && !self.reconnect),
        ]);
        if !added.is_empty() {
            return format!("it was made without{added}: {command}");
        }
        self.again(target)
    }

    /// What it was made with and has to be applied with.
    pub(super) fn flags(&self) -> String {
        flags([("--force", self.force), ("--reconnect", self.reconnect)])
    }

    /// The command that plans the same from here: these files, and this part of them.
    pub fn command(&self, target: &Target) -> String {
        let (files, flags, only) = (files(target), self.flags(), self.only.flag());
        format!("okta-rollout plan {files}{flags}{only}")
    }
}

/// A target's file, and its orgs where it does not say itself where they are.
fn files(target: &Target) -> String {
    let file = quoted(&target.file);
    let own = if job::is_job(&target.file) {
        job::read(&target.file).ok().and_then(|job| job.orgs)
    } else {
        None
    };
    match &target.policy.orgs {
        Some(orgs) if Some(orgs) != own.as_ref() => format!("{file} --orgs {}", quoted(orgs)),
        _ => file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_keeps_silent_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = crate::input::tests::pipe(folder.path(), "pipe");
        let Err(failure) = Saved::read(&pipe) else {
            panic!("there is no plan in it");
        };
        assert!(format!("{:#}", failure.error).contains("nothing came from it within"));
        assert!(failure.hint.is_some());
    }
}
