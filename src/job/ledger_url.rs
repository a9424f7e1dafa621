//! Which ledger a command works on: the text of `--ledger` and `OKTA_ROLLOUT_LEDGER`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::ledger_url_error::{DEFAULT_LEDGER, LedgerUrlError};
use super::postgres_url::PostgresUrl;

/// A ledger's address: a path or `sqlite:PATH`, or `postgres://USER@HOST/DB`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LedgerUrl {
    /// A file.
    File(PathBuf),
    /// A database of PostgreSQL's.
    Postgres(Box<PostgresUrl>),
}

impl LedgerUrl {
    /// The ledger in this file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    /// The same, of whoever means paths relative to this folder.
    #[must_use]
    pub fn in_folder(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            Self::Postgres(url) => Self::Postgres(Box::new(url.in_folder(folder))),
        }
    }

    /// The file, if it is in one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// Whether processes on any machine can have it.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// The same wherever the program was started: one name of a file that has several.
    #[must_use]
    pub fn absolute(self) -> Self {
        match self {
            Self::File(path) => {
                let named = path.canonicalize().or_else(|_| std::path::absolute(&path));
                Self::File(named.unwrap_or(path))
            }
            other @ Self::Postgres(_) => other,
        }
    }
}

impl Default for LedgerUrl {
    fn default() -> Self {
        Self::File(PathBuf::from(DEFAULT_LEDGER))
    }
}

impl FromStr for LedgerUrl {
    type Err = LedgerUrlError;

    fn from_str(text: &str) -> Result<Self, LedgerUrlError> {
        let path = match text.split_once(':') {
            Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                return PostgresUrl::parse(&rest[2..]).map(|url| Self::Postgres(Box::new(url)));
            }
            Some((scheme, rest)) if rest.starts_with("//") => {
                return Err(LedgerUrlError::Unsupported(scheme.to_owned()));
            }
            _ => text,
        };
        if path.trim().is_empty() {
            return Err(LedgerUrlError::Empty);
        }
        Ok(Self::File(PathBuf::from(path)))
    }
}

impl fmt::Display for LedgerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
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
        for text in ["mysql://db", "http://user:hunter2@db/x"] {
            let error = ok(text).unwrap_err();
            assert!(matches!(error, LedgerUrlError::Unsupported(_)), "{text}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        for text in ["postgres://me@db/x", "postgresql://me@db/x"] {
            assert_eq!(ok(text).as_deref(), Ok("postgres://me@db/x"));
        }
    }
}
