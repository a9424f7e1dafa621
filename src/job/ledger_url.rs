//! Which ledger a command works on: the text of `--ledger` and `OKTA_ROLLOUT_LEDGER`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the ledger is when nothing is said.
pub const DEFAULT_LEDGER: &str = ".okta-rollout/ledger.db";

/// A ledger's address: a path or `sqlite:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerUrl(PathBuf);

/// A text that names no ledger; does not repeat what follows the scheme, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerUrlError {
    /// Nothing, or a scheme with nothing behind it.
    #[error("the ledger is an empty path")]
    Empty,
    /// A scheme this version has no ledger for.
    #[error("{0}: ledgers are not supported by this version, SQLite only")]
    Unsupported(String),
}

impl LedgerUrlError {
    /// The next edit.
    pub fn hint(&self) -> String {
        format!("give a file: --ledger {DEFAULT_LEDGER}")
    }
}

impl LedgerUrl {
    /// The ledger in this file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The same, of whoever means paths relative to this folder.
    #[must_use]
    pub fn in_folder(self, folder: &Path) -> Self {
        Self(folder.join(self.0))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for LedgerUrl {
    fn default() -> Self {
        Self(PathBuf::from(DEFAULT_LEDGER))
    }
}

impl FromStr for LedgerUrl {
    type Err = LedgerUrlError;

    fn from_str(text: &str) -> Result<Self, LedgerUrlError> {
        let path = match text.split_once(':') {
            Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            Some((scheme, rest)) if rest.starts_with("//") => {
                return Err(LedgerUrlError::Unsupported(scheme.to_owned()));
            }
            _ => text,
        };
        if path.trim().is_empty() {
            return Err(LedgerUrlError::Empty);
        }
        Ok(Self(PathBuf::from(path)))
    }
}

impl fmt::Display for LedgerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_path_or_refused() {
        let ok = |text: &str| text.parse::<LedgerUrl>().map(|url| url.to_string());
        for (text, path) in [
            ("ledger.db", "ledger.db"),
            ("sqlite:a/b.db", "a/b.db"),
            ("sqlite:///var/l.db", "/var/l.db"),
            ("/a b/ü?#%.db", "/a b/ü?#%.db"),
            (r"C:\ledger.db", r"C:\ledger.db"),
        ] {
            assert_eq!(ok(text).as_deref(), Ok(path), "{text}");
        }
        for text in ["", "  ", "sqlite:", "sqlite://"] {
            assert_eq!(ok(text), Err(LedgerUrlError::Empty), "{text}");
        }
        for text in [
            "postgres://user:hunter2@db/x",
            "postgresql://db",
            "mysql://db",
        ] {
            let error = ok(text).unwrap_err();
            assert!(matches!(error, LedgerUrlError::Unsupported(_)), "{text}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
