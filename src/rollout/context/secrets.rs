//! Where the secrets of a run are: beside the files that name them, or, for a worker on another machine, in a folder there.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::RunContext;
use crate::manifest::{OrgSpec, Secrets};

impl RunContext {
    /// Of a run whose secrets are in this folder here, if one is given.
    pub fn with_secrets_in(self, folder: Option<&Path>) -> Self {
        Self {
            secrets_in: folder.map(Path::to_owned),
            ..self
        }
    }

    /// Reads the secrets of the run's entries.
    pub fn secrets(&self, allow_exec: bool) -> Secrets {
        let secrets = match &self.secrets_in {
            Some(folder) => Secrets::within(folder, allow_exec),
            None => Secrets::of_file(&self.manifest, allow_exec),
        };
        secrets.passing(&self.pass_env)
    }

    /// Reads the credentials of one of the run's orgs, as [`Self::org_here`] gives it.
    pub fn secrets_of_org(&self, org: &OrgSpec, allow_exec: bool) -> Secrets {
        let secrets = match &self.secrets_in {
            Some(folder) => Secrets::within(folder, allow_exec),
            None => Secrets::of_org(org, allow_exec),
        };
        secrets.passing(&self.pass_env)
    }

    /// An org with its credentials as they are found here. The ledger has them by absolute paths: what was relative to
    /// the file of the orgs is so to the folder of secrets.
    pub fn org_here<'o>(&self, org: &'o OrgSpec) -> Cow<'o, OrgSpec> {
        if self.secrets_in.is_none() {
            return Cow::Borrowed(org);
        }
        let file = self.orgs.as_deref().unwrap_or(&self.manifest);
        let bases = [file, &self.manifest].map(Path::parent);
        let bases = bases.into_iter().flatten();
        Cow::Owned(bases.fold(org.clone(), |org, base| org.relative_to(base)))
    }

    /// Where the secrets of the job's notices are relative to: the job itself, or a file of its name.
    pub fn job_here(&self) -> PathBuf {
        let name = self.file.file_name();
        match self.secrets_in.as_deref().zip(name) {
            Some((folder, name)) => folder.join(name),
            None => self.file.clone(),
        }
    }
}
