//! Why a secret cannot be read, and what helps.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::env_file;
use super::flaw::Flaw;
use super::program::ProgramError;
use super::secret::{NotAReference, SecretRef};
use crate::jose::BadKey;
use crate::limits::Lack;
use crate::passing::is_passing;

/// What a secret may measure in bytes: more than any key, less than what a wrong path or a chatty
/// program can fill memory with. Longer ones are refused.
pub(super) const MAX_BYTES: u64 = 64 * 1024;

/// How long a file may keep silent, as a pipe does that nobody writes to; then the secret counts as unreadable.
pub(super) const FILE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a secret cannot be read. Names the reference, never a value.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", .reference.as_str())]
pub struct SecretError {
    pub(super) reference: SecretRef,
    pub(super) cause: Arc<Cause>,
}

/// What keeps it from being read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    #[error("{0}")]
    NotAReference(#[from] NotAReference),
    #[error("the environment variable is not set")]
    Unset,
    #[error("the secret is empty")]
    Empty,
    #[error("the secret is not UTF-8 text")]
    NotText,
    #[error("the secret is over {MAX_BYTES} bytes")]
    TooLong,
    #[error("the secret {0}")]
    Flawed(Flaw),
    #[error("the key {0}")]
    Key(BadKey),
    #[error("the key's own kid {own} is not the keyId {given}")]
    OtherKey { own: String, given: String },
    #[error("cannot read {}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} is a folder", .path.display())]
    Folder { path: PathBuf },
    #[error("nothing came from {} within {} s", .path.display(), FILE_TIMEOUT.as_secs())]
    Silent { path: PathBuf },
    #[error("it leads out of {}", .folder.display())]
    Outside { folder: PathBuf },
    #[error("running programs is refused without --allow-exec")]
    ExecRefused,
    #[error("no thread can be started to read it: {0}")]
    Thread(io::Error),
    #[error(transparent)]
    Program(#[from] ProgramError),
}

impl Cause {
    /// The limit of this machine that keeps the secret from being read, if one does.
    fn lack(&self) -> Option<Lack> {
        match self {
            Self::File { error, .. } => Lack::of(error),
            Self::Thread(error) | Self::Program(ProgramError::Run(error)) => Lack::of_start(error),
            _ => None,
        }
    }
}

impl SecretError {
    pub(super) fn new(reference: &SecretRef, cause: Cause) -> Self {
        Self {
            reference: reference.clone(),
            cause: Arc::new(cause),
        }
    }

    /// The edit that makes the secret readable.
    pub fn remedy(&self) -> String {
        let reference = self.reference.as_str();
        match &*self.cause {
            Cause::Unset => format!("set {}", reference.trim_start_matches("env:")),
            Cause::Flawed(flaw) => format!("{reference}: {}", flaw.hint()),
            Cause::Key(bad) => format!("{reference}: {}", bad.hint()),
            _ => self
                .hint()
                .unwrap_or_else(|| format!("make {reference} readable")),
        }
    }

    /// Whether `--allow-exec` is all that it needs.
    pub fn is_refused(&self) -> bool {
        matches!(*self.cause, Cause::ExecRefused)
    }

    /// Whether it is not here, which says nothing of other machines.
    pub fn is_lacking(&self) -> bool {
        matches!(
            *self.cause,
            Cause::Unset
                | Cause::File { .. }
                | Cause::Silent { .. }
                | Cause::ExecRefused
                | Cause::Program(ProgramError::NotFound)
        )
    }

    /// The edit or flag that helps.
    pub fn hint(&self) -> Option<String> {
        if let Some(lack) = self.cause.lack() {
            return Some(lack.hint().to_owned());
        }
        Some(match &*self.cause {
            Cause::Unset => match env_file::given() {
                Some(file) if !is_passing(file) => {
                    format!("set it, or write it into {}", file.display())
                }
                _ => "set it, or give a file with it: --env-file FILE".to_owned(),
            },
            Cause::ExecRefused => "add --allow-exec if you trust the file".to_owned(),
            Cause::Flawed(flaw) => flaw.hint().to_owned(),
            Cause::Key(bad) => bad.hint().to_owned(),
            Cause::OtherKey { own, .. } => {
                format!(
                    "make {own} the keyId if this is the key, or give the key that has the keyId"
                )
            }
            Cause::Silent { .. } => {
                "a pipe needs a program that writes to it, a network drive has to be there"
                    .to_owned()
            }
            Cause::File { path, error } if error.kind() == io::ErrorKind::PermissionDenied => {
                format!("let the user who runs this read {}", path.display())
            }
            Cause::File { .. } | Cause::Folder { .. } => {
                "file: paths are relative to the folder of the file they stand in".to_owned()
            }
            Cause::Outside { .. } => "leave the `..` out, or give the whole path".to_owned(),
            Cause::Program(error) => error.hint().to_owned(),
            _ => return None,
        })
    }
}
