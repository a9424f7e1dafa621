//! The files that were planned, told by the digests of their bytes, and where they are looked for when nobody names
//! them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::Saved;
use crate::cli::file::{cannot_be_read, folder};
use crate::cli::output::Output;
use crate::cli::target;
use crate::failure::Failure;
use crate::rollout::shell::{from_here, quoted};
use crate::rollout::target::Target;
use crate::settings::Settings;
use crate::text::presentable;
use crate::{job, manifest};

/// SHA-256 (hex) of the bytes of each file that says what is done where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Digests {
    pub job: Option<String>,
    pub manifest: String,
    /// Of the file that the orgs come from besides.
    pub orgs: Option<String>,
}

impl Digests {
    /// Of the files as they are now.
    pub fn of(target: &Target) -> Result<Self, Failure> {
        let is_job = job::is_job(&target.file);
        Ok(Self {
            job: is_job.then(|| digest(&target.file)).transpose()?,
            manifest: digest(&target.policy.manifest)?,
            orgs: target.policy.orgs.as_deref().map(digest).transpose()?,
        })
    }
}

fn digest(file: &Path) -> Result<String, Failure> {
    manifest::digest(file).map_err(|error| cannot_be_read(file, error))
}

impl Saved {
    /// The files that were planned: those that are given, else where the plan has them, if they are the same still.
    ///
    /// # Errors
    /// When one is another one, changed, or is nowhere where it is looked for.
    pub fn target(
        &self,
        given: Option<&Path>,
        settings: &Settings,
        output: Output,
    ) -> Result<Target, Failure> {
        let file = match given {
            Some(file) => file.to_owned(),
            None => from_here(self.find(&self.file, given)?),
        };
        let target = target::read(&file, settings, output)?;
        let target = match &self.orgs_file {
            Some(orgs) if settings.orgs.is_none() && !self.has_orgs_of(&target)? => {
                let orgs = from_here(self.find(orgs, Some(&file))?);
                let settings = Settings {
                    orgs: Some(orgs),
                    ..settings.clone()
                };
                target::read(&file, &settings, output)?
            }
            _ => target,
        };
        self.is_of(&target)?;
        Ok(target)
    }

    fn has_orgs_of(&self, target: &Target) -> Result<bool, Failure> {
        let orgs = target.policy.orgs.as_deref().map(digest).transpose()?;
        Ok(orgs == self.digests.orgs)
    }

    /// Refuses a plan of other files.
    fn is_of(&self, target: &Target) -> Result<(), Failure> {
        let now = Digests::of(target)?;
        let (manifest, orgs) = (&target.policy.manifest, target.policy.orgs.as_deref());
        let is_other = now.job.is_some() != self.digests.job.is_some();
        let moved = fs::canonicalize(&self.file).is_ok_and(|file| file != Path::new(&target.key));
        let changed = if now.job != self.digests.job {
            Some(target.file.as_path())
        } else if now.manifest != self.digests.manifest {
            Some(manifest.as_path())
        } else {
            None
        };
        if is_other || (moved && changed.is_some()) {
            let planned = presentable(&self.file.display().to_string());
            let given = target.file.display();
            let error =
                anyhow::anyhow!("the plan is of {planned}, not of {given}; nothing was sent");
            return Err(Failure::usage(error).hint("leave FILE out, or give the plan of that file"));
        }
        if let Some(file) = changed {
            return Err(self.changed(file, target));
        }
        match (&self.digests.orgs, now.orgs, orgs) {
            (planned, now, _) if *planned == now => Ok(()),
            (Some(_), Some(_), Some(orgs)) => Err(self.changed(orgs, target)),
            (None, _, Some(orgs)) => {
                let orgs = orgs.display();
                let error = format!("the plan was made without {orgs}; nothing was sent");
                Err(Failure::usage(anyhow::anyhow!(error)).hint(self.again(target)))
            }
            _ => {
                let error =
                    "the plan was made with an orgs file, and there is none now; nothing was sent";
                Err(Failure::usage(anyhow::anyhow!(error)).hint(self.again(target)))
            }
        }
    }

    /// Said of a file that is not what it was.
    pub fn changed(&self, file: &Path, target: &Target) -> Failure {
        let file = file.display();
        Failure::usage(anyhow::anyhow!(
            "{file} changed since the plan was made; nothing was sent"
        ))
        .hint(self.again(target))
    }

    /// Whether who applies the plan from here need not name the files.
    pub(super) fn is_found_by_itself(&self) -> bool {
        let orgs = self.orgs_file.as_deref();
        let mut files = [Some(self.file.as_path()), orgs].into_iter().flatten();
        files.all(|file| self.find(file, Some(&self.file)).is_ok())
            && self.find(&self.file, None).is_ok()
    }

    /// A file that only the plan names: taken where whoever gives the plan works or keeps it, or beside what they
    /// give, unless somebody else put it there. Otherwise it could lead to any file that somebody left anywhere.
    fn find<'a>(&self, named: &'a Path, given: Option<&Path>) -> Result<&'a Path, Failure> {
        let here = PathBuf::from(".");
        let beside = [Some(here), Some(folder(&self.path)), given.map(folder)];
        let shown = presentable(&named.display().to_string());
        let found = fs::metadata(named)
            .and_then(|_| fs::canonicalize(folder(named)))
            .map(|folder| folder.join(named.file_name().unwrap_or_default()))
            .with_context(|| format!("the plan is of {shown}, which cannot be read"))
            .map_err(Failure::usage)?;
        let is_beside = |folder: &PathBuf| {
            let folder = fs::canonicalize(folder).unwrap_or_default();
            folder.parent().is_some() && found.starts_with(&folder) && is_ours(&found, &folder)
        };
        if beside.iter().flatten().any(is_beside) {
            return Ok(named);
        }
        let plan = self.path.display();
        Err(Failure::usage(anyhow::anyhow!(
            "{plan} names {shown}, which is neither here nor beside it, or is somebody else's; nothing was sent"
        ))
        .hint(self.with_files_named()))
    }

    fn with_files_named(&self) -> String {
        let orgs = self.orgs_file.as_deref();
        let orgs = orgs.map(|orgs| format!(" --orgs {}", quoted(orgs)));
        presentable(&format!(
            "if that is what you want: okta-rollout run {} --plan {}{}{}",
            quoted(&self.file),
            quoted(&self.path),
            orgs.unwrap_or_default(),
            self.flags()
        ))
    }
}

/// Whether a file, and a link to it, is this user's, the system's, or of the owner of the folder that people work in.
fn is_ours(file: &Path, folder: &Path) -> bool {
    let owner = |found: std::io::Result<fs::Metadata>| found.ok().map(|found| found.uid());
    let me = rustix::process::geteuid().as_raw();
    let trusted = [Some(me), Some(0), owner(fs::metadata(folder))];
    [fs::metadata(file), fs::symlink_metadata(file)]
        .map(owner)
        .iter()
        .all(|owner| owner.is_some() && trusted.contains(owner))
}
