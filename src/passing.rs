//! Names of files that only this process can read, and only once: what a shell passes to one command (`<(…)`,
//! standard input). A command that is printed for later cannot name them.

use std::path::{Component, Path};

/// What stands for such a file in a printed command.
pub(crate) const PLACEHOLDER: &str = "FILE";

/// Whether a file is passed to this process alone.
pub(crate) fn is_passing(path: &Path) -> bool {
    let parts: Option<Vec<_>> = path
        .components()
        .filter(|part| *part != Component::RootDir)
        .map(|part| part.as_os_str().to_str())
        .collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    path.is_absolute()
        && match parts.as_deref() {
            Some(["dev", "stdin"]) => true,
            Some(["dev", "fd", number] | ["proc", _, "fd", number]) => is_number(number),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_passes_is_distinguished_from_files() {
        for (path, passing) in [
            ("/dev/fd/63", true),
            ("/dev/fd/0", true),
            ("/dev//fd/./3", true),
            ("/dev/stdin", true),
            ("/proc/self/fd/11", true),
            ("/proc/4711/fd/11", true),
            ("/dev/fd", false),
            ("/dev/fd/x", false),
            ("/dev/fd/6/3", false),
            ("/dev/null", false),
            ("/proc/self/environ", false),
            ("dev/fd/63", false),
            ("/home/dev/fd/63", false),
            ("a.env", false),
            ("", false),
        ] {
            assert_eq!(is_passing(Path::new(path)), passing, "{path}");
        }
    }
}
