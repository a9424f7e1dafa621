//! A manifest or a job that something is asked of.

use std::io;
use std::path::{Path, PathBuf};

use super::rotating::Rotating;
use crate::failure::Failure;
use crate::input;
use crate::manifest::{self, Source};
use crate::settings::Policy;

/// A file, and what it says to do.
pub(crate) struct Target {
    /// As typed.
    pub file: PathBuf,
    /// Absolute and normalized: what runs are told apart by.
    pub key: String,
    /// The manifest in it or behind it, and how to run it.
    pub policy: Policy,
    /// Whether its keys are rotated, instead of making it so.
    pub rotates: Option<Rotating>,
}

impl Target {
    /// A file with the policy that was read from it.
    ///
    /// # Errors
    /// When its name is no path.
    pub fn new(file: &Path, policy: Policy) -> Result<Self, Failure> {
        Ok(Self {
            file: file.to_owned(),
            key: key(file)?,
            policy,
            rotates: None,
        })
    }

    /// What its runs are told apart by: those that rotate keys are none of those that make it so.
    pub fn run_key(&self) -> String {
        match self.rotates {
            Some(_) => format!("{} (rotate-keys)", self.key),
            None => self.key.clone(),
        }
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

/// Said of a file that cannot be read.
pub(crate) fn cannot_be_read(file: &Path, error: io::Error) -> Failure {
    let hint = input::hint(&error);
    let error = anyhow::Error::from(error).context(format!("{} cannot be read", file.display()));
    match hint {
        Some(hint) => Failure::usage(error).hint(hint),
        None => Failure::usage(error),
    }
}

/// Absolute and normalized: what runs of a file are told apart by.
///
/// # Errors
/// When it is no path.
pub(crate) fn key(file: &Path) -> Result<String, Failure> {
    // Links are resolved where the file is there, so that two names of one file are one run's.
    std::fs::canonicalize(file)
        .or_else(|_| std::path::absolute(file))
        .map(|path| path.display().to_string())
        .map_err(|error| {
            let shown = file.display();
            Failure::usage(anyhow::Error::from(error).context(format!("{shown} is no path")))
        })
}
