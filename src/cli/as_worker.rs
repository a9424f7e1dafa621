//! What a worker has of its own: where its secrets are, and what it has told already.

use std::collections::HashSet;
use std::path::PathBuf;

use parking_lot::Mutex;

use crate::cli::args;
use crate::cli::output::Output;
use crate::failure::Failure;
use crate::ledger::{OrgRow, RunRow};
use crate::manifest::{OrgSpec, Orgs};
use crate::model::RunId;
use crate::rollout::access::Shut;
use crate::settings::Settings;

/// See the first lines of this file.
pub(in crate::cli) struct AsWorker {
    /// The folder of its secrets, absolute.
    pub secrets: Option<PathBuf>,
    told: Mutex<HashSet<(RunId, String)>>,
}

impl AsWorker {
    /// As its flags say.
    ///
    /// # Errors
    /// When what they name is not there.
    pub fn of(args: &args::Work, settings: &Settings) -> Result<Self, Failure> {
        if let Some(orgs) = settings.orgs.as_deref().filter(|orgs| !orgs.exists()) {
            let error =
                anyhow::anyhow!("--orgs {}: no such file; nothing was sent", orgs.display());
            return Err(
                Failure::usage(error).hint("give a file with the orgs, or leave --orgs out")
            );
        }
        let secrets = match &args.secrets {
            Some(folder) if !folder.is_dir() => {
                let error = anyhow::anyhow!(
                    "--secrets {}: no such folder; nothing was sent",
                    folder.display()
                );
                return Err(Failure::usage(error)
                    .hint("give the folder that relative file: secrets of the runs are in"));
            }
            Some(folder) => Some(std::path::absolute(folder).map_err(Failure::usage)?),
            None => None,
        };
        Ok(Self {
            secrets,
            told: Mutex::default(),
        })
    }

    /// Gives a run's orgs the credentials that they have here. These are each worker's own: the ledger keeps what it has.
    pub fn give(orgs: &Orgs, rows: &mut [OrgRow]) {
        for row in rows.iter_mut().filter(|row| orgs.url(&row.name) == row.url) {
            if let Some(here) = orgs.anchored(&row.name) {
                // Which workers an org asks for is the run's to say.
                let worker = std::mem::take(&mut row.spec.worker);
                row.spec = OrgSpec { worker, ..here };
            }
        }
    }

    /// Says which orgs of a run are left to others and why, each once.
    pub fn tell<'s>(&self, run: &RunRow, shut: impl Iterator<Item = &'s Shut>, output: Output) {
        for shut in shut {
            let what = shut.to_string();
            if !self.told.lock().insert((run.id.clone(), what.clone())) {
                continue;
            }
            tracing::warn!(run = %run.id.0, %what, "an org is left to other workers");
            output.warning(format_args!(
                "run {}: {what}; it is left to workers that have them",
                run.id.0
            ));
            output.hint(&shut.why.remedy);
        }
    }
}
