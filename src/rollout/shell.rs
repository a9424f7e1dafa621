//! Paths and flags as they stand in a command that somebody types next.

use std::path::{Path, PathBuf};

use crate::passing::{PLACEHOLDER, is_passing};

/// These flags, as far as they are given, as they follow something in a command.
pub(crate) fn flags<const N: usize>(given: [(&'static str, bool); N]) -> String {
    let given = given.into_iter().filter(|(_, given)| *given);
    given.fold(String::new(), |text, (flag, _)| format!("{text} {flag}"))
}

/// Short for what is in the current folder.
pub(crate) fn from_here(path: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|folder| path.strip_prefix(folder).ok().map(Path::to_owned))
        .unwrap_or_else(|| path.to_owned())
}

/// As a shell takes it; a name with a NUL is no file's. Of what cannot be read again only that it is a file.
pub(crate) fn quoted(path: &Path) -> String {
    if is_passing(path) {
        return PLACEHOLDER.to_owned();
    }
    let path = path.to_string_lossy();
    shlex::try_quote(&path).map_or_else(|_| path.to_string(), std::borrow::Cow::into_owned)
}
