//! The jobs that `serve` is given.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::cli::file::cannot_be_read;
use crate::failure::Failure;
use crate::job::is_job;
use crate::rollout::target::key;

/// The job files that are given or in a folder that is, each once.
pub(super) fn jobs(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let (mut jobs, mut keys) = (Vec::new(), HashSet::new());
    for path in given {
        let found = if path.is_dir() {
            in_folder(path)?
        } else if is_job(path) {
            vec![path.clone()]
        } else if !path.exists() {
            return Err(cannot_be_read(path, ErrorKind::NotFound.into()));
        } else {
            let error = anyhow::anyhow!(
                "{} is no job, which is a file ending in .toml",
                path.display()
            );
            return Err(Failure::usage(error).hint(format!(
                "write one with manifest = {} and a [schedule]",
                toml::Value::from(path.display().to_string())
            )));
        };
        for job in found {
            // However it is spelled, it is one job: runs of a file are told apart in the same way.
            if keys.insert(key(&job)?) {
                jobs.push(job);
            }
        }
    }
    Ok(jobs)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(folder)?;
        entries.map(|entry| Ok(entry?.path())).collect()
    };
    let mut files = read().map_err(|error| cannot_be_read(folder, error))?;
    files.retain(|file| is_job(file) && file.is_file());
    files.sort_unstable();
    Ok(files)
}
